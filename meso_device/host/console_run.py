"""A run with a screen, put together: terminal, data directory, log, gun, engine, screen, loop.

The terminal becomes raw last and is given back first, on every way out. Everything that can be refused is refused
before it, in one line on an untouched terminal.
"""

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from drivers.link import LinkEngine
from drivers.ports import open_port
from meso_device import __version__
from meso_device.accounting.entries import SessionRow
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.queries import newest_unsigned
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.audit.writer import Writer
from meso_device.host.backup_watch import BackupWatch
from meso_device.host.bench_runs import KnownRun, unfinished_run
from meso_device.host.clinical import approvals_in
from meso_device.host.clock import Clock, read_clock_state, read_host_boot
from meso_device.host.console_before import before
from meso_device.host.console_desk import ConsoleDesk
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_operator import ConsoleOperator, ended_by
from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.due import commit_due
from meso_device.host.home import Home, HomeLock, open_home, read_host_id, write_private
from meso_device.host.link_keys import read_link_keys
from meso_device.host.loop import Loop
from meso_device.host.members import End, Observer
from meso_device.host.people_desk import PeopleDesk
from meso_device.host.relay import Relay
from meso_device.host.run import close_log, office_of, open_cable, plan_of
from meso_device.host.screen_link import ScreenLink
from meso_device.host.screen_process import END_S, SCREEN_COMMAND, ScreenProcess
from meso_device.host.signals import Signals
from meso_device.host.stopper import Stopper
from meso_device.host.terminal import Terminal
from meso_device.host.upkeep import SeenTo
from meso_device.host.viewers import Viewers
from meso_device.people.outbox import Due
from meso_device.screen_messages import Body, Message, ToScreen
from meso_device.session.contract import Command, Instant, Notice, NoticeKind, View
from meso_device.session.engine import SessionEngine
from protocols.treatment.plan import TreatmentPlan

JOB_CONTROL: Final = (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)
DRAIN_S: Final = 0.01
FROZEN_S: Final = 0.5
"""How long the screen may take to leave the terminal before it is stopped as it is."""


class ConsoleRequest(Struct, frozen=True, kw_only=True):
    """What to run.

    Attributes:
        root: Data directory.
        command: The command that was given: what another process is told.
        port: Port of the gun as it was named.
        simulated: The gun was started with the console and is a simulated one.
        plans: Treatments that a practice session can be of, by name.
        screen: Command of the screen's process.
        settings: What is set.
    """

    root: Path
    command: str
    port: str
    simulated: bool
    plans: Mapping[str, TreatmentPlan]
    screen: Sequence[str] = SCREEN_COMMAND
    settings: ConsoleSettings = field(default_factory=ConsoleSettings)


class ConsoleResult(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        status: Exit status.
        reason: Why it ended; empty when the operator ended it.
        view: State at the end.
        left_open: A session is open that the next start takes up.
        seen_to: What two people go on with in this terminal; None for nothing.
    """

    status: int
    reason: str
    view: View
    left_open: bool
    seen_to: SeenTo | None


def run_console(
    request: ConsoleRequest, watch: Callable[[Observer], Observer] = lambda observer: observer
) -> ConsoleResult:
    """Run a console in this process's main thread until the operator, a signal or the screen's end ends it.

    Args:
        request: What to run.
        watch: Puts another observer around the console's own.

    Raises:
        MesoError: it could not begin; the terminal is untouched.
        InvariantError: the program contradicts itself; STOP has been handed to the port, the terminal is given back.
    """
    os.umask(0o077)  # nothing in the data directory is for others
    with contextlib.ExitStack() as stack:
        terminal = Terminal.open()
        stack.callback(terminal.close)
        home = open_home(request.root)
        clock = Clock()
        signals = stack.enter_context(Signals(JOB_CONTROL))
        stack.enter_context(_background_writes())
        stack.enter_context(HomeLock.take(home, purpose=request.command))
        log = _Log.open(home, request, clock, stack)
        return _Console(request, home, clock, log, terminal, signals, stack).run(watch)


class _Log(Struct, frozen=True, kw_only=True):
    """The log, opened, and what it says at the start."""

    writer: Writer
    boot: str
    left_open: tuple[SessionRow, TreatmentPlan] | None
    left_unknown: tuple[int, int]
    to_sign: str
    known_run: KnownRun | None
    enrolled: bool
    notices: tuple[str, ...]
    begun_us: int

    @classmethod
    def open(cls, home: Home, request: ConsoleRequest, clock: Clock, stack: contextlib.ExitStack) -> "_Log":
        boot, state = read_host_boot(), read_clock_state()
        now = clock.now()
        stamp = Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=boot, clock=state)
        store = Store.open(home.root, software=__version__, stamp=stamp)
        try:
            office = office_of(home)
            if office is not None:
                with office:
                    commit_due(store, office, stamp)
            row = store.open_session()
            left_open = (row, plan_of(row)) if row is not None else None
            left_unknown = _unknown_of(store, row) if row is not None else (0, 0)
            begun_us = store.begun_us()
        except BaseException:
            store.close(stamp)
            raise
        writer = Writer(store, boot=boot, clock=state)
        stack.callback(lambda: _close_log(writer, home, clock))
        write_private(home.last_port_file, f"{request.port}\n")
        return cls(
            writer=writer,
            boot=boot,
            left_open=left_open,
            left_unknown=left_unknown,
            to_sign=unsigned_session(home) if left_open is None else "",
            known_run=run_to_go_on(home),
            enrolled=office is not None,
            notices=store.notices,
            begun_us=begun_us,
        )


class _Console:
    """Everything that one console holds open."""

    def __init__(
        self,
        request: ConsoleRequest,
        home: Home,
        clock: Clock,
        log: _Log,
        terminal: Terminal,
        signals: Signals,
        stack: contextlib.ExitStack,
    ) -> None:
        self._request = request
        self._home = home
        self._clock = clock
        self._log = log
        self._terminal = terminal
        self._signals = signals
        self._facts = ConsoleFacts()
        self._facts.port = request.port
        self._facts.left_unknown = log.left_unknown
        cable = open_cable(request.port)
        stack.callback(cable.close)
        self._cable = cable
        self._stopper = Stopper(home)
        stack.callback(self._stopper.close)
        self._viewers = Viewers(home)
        stack.callback(self._viewers.close)
        host_id = read_host_id(home)
        self._engine = SessionEngine(host_id=host_id, host_boot=log.boot)
        self._gun_link = LinkEngine(host_id, read_link_keys(home))
        self._people = PeopleDesk(home.root, log.boot, self._owe)
        stack.callback(self._people.close)
        self._desk = ConsoleDesk(
            facts=self._facts,
            plans=request.plans,
            left_open=log.left_open,
            to_sign=log.to_sign,
            known_run=log.known_run,
            people=self._people,
            home=home,
            enrolled=log.enrolled,
            simulated=request.simulated,
            settings=request.settings,
            before=before(home),
            approved=approvals_in(home),
            plug=self._plug,
            say=self._say,
        )
        stack.callback(self._desk.verify.close)
        stack.callback(self._desk.bench.slot.empty)
        self._screen = ScreenProcess.start(terminal.size(), os.environ, request.screen)
        stack.callback(self._screen.close)
        self._relay = Relay(terminal.fd, self._screen.terminal_fd, request.settings.stops)
        self._link = ScreenLink(self._screen.peer, self._hear, clock.now().mono_us)

    def run(self, watch: Callable[[Observer], Observer]) -> ConsoleResult:
        """Show the screen until the end, and give the terminal back."""
        operator = ConsoleOperator(
            desk=self._desk,
            facts=self._facts,
            relay=self._relay,
            link=self._link,
            process=self._screen,
            terminal=self._terminal,
            viewers=self._viewers,
            stats=self._gun_link.stats,
            settings=self._request.settings,
            put_aside=self._put_aside,
            # Practice makes nothing that anybody would miss.
            backup_late=BackupWatch(self._home.root, self._log.begun_us).late if self._log.enrolled else lambda _: None,
        )
        for text in self._log.notices:
            operator.notice(Notice(NoticeKind.INFO, text))
        loop = Loop(
            clock=self._clock,
            engine=self._engine,
            link=self._gun_link,
            cable=self._cable,
            writer=self._log.writer,
            operator=operator,
            observer=watch(operator),
            signals=self._signals,
            members=(
                self._relay,
                self._link,
                self._stopper,
                self._people,
                self._desk.verify,
                self._viewers,
                self._desk.bench.slot,
            ),
            attendant=operator,
            passed_on=frozenset({self._screen.terminal_fd}),
        )
        end = End(1)
        try:
            self._terminal.raw()
            end = loop.run()
        finally:
            self._see_out(end)
        if end.status > 128:
            self._signals.ignore()
        view = self._engine.view()
        taken = self._desk.treatment is not None and view.phase.value not in {"closed", "no session"}
        return ConsoleResult(
            status=end.status,
            reason=end.reason or ended_by(end.status),
            view=view,
            left_open=taken or self._desk.left_open is not None,
            seen_to=None if end.status else self._desk.seen_to,
        )

    # --- between the parts --------------------------------------------------------------------------

    def _say(self, kind: ToScreen, number: int, body: Body) -> None:
        self._link.say(kind, number, body)

    def _plug(self, name: str) -> None:
        """Take the gun at this port from now on, also at the next start; UsageError where it cannot be opened."""
        self._cable.plug(open_port(name, connect_s=0))
        write_private(self._home.last_port_file, f"{name}\n")

    def _owe(self, due: Due) -> None:
        self._desk.owe(due.entries)

    def _hear(self, message: Message, now: Instant) -> Sequence[Command]:
        return self._desk.hear(message, now)

    # --- the terminal -------------------------------------------------------------------------------

    def _see_out(self, end: End) -> None:
        """Let the screen leave the terminal in order if it still can, and give the terminal back in any case."""
        clean = False
        try:
            if not self._link.gone and not self._relay.hung_up:
                self._link.say(ToScreen.BYE, 0, {"reason": end.reason, "status": end.status})
                clean = self._last_words(END_S)
        finally:
            self._screen.kill()
            self._terminal.restore(clean=clean)

    def _last_words(self, seconds: float) -> bool:
        """Relay the screen's last output; return whether it ended by itself in time."""
        until_us = self._clock.now().mono_us + int(seconds * 1_000_000)
        while self._clock.now().mono_us < until_us and self._screen.status() is None:
            self._drain()
        self._relay.drain()
        return self._screen.status() == 0

    def _drain(self) -> None:
        self._link.push()
        self._relay.drain()
        select.select([], [], [], DRAIN_S)

    def _put_aside(self) -> None:
        """Stop this process as the shell's job control asks for; returns when it is taken up again."""
        self._screen.suspend()
        until_us = self._clock.now().mono_us + int(FROZEN_S * 1_000_000)
        while not self._screen.is_stopped and self._clock.now().mono_us < until_us:
            self._drain()
        self._screen.freeze()
        self._relay.drain()
        self._terminal.restore(clean=False)
        os.kill(os.getpid(), signal.SIGSTOP)
        while not self._terminal.is_ours:
            os.kill(os.getpid(), signal.SIGSTOP)  # taken up in the background: it is the shell's terminal still
        self._terminal.raw()
        self._screen.resize(self._terminal.size())
        self._screen.thaw()


def unsigned_session(home: Home) -> str:
    """Return the newest session, if it had a patient, is closed and nobody signed for it; else an empty text."""
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        return newest_unsigned(db)


def run_to_go_on(home: Home) -> KnownRun | None:
    """Return the run at the bench that is open, or complete and not signed for; None if none."""
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        return unfinished_run(db)


def _unknown_of(store: Store, row: SessionRow) -> tuple[int, int]:
    """Return the shots and the volume that a session's gun may have given and the log does not know of."""
    grants = store.load_gun(row.gun_uid, simulated=row.simulated).open_grants
    return (
        sum(max(0, grant.max_shots - grant.used_shots) for grant in grants),
        sum(max(0, grant.max_nl - grant.used_nl) for grant in grants),
    )


def _close_log(writer: Writer, home: Home, clock: Clock) -> None:
    office = office_of(home)
    try:
        close_log(writer, office, clock)
    finally:
        if office is not None:
            office.close()


@contextlib.contextmanager
def _background_writes() -> Iterator[None]:
    """Let the terminal be given back also from the background; else giving it back would stop the process."""
    former = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, former)
