"""One host loop and one simulated gun in one thread, in real time, over a socket pair.

The gun is a member of the loop: it reads its end of the cable when the loop does, and moves when the loop wakes.
"""

import os
import random
from collections import deque
from contextlib import suppress

from msgspec.structs import replace

from drivers.link import LinkEngine
from drivers.stream_port import port_pair
from meso_device.audit.export import shot_row
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.audit.writer import Writer
from meso_device.host.cable import Cable
from meso_device.host.clock import Clock
from meso_device.host.headless import Headless
from meso_device.host.loop import Loop
from meso_device.host.signals import Signals
from meso_device.session.autopilot import Autopilot
from meso_device.session.contract import OpenSession
from meso_device.session.engine import SessionEngine
from protocols.errors import LinkLost
from protocols.treatment.library import load_library
from protocols.wire.frame import Deframer
from simulator.firmware.nvm import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun

BOOT = "b0" * 16


def small_plan(*points: int):
    """The practice treatment with so many points in its first areas."""
    plan = load_library("practice").plan()
    areas = zip(plan.areas, points, strict=False)
    return replace(plan, areas=tuple(replace(area, points=count) for area, count in areas))


class GunMember:
    """A simulated gun at its end of a cable that can be pulled and put back.

    Attributes:
        ends: Host's ends of cables that are plugged in and not open yet.
        stays: A port that the host closes can be opened again.
    """

    def __init__(self, seed: int) -> None:
        self.truth = []
        self.heard = b""
        self._clock = Clock()
        self.gun = SimulatedGun(
            name=f"rig{seed}",
            seed=str(seed),
            store=MemoryStore(NVM_SIZE),
            on_injection=self.truth.append,
            rate_per_s=9,
            now_us=self._clock.now().mono_us,
        )
        self._end = None
        self.on_turn = lambda: None
        self.ends = deque()
        self.stays = True

    def plug(self):
        """Return the host's end of a fresh cable."""
        near, self._end = port_pair("gun")
        return near

    def unplug(self):
        if self._end is not None:
            self._end.close()
            self._end = None

    def frames(self):
        """Types of the frames that the host sent so far, in order."""
        return [frame.type for frame in Deframer().feed(self.heard)]

    def reads(self):
        return () if self._end is None else (self._end.fileno(),)

    def writes(self):
        return ()

    def _take(self):
        """What the host sent; a close with unread bytes is told before what was sent ahead of it."""
        for _ in range(2):
            with suppress(LinkLost):
                return self._end.read()
        self.unplug()
        if self.stays:
            self.ends.append(self.plug())
        return b""

    def ready(self, readable, writable, now):
        self.on_turn()
        now_us = now.mono_us
        if self._end is not None:
            data = self._take() if self._end.fileno() in readable else b""
            self.heard += data
            self.gun.feed(now_us, data)
        self.gun.step(now_us)
        arrived = self.gun.take(now_us)
        if arrived and self._end is not None:
            with suppress(LinkLost):
                self._end.write(arrived)
        return []


class Opener:
    """Gives the gun's new end as soon as somebody has put the cable back."""

    problem = ""

    def __init__(self, rig, now_us):
        self._rig = rig
        self._due_us = now_us

    def step(self, now_us):
        self._due_us = now_us + 20_000
        return self._rig.gun.ends.popleft() if self._rig.gun.ends else None

    def rejected(self, now_us):
        self._due_us = now_us + 20_000

    def next_deadline_us(self):
        return self._due_us


class Operator(Headless):
    """The headless operator, asked again whenever the gun has something to do."""

    gun: GunMember

    def next_deadline_us(self):
        due_us = self.gun.gun.next_deadline_us()
        return min(super().next_deadline_us(), due_us if due_us is not None else 2**62)


class Watch:
    """Keeps what the host said."""

    def __init__(self):
        self.notices = []

    def notice(self, notice):
        self.notices.append(notice)

    def seen(self, view, now):
        self.view = view


class Rig:
    """Everything that one run needs."""

    def __init__(self, plan, *, seed=1, members=(), engine=None, passed_on=()):
        chance = random.Random(seed)
        self.clock = Clock()
        now = self.clock.now()
        stamp = Stamp(ts_us=now.utc_us, mono_us=now.mono_us, boot=BOOT, clock="synced")
        self.store = Store.in_memory(software="test", stamp=stamp, randomness=chance.randbytes)
        self.writer = Writer(self.store, boot=BOOT, clock="synced")
        self.gun = GunMember(seed)
        host_id = chance.randbytes(16)
        self.engine = engine or SessionEngine(host_id=host_id, host_boot=BOOT)
        self.opening = OpenSession(
            plan=plan,
            session=chance.randbytes(16).hex(),
            alias=chance.randbytes(16).hex(),
            op="practice",
            role="practice",
            practice=True,
        )
        self.operator = Operator(Autopilot(self.opening, how="test", resets_stop=True), port="gun")
        self.operator.gun = self.gun
        self.watch = Watch()
        self.link = LinkEngine(host_id)
        self._members = (*members, self.gun)
        self._passed_on = frozenset(passed_on)

    def run(self, port=None, attendant=None):
        """Run to the end and return it; the writer is closed and its log can be read afterwards."""
        watch, operator = self.watch, self.operator

        class Both:
            def notice(self, notice):
                operator.notice(notice)
                watch.notice(notice)

            def seen(self, view, now):
                watch.seen(view, now)

        cable = Cable(port or self.gun.plug(), lambda _name, now_us: Opener(self, now_us))
        with Signals() as signals:
            return Loop(
                clock=self.clock,
                engine=self.engine,
                link=self.link,
                cable=cable,
                writer=self.writer,
                operator=operator,
                observer=Both(),
                signals=signals,
                members=self._members,
                attendant=attendant,
                passed_on=self._passed_on,
                randomness=os.urandom,
            ).run()

    def close(self):
        self.gun.unplug()
        for end in self.gun.ends:
            end.close()
        self.writer.close(self.clock.now())

    def bodies(self, kind):
        """Payloads of the committed records of a kind."""
        from meso_device.audit import canonical

        rows = self.store._db.execute("SELECT body FROM record WHERE kind = ? ORDER BY seq", (kind,))
        return [canonical.parse(body) for (body,) in rows]

    def logged(self):
        return [shot_row(body) for body in self.bodies("shot")]

    def made(self):
        return [one.label.shot_seq for one in self.gun.truth]
