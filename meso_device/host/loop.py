"""The select loop: port, link engine, session engine and audit writer, joined in one thread.

Nothing here decides about doses and nothing here blocks. A turn waits, takes in what came, steps the engine until
it is quiet, and hands at most one frame to the port. What may be a STOP is looked at first, and its bytes leave
before anything else of that turn.
"""

import contextlib
import os
import select
import signal
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from drivers.link import LinkEngine
from drivers.link_events import LinkDown, LinkEvent
from meso_device.accounting.entries import Batch
from meso_device.audit.pages import Looked
from meso_device.audit.writer import Writer
from meso_device.host.cable import Cable
from meso_device.host.clock import Clock
from meso_device.host.members import Attendant, End, Keep, Leave, Look, Member, Observer, Operator
from meso_device.host.shutdown import Shutdown
from meso_device.host.signals import ENDING, STOPPING, Signals
from meso_device.session.contract import (
    Ask,
    Beat,
    Commit,
    DropLink,
    Effect,
    EngineEvent,
    LoadClinic,
    LoadLedger,
    Notice,
    PortOpened,
    PressStop,
    Stop,
    Tick,
)
from meso_device.session.engine import SessionEngine
from protocols.errors import LinkLost, require

IDLE_US_MAX: Final = 1_000_000
"""Longest sleep: a suspended computer is noticed within it."""
EVENTS_MAX: Final = 10_000
"""Events settled in one go; a full page of the gun's log makes a few dozen, so more is an engine that feeds itself."""
FRAMES_MAX: Final = 32
"""Frames handed over in one turn: more than the link keeps in flight."""
NONCE_BYTES: Final = 16
KEPT_NO: Final = -1
"""Batches of what people owe the log are numbered below this, the engine's from 1."""


class Loop:
    """One run, from the first try to open the port to the end that operator or signal ask for.

    Args:
        passed_on: Descriptors of members whose input is passed on as it is, such as what a screen paints: where
            nothing else has come and nothing is due, nobody is asked anything for it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        engine: SessionEngine,
        link: LinkEngine,
        cable: Cable,
        writer: Writer,
        operator: Operator,
        observer: Observer,
        signals: Signals,
        members: Sequence[Member],
        attendant: Attendant | None = None,
        passed_on: frozenset[int] = frozenset(),
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock = clock
        self._engine = engine
        self._link = link
        self._cable = cable
        self._writer = writer
        self._operator = operator
        self._observer = observer
        self._signals = signals
        self._members = members
        self._attendant = attendant
        self._passed_on = passed_on
        self._randomness = randomness
        self._shutdown = Shutdown()
        self._leaving = ""
        self._events: deque[EngineEvent] = deque()
        self._known_ports: set[str] = set()
        self._unanswered = 0
        self._kept_no = KEPT_NO
        self._now = clock.now()
        self._due_us = self._now.mono_us

    def run(self) -> End:
        """Turn until the operator's end or a signal's.

        Whatever goes wrong in here, the last thing that leaves for the gun is STOP.

        Raises:
            InvariantError: the program contradicts itself; STOP has been handed to the port.
        """
        try:
            while True:
                end = self._turn()
                if end is not None:
                    return end
        except BaseException:
            self._say_stop_and_leave()
            raise
        finally:
            self._cable.close()

    def _turn(self) -> End | None:
        readable, writable = self._wait()
        self._now = self._clock.now()
        self._hear_people(readable, writable)
        if self._is_passed_on(readable, writable):
            return None
        self._settle()
        self._notice_suspend()
        self._hear_gun(readable, writable)
        self._hear_store(readable)
        self._hear_time()
        self._settle()
        self._transmit()
        return self._ask_operator()

    # --- waiting ------------------------------------------------------------------------------------

    def _wait(self) -> tuple[frozenset[int], frozenset[int]]:
        reads = [self._signals.fd, self._writer.fileno(), *self._cable.reads()]
        writes = [*self._cable.writes()]
        for member in self._members:
            reads.extend(member.reads())
            writes.extend(member.writes())
        readable, writable, _ = select.select(reads, writes, [], self._timeout_s())
        return frozenset(readable), frozenset(writable)

    def _timeout_s(self) -> float:
        now_us = self._clock.mono_us()
        deadlines = (
            self._engine.next_deadline_us(),
            self._link.next_deadline_us() if self._cable.is_open else None,
            self._cable.next_deadline_us(),
            self._operator.next_deadline_us(),
            self._shutdown.next_deadline_us(now_us),
        )
        self._due_us = min([now_us + IDLE_US_MAX, *[at for at in deadlines if at is not None]])
        return max(0, self._due_us - now_us) / 1_000_000

    def _is_passed_on(self, readable: frozenset[int], writable: frozenset[int]) -> bool:
        """Whether nothing came but what is passed on as it is, and nothing is due."""
        only_passed_on = readable and readable <= self._passed_on and not writable
        return bool(only_passed_on) and not self._events and self._now.mono_us < self._due_us

    # --- what came ----------------------------------------------------------------------------------

    def _hear_people(self, readable: frozenset[int], writable: frozenset[int]) -> None:
        if self._signals.fd in readable:
            for number in self._signals.take():
                self._hear_signal(number)
        for member in self._members:
            self._events.extend(member.ready(readable, writable, self._now))

    def _hear_signal(self, number: signal.Signals) -> None:
        if number in STOPPING or (number in ENDING and self._shutdown.begin(number, self._now.mono_us)):
            self._events.append(Stop(source=number.name))
        elif number not in ENDING and self._attendant is not None:
            self._attendant.signalled(number, self._now)
            if number is signal.SIGCONT:
                self._lose("the host was stopped for a while")  # as after a suspend: read again, then ask (I-45)

    def _notice_suspend(self) -> None:
        slept_us = self._clock.take_suspend_us()
        if slept_us:
            self._operator.slept(slept_us)
            self._lose(f"the computer slept for {slept_us // 1_000_000} s")

    def _hear_gun(self, readable: frozenset[int], writable: frozenset[int]) -> None:
        port = self._cable.open_if_due(self._now.mono_us)
        if port is not None:
            self._link.opened(self._now.mono_us, known_port=port.name in self._known_ports)
            self._events.append(PortOpened(port.name, self._randomness(NONCE_BYTES)))
            return
        try:
            if any(fd in writable for fd in self._cable.writes()):
                self._cable.push()
            if any(fd in readable for fd in self._cable.reads()):
                self._hear_link(self._link.received(self._now.mono_us, self._cable.read()))
        except LinkLost as error:
            self._lose(str(error))

    def _hear_link(self, events: Sequence[LinkEvent]) -> None:
        """Queue what the link says; a gun that has fallen silent is looked for from the start."""
        self._events.extend(events)
        for event in events:
            if isinstance(event, LinkDown):
                self._lose(event.reason)

    def _hear_store(self, readable: frozenset[int]) -> None:
        if self._writer.fileno() in readable:
            results = self._writer.take_results()
            self._unanswered -= len(results)
            for result in results:
                if not isinstance(result, Looked):
                    self._events.append(result)
                elif self._attendant is not None:
                    self._attendant.looked(result)

    def _hear_time(self) -> None:
        now_us = self._now.mono_us
        link_us = self._link.next_deadline_us()
        if self._cable.is_open and link_us is not None and link_us <= now_us:
            self._hear_link(self._link.tick(now_us))
        engine_us = self._engine.next_deadline_us()
        if engine_us is not None and engine_us <= now_us:
            self._events.append(Tick())

    def _ask_operator(self) -> End | None:
        view = self._engine.view()
        self._link.committed_seq = view.committed_seq
        self._observer.seen(view, self._now)
        if self._shutdown.begun:
            over = self._shutdown.is_over(view, unanswered_commits=self._unanswered, now_us=self._now.mono_us)
            return End(self._shutdown.status, self._leaving) if over else None
        wish = self._operator.next_wish(view, self._now)
        if isinstance(wish, End):
            return wish
        if isinstance(wish, Keep | Look):
            self._serve(wish)
            return None
        if isinstance(wish, Leave):
            self._shutdown.leave(wish.status, self._now.mono_us)
            self._leaving = wish.reason
            wish = Stop(source=wish.source)
        if wish is not None:
            self._events.append(wish)
            self._settle()
            self._transmit()
        return None

    # --- what is to be done -------------------------------------------------------------------------

    def _settle(self) -> None:
        for _ in range(EVENTS_MAX):
            if not self._events:
                return
            event = self._events.popleft()
            effects = self._engine.step(self._now, event)
            for effect in effects:
                self._do(effect)
            if self._attendant is not None:
                self._attendant.stepped(event, effects, self._now)
        require(not self._events, f"{EVENTS_MAX} events in one turn and no end")

    def _do(self, effect: Effect) -> None:
        now_us = self._now.mono_us
        match effect:
            case PressStop():
                self._press_stop()
            case Ask(tag, request):
                self._link.ask(now_us, tag, request)
            case Beat(heartbeat):
                self._link.beat(now_us, heartbeat)
            case Commit(batch):
                self._unanswered += 1
                self._writer.submit(batch, self._now)
            case LoadLedger():
                self._unanswered += 1
                self._writer.load_gun(effect, self._now)
            case LoadClinic():
                self._unanswered += 1
                self._writer.load_clinic(effect, self._now)
            case DropLink(reason, rest):
                self._lose(reason)
                if rest:
                    self._cable.rest()
            case Notice():
                self._observer.notice(effect)

    def _serve(self, wish: Keep | Look) -> None:
        self._unanswered += 1
        if isinstance(wish, Look):
            self._writer.look(wish.no, wish.query)
            return
        self._kept_no -= 1
        self._writer.submit(Batch(no=self._kept_no, entries=wish.entries), self._now)

    def _press_stop(self, *, frames: int = FRAMES_MAX) -> None:
        """Let STOP leave now, ahead of a frame cut short and of everything still in the kernel."""
        self._link.press_stop(self._now.mono_us)
        try:
            self._cable.flush()
        except LinkLost as error:
            self._lose(str(error))
        self._transmit(frames)

    def _transmit(self, frames: int = FRAMES_MAX) -> None:
        """Hand over frames while each leaves whole; a frame that does not fit holds back the next."""
        for _ in range(frames):
            if not self._cable.is_ready:
                return
            frame = self._link.transmit(self._now.mono_us)
            if not frame:
                return
            try:
                self._cable.send(frame)
            except LinkLost as error:
                self._lose(str(error))

    def _lose(self, reason: str) -> None:
        if self._cable.is_open:
            was_gun = self._link.met_gun  # the session may have ended before the port: by silence
            if was_gun:
                self._known_ports.add(self._cable.port_name)
            self._cable.drop(self._now.mono_us, was_gun=was_gun)
            self._events.extend(self._link.closed(self._now.mono_us, reason))

    def _say_stop_and_leave(self) -> None:
        """Send STOP and nothing behind it, without asking the engine, which may be what broke."""
        with contextlib.suppress(Exception):
            self._press_stop(frames=1)
