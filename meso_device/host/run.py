"""A whole run without a screen, put together: data directory, log, gun, engine, script, loop.

Everything is opened in an order in which each refusal leaves nothing behind, and closed in the opposite one.
"""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from drivers.discovery import candidate_ports
from drivers.link import LinkEngine
from drivers.ports import open_port
from drivers.reopen import Reopener
from meso_device import __version__
from meso_device.accounting.entries import Batch, Committed, SessionRow
from meso_device.audit.records import Stamp
from meso_device.audit.reserve import Reserve
from meso_device.audit.store import Store
from meso_device.audit.writer import Writer
from meso_device.host.cable import Cable
from meso_device.host.clinical import Clinical, Returning, approval_in, opening_of, resuming_of, sign_overrides
from meso_device.host.clock import Clock, read_clock_state, read_host_boot
from meso_device.host.due import commit_due
from meso_device.host.headless import Headless
from meso_device.host.headless_view import HeadlessView
from meso_device.host.home import Home, HomeLock, open_home, read_host_id, write_private
from meso_device.host.link_keys import read_link_keys
from meso_device.host.loop import Loop
from meso_device.host.members import Observer
from meso_device.host.signals import Signals
from meso_device.host.stopper import Stopper
from meso_device.host.viewers import Viewers
from meso_device.people.lockout import Moment
from meso_device.people.office import Office, read_operators
from meso_device.session.autopilot import Autopilot
from meso_device.session.contract import Instant, Notice, NoticeKind, OpenSession, ResumeSession, View
from meso_device.session.engine import SessionEngine
from protocols.errors import MesoError
from protocols.treatment.plan import TreatmentPlan

PRACTICE: Final = "practice"
"""Operator and role of a run on a simulated gun that nobody signed in for."""
ID_BYTES: Final = 16
PEOPLE_BATCH: Final = -1
"""Number of the last batch: the engine counts its own from 1."""
SIGNALLED: Final = 128
"""Exit statuses above this are those of signals."""


class RunRequest(Struct, frozen=True, kw_only=True):
    """What to run.

    Attributes:
        root: Data directory.
        command: The command that was given: what another process is told, and what is recorded as the operator's
            confirmation.
        port: Port of the gun as it was named.
        plan: What to treat; None to take up the newest session that is open.
        clinical: The patient's session, or who takes one up; None for practice.
    """

    root: Path
    command: str
    port: str
    plan: TreatmentPlan | None
    clinical: Clinical | Returning | None = None


class RunResult(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        status: Exit status.
        reason: Why it ended before the end; empty when complete.
        view: State at the end; None when there was nothing to resume.
    """

    status: int
    reason: str
    view: View | None


def run_session(request: RunRequest, observer: Observer) -> RunResult:
    """Run or resume a session to its end, in this process's main thread.

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
        boot, state = read_host_boot(), read_clock_state()
        now = clock.now()
        stamp = Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=boot, clock=state)
        store = Store.open(home.root, software=__version__, stamp=stamp)
        moment = Moment(boot=boot, mono_us=now.since_boot_us, utc_us=now.utc_us)
        try:
            office = office_of(home)
            if office is not None:
                stack.callback(office.close)
                commit_due(store, office, stamp)
            opening = _opening(request, store.open_session(), home, now.utc_us)
            if isinstance(request.clinical, Clinical) and request.plan is not None:
                sign_overrides(store, request.clinical, request.plan, moment, stamp)
            link_keys = read_link_keys(home)
            reserve = Reserve(home.root)
            cable = None if opening is None else open_cable(request.port)
        except BaseException:
            store.close(stamp)
            raise
        if opening is None or cable is None:
            store.close(stamp)
            return RunResult(status=0, reason="", view=None)
        stack.callback(cable.close)
        for text in store.notices:
            observer.notice(Notice(NoticeKind.INFO, text))
        writer = Writer(store, boot=boot, clock=state, reserve=reserve)
        stack.callback(lambda: close_log(writer, office, clock))
        stopper = Stopper(home)
        stack.callback(stopper.close)
        write_private(home.last_port_file, f"{request.port}\n")
        host_id = read_host_id(home)
        engine = SessionEngine(host_id=host_id, host_boot=boot)
        aftercare = request.clinical.aftercare if request.clinical is not None else None
        script = Autopilot(opening, how=request.command, resets_stop=True, aftercare=aftercare)
        headless = Headless(script, port=request.port)
        viewers = Viewers(home)
        stack.callback(viewers.close)
        link = LinkEngine(host_id, link_keys)
        shown = HeadlessView(
            viewers,
            operator=headless,
            observer=_Both(headless, observer),
            opening=opening,
            opened_us=now.utc_us,
            stats=link.stats,
            port=request.port,
        )
        loop = Loop(
            clock=clock,
            engine=engine,
            link=link,
            cable=cable,
            writer=writer,
            operator=shown,
            observer=shown,
            signals=signals,
            members=(stopper, viewers),
            attendant=shown,
        )
        end = loop.run()
        if end.status >= SIGNALLED:
            signals.ignore()
        return RunResult(status=end.status, reason=end.reason, view=engine.view())


def open_cable(name: str) -> Cable:
    """Open the port that was named, and no other.

    Once a gun was there and is lost, ports that appear later are tried too: it may come back under another name.
    """
    there = frozenset(candidate_ports())

    def reopener(lost: str, now_us: int) -> Reopener:
        return Reopener(lost, now_us, list_ports=lambda: [port for port in candidate_ports() if port not in there])

    return Cable(open_port(name), reopener)


def office_of(home: Home) -> Office | None:
    """Open the people of this data directory; None where nobody was ever enrolled."""
    return Office.open(home.root) if read_operators(home.root) else None


def close_log(writer: Writer, office: Office | None, clock: Clock) -> None:
    """Let the log end with what people did while the session ran."""
    due = office.due() if office is not None else None
    if due is not None and due.entries:
        writer.submit(Batch(no=PEOPLE_BATCH, entries=due.entries), clock.now())
    results = writer.close(clock.now())
    taken = any(isinstance(result, Committed) and result.no == PEOPLE_BATCH for result in results)
    if office is not None and due is not None and taken:
        office.settled(due)


def _opening(
    request: RunRequest, row: SessionRow | None, home: Home, utc_us: int
) -> OpenSession | ResumeSession | None:
    """Return what the script begins with; None when there is nothing to resume.

    Raises:
        MesoError: the session to resume has a patient and nobody signed in.
    """
    who = request.clinical
    if request.plan is not None and isinstance(who, Clinical):
        return opening_of(who, request.plan, approval_in(home, request.plan.digest), utc_us)
    if request.plan is not None:
        return OpenSession(
            plan=request.plan,
            session=secrets.token_hex(ID_BYTES),
            alias=secrets.token_hex(ID_BYTES),
            op=PRACTICE,
            role=PRACTICE,
            practice=True,
        )
    if row is None:
        return None
    if row.practice:
        return ResumeSession(row=row, plan=plan_of(row), op=PRACTICE, role=PRACTICE)
    if not isinstance(who, Returning):
        raise MesoError(f"session {row.session} has a patient: sign in with --operator NAME to take it up")
    return resuming_of(who, row, plan_of(row), home, utc_us)


def plan_of(row: SessionRow) -> TreatmentPlan:
    """Return the plan that a session was opened with.

    Raises:
        MesoError: the record holds none that this version understands.
    """
    plan = row.opened.get("plan")
    if not isinstance(plan, Mapping):
        raise MesoError(f"session {row.session} cannot be resumed: its record holds no plan")
    return TreatmentPlan.from_json(plan)


def last_port(home: Home) -> str:
    """Return the port of the last run in this data directory; empty if there was none."""
    try:
        return home.last_port_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class _Both:
    """Shows everything to the script, which ends at a refusal, and to whoever watches."""

    def __init__(self, headless: Headless, observer: Observer) -> None:
        self._headless = headless
        self._observer = observer

    def notice(self, notice: Notice) -> None:
        self._headless.notice(notice)
        self._observer.notice(notice)

    def seen(self, view: View, now: Instant) -> None:
        self._observer.seen(view, now)
