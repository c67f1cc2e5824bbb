"""Thirty days of a clinic on the virtual clock: one host and one gun, real engines, firmware, physics and SQLite file.

Between treatments the gun lies connected and idle, at night it is off. Each day one treatment is disturbed. After every
treatment everything that could grow is counted.
"""

import gc
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import apsw
from msgspec.structs import replace

from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.session.contract import Stop
from protocols.treatment.library import load_library
from protocols.wire.codes import Mode
from tests.soak.census import census
from tests.soak.memory import memory
from tests.soak.slope import Samples
from tests.world.rig import Rig

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
OPENS_US = 8 * HOUR_US
RESUMES = 6
KEPT = 64  # newest entries of the rig's own logs; all of them would be a leak of the harness


def plan_of(dry_shots: int):
    """The practice treatment with a first area of dry punctures, as a long treatment has."""
    plan = load_library("practice").plan()
    first, *rest = plan.areas
    dry = replace(first, points=dry_shots, mode=int(Mode.DRY), dose_nl=0, flow_nl_per_s=0)
    return replace(plan, areas=(dry, *(replace(area, points=min(area.points, 5)) for area in rest)))


class Count:
    """What physically happened, counted and forgotten."""

    def __init__(self) -> None:
        self.shots = 0
        self.dose_nl = 0

    def add(self, injection) -> None:
        if injection.label.shot_seq:
            self.shots += 1
            self.dose_nl += injection.dose_nl


class Clinic(Rig):
    """A rig that lives for a month and keeps nothing that a month would fill."""

    def __init__(self, home: Path, plan, *, seed: int) -> None:
        self.home = home
        self.count = Count()
        self.loss = 0.0
        super().__init__(plan, seed=seed, store=self.opened(Stamp(ts_us=0, mono_us=0, boot="rig", clock="synced")))
        self.notices = deque(maxlen=KEPT)
        self.sent_to_gun = deque(maxlen=KEPT)
        self.commits = deque(maxlen=KEPT)

    def opened(self, stamp: Stamp) -> Store:
        return Store.open(self.home, software="soak", stamp=stamp)

    def injected(self, injection) -> None:
        self.count.add(injection)

    def carry(self, way: str, chunk: bytes) -> None:
        if self.random.random() >= self.loss:
            super().carry(way, chunk)

    # --- the day ------------------------------------------------------------------------------

    def treat(self, disturb) -> None:
        """One treatment from opening to close, with one disturbance in the middle of it or none."""
        self.run_session()
        assert self.run(lambda: not self.closed()), self.view  # the treatment before this one is
        if disturb is not None:
            assert self.run(lambda: self.view.shots_given >= self.plan.shots // 3), self.view
            disturb()
        for _ in range(RESUMES):
            self.run(lambda: self.closed() or bool(self.autopilot.given_up), within_s=self.plan.shots)
            if self.closed():
                break
            assert self.resume_session()
        assert self.closed(), self.view
        self.autopilot = None

    def pull_cable(self) -> None:
        self.wire.unplugged = True
        self.close_port("gone")
        back_us = self.now_us + 2_000_000
        self.run(lambda: self.now_us >= back_us)
        self.wire.unplugged = False

    def press_stop(self) -> None:
        self.host(Stop(source="soak"))

    def lose_frames(self) -> None:
        self.loss = 0.02
        quiet_us = self.now_us + 5_000_000
        self.run(lambda: self.now_us >= quiet_us or self.closed())
        self.loss = 0.0

    def idle(self, us: int) -> None:
        until_us = self.now_us + us
        while self.now_us < until_us:
            self.turn()

    def switch_off(self) -> None:
        self.wire.unplugged = True
        self.gun.power_off(self.now_us)
        self.close_port("gone")
        self.idle(100_000)

    def switch_on(self, at_us: int) -> None:
        """Come to the next morning: gun loaded with a full syringe, cable in."""
        assert at_us >= self.now_us
        self.now_us = at_us
        self.gun = self.new_gun(None)
        self._gun_due_us = 0
        self.wire.unplugged = False
        assert self.run(self.up), self.view

    def restart(self) -> None:
        """End the host in order and start another."""
        self.store.close(self.stamp())
        self.store = self.opened(self.stamp())
        self.start_host()

    def disturbance(self, day: int):
        kinds = (self.pull_cable, self.press_stop, self.lose_frames, self.kill_gun, lambda: self.close_port("pulled"))
        return kinds[day % len(kinds)]

    @property
    def gun_session_shots(self) -> int:
        return self.gun.firmware._board.identity.limits.session_shots_max

    # --- what could grow ----------------------------------------------------------------------

    def figures(self) -> dict[str, float]:
        gc.collect()
        wal = self.home / "audit.db-wal"
        firmware = self.gun.firmware
        return {
            **memory(),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
            "sqlite B": apsw.memory_used(),
            "threads": threading.active_count(),
            "gc objects": len(gc.get_objects()),
            "wal B": wal.stat().st_size if wal.exists() else 0,
            "ring backlog": firmware.head_seq - firmware.released_seq,
            "heap": len(self._heap),
            **census(self.engine, self.link, self.gun, self.store),
        }


@dataclass(frozen=True)
class Pattern:
    """How the clinic lives.

    Attributes:
        days: How many.
        treatments: A day.
        dry_shots: Dry punctures of a treatment, beside its 15 injections.
        idle_us: For how long the gun lies connected after each treatment.
        lunch_us: The same at noon; the gun's own session ends by half an hour (W-095).
        marathon: Treatments of the middle day, on one connection; 0 for a day like the others.
    """

    days: int
    treatments: int
    dry_shots: int
    idle_us: int
    lunch_us: int
    marathon: int


MONTH = Pattern(30, treatments=8, dry_shots=285, idle_us=600_000_000, lunch_us=1_900_000_000, marathon=96)
BRIEF = Pattern(4, treatments=3, dry_shots=20, idle_us=2_000_000, lunch_us=2_000_000, marathon=0)


def live(home: Path, pattern: Pattern, *, restarts: bool) -> tuple[Clinic, Samples]:
    """Live through the days, the host ended each night if `restarts`; return the clinic and its samples."""
    clinic = Clinic(home, plan_of(pattern.dry_shots), seed=7)
    samples = Samples(pattern.days * pattern.treatments)
    for day in range(pattern.days):
        clinic.switch_on(day * DAY_US + OPENS_US)
        if pattern.marathon and day == pattern.days // 2:
            marathon(clinic, pattern)
        else:
            for no in range(pattern.treatments):
                clinic.treat(clinic.disturbance(day) if no == day % pattern.treatments else None)
                clinic.idle(pattern.lunch_us if no == pattern.treatments // 2 else pattern.idle_us)
                samples.add(clinic.count.shots, clinic.figures())
        clinic.switch_off()
        if restarts:
            clinic.restart()
    clinic.store.close(clinic.stamp())
    return clinic, samples


def marathon(clinic: Clinic, pattern: Pattern) -> None:
    """More requests on one connection than a wire session has numbers for; dry, for no syringe holds so much."""
    usual = clinic.plan
    clinic.plan = replace(usual, areas=usual.areas[:1])
    for _ in range(pattern.marathon):
        if clinic.gun.firmware._board.tally.session_shots + clinic.plan.shots > clinic.gun_session_shots:
            clinic.idle(pattern.lunch_us)
        clinic.treat(None)
    # A night without power is no pause for the gun, and one with power is forgotten unless a shot follows.
    clinic.idle(pattern.lunch_us)
    clinic.plan = usual
    clinic.treat(None)
