"""A calibration run put together: data directory, log, gun, instrument, engine, loop; and who minds it meanwhile."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from drivers.link import LinkEngine
from meso_device import __version__
from meso_device.accounting.findings import locked_line
from meso_device.audit.records import Stamp
from meso_device.audit.reserve import Reserve
from meso_device.audit.store import Store
from meso_device.audit.writer import Writer
from meso_device.host.bench_runs import why_unfinished
from meso_device.host.clock import Clock, read_clock_state, read_host_boot
from meso_device.host.due import commit_due
from meso_device.host.home import HomeLock, open_home, read_host_id, write_private
from meso_device.host.instruments import InstrumentMember
from meso_device.host.link_keys import read_link_keys
from meso_device.host.loop import Loop
from meso_device.host.members import End, Observer, Wish
from meso_device.host.run import SIGNALLED, close_log, office_of, open_cable
from meso_device.host.signals import Signals
from meso_device.host.stopper import Stopper
from meso_device.session.contract import (
    Calibrate,
    Instant,
    LinkState,
    Notice,
    NoticeKind,
    Phase,
    ResetStop,
    View,
)
from meso_device.session.engine import SessionEngine
from protocols.errors import MesoError

AWAY_US_MAX: Final = 5_000_000
LOOK_US: Final = 100_000
WIND_DOWN_US_MAX: Final = 5_000_000
REASON_OPERATOR_COMMAND: Final = 1


class BenchRequest(Struct, frozen=True, kw_only=True):
    """What to run.

    Attributes:
        root: Data directory.
        command: The command that was given: what another process is told.
        port: Port of the gun as it was named.
        calibrate: The run.
        instrument: Opens the instrument; called once the gun's port is open.
    """

    root: Path
    command: str
    port: str
    calibrate: Calibrate
    instrument: Callable[[], InstrumentMember | None]


class BenchEnd(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        status: Exit status.
        reason: Why it ended before the end; empty when complete.
        view: State at the end.
    """

    status: int
    reason: str
    view: View


def run_bench(request: BenchRequest, observer: Observer) -> BenchEnd:
    """Run a calibration to its end or to what a person must mend, in this process's main thread.

    Raises:
        MesoError: it could not begin; then nothing was sent to the gun.
        InvariantError: the program contradicts itself; STOP has been handed to the port.
    """
    os.umask(0o077)  # nothing in the data directory is for others
    home = open_home(request.root)
    clock = Clock()
    with contextlib.ExitStack() as stack:
        signals = stack.enter_context(Signals())
        stack.enter_context(HomeLock.take(home, purpose=request.command))
        boot, state, now = read_host_boot(), read_clock_state(), clock.now()
        stamp = Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=boot, clock=state)
        store = Store.open(home.root, software=__version__, stamp=stamp)
        try:
            office = office_of(home)
            if office is not None:
                stack.callback(office.close)
                commit_due(store, office, stamp)
            _refuse_session(store)
            link_keys = read_link_keys(home)
            reserve = Reserve(home.root)
            cable = open_cable(request.port)
            stack.callback(cable.close)
            instrument = request.instrument()
        except BaseException:
            store.close(stamp)
            raise
        for text in store.notices:
            observer.notice(Notice(NoticeKind.INFO, text))
        writer = Writer(store, boot=boot, clock=state, reserve=reserve)
        stack.callback(lambda: close_log(writer, office, clock))
        stopper = Stopper(home)
        stack.callback(stopper.close)
        write_private(home.last_port_file, f"{request.port}\n")
        host_id = read_host_id(home)
        engine = SessionEngine(host_id=host_id, host_boot=boot)
        minder = BenchOperator(request.calibrate, observer, instrument, port=request.port)
        end = Loop(
            clock=clock,
            engine=engine,
            link=LinkEngine(host_id, link_keys),
            cable=cable,
            writer=writer,
            operator=minder,
            observer=minder,
            signals=signals,
            members=(stopper, *(() if instrument is None else (instrument,))),
            attendant=instrument,
        ).run()
        if end.status >= SIGNALLED:
            signals.ignore()
        return BenchEnd(status=end.status, reason=end.reason, view=engine.view())


def _refuse_session(store: Store) -> None:
    row = store.open_session()
    if row is not None:
        raise MesoError(f"session {row.session} is open: finish it with 'meso session resume' first")


class BenchOperator:
    """Gives the one command, watches, and ends the run where a person is needed."""

    def __init__(
        self, command: Calibrate, observer: Observer, instrument: InstrumentMember | None, *, port: str
    ) -> None:
        self._command = command
        self._observer = observer
        self._instrument = instrument
        self._port = port
        self._given = self._resetting = False
        self._heard_us: int | None = None
        self._ever_heard = False
        self._refusal = ""
        self._slept = False
        self._ending: tuple[int, str] | None = None
        self._look_us = 0

    # --- operator -----------------------------------------------------------------------------------

    def next_wish(self, view: View, now: Instant) -> Wish | None:
        """Return the command, once the gun is there; the end, once the run is over or cannot go on."""
        self._look_us = now.mono_us + LOOK_US
        if view.link is LinkState.UP:
            self._heard_us, self._ever_heard = now.mono_us, True
        elif self._heard_us is None:
            self._heard_us = now.mono_us
        if self._ending is not None or (reason := self._why_end(view, now)):
            return self._wind_down(view, now, "" if self._ending is not None else reason)
        if self._given:
            return End(0) if view.bench is not None and not view.bench.running else None
        if view.link is not LinkState.UP:
            return None
        if view.phase is Phase.ESTOPPED:
            return self._reset()
        if view.phase in {Phase.NO_SESSION, Phase.CLOSED}:
            self._given = True
            return self._command
        return None

    def slept(self, slept_us: int) -> None:
        """End the run: nobody watched meanwhile."""
        self._slept = slept_us > 0

    def next_deadline_us(self) -> int | None:
        """Look again a few times a second, and when the instrument wants to."""
        due_us = None if self._instrument is None else self._instrument.next_deadline_us()
        return self._look_us if due_us is None else min(self._look_us, due_us)

    # --- observer -----------------------------------------------------------------------------------

    def notice(self, notice: Notice) -> None:
        """Note a refusal, and pass it on: at the bench each is for a person to mend."""
        if notice.kind is NoticeKind.REFUSED:
            self._refusal = notice.text
        else:
            self._observer.notice(notice)

    def seen(self, view: View, now: Instant) -> None:
        """Pass it on."""
        self._observer.seen(view, now)

    # --- ends ---------------------------------------------------------------------------------------

    def _why_end(self, view: View, now: Instant) -> str:
        away_us = now.mono_us - (self._heard_us or now.mono_us)
        bench = view.bench
        over = self._given and (view.phase is Phase.ESTOPPED or (bench is not None and not bench.running))
        unfinished = why_unfinished(view) if over else ""
        silent = f"no gun answers on {self._port}; what is there instead says: meso guns {self._port}"
        reasons = (
            (bool(view.write_failed), f"recording has stopped: {view.write_failed}"),
            (self._slept, "the computer was asleep"),
            (bool(self._refusal), self._refusal),
            (view.phase is Phase.LOCKED, locked_line(view.findings)),
            (self._given and view.link is not LinkState.UP, "the link to the gun was lost"),
            (away_us > AWAY_US_MAX, silent),
            (bool(unfinished), unfinished),
        )
        return next((text for holds, text in reasons if holds), "")

    def _wind_down(self, view: View, now: Instant, reason: str) -> Wish | None:
        """Let the gun's log be read as far as it can be had, then end."""
        if self._ending is None:
            self._ending = (now.mono_us, reason)
        since_us, why = self._ending
        settled = view.link is not LinkState.UP or (view.open_grants == 0 and view.head_seq == view.committed_seq)
        if settled or view.write_failed or now.mono_us - since_us > WIND_DOWN_US_MAX:
            return End(1, why)
        return None

    def _reset(self) -> Wish | None:
        """Clear a stop of before: the command is the technician's word for it."""
        if self._resetting:
            return None
        self._resetting = True
        return ResetStop(reason_code=REASON_OPERATOR_COMMAND, op=self._command.op)
