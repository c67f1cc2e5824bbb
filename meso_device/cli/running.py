"""Runs and resumes sessions for commands, and says what became of them."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from meso_device.audit.queries import open_session
from meso_device.cli.log import reading
from meso_device.cli.output import is_terminal, say, say_json, tell
from meso_device.cli.printer import Printer
from meso_device.cli.progress import Progress
from meso_device.host.home import Home, find_home
from meso_device.host.members import Observer
from meso_device.host.run import RunRequest, RunResult, last_port, plan_of, run_session
from meso_device.session.contract import Instant, Notice, Phase, View
from protocols.errors import UsageError
from protocols.treatment.plan import TreatmentPlan
from protocols.units import format_dose

if TYPE_CHECKING:
    from meso_device.host.clinical import Clinical

RUN: Final = "meso session run"
RESUME: Final = "meso session resume"
NOTHING: Final = "nothing to resume"


class SignIn(Struct, frozen=True, kw_only=True):
    """Who goes on with a session, as the command line says; asked for only where the session has a patient.

    Attributes:
        login: Login name; empty to be asked.
        pin_file: Where the PIN comes from.
        checks: Checks file, for aftercare and what was fitted meanwhile; empty for none.
    """

    login: str = ""
    pin_file: str = ""
    checks: str = ""


def run_plan(
    plan: TreatmentPlan, *, gun: str, home: Path | None, json: bool, clinical: "Clinical | None" = None
) -> int:
    """Run a new session, report it, and return the exit status."""
    request = RunRequest(root=find_home(home, os.environ), command=RUN, port=gun, plan=plan, clinical=clinical)
    if clinical is not None and not json:
        say(f"session {clinical.session}: patient {clinical.alias}, {plan.title}, {plan.version} [{plan.status}]")
    result = watch(request, plan, quiet=json)
    return report(result, Words(request=request, home=home), json=json)


def resume_session(*, gun: str, home: Path | None, json: bool, sign_in: SignIn) -> int:
    """Take up the newest open session, report it, and return the exit status; 0 when there is none."""
    root = find_home(home, os.environ)
    with reading(home) as db:
        row = open_session(db) if db is not None else None
    if row is None and not root.exists():
        return report_nothing(json=json)
    port = gun or last_port(Home(root))
    request = RunRequest(root=root, command=RESUME, port=port, plan=None)
    if row is None:
        # Nothing is open, or the first start was killed too early for that: then this one mends what it left.
        result = _run(request, Silent())
    elif not port:
        raise UsageError("the port of the last run is not known; name it with --gun PORT, or list with: meso guns")
    else:
        if not row.practice:
            from meso_device.cli.clinical import take_up

            who = take_up(sign_in.login, sign_in.pin_file, sign_in.checks, row.alias, home)
            request = replace(request, clinical=who)
        result = watch(request, plan_of(row), quiet=json)
    return report(result, Words(request=request, home=home), json=json)


class Silent:
    """Watches and says nothing."""

    def notice(self, notice: Notice) -> None:
        """Let it pass."""

    def seen(self, view: View, now: Instant) -> None:
        """Let it pass."""


def watch(request: RunRequest, plan: TreatmentPlan, *, quiet: bool) -> RunResult:
    """Run while printing what happens, unless quiet."""
    if quiet:
        return _run(request, Silent())
    live = is_terminal()
    printer = Printer(sys.stdout.fileno(), pictures=live)
    observer: Observer = Progress(plan, printer, live=live)
    try:
        return _run(request, observer)
    finally:
        printer.close()


def _run(request: RunRequest, observer: Observer) -> RunResult:
    from meso_device.technical_log import TechnicalLog

    with TechnicalLog(request.root, observer, command=request.command) as log:
        return run_session(request, log)


class Words(Struct, frozen=True, kw_only=True):
    """What a report says of the run's command.

    Attributes:
        request: The run.
        home: Data directory as it was given; None when it was not.
    """

    request: RunRequest
    home: Path | None

    @property
    def resume(self) -> Sequence[str]:
        """The command that goes on from here."""
        where = ("--home", str(self.home)) if self.home is not None else ()
        return (*RESUME.split(), "--gun", self.request.port, *where)


def report(result: RunResult, words: Words, *, json: bool) -> int:
    """Say what became of a run: a line on standard error unless it is complete, and the JSON document."""
    view = result.view
    if view is None:
        return report_nothing(json=json)
    complete = _is_complete(result, view)
    if json:
        say_json(_document(result, view, words))
    elif complete:
        volume = format_dose(view.dose_hi_nl)
        say(f"complete: {view.shots_given} of {view.shots_planned} injections logged, {volume} at most")
    if not complete:
        tell(_ending(result, view, words))
    return result.status


def report_nothing(*, json: bool) -> int:
    """Say that no session is open, and return the exit status."""
    if json:
        say_json({"state": "none", "exit": 0, "reason": NOTHING})
    else:
        say(NOTHING)
    return 0


def _is_complete(result: RunResult, view: View) -> bool:
    return view.phase is Phase.CLOSED and result.status == 0


def _ending(result: RunResult, view: View, words: Words) -> str:
    reason = result.reason or f"ended by signal {result.status - 128}"
    if not view.session:
        return reason
    if view.phase is Phase.CLOSED:
        return f"{reason}; the session is closed without an injection"
    unknown = ""
    if view.held_shots:
        unknown = f"; unknown until its log is read: up to {view.held_shots} injections, {format_dose(view.held_nl)}"
    return (
        f"{reason}; {view.shots_given} of {view.shots_planned} injections logged{unknown}; "
        f"go on with: {shlex.join(words.resume)}"
    )


def _state(result: RunResult, view: View) -> str:
    if _is_complete(result, view):
        return "complete"
    if view.phase is Phase.CLOSED:
        return "refused"
    return "open" if view.session else "none"


def _document(result: RunResult, view: View, words: Words) -> dict[str, object]:
    closed = view.phase is Phase.CLOSED
    return {
        "session": view.session,
        "state": _state(result, view),
        "exit": result.status,
        "reason": result.reason,
        "gun_uid": view.gun_uid,
        "serial": view.serial,
        "simulated": view.simulated,
        "planned": view.shots_planned,
        "given": view.shots_given,
        "dose_lo_nl": sum(area.dose_lo_nl for area in view.given),
        "dose_hi_nl": view.dose_hi_nl,
        "unknown_injections": view.held_shots,
        "unknown_nl": view.held_nl,
        "head_seq": view.head_seq,
        "committed_seq": view.committed_seq,
        "findings": list(view.findings),
        "resume": [] if closed or not view.session else list(words.resume),
    }
