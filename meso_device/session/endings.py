"""Leaving the armed state, and leaving the session: disarm, after STOP, reset of the latch, close."""

from typing import Final

from drivers.outcome import Done, Refused
from meso_device.accounting.cartridges import material_totals, overdrawn_nl
from meso_device.accounting.clinic import Cartridge, ClinicFacts
from meso_device.accounting.entries import Entry, Json
from meso_device.session.connect import note_status, settle
from meso_device.session.contract import NoticeKind, Phase
from meso_device.session.desk import Desk, SessionState
from meso_device.session.flow import Flow, FlowEnded, LinkTrouble, LoadFacts, Until, ask, record, refusal_text, send
from protocols.units import format_dose
from protocols.wire.codes import Alarm, State
from protocols.wire.messages import (
    AlarmAck,
    EstopResetConfirm,
    EstopResetPrepare,
    EstopResetPrepareReply,
    GrantRevoke,
    Status,
    StatusGet,
)

SWITCH_OFF_AND_ON: Final = "switch the gun off and on, so that it tests itself anew"


def disarm(desk: Desk, cause: str) -> Flow:
    """Take the credit back, and book what was used of it."""
    answered = yield from send(GrantRevoke(0))
    if not isinstance(answered.outcome, Done):
        raise LinkTrouble("the gun did not take the credit back: its lease does")
    yield from settle(desk)
    yield from record(desk.entry("interlock", desk.event_key("disarm"), {"disarmed": cause}))


def after_stop(desk: Desk) -> Flow:
    """Wait until the gun has said that it is stopped, then book what was given."""
    yield Until(lambda: desk.latch_id != 0)
    yield from settle(desk)
    desk.tell(NoticeKind.INFO, "the gun is stopped and its log is read to the head")


def reset_stop(desk: Desk, reason_code: int, op: str) -> Flow:
    """Clear the latch in its two steps; the gun homes its needle and ends SAFE."""
    answered = yield from send(EstopResetPrepare())
    match answered.outcome:
        case Done(body=EstopResetPrepareReply() as prepared):
            pass
        case Refused():
            others = ", ".join(alarm.name for alarm in _alarms_beside_the_stop(desk.status))
            first = f"; acknowledge its alarms first ({others})" if others else ""
            raise FlowEnded(f"stop not reset: {refusal_text(answered.outcome)}{first}")
        case _:
            raise LinkTrouble("the gun did not answer the reset of its stop")
    payload: dict[str, Json] = {"latch_id": prepared.latch_id, "reason_code": reason_code, "by": op}
    yield from record(desk.entry("estop.reset", desk.event_key("estop.reset"), payload))
    desk.homed = False
    yield from ask(EstopResetConfirm(prepared.nonce, prepared.latch_id, reason_code))
    desk.latch_id = 0
    if desk.session is not None:
        desk.session.confirmed = False
    before = desk.status
    # The event may get lost: a newer status tells as well that the needle stands.
    yield Until(lambda: desk.homed or (desk.status is not before and needle_stands(desk.status)))
    yield from ask(StatusGet())


def needle_stands(status: Status | None) -> bool:
    """Return whether the gun says that nothing of it moves."""
    return status is not None and status.state != State.MOVING


def acknowledge_fault(desk: Desk, op: str) -> Flow:
    """Acknowledge every alarm of a gun in FAULT or ESTOPPED; a fault still there keeps it in that state.

    A gun that is stopped and has a fault shows ESTOPPED, and its stop is not reset before the fault is gone.
    """
    yield from settle(desk)
    named = _alarms_beside_the_stop(desk.status)
    entries = [
        desk.entry(
            "alarm.acknowledged", desk.event_key(f"alarm.acknowledged/{alarm.name}"), {"alarm": alarm.name, "by": op}
        )
        for alarm in named
    ]
    yield from record(*entries)
    for alarm in named:
        yield from send(AlarmAck(alarm))
    status = (yield from ask(StatusGet())).body
    if not isinstance(status, Status):
        raise LinkTrouble("STATUS_GET was answered by something else")
    note_status(desk, status)
    left = ", ".join(alarm.name for alarm in named if status.alarms >> alarm & 1)
    # What a self-test found is over with the next one, whatever is acknowledged; a gun that is stopped has it at its
    # start alone (W-189).
    remedy = f"; {SWITCH_OFF_AND_ON}" if status.alarms >> Alarm.SELF_TEST_FAILED & 1 else ""
    if status.state == State.FAULT:
        raise FlowEnded(f"the gun is still in FAULT ({left}): mend the cause, then acknowledge again{remedy}")
    if left and desk.latch_id:
        raise FlowEnded(f"the gun still has alarms ({left}): mend what is wrong before the reset{remedy}")


def _alarms_beside_the_stop(status: Status | None) -> list[Alarm]:
    """Return the gun's alarms but for the stop itself."""
    alarms = status.alarms if status is not None else 0
    return [alarm for alarm in Alarm if alarms >> alarm & 1 and alarm is not Alarm.ESTOP]


def _unbalanced(desk: Desk, cartridge: Cartridge) -> list[Entry]:
    """Name a syringe from which more went than was loaded, before the session is signed off (I-29)."""
    over_nl = overdrawn_nl(cartridge)
    if not over_nl:
        return []
    text = (
        f"syringe: by the records {format_dose(over_nl)} more left it than was loaded and metering explains: check "
        "which one is fitted before signing"
    )
    desk.tell(NoticeKind.ALARM, text)
    payload: dict[str, Json] = {"code": "cartridge_balance", "detail": text, "difference_nl": over_nl}
    return [desk.entry("interlock", desk.event_key("interlock/cartridge_balance"), payload)]


def close(desk: Desk, state: str, aftercare: bool | None) -> Flow:
    """Close the session with its totals, once nothing is open, unread or unreleased (I-33).

    With a patient the totals also say what the syringe's balance is (I-29); one that does not hold is named first.
    """
    session, book = desk.treatment(), desk.gun()
    desk.phase = Phase.CLOSING
    answered = yield from send(GrantRevoke(0))
    if not isinstance(answered.outcome, Done):
        raise LinkTrouble("the gun did not take the credit back: its lease does")
    yield from settle(desk)
    yield Until(lambda: book.released_seq >= book.committed_seq or desk.log_halted)
    if book.open_grants() or desk.findings:
        raise FlowEnded("not closed: something is open or unknown; see the findings")
    sums = totals(session, state)
    entries = []
    if not session.practice:
        facts = yield LoadFacts(session.session, session.alias, book.stamp.gun_uid, session.plan.digest)
        if not isinstance(facts, ClinicFacts):
            raise TypeError("the store answered something else")
        sums["session_cap_left_nl"] = session.plan.session_cap_nl - sum(
            given.dose_hi_nl for given in session.given.values()
        )
        sums["by_lot"] = [
            {
                "product": one.product,
                "lot": one.lot,
                "shots": one.shots,
                "dose_lo_nl": one.dose_lo_nl,
                "dose_hi_nl": one.dose_hi_nl,
            }
            for one in facts.given
        ]
        if facts.cartridge is not None:
            sums["material"] = material_totals(facts.cartridge)
            entries += _unbalanced(desk, facts.cartridge)
        if aftercare is None:
            if session.given:
                desk.tell(NoticeKind.INFO, "nobody said whether aftercare was given; nothing is recorded about it")
        elif session.given:
            given_payload: dict[str, Json] = {"given": aftercare}
            entries.append(desk.entry("aftercare", f"aftercare/{session.session}", given_payload))
    yield from record(*entries, desk.entry("session.closed", f"session/{session.session}/closed", sums))
    session.closed = True
    if desk.status is not None and desk.status.state == State.FAULT:
        desk.tell(NoticeKind.ALARM, "the gun shows a fault: see its alarms before the next session")


def totals(session: SessionState, state: str) -> dict[str, Json]:
    """Return what the records say was given in a session, by area and in all."""
    areas: list[Json] = [
        {
            "area": area.area,
            "area_code": area.area_code,
            "points_planned": area.shots,
            "points_given": given.shots if given else 0,
            "points_skipped": session.skipped.get(area.area_code, 0),
            "interrupted": given.interrupted if given else 0,
            "dose_lo_nl": given.dose_lo_nl if given else 0,
            "dose_hi_nl": given.dose_hi_nl if given else 0,
            "cap_left_nl": area.cap_nl - (given.dose_hi_nl if given else 0),
        }
        for area in session.plan.areas
        for given in (session.given.get(area.area_code),)
    ]
    return {
        "state": state,
        "areas": areas,
        "points_planned": session.plan.shots,
        "points_given": sum(given.shots for given in session.given.values()),
        "dose_lo_nl": sum(given.dose_lo_nl for given in session.given.values()),
        "dose_hi_nl": sum(given.dose_hi_nl for given in session.given.values()),
    }
