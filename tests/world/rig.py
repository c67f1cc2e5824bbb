"""Host and gun joined in one thread on a virtual clock: the real link engine, session engine, store and firmware.

The wire delays every frame by its length at the baud rate and may lose it; the store answers after a while; nothing
here sleeps. The oracle is `truth`: what the gun's body physically did.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from drivers.link import LinkEngine
from meso_device.accounting.entries import Batch, CommitFailed, Committed
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.session.autopilot import Autopilot
from meso_device.session.contract import (
    Ask,
    Beat,
    ClinicLoaded,
    Commit,
    DropLink,
    EngineEvent,
    Instant,
    LedgerLoaded,
    LinkState,
    LoadClinic,
    LoadLedger,
    Notice,
    OpenSession,
    Phase,
    PortOpened,
    PressStop,
    ResumeSession,
    Tick,
)
from meso_device.session.engine import SessionEngine
from protocols.treatment.plan import TreatmentPlan
from simulator.firmware.nvm import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun
from simulator.physics import Injection

BYTE_US = 87
COMMIT_US = 3_000
BOOT_US = 200_000
EPOCH_US = 1_800_000_000_000_000


@dataclass
class Wire:
    """What happens to bytes on their way; both directions."""

    loss: float = 0.0
    corrupt: float = 0.0
    unplugged: bool = False


@dataclass(order=True)
class Due:
    at_us: int
    no: int
    act: Callable[[], None] = field(compare=False)


class Rig:
    """One host, one gun, one hand, one autopilot."""

    def __init__(self, plan: TreatmentPlan, *, seed: int = 0, store: Store | None = None, rate_per_s: int = 9):
        self.random = random.Random(seed)
        self.plan = plan
        self.now_us = 1_000_000
        self.utc_step_us = 0
        self.wire = Wire()
        self.notices: list[Notice] = []
        self.sent_to_gun: list[tuple[int, bytes]] = []
        self.commits: list[Batch] = []
        self.fail_commits = ""
        self._heap: list[Due] = []
        self._no = count()
        self._ids = count(1)
        self.store = store or Store.in_memory(software="test", stamp=self.stamp(), randomness=self.random.randbytes)
        self.truth: list[Injection] = []
        self.nvm = MemoryStore(NVM_SIZE)
        self.rate_per_s = rate_per_s
        self.gun = self.new_gun(None)
        self.start_host()

    # --- gun ----------------------------------------------------------------------------------

    def new_gun(self, body_state: bytes | None) -> SimulatedGun:
        return SimulatedGun(
            name="rig",
            seed=f"{self.random.random()}",
            store=self.nvm,
            on_injection=self.truth.append,
            body_state=body_state,
            rate_per_s=self.rate_per_s,
            now_us=self.now_us,
        )

    def kill_gun(self) -> None:
        """Power lost at any moment, and back: only memory and what stands still remain."""
        self.gun.power_off(self.now_us)
        self.gun = self.new_gun(self.gun.body.state(self.now_us))

    # --- host ---------------------------------------------------------------------------------

    def start_host(self) -> None:
        """A new host process: everything in memory is gone."""
        self.generation = next(self._ids)
        host_id = self.random.randbytes(16)
        self.link = LinkEngine(host_id)
        self.engine = SessionEngine(host_id=host_id, host_boot="rig")
        self.autopilot: Autopilot | None = None
        self.port_open = False
        self._host_busy_until_us = 0

    def kill_host(self) -> None:
        """kill -9: what the store has not got is gone."""
        self.store = self.store.restarted(self.stamp())
        self.start_host()

    def run_session(self, how: str = "test") -> None:
        """Let the autopilot open a session and run it."""
        opening = OpenSession(
            plan=self.plan,
            session=self.random.randbytes(16).hex(),
            alias=self.random.randbytes(16).hex(),
            op="practice",
            role="clinician",
            practice=True,
        )
        self.autopilot = Autopilot(opening, how=how, resets_stop=False)

    def resume_session(self) -> bool:
        """Let the autopilot resume the open session; False if there is none."""
        row = self.store.open_session()
        if row is None:
            return False
        opening = ResumeSession(row=row, plan=self.plan, op="practice", role="clinician")
        self.autopilot = Autopilot(opening, how="resume", resets_stop=True)
        return True

    def instant(self) -> Instant:
        return Instant(self.now_us, EPOCH_US + self.now_us + self.utc_step_us)

    def stamp(self) -> Stamp:
        now = self.instant() if hasattr(self, "utc_step_us") else Instant(0, 0)
        return Stamp(ts_us=now.utc_us, mono_us=now.mono_us, boot="rig", clock="synced")

    def open_port(self) -> None:
        if not self.port_open and not self.wire.unplugged:
            self.port_open = True
            self.link.opened(self.now_us)
            self.host(PortOpened("rig", self.random.randbytes(16)))

    def close_port(self, reason: str) -> None:
        if self.port_open:
            self.port_open = False
            for event in self.link.closed(self.now_us, reason):
                self.host(event)

    def host(self, event: EngineEvent) -> None:
        """One step of the engine, its effects carried out."""
        for effect in self.engine.step(self.instant(), event):
            match effect:
                case Ask(tag, request):
                    self.link.ask(self.now_us, tag, request)
                case Beat(heartbeat):
                    self.link.beat(self.now_us, heartbeat)
                case PressStop():
                    self.link.press_stop(self.now_us)
                case Commit(batch):
                    self.commits.append(batch)
                    self.later(COMMIT_US, lambda batch=batch: self.commit(batch))
                case LoadLedger():
                    self.later(COMMIT_US, lambda effect=effect: self.load(effect))
                case LoadClinic():
                    self.later(COMMIT_US, lambda effect=effect: self.load_clinic(effect))
                case DropLink(reason):
                    self.later(0, lambda reason=reason: self.close_port(reason))
                case Notice():
                    self.notices.append(effect)

    def later(self, after_us: int, act: Callable[[], None], *, host: bool = True) -> None:
        generation = self.generation

        def guarded() -> None:
            if not host or generation == self.generation:
                act()

        heapq.heappush(self._heap, Due(self.now_us + after_us, next(self._no), guarded))

    def commit(self, batch: Batch) -> None:
        if self.fail_commits:
            self.host(CommitFailed(no=batch.no, reason=self.fail_commits))
            return
        (result,) = self.store.commit([batch], self.stamp())
        if isinstance(result, Committed):
            self.link.committed_seq = self.engine.view(self.instant()).committed_seq
        self.host(result)

    def load(self, effect: LoadLedger) -> None:
        self.host(LedgerLoaded(self.store.load_gun(effect.gun_uid, simulated=effect.simulated)))

    def load_clinic(self, effect: LoadClinic) -> None:
        facts = self.store.load_clinic(
            session=effect.session, alias=effect.alias, gun_uid=effect.gun_uid, digest=effect.digest
        )
        self.host(ClinicLoaded(facts))

    # --- time ---------------------------------------------------------------------------------

    def turn(self) -> None:
        """Move everything that can move now, then go to the next moment at which something is due."""
        self.open_port()
        if self.port_open:
            self.hear(self.link.tick(self.now_us))
        deadline_us = self.engine.next_deadline_us()
        if deadline_us is not None and deadline_us <= self.now_us:
            self.host(Tick())
        self.operate()
        while self.port_open and (frame := self.link.transmit(self.now_us)):
            self.sent_to_gun.append((self.now_us, frame))
            self.carry(frame, self.to_gun)
        self.gun.step(self.now_us)
        if frames := self.gun.take(self.now_us):
            self.carry(frames, self.from_gun)
        self.now_us = self.next_us()
        while self._heap and self._heap[0].at_us <= self.now_us:
            heapq.heappop(self._heap).act()

    def next_us(self) -> int:
        deadlines = [self.now_us + 100_000, self.gun.next_deadline_us()]
        deadlines += [self.engine.next_deadline_us(), self.link.next_deadline_us() if self.port_open else None]
        if self._heap:
            deadlines.append(self._heap[0].at_us)
        return max(self.now_us + 1, min(d for d in deadlines if d is not None))

    def carry(self, frame: bytes, to: Callable[[int, bytes], None]) -> None:
        if self.wire.unplugged or self.random.random() < self.wire.loss:
            return
        if self.wire.corrupt:
            frame = bytes(
                b ^ (1 << self.random.randrange(8)) if self.random.random() < self.wire.corrupt else b for b in frame
            )
        self.later(len(frame) * BYTE_US, lambda: to(self.now_us, frame), host=False)

    def to_gun(self, now_us: int, data: bytes) -> None:
        self.gun.feed(now_us, data)
        self.gun.step(now_us)

    def from_gun(self, now_us: int, data: bytes) -> None:
        if self.port_open:
            self.hear(self.link.received(now_us, data))

    def hear(self, events) -> None:
        for event in events:
            self.host(event)

    def operate(self) -> None:
        if self.autopilot is not None and (command := self.autopilot.next_command(self.engine.view(self.instant()))):
            self.host(command)

    def run(self, until: Callable[[], bool], *, within_s: int = 240) -> bool:
        """Turn until the condition holds; False when it does not within the given simulated time."""
        end_us = self.now_us + within_s * 1_000_000
        while not until():
            if self.now_us > end_us:
                return False
            self.turn()
        return True

    @property
    def view(self):
        return self.engine.view(self.instant())

    def closed(self) -> bool:
        return self.view.phase is Phase.CLOSED

    def up(self) -> bool:
        return self.view.link is LinkState.UP
