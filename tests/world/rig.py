"""Host and gun joined in one thread on a virtual clock: the real link engine, session engine, store and firmware.

The world's clock goes from one due moment to the next; nothing sleeps and nothing is asked before it is due. The wire
carries bytes at its baud rate, the store answers after a while in groups, as the writer's thread does. What may go
wrong is put in by overriding the hooks of this class; here nothing does, but for what a test breaks by hand.

The oracle is `truth`: what the gun's body physically did.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from itertools import count

from drivers.link import LinkEngine
from drivers.link_events import LinkDown, LinkEvent
from meso_device.accounting.entries import Batch, CommitFailed
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.session.autopilot import Autopilot
from meso_device.session.contract import (
    Ask,
    Beat,
    ClinicLoaded,
    Commit,
    DropLink,
    Effect,
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
    View,
)
from meso_device.session.engine import SessionEngine
from protocols.errors import MesoError
from protocols.treatment.plan import TreatmentPlan
from simulator.firmware.nvm import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun
from simulator.physics import Injection

BYTE_US = 87  # 115,200 baud
COMMIT_US = 3_000
REOPEN_US = 50_000
EPOCH_US = 1_800_000_000_000_000
IDLE_US = 100_000
NEVER_US = 1 << 62


class Wire:
    """One cable, both ways; a test may pull it."""

    __slots__ = ("unplugged",)

    def __init__(self) -> None:
        self.unplugged = False


class Rig:
    """One host, one gun, one hand, one autopilot."""

    def __init__(
        self,
        plan: TreatmentPlan,
        *,
        seed: int = 0,
        store: Store | None = None,
        rate_per_s: int = 9,
        link_key: bytes | None = None,
    ):
        self.random = random.Random(seed)
        self.plan = plan
        self.now_us = 1_000_000
        self.utc_step_us = 0
        self.wire = Wire()
        self.notices: list[Notice] = []
        self.sent_to_gun: list[tuple[int, bytes]] = []
        self.commits: list[Batch] = []
        self.fail_commits = ""
        self._heap: list[tuple[int, int, int, Callable[[], None]]] = []
        self._no = count()
        self.generation = 0
        self._free_us = {"h2g": 0, "g2h": 0}
        self.truth: list[Injection] = []
        self.nvm = MemoryStore(NVM_SIZE)
        self.rate_per_s = rate_per_s
        self.store = store or Store.in_memory(software="test", stamp=self.stamp(), randomness=self.random.randbytes)
        self.link_key = link_key
        self.gun = self.new_gun(None)
        self._gun_due_us = 0
        uid = bytes.fromhex(self.gun.firmware.gun_uid_text)
        self.link_keys = {} if link_key is None else {uid: link_key}
        self.start_host()

    # --- gun ----------------------------------------------------------------------------------

    def new_gun(self, body_state: bytes | None) -> SimulatedGun:
        return SimulatedGun(
            name="rig",
            seed=f"{self.random.random()}",
            store=self.nvm,
            on_injection=self.injected,
            body_state=body_state,
            rate_per_s=self.rate_per_s,
            link_key=self.link_key if body_state is None else None,  # its maker wrote it; what it loses is lost
            now_us=self.now_us,
        )

    def injected(self, injection: Injection) -> None:
        """The body tells what a stroke physically did."""
        self.truth.append(injection)

    def kill_gun(self) -> None:
        """Power lost at any moment, and back: only memory and what stands still remain."""
        self.gun.power_off(self.now_us)
        self.gun = self.new_gun(self.gun.body.state(self.now_us))
        self._gun_due_us = 0

    def step_gun(self) -> None:
        """Let the gun do what is due, and carry what it says."""
        gun, now_us = self.gun, self.now_us
        gun.step(now_us)
        if data := gun.take(now_us):
            self.carry("g2h", data)
        due_us = gun.next_deadline_us()
        self._gun_due_us = NEVER_US if due_us is None else due_us

    # --- host ---------------------------------------------------------------------------------

    def start_host(self) -> None:
        """A new host process: everything in memory is gone."""
        self.generation += 1
        host_id = self.random.randbytes(16)
        self.link = LinkEngine(host_id, self.link_keys)
        self.engine = SessionEngine(host_id=host_id, host_boot="rig")
        self.autopilot: Autopilot | None = None
        self.port_open = False
        self.known_port = False
        self._asked_store: list[Batch | LoadLedger | LoadClinic] = []
        self._store_busy = False
        self._looked_at: View | None = None
        self._host_due_us = NEVER_US
        self.later(0, self.open_port)

    def kill_host(self) -> None:
        """kill -9: what the store has not got is gone."""
        self.store = self.store.restarted(self.stamp())
        self.start_host()

    def opening(self) -> OpenSession:
        """What begins the session of this rig."""
        return OpenSession(
            plan=self.plan,
            session=self.random.randbytes(16).hex(),
            alias=self.random.randbytes(16).hex(),
            op="practice",
            role="clinician",
            practice=True,
        )

    def run_session(self, how: str = "test", *, resets_stop: bool = False) -> None:
        """Let the autopilot open a session and run it."""
        self.autopilot = Autopilot(self.opening(), how=how, resets_stop=resets_stop)
        self._looked_at = None
        self._host_due_us = self.now_us

    def resume_session(self) -> bool:
        """Let the autopilot resume the open session; False if there is none."""
        row = self.store.open_session()
        if row is None:
            return False
        opening = ResumeSession(row=row, plan=self.plan, op="practice", role="clinician")
        self.autopilot = Autopilot(opening, how="resume", resets_stop=True)
        self._looked_at = None
        self._host_due_us = self.now_us
        return True

    @property
    def host_us(self) -> int:
        """The host's monotonic clock."""
        return self.now_us

    def instant(self) -> Instant:
        return Instant(self.host_us, EPOCH_US + self.now_us + self.utc_step_us)

    def stamp(self) -> Stamp:
        now = self.instant()
        return Stamp(ts_us=now.utc_us, mono_us=now.mono_us, boot="rig", clock="synced")

    def open_port(self) -> None:
        """Open the port, or try again later while the cable is out."""
        if self.port_open:
            return
        if self.wire.unplugged:
            self.later(REOPEN_US, self.open_port)
            return
        self.port_open = True
        self.link.opened(self.host_us, known_port=self.known_port)
        self.host(PortOpened("rig", self.random.randbytes(16)))

    def close_port(self, reason: str) -> None:
        """Lose the port; it is opened again a little later."""
        if not self.port_open:
            return
        self.port_open = False
        self.known_port |= self.link.met_gun
        self.later(REOPEN_US, self.open_port)
        for event in self.link.closed(self.host_us, reason):
            self.host(event)

    def host(self, event: EngineEvent) -> None:
        """One step of the engine, its effects carried out, and what may leave for the gun handed over at the end."""
        for effect in self.engine.step(self.instant(), event):
            self.do(effect)
        self._host_due_us = self.now_us

    def do(self, effect: Effect) -> None:
        """Carry out one effect."""
        match effect:
            case Ask(tag, request):
                self.link.ask(self.host_us, tag, request)
            case Beat(heartbeat):
                self.link.beat(self.host_us, heartbeat)
            case PressStop():
                self.link.press_stop(self.host_us)
            case Commit(batch):
                self.commits.append(batch)
                self.ask_store(batch)
            case LoadLedger() | LoadClinic():
                self.ask_store(effect)
            case DropLink(reason):
                self.later(0, lambda: self.close_port(reason))
            case Notice():
                self.notices.append(effect)

    def later(self, after_us: int, act: Callable[[], None], *, host: bool = True) -> None:
        """Do something later; what a host waits for dies with it."""
        generation = self.generation if host else 0
        heapq.heappush(self._heap, (self.now_us + after_us, next(self._no), generation, act))

    # --- store --------------------------------------------------------------------------------

    def ask_store(self, item: Batch | LoadLedger | LoadClinic) -> None:
        """Queue a batch or a question for the writer."""
        self._asked_store.append(item)
        if not self._store_busy:
            self.start_store()

    def start_store(self) -> None:
        """Let the writer take what commits together, or one question."""
        queue = self._asked_store
        self._store_busy = bool(queue)
        if not queue:
            return
        first = queue[0]
        if not isinstance(first, Batch):
            del queue[0]
            self.later(self.store_takes_us([]), lambda: self.load(first))
            return
        group = []
        while queue and isinstance(queue[0], Batch):
            group.append(queue.pop(0))
        self.later(self.store_takes_us(group), lambda: self.commit(group))

    def store_takes_us(self, group: Sequence[Batch]) -> int:
        """How long the disk needs."""
        return COMMIT_US

    def commit(self, group: list[Batch]) -> None:
        """The transaction ends: durable, or failed for good."""
        if self.fail_commits:
            for batch in group:
                self.host(CommitFailed(no=batch.no, reason=self.fail_commits))
        else:
            for result in self.store.commit(group, self.stamp()):
                self.host(result)
        self.start_store()

    def load(self, question: LoadLedger | LoadClinic) -> None:
        try:
            answer = self._look_up(question)
        except MesoError as error:
            answer = CommitFailed(no=0, reason=str(error))
        self.host(answer)
        self.start_store()

    def _look_up(self, question: LoadLedger | LoadClinic) -> EngineEvent:
        if isinstance(question, LoadLedger):
            return LedgerLoaded(self.store.load_gun(question.gun_uid, simulated=question.simulated))
        return ClinicLoaded(
            self.store.load_clinic(
                session=question.session, alias=question.alias, gun_uid=question.gun_uid, digest=question.digest
            )
        )

    # --- time ---------------------------------------------------------------------------------

    def turn(self, end_us: int = NEVER_US) -> None:
        """Do what is due now, and go on to the next moment at which something is."""
        now_us = self.now_us
        heap = self._heap
        while heap and heap[0][0] <= now_us:
            _, _, generation, act = heapq.heappop(heap)
            if generation in (0, self.generation):
                act()
        if self._host_due_us <= now_us:
            self.turn_host()
        if self._gun_due_us <= now_us:
            self.step_gun()
        next_us = min(now_us + IDLE_US, end_us, self._host_due_us, self._gun_due_us)
        if heap and heap[0][0] < next_us:
            next_us = heap[0][0]
        self.now_us = next_us if next_us > now_us else now_us + 1

    def turn_host(self) -> None:
        """One turn of the host's loop: time, operator, and whole frames to the port."""
        link, engine = self.link, self.engine
        host_us = self.host_us
        if self.port_open:
            due_us = link.next_deadline_us()
            if due_us is not None and due_us <= host_us:
                self.hear(link.tick(host_us))
        due_us = engine.next_deadline_us()
        if due_us is not None and due_us <= host_us:
            self.host(Tick())
        self.operate()
        while self.port_open and (frame := link.transmit(host_us)):
            self.carry("h2g", frame)
        due_us = engine.next_deadline_us()
        link_us = link.next_deadline_us() if self.port_open else None
        if link_us is not None and (due_us is None or link_us < due_us):
            due_us = link_us
        self._host_due_us = NEVER_US if due_us is None else self.world_us(due_us)

    def world_us(self, host_us: int) -> int:
        """When the host's clock will show this."""
        return host_us

    def carry(self, way: str, chunk: bytes) -> None:
        """Bytes go onto the wire; they arrive in order, as fast as the baud rate lets them."""
        if way == "h2g":
            self.sent_to_gun.append((self.now_us, chunk))
        if not self.wire.unplugged:
            self.deliver(way, chunk)

    def deliver(self, way: str, chunk: bytes, after_us: int = 0) -> None:
        """Let bytes arrive once the line has carried what was before them."""
        start_us = max(self.now_us + after_us, self._free_us[way])
        self._free_us[way] = end_us = start_us + len(chunk) * BYTE_US
        arrive = self._at_gun if way == "h2g" else self._at_host
        heapq.heappush(self._heap, (end_us, next(self._no), 0, lambda: arrive(chunk)))

    def _at_gun(self, chunk: bytes) -> None:
        self.gun.feed(self.now_us, chunk)
        self.step_gun()

    def _at_host(self, chunk: bytes) -> None:
        self.from_gun(self.now_us, chunk)

    def from_gun(self, now_us: int, data: bytes) -> None:
        if self.port_open:
            self.hear(self.link.received(self.host_us, data))
            self._host_due_us = now_us

    def hear(self, events: Sequence[LinkEvent]) -> None:
        """What the link says goes to the engine; a gun that has fallen silent is looked for from the start."""
        for event in events:
            self.host(event)
            if isinstance(event, LinkDown):
                self.close_port(event.reason)

    def operate(self) -> None:
        """Let the operator look, when there is something new to see."""
        view = self.view
        if view is self._looked_at:
            return
        self._looked_at = view
        self.link.committed_seq = view.committed_seq
        if self.autopilot is not None and (command := self.autopilot.next_command(view)):
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
    def view(self) -> View:
        return self.engine.view()

    def closed(self) -> bool:
        return self.view.phase is Phase.CLOSED

    def up(self) -> bool:
        return self.view.link is LinkState.UP
