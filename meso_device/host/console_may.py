"""What the operator may ask for now, and why not: pure, from what can be seen."""

from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import SessionRow
from meso_device.accounting.findings import locked_line
from meso_device.host.console_facts import ConsoleFacts
from meso_device.session.contract import LinkState, Phase, View
from protocols.wire.codes import GunFlag, State

LIVE: Final = frozenset({Phase.ARMED, Phase.ARMING})
OPEN_WHILE_LOCKED: Final = frozenset({"sign_in", "disarm", "quit"})
"""Beside STOP, which nothing ever forbids."""
_AT_BENCH: Final = "a run is under way at the bench: pause it first"
_OVER: Final = frozenset({Phase.NO_SESSION, Phase.CLOSED})


class Seen(Struct, frozen=True, kw_only=True):
    """What decides.

    Attributes:
        view: The engine's.
        facts: What was heard of the gun.
        signed_in: Somebody is.
        enrolled: Somebody is enrolled in this data directory.
        locked: Somebody locked the console.
        session: A session was opened or taken up in this run.
        left_open: Session that an earlier run left open and nobody has taken up.
        prepared: Patient and treatment are chosen.
        patient: The session under way has a patient.
        theirs: The session under way is practice, or whoever is signed in treats in it.
        to_sign: A session of a patient is closed and was not signed for.
        no_technician: Why whoever is signed in may not calibrate; empty otherwise.
        run_open: A run at the bench can go on.
        run_to_sign: One is complete and not signed for.
        run_theirs: Whoever is signed in runs the one under way.
    """

    view: View
    facts: ConsoleFacts
    signed_in: bool
    enrolled: bool
    locked: bool
    session: bool
    left_open: SessionRow | None
    prepared: bool = False
    patient: bool = False
    theirs: bool = True
    to_sign: bool = False
    no_technician: str = ""
    run_open: bool = False
    run_to_sign: bool = False
    run_theirs: bool = False


def is_at_bench(view: View) -> bool:
    """Return whether a run is under way at the bench."""
    return view.bench is not None and view.bench.running


def why_not(seen: Seen) -> dict[str, str]:
    """Return for each command, in lower case, why it cannot be asked for now, or an empty string."""
    view = seen.view
    armed = "disarm first" if view.phase in LIVE else ""
    no_gun = "" if view.link is LinkState.UP else "no gun is connected"
    going = seen.session and view.phase not in _OVER
    to_close = "" if seen.facts.written_off else no_gun
    left = "" if seen.left_open is not None else "no session was left open"
    bench = _AT_BENCH if is_at_bench(seen.view) else ""
    another = "a session is open" if going else "a session was left open" if seen.left_open is not None else bench
    stopped = view.phase is Phase.ESTOPPED
    nobody = "" if seen.signed_in or not seen.enrolled or view.simulated else "sign in first"
    person = "" if seen.signed_in else "sign in first: F9, then S"
    other = "" if seen.theirs or not going else "sign in as the one who treats in this session"
    may = {
        "sign_in": armed or ("" if seen.enrolled else "nobody is enrolled"),
        "lock": "" if seen.signed_in else "nobody is signed in",
        "enrol": "somebody is enrolled already" if seen.enrolled else "",
        "open": no_gun or another or ("" if view.simulated else "a practice session takes a simulated gun"),
        "resume": left or bench or _taking_up(seen),
        "abandon": armed or to_close or ("" if going else left or _taking_up(seen)),
        "patient": armed or person,
        "prepare": armed or person or another,
        "begin": no_gun or another or person or ("" if seen.prepared else "choose patient and treatment first"),
        "check": armed or person or other or ("" if seen.prepared else "choose patient and treatment first"),
        "material": armed or person or no_gun or bench,
        "override": armed or person or other or ("" if going and seen.patient else "no session of a patient is open"),
        "sign": armed or person or ("" if seen.to_sign else "nothing is to be signed"),
        "confirm": other or no_gun or ("" if view.phase is Phase.UNCONFIRMED else "nothing to confirm"),
        "arm_open": other or _arming(seen),
        "disarm": "" if armed else "not armed",
        "reset_open": no_gun or ("" if stopped and view.estop_latch_id else "the gun is not stopped"),
        "connect": "disconnect first" if view.link in {LinkState.UP, LinkState.RECONCILING} else "",
        "disconnect": armed or no_gun or bench,
        "self_test": armed or no_gun or bench or nobody or ("reset the stop first" if stopped else ""),
        "home": armed or no_gun or bench or nobody or _homing(seen),
        "clear_fault": no_gun or ("" if stopped or view.phase is Phase.FAULT else "the gun shows no fault"),
        "write_off": armed or bench or _writing_off(seen),
        "acknowledge": nobody,
        "finish": armed or other or ("" if going else "no session is open") or to_close,
        "plan": nobody or other or _planning(seen),
        "note": nobody or armed or ("" if going else "no session is open"),
        "page": armed,
        "afterwards": armed or person,
        "verify": armed,
        "see_to": armed or person or another,
        "quit": armed or bench,
        **_at_the_bench(seen, armed or person or seen.no_technician, bench or no_gun),
    }
    if seen.locked:
        return {name: why if name in OPEN_WHILE_LOCKED else "locked: sign in first" for name, why in may.items()}
    return may


def _at_the_bench(seen: Seen, nobody: str, not_now: str) -> dict[str, str]:
    """Return why not, for what is done at the bench.

    Args:
        seen: What decides.
        nobody: Why whoever is here may do nothing of it; empty for a technician.
        not_now: Why the gun cannot be had; empty if it can.
    """
    running = "" if is_at_bench(seen.view) else "no run is under way"
    bench = _AT_BENCH if is_at_bench(seen.view) else ""
    session = seen.session and seen.view.phase not in _OVER
    opened = nobody or ("close the session first" if session or seen.left_open is not None else "")
    return {
        "bench_open": opened,
        "bench": opened or not_now or _benching(seen),
        "bench_read": nobody or running or ("" if seen.run_theirs else "sign in as the one who runs it"),
        "bench_pause": running,
        "bench_record": opened or bench or ("" if seen.run_open else "no run is open"),
        "bench_sign": opened or bench or ("" if seen.run_to_sign else "no run waits for its signatures"),
    }


def _benching(seen: Seen) -> str:
    """Return why the gun cannot be calibrated now; empty if it can."""
    view = seen.view
    reasons = (
        (bool(view.write_failed), "nothing can be recorded"),
        (view.phase is Phase.ESTOPPED, "reset the stop first"),
        (view.phase is Phase.FAULT, "acknowledge the fault first"),
        (view.phase is Phase.LOCKED, locked_line(view.findings)),
        (view.phase not in _OVER, f"the session is {view.phase.value}"),
    )
    return next((text for holds, text in reasons if holds), "")


def _homing(seen: Seen) -> str:
    """Return why the needle cannot be drawn home now; empty if the gun may be asked."""
    status = seen.facts.status
    reasons = (
        (seen.view.phase is Phase.ESTOPPED, "reset the stop first: that draws it home"),
        (seen.view.phase is Phase.FAULT, "acknowledge the fault first"),
        (status is not None and bool(GunFlag(status.flags) & GunFlag.CONTACT), "lift the gun off the skin first"),
        (seen.view.log_state != "SYNCED", f"the log is {seen.view.log_state}"),
    )
    return next((text for holds, text in reasons if holds), "")


def _taking_up(seen: Seen) -> str:
    """Return why the session that was left open cannot be taken up here; empty if it can."""
    if seen.view.link is LinkState.RECONCILING:
        return "wait: the gun's log is being read"  # its shots would be counted neither before nor after
    practice = seen.left_open is None or seen.left_open.practice
    return "" if practice or seen.signed_in else "it has a patient: sign in first"


def _planning(seen: Seen) -> str:
    """Return why nothing of the plan can be changed now; empty if it can."""
    view = seen.view
    reasons = (
        (not seen.session or view.phase in _OVER, "no session is open"),
        (view.link is not LinkState.UP, "no gun is connected"),
        (view.phase in LIVE, "disarm first"),
        (view.phase is not Phase.READY, "look at the state and confirm it first"),
    )
    return next((text for holds, text in reasons if holds), "")


def _arming(seen: Seen) -> str:
    view, status = seen.view, seen.facts.status
    reasons = (
        (not seen.session or view.phase in _OVER, "no session is open"),
        (view.link is not LinkState.UP, "no gun is connected"),
        (bool(view.write_failed), "nothing can be recorded"),
        (view.phase in LIVE, "armed already"),
        (view.phase is Phase.UNCONFIRMED, "look at the state and confirm it first"),
        (view.phase is Phase.ESTOPPED, "the gun is stopped: reset it first"),
        (view.phase is Phase.FAULT, "the gun shows a fault"),
        (view.phase is not Phase.READY, f"the session is {view.phase.value}"),
        (view.open_grants > 0, "something is unknown: it has to be settled first"),
        (view.log_state != "SYNCED", f"the log is {view.log_state}"),
        (seen.facts.alarms.unacknowledged, "acknowledge the alarms first"),
        (status is not None and status.state not in {State.SAFE, State.ARMED}, "the gun is not SAFE"),
    )
    return next((text for holds, text in reasons if holds), "")


def _writing_off(seen: Seen) -> str:
    if seen.facts.unknown_us is None:
        return "nothing is unknown"
    if seen.view.link is LinkState.RECONCILING:
        return "the gun's log is being read: wait"
    return "" if seen.signed_in else "sign in first: it takes two people"
