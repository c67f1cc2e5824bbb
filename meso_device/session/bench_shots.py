"""Shots at the bench: what is set, what the gun is permitted, and where they bring the plunger."""

from collections.abc import Generator
from functools import partial
from typing import Final

from drivers.outcome import Refused
from meso_device.accounting.entries import Committed, GrantIntent, Json
from meso_device.accounting.grants import GrantAccount, prepared_entry
from meso_device.accounting.shots import ShotContext
from meso_device.calibration.run import SHORT_PERMILLE, Step, zone_bounds_um
from meso_device.session.bench_desk import Bench, Doing
from meso_device.session.connect import settle
from meso_device.session.contract import NoticeKind
from meso_device.session.desk import Desk
from meso_device.session.flow import Answer, FlowEnded, LinkTrouble, Need, Record, ask, record, refusal_text
from meso_device.session.granting import LEASE_MS, grant_over, live_grant
from protocols.wire.codes import Code, ContactGate, GrantEnd, GrantKind, Mode, SuctionMode, TriggerSource
from protocols.wire.hashes import hash8
from protocols.wire.messages import LimitsGetReply, Settings, SettingsGet, SettingsGetReply, Status, StatusGet

BENCH_AREA: Final = 0xFFFF
"""On the wire a grant names an area; this one is of no body."""
FLOW_NL_PER_S: Final = 100_000
DWELL_MS: Final = 200
GAUGE_DWELL_MS: Final = 2_000
PRESSURE_PA_MAX: Final = 1_000_000
NEEDLE_UM_PER_S: Final = 100_000

_WHY: Final = {
    Code.E_CONTACT: "CONTACT: something touches the head; nothing is shot off skin while it does: free it",
    Code.E_CARTRIDGE: "EMPTY: the gun has no filled syringe: fill it with water",
    Code.E_HEAD: "WRONG_HEAD: another head is fitted than was named",
    Code.E_TRIGGER_HELD: "the trigger is held: let go of it",
}


def shoot(desk: Desk, bench: Bench, target: int, shots: int) -> Generator[Need, Answer, None]:
    """Let the gun make shots by its automatic trigger, and see from its log that it made just these.

    Raises:
        FlowEnded: the gun refused, or its count is not what was asked.
    """
    grant = yield from fire(desk, bench, target, shots)
    if grant.used_shots != shots:
        cause = desk.ended_grant[1] if desk.ended_grant[0] == grant.grant_no else 0
        why = next((end.name for end in GrantEnd if end == cause), "ended")
        raise FlowEnded(
            f"SHOT_COUNT_MISMATCH: {shots} shots asked, {grant.used_shots} in the gun's log ({why}): "
            "fill the syringe, free the head, then go on"
        )
    if grant.used_nl * 1_000 < grant.planned_used_nl * SHORT_PERMILLE:
        raise FlowEnded(
            f"SHORT_SHOT: {grant.planned_used_nl} nL were ordered, {grant.used_nl} nL given by the gun's log: fill the "
            "syringe or free the needle, then go on"
        )


def fire(desk: Desk, bench: Bench, target: int, shots: int) -> Generator[Need, Answer, GrantAccount]:
    """Let the gun make shots by its automatic trigger; return what its log says that it made.

    Raises:
        FlowEnded: the gun refused.
    """
    block = _block(desk, bench, target)
    packed = block.pack()
    if packed != bench.block:
        yield from _set(desk, packed, block)
        bench.block = packed
    grant = yield from live_grant(desk, block, partial(_reserve, desk, bench, block, shots), why_refused)
    yield grant_over(desk, grant)
    yield from settle(desk)
    return grant


def drive(desk: Desk, bench: Bench, step: Step) -> Generator[Need, Answer, bool]:
    """Bring the plunger into the third of the container that a step is for, by shots that are not weighed.

    Returns whether there were any: then the balance has to be read anew.

    Raises:
        FlowEnded: the plunger is behind that third already, and does not come back by itself.
    """
    begun, limits = bench.run.begun, desk.limits
    first_um, end_um = zone_bounds_um(begun, step.zone)
    if limits is None:
        raise LinkTrouble("the gun did not give its limits")
    plunger_um = yield from plunger_um_now()
    needs_um = step.target * step.shots * 1_000 // begun.pl_per_um
    if plunger_um + needs_um > end_um:
        raise FlowEnded(
            f"SYRINGE_USED: the plunger is at {plunger_um} um, too far for third {step.zone} of the container, "
            f"which ends at {end_um} um: fill the syringe, then go on"
        )
    if plunger_um >= first_um:
        return False
    desk.tell(NoticeKind.INFO, f"driving the plunger into third {step.zone} of the container, not weighed")
    yield from drive_to(desk, bench, limits, plunger_um, first_um)
    return True


def plunger_um_now() -> Generator[Need, Answer, int]:
    """Return where the gun says that its plunger is: 0 at a full syringe.

    Raises:
        LinkTrouble: it did not say.
    """
    status = (yield from ask(StatusGet())).body
    if not isinstance(status, Status):
        raise LinkTrouble("the gun did not say where its plunger is")
    return status.plunger_um


def drive_to(
    desk: Desk, bench: Bench, limits: LimitsGetReply, plunger_um: int, first_um: int
) -> Generator[Need, Answer, None]:
    """Move the plunger to a place ahead, or a little beyond, by shots that are not weighed."""
    begun = bench.run.begun
    missing_nl = (first_um - plunger_um) * begun.pl_per_um // 1_000 + limits.dose_grid_nl
    top_nl = limits.dose_nl_max // limits.dose_grid_nl * limits.dose_grid_nl
    bench.doing = Doing.DRIVING
    while missing_nl >= top_nl:
        shots = min(missing_nl // top_nl, limits.grant_shots_max, limits.grant_nl_max // top_nl)
        yield from shoot(desk, bench, top_nl, shots)
        missing_nl -= shots * top_nl
    rest_nl = max(missing_nl, *begun.targets)
    yield from shoot(desk, bench, -(-rest_nl // limits.dose_grid_nl) * limits.dose_grid_nl, 1)


def _block(desk: Desk, bench: Bench, target: int) -> Settings:
    calibration, begun = desk.calibration, bench.run.begun
    if calibration is None or desk.limits is None:
        raise LinkTrouble("the gun did not give its limits or its calibration")
    dose = begun.what.weighs
    geometry_id = begun.geometry_id or min(calibration.syringes, default=0)
    return Settings(
        area_code=BENCH_AREA,
        mode=Mode.SINGLE if dose else Mode.DRY,
        pins=calibration.heads[begun.head_type_id].pins,
        depth_um=0 if dose else target,
        dose_nl=target if dose else 0,
        flow_nl_per_s=min(FLOW_NL_PER_S, desk.limits.flow_nl_per_s_max),
        interval_ms=desk.limits.interval_ms_min,
        dwell_ms=DWELL_MS if dose else GAUGE_DWELL_MS,
        antidrip_nl=0,
        burst_shots=1,
        contact_gate=ContactGate.OFF,
        suction_threshold_pa=0,
        suction_mode=SuctionMode.NONE,
        trigger_mask=TriggerSource.HAND,
        max_pressure_pa=min(PRESSURE_PA_MAX, desk.limits.pressure_pa_max),
        needle_speed_um_per_s=min(NEEDLE_UM_PER_S, desk.limits.needle_speed_um_per_s_max),
        syringe_geometry_id=geometry_id,
        needle_type_id=begun.needle_type_id,
        head_type_id=begun.head_type_id,
        head_instance=0,
        product_tag8=bytes(8),
        cal_hash8=calibration.hash8,
    )


def _set(desk: Desk, packed: bytes, block: Settings) -> Generator[Need, Answer, None]:
    """Set every field in one frame, and read the block back equal (I-41)."""
    fields: dict[str, Json] = {"hash8": hash8(packed).hex(), "block": packed.hex()}
    yield from record(desk.entry("settings.set", desk.event_key("settings.set"), fields))
    yield from ask(block)
    read = (yield from ask(SettingsGet())).body
    if not isinstance(read, SettingsGetReply):
        raise LinkTrouble("SETTINGS_GET was answered by something else")
    fields = {"hash8": read.settings_hash8.hex(), "block": read.block.hex()}
    yield from record(desk.entry("settings.readback", desk.event_key("settings.readback"), fields))
    if read.block != packed or read.settings_hash8 != hash8(packed):
        raise FlowEnded("READBACK_DIFFERS: the gun reads back other settings than were set: have it repaired")


def _reserve(desk: Desk, bench: Bench, block: Settings, shots: int) -> Generator[Need, Answer, GrantAccount]:
    book, max_nl = desk.gun(), shots * block.dose_nl
    book.last_grant_no += 1
    context = ShotContext(op=bench.op, role=bench.role)
    intent = GrantIntent(
        gun_uid=book.stamp.gun_uid,
        log_epoch=book.stamp.log_epoch,
        grant_no=book.last_grant_no,
        kind=GrantKind.BENCH,
        session="",
        alias="",
        area_code=block.area_code,
        product="",
        lot="",
        max_shots=shots,
        max_nl=max_nl,
        caps=(),
    )
    grant = GrantAccount(
        grant_no=intent.grant_no,
        kind=intent.kind,
        area_code=intent.area_code,
        max_shots=shots,
        max_nl=max_nl,
        context=context,
    )
    extra: dict[str, Json] = {
        "settings_hash8": hash8(block.pack()).hex(),
        "lease_ms": LEASE_MS,
        "expect_head_seq": book.committed_seq,
        "owner_token": desk.owner_token,
        "calibration_run": bench.run.begun.run,
    }
    book.reserving += 1

    def reserved(result: object) -> None:
        book.reserving -= 1
        if isinstance(result, Committed):
            book.reserve(grant)

    yield Record((prepared_entry(intent, book.stamp, context, extra),), intent, reserved)
    return grant


def why_refused(refused: Refused) -> str:
    """Return what a refusal of the gun means at the bench, and what to do."""
    known = next((text for code, text in _WHY.items() if code == refused.code), "")
    return known or refusal_text(refused)
