"""From an area of the plan to credit at the gun: settings, read-back, grant, read-back; and again until it is done.

The gun fires; this only permits. Every step is recorded before it takes effect.
"""

from collections.abc import Generator
from functools import partial
from typing import Final

from msgspec import Struct

from meso_device.accounting.caps import CapScope, grant_caps, second_pass_code
from meso_device.accounting.clinic import ClinicFacts, PartWear
from meso_device.accounting.courses import interval_days, past_sessions
from meso_device.accounting.coverage import cell_name, coverage_of
from meso_device.accounting.entries import Cap, CapExceeded, Committed, GrantIntent, Json
from meso_device.accounting.findings import Finding, FindingCode
from meso_device.accounting.grants import GrantAccount, closed_entry, prepared_entry
from meso_device.session.advice import calibration_advice, depth_advice, wear_advice
from meso_device.session.connect import hear_of_change, settle
from meso_device.session.contract import NoticeKind, Phase
from meso_device.session.desk import Desk, SessionState
from meso_device.session.flow import (
    Answer,
    Flow,
    FlowEnded,
    LinkTrouble,
    LoadFacts,
    Need,
    Record,
    Until,
    ask,
    record,
    refusal_text,
)
from meso_device.session.granting import LEASE_MS, grant_over, live_grant
from meso_device.session.interlocks import Block, Case, judge, protocol_status
from meso_device.session.settings import check_against_limits, settings_for
from protocols.errors import UsageError
from protocols.treatment.courses import courses
from protocols.treatment.plan import AreaPlan
from protocols.units import day_of, format_depth, format_dose
from protocols.wire.codes import GrantEnd, GrantKind, Mode
from protocols.wire.hashes import hash8
from protocols.wire.messages import (
    Settings,
    SettingsGet,
    SettingsGetReply,
)
from protocols.wire.states import GrantEvent

# Small enough that what a lost link leaves unknown stays small, large enough that renewal costs no beat.
GRANT_SHOTS_MAX: Final = 25


class Permit(Struct, frozen=True):
    """What the rules allow next in one area.

    Attributes:
        shots: Shots of the next grant.
        lot: Lot of the syringe in the gun; empty in practice.
        caps: What the grant must keep, checked where its row is inserted.
        status: What the treatment protocol says of itself.
        approved_by: Who approved it; empty if nobody.
        wear: Parts of the gun that wear.
    """

    shots: int
    lot: str
    caps: tuple[Cap, ...]
    status: str
    approved_by: str
    wear: tuple[PartWear, ...]


def arm(desk: Desk, area_id: str) -> Flow:
    """Permit the shots of one area, grant by grant, until it is complete or the credit ends otherwise."""
    desk.phase = Phase.ARMING
    area = desk.treatment().area(area_id)
    if area is None:
        raise FlowEnded(f"area {area_id} is not in this treatment")
    permit = yield from _permit(desk, area, again=True)
    ends = calibration_advice(desk.calibration.main, day_of(desk.now.utc_us)) if desk.calibration is not None else ()
    wears = wear_advice(permit.wear) if permit is not None else ()
    for line in (*ends, *wears, *depth_advice(area, desk.treatment().sex)):
        desk.tell(NoticeKind.INFO, line)
    block = yield from _set_and_read_back(desk, area)
    while permit is not None:
        desk.phase = Phase.ARMING
        grant = yield from live_grant(desk, block, partial(_reserve, desk, area, block, permit), refusal_text)
        desk.phase = Phase.ARMED
        yield grant_over(desk, grant)
        yield Until(lambda: desk.gun().synced or desk.log_halted)
        if not grant.spent:
            yield from _ended_early(desk, grant)
            return
        grant.move(GrantEvent.PROVEN_OVER)
        yield from record(closed_entry(grant, desk.gun().stamp, "every shot it permitted is in the gun's log"))
        permit = yield from _permit(desk, area, again=False)
    desk.tell(NoticeKind.INFO, _all_done(desk.treatment(), area))


def _all_done(session: SessionState, area: AreaPlan) -> str:
    """Say what is complete: a cell of the area, or all of it."""
    cells, places = session.cells.get(area.area_code), session.places(area)
    if cells is not None and places < area.shots:
        return f"cell {area.short}{cell_name(cells.current)}: all its points are done; N goes on"
    skipped = session.skipped.get(area.area_code, 0)
    left_out = f", {skipped} of them skipped" if skipped else " given"
    return f"area {area.area}: all {area.shots} points{left_out}"


def _permit(desk: Desk, area: AreaPlan, *, again: bool) -> Generator[Need, Answer, Permit | None]:
    """Judge every rule by what is committed at this moment; None when the area has all its points.

    ``again`` says that the operator asks for the area: then one that has all its points is judged too, as the pass over
    it that it would be.

    Raises:
        FlowEnded: a rule stands against it; each is recorded with its code.
    """
    desk.blocked = ()
    yield Until(lambda: desk.gun().synced)
    book, session, limits = desk.gun(), desk.treatment(), desk.limits
    if limits is None or desk.calibration is None:
        raise LinkTrouble("the gun did not give its limits or its calibration")
    yield from hear_of_change(desk)
    facts = yield LoadFacts(session.session, session.alias, book.stamp.gun_uid, session.plan.digest)
    if not isinstance(facts, ClinicFacts):
        raise TypeError("the store answered something else")
    places, cells = session.places(area), session.cells.get(area.area_code)
    overrides = frozenset(override.code for override in facts.overrides)
    left = area.shots + (area.points if second_pass_code(area) in overrides else 0) - places
    in_cell = cells.left(places) if cells is not None else left
    if min(left, in_cell) <= 0 and not again:
        return None
    if cells is not None and in_cell <= 0 < left:
        name = f"{area.short}{cell_name(cells.current)}"
        raise FlowEnded(f"cell {name}: its points are done; N goes on, or choose it again as a SECOND PASS")
    cover = coverage_of(area, places)
    next_left = min(left, cover.left_in_pass if cells is None else in_cell) if left > 0 else area.points
    shots = min(next_left, GRANT_SHOTS_MAX, limits.grant_shots_max)
    if area.dose_nl:
        shots = min(shots, limits.grant_nl_max // area.dose_nl)
        if facts.cartridge is not None:
            shots = max(1, min(shots, facts.cartridge.left_nl // area.dose_nl))
    case = Case(
        plan=session.plan,
        area=area,
        facts=facts,
        hello=book.hello,
        limits=limits,
        calibration=desk.calibration,
        session=session.session,
        alias=session.alias,
        role=session.role,
        practice=session.practice,
        given_shots=places,
        ask_nl=shots * area.dose_nl,
        now=desk.now,
    )
    yield from _refuse_if_blocked(desk, judge(case))
    if cover.warning:
        desk.tell(NoticeKind.INFO, cover.warning)
    status, approved_by = protocol_status(case)
    lot = facts.cartridge.lot if facts.cartridge is not None and not session.practice else ""
    course = courses().get(session.plan.course)
    past = past_sessions(facts.last_given, area.area_code, session.plan.product_name)
    scope = CapScope(
        session=session.session,
        alias=session.alias,
        product=session.plan.product_name,
        lot=lot,
        now_us=desk.now.utc_us,
        interval_days=interval_days(course, past) if course is not None else 0,
        gun_session_nl=limits.session_nl_max,
        gun_session_shots=limits.session_shots_max,
        overrides=overrides,
    )
    return Permit(shots, lot, grant_caps(session.plan, area, scope), status, approved_by, facts.wear)


def _refuse_if_blocked(desk: Desk, blocks: list[Block]) -> Generator[Need, Answer, None]:
    """Record what stands against it, and end the flow; nothing if nothing does."""
    if blocks:
        entries = [
            desk.entry(
                "interlock",
                desk.event_key(f"interlock/{block.code}"),
                {"code": block.code, "detail": block.text, "soft": block.soft, "hazard": block.hazard},
            )
            for block in blocks
        ]
        desk.blocked = tuple(block.code for block in blocks)
        yield from record(*entries)
        raise FlowEnded("; ".join(block.text for block in blocks))


def _set_and_read_back(desk: Desk, area: AreaPlan) -> Generator[Need, Answer, Settings]:
    """Set every field in one frame, read the block back, compare all of it (I-41)."""
    book, session = desk.gun(), desk.treatment()
    block = settings_for(session.plan, area, book.hello)
    if desk.limits is None:
        raise LinkTrouble("the gun did not give its limits")
    try:
        check_against_limits(block, desk.limits, area.area)
    except UsageError as refused:
        yield from _refuse_if_blocked(desk, [Block("gun_limits", str(refused), soft=False, hazard="HZ-08")])
    changed = desk.area is not area
    desk.area = area
    packed = block.pack()
    fields: dict[str, Json] = {"hash8": hash8(packed).hex(), "block": packed.hex(), **_readable(block)}
    entries = [desk.entry("settings.set", desk.event_key("settings.set"), fields)]
    if changed:
        entries.insert(
            0, desk.entry("area.selected", desk.event_key("area.selected"), {"area": area.area, "points": area.shots})
        )
    yield from record(*entries)
    yield from ask(block)
    read = (yield from ask(SettingsGet())).body
    if not isinstance(read, SettingsGetReply):
        raise LinkTrouble("SETTINGS_GET was answered by something else")
    back = Settings.unpack(read.block)
    fields = {"hash8": read.settings_hash8.hex(), "block": read.block.hex(), **_readable(back)}
    entries = [desk.entry("settings.readback", desk.event_key("settings.readback"), fields)]
    if read.block != packed or read.settings_hash8 != hash8(packed):
        text = f"area {area.area}: the gun reads back other settings than were set: do not treat with it"
        if (found := desk.find(Finding(FindingCode.READ_BACK, text))) is not None:
            entries.append(found)
        yield from record(*entries)
        raise FlowEnded(text)
    yield from record(*entries)
    desk.tell(
        NoticeKind.INFO,
        f"area {area.area}: set and read back equal: {format_depth(back.depth_um)} commanded needle travel, "
        f"{format_dose(back.dose_nl)}, {60_000 // back.interval_ms}/min at most",
    )
    return block


def _readable(block: Settings) -> dict[str, Json]:
    return {
        "area_code": block.area_code,
        "mode": block.mode,
        "depth_um": block.depth_um,
        "dose_nl": block.dose_nl,
        "flow_nl_per_s": block.flow_nl_per_s,
        "interval_ms": block.interval_ms,
        "dwell_ms": block.dwell_ms,
        "cal_hash8": block.cal_hash8.hex(),
    }


def _reserve(desk: Desk, area: AreaPlan, block: Settings, permit: Permit) -> Generator[Need, Answer, GrantAccount]:
    """Write the grant's row, checked against the caps in the same transaction (I-10, I-25)."""
    book, session = desk.gun(), desk.treatment()
    shots = permit.shots
    book.last_grant_no += 1
    context = session.context(area, permit.lot)
    intent = GrantIntent(
        gun_uid=book.stamp.gun_uid,
        log_epoch=book.stamp.log_epoch,
        grant_no=book.last_grant_no,
        kind=GrantKind.DRY if area.mode == Mode.DRY else GrantKind.TREAT,
        session=session.session,
        alias=session.alias,
        area_code=area.area_code,
        product=context.product,
        lot=context.lot,
        max_shots=shots,
        max_nl=shots * area.dose_nl,
        caps=permit.caps,
    )
    grant = GrantAccount(
        grant_no=intent.grant_no,
        kind=intent.kind,
        area_code=intent.area_code,
        max_shots=intent.max_shots,
        max_nl=intent.max_nl,
        context=context,
    )
    extra: dict[str, Json] = {
        "settings_hash8": hash8(block.pack()).hex(),
        "lease_ms": LEASE_MS,
        "expect_head_seq": book.committed_seq,
        "owner_token": desk.owner_token,
        "protocol_status": permit.status,
        "approved_by": permit.approved_by,
    }
    book.reserving += 1

    def reserved(result: Committed | CapExceeded) -> None:
        book.reserving -= 1
        if isinstance(result, Committed):
            book.reserve(grant)

    answer = yield Record((prepared_entry(intent, book.stamp, context, extra),), intent, reserved)
    if isinstance(answer, CapExceeded):
        cap = answer.cap
        text = (
            f"cap '{cap.name}' refused: given {format_dose(answer.used_nl)} ({answer.used_shots} shots) + held "
            f"{format_dose(answer.held_nl)} ({answer.held_shots}) + asked {format_dose(intent.max_nl)} ({shots}) is "
            f"over {format_dose(cap.limit_nl) if cap.limit_nl else f'{cap.limit_shots} shots'}"
            f"{f' (override {cap.code})' if cap.code else ''}"
        )
        yield from _refuse_if_blocked(desk, [Block(cap.code or "cap", text, soft=not cap.hard, hazard="HZ-14")])
    if not isinstance(answer, Committed):
        raise TypeError("a grant's row was answered by something else")
    return grant


def _ended_early(desk: Desk, grant: GrantAccount) -> Generator[Need, Answer, None]:
    """Close a grant that the gun ended before it was spent, and say why."""
    cause = desk.ended_grant[1] if desk.ended_grant[0] == grant.grant_no else 0
    name = next((end.name for end in GrantEnd if end == cause), "ended")
    yield from settle(desk)
    left = grant.max_shots - grant.used_shots
    desk.tell(NoticeKind.INFO, f"disarmed by the gun ({name}): {left} of grant {grant.grant_no} not used")
