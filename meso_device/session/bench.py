"""A calibration run at the gun: on the bench, step by step, each reading durable before the next shot.

The gun paces the shots of a BENCH grant by itself; this permits them, waits for the instrument and records. It can end
at any moment: what is not in the log was not done, and the run goes on from there.
"""

from collections.abc import Generator
from functools import partial
from typing import Final

from msgspec.structs import replace

from drivers.outcome import Done, Refused
from meso_device.accounting.entries import Committed, GrantIntent, Json
from meso_device.accounting.grants import GrantAccount, prepared_entry
from meso_device.accounting.materials import day_of
from meso_device.accounting.shots import ShotContext
from meso_device.calibration.instrument import Measured
from meso_device.calibration.judging import check_readability, judge_stage
from meso_device.calibration.order import PRIME_SHOTS, SENSORS
from meso_device.calibration.record import CalibrationRecord, Ended, Reading, Use, What, entry_of
from meso_device.calibration.run import COMPLETE, Run, RunState, Step, next_step, zone_bounds_um
from meso_device.session.bench_adjust import adjust, due_after, proposal
from meso_device.session.bench_begin import checked_beginning
from meso_device.session.bench_desk import Bench, Doing
from meso_device.session.connect import settle
from meso_device.session.contract import Calibrate, NoticeKind
from meso_device.session.desk import Desk
from meso_device.session.endings import disarm
from meso_device.session.flow import (
    Answer,
    Flow,
    FlowEnded,
    LinkTrouble,
    Measure,
    Need,
    Record,
    Until,
    ask,
    measure,
    record,
    refusal_text,
    send,
)
from meso_device.session.granting import LEASE_MS, grant_over, live_grant
from meso_device.session.gun_care import draw_home, self_test
from protocols.errors import UsageError
from protocols.wire.codes import Code, ContactGate, GrantEnd, GrantKind, Mode, SuctionMode, TriggerSource
from protocols.wire.hashes import hash8
from protocols.wire.messages import (
    ServiceEnter,
    ServiceLeave,
    Settings,
    SettingsGet,
    SettingsGetReply,
    Status,
    StatusGet,
)

BENCH_AREA: Final = 0xFFFF
"""On the wire a grant names an area; this one is of no body."""
BUTTON_US_MAX: Final = 60_000_000
"""Somebody has this long to press the gun's own button."""
DECIDE_US_MAX: Final = 600_000_000
"""Somebody who looks at what would be written may take this long; the gun waits in SERVICE."""
ASK_AGAIN_US: Final = 1_000_000
SETTLE_US: Final = 500_000
"""Between the last shot and the first look at the balance."""
SHORT_PERMILLE: Final = 980
"""A shot that gave less of its order ran out of water or against something, and is not weighed."""
GAUGE_TRIES: Final = 3
IMPLAUSIBLE_NM: Final = 200_000
"""A travel that is off by more was misread or mistyped."""
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


def calibrate(desk: Desk, command: Calibrate) -> Flow:
    """Begin a run or go on with one, to its end or to the first thing that a person must mend."""
    bench = desk.bench = Bench(Run(command.records), op=command.op, role=command.role)
    try:
        yield from _identify(desk, bench, command)
        bench.warming = True
        yield from _enter_service(desk, bench)
        yield from _warm_up(desk, bench)
        bench.warming = False
        yield from _go_through(desk, bench, command)
        yield from _leave(desk)
    except FlowEnded as ended:
        bench.fault = str(ended)
        yield from _leave(desk)
        raise
    finally:
        bench.running = False


def pause(desk: Desk) -> Flow:
    """End a run that was under way: no credit is left at the gun, and its log is read."""
    if desk.gun().provable_grants():
        yield from disarm(desk, "paused at the bench")
    yield from _leave(desk)


def _leave(desk: Desk) -> Generator[Need, Answer, None]:
    """Leave the bench; refused where the gun is stopped or was never there."""
    yield from send(ServiceLeave())
    yield from settle(desk)


# --- before ---------------------------------------------------------------------------------------


def _identify(desk: Desk, bench: Bench, command: Calibrate) -> Generator[Need, Answer, None]:
    """Look at gun and references; record the beginning of a new run."""
    try:
        begun = checked_beginning(desk, bench.run, command)
    except UsageError as refused:
        raise FlowEnded(str(refused)) from None
    if not bench.run.records:
        yield from _record(desk, bench, begun)


def _enter_service(desk: Desk, bench: Bench) -> Generator[Need, Answer, None]:
    """Enter SERVICE; somebody has to press the gun's own button for it."""
    began_us, told = desk.now.mono_us, False
    while True:
        answered = yield from send(ServiceEnter())
        match answered.outcome:
            case Done():
                return
            case Refused(code=Code.E_NEEDS_BUTTON) if desk.now.mono_us - began_us < BUTTON_US_MAX:
                bench.doing = Doing.BUTTON
                if not told:
                    desk.tell(NoticeKind.INFO, "press the service button at the gun")
                    told = True
                yield _pause(desk, ASK_AGAIN_US)
            case Refused(code=Code.E_NEEDS_BUTTON):
                raise FlowEnded("nobody pressed the service button at the gun")
            case Refused():
                raise FlowEnded(_why(answered.outcome))
            case _:
                raise LinkTrouble("the gun did not say whether it is in SERVICE")


def _warm_up(desk: Desk, bench: Bench) -> Generator[Need, Answer, None]:
    """Self-test, needle home, and for a dose some shots that are not weighed; how long they take is a blank's cycle."""
    bench.doing = Doing.TEST
    yield from self_test(desk, bench.op)
    if desk.self_tested[1]:
        raise FlowEnded("SELF_TEST_FAILED: the gun has a fault; have it repaired before it is calibrated")
    bench.doing = Doing.HOMING
    _, refused = yield from draw_home(desk)
    if refused:
        raise FlowEnded(f"needle not homed: {refused}")
    begun = bench.run.begun
    if begun.what.weighs and bench.run.state in {RunState.AS_FOUND, RunState.ADJUST, RunState.AS_LEFT}:
        bench.doing = Doing.PRIMING
        began_us = desk.now.mono_us
        yield from shoot(desk, bench, max(begun.targets), PRIME_SHOTS)
        bench.shooting_us = (desk.now.mono_us - began_us) * begun.shots_each // PRIME_SHOTS


# --- the run --------------------------------------------------------------------------------------


def _go_through(desk: Desk, bench: Bench, command: Calibrate) -> Generator[Need, Answer, None]:
    fresh = True  # nothing is compared with a reading from before a pause
    while True:
        match bench.run.state:
            case RunState.AS_FOUND | RunState.AS_LEFT:
                step = next_step(bench.run)
                if step is None:
                    yield from _record(desk, bench, _judged(bench.run))
                    continue
                if step.zone and bench.run.begun.zones:
                    fresh = (yield from _drive(desk, bench, step)) or fresh
                if fresh and bench.run.begun.what.weighs:
                    step = Step(use=Use.BASE)
                yield from _take(desk, bench, step)
                fresh = False
            case RunState.ADJUST:
                wanted = yield from _wanted(desk, bench, command)
                adjusted = (yield from adjust(desk, bench, command)) if wanted else None
                yield from _record(desk, bench, adjusted or _ended(desk, bench, command))
            case RunState.JUDGE:
                yield from _record(desk, bench, _ended(desk, bench, command))
            case _:
                return


def _wanted(desk: Desk, bench: Bench, command: Calibrate) -> Generator[Need, Answer, bool]:
    """Return whether the gun is to be adjusted: as the command says, or as the technician does who sees by how much."""
    bench.doing, bench.decision = Doing.WRITING, command.adjust
    if bench.decision is None:
        bench.proposal = proposal(desk, bench.run, command)
        if not bench.proposal:
            return True  # there is nothing to say no to: nothing would be written, or it was before the run was cut off
        bench.doing, began_us = Doing.DECIDING, desk.now.mono_us
        yield Until(lambda: bench.decision is not None or desk.now.mono_us - began_us > DECIDE_US_MAX)
        bench.proposal, bench.doing = (), Doing.WRITING
    if bench.decision is None:
        raise FlowEnded("nobody said whether the gun is to be adjusted: go on when somebody can")
    return bench.decision


def _judged(run: Run) -> CalibrationRecord:
    try:
        return judge_stage(run, run.stage)
    except UsageError as refused:
        raise FlowEnded(str(refused)) from None


def _ended(desk: Desk, bench: Bench, command: Calibrate) -> Ended:
    run, calibration = bench.run, desk.calibration
    newest = run.judged(run.stage)
    if newest is None or calibration is None:
        raise FlowEnded("nothing was judged")
    today = day_of(desk.now.utc_us)
    return Ended(
        run=run.begun.run,
        state=COMPLETE,
        verdict=newest.verdict,
        cal_hash8=calibration.hash8.hex(),
        issued_day=today,
        due_day=due_after(run, today, command.interval_days),
    )


def _take(desk: Desk, bench: Bench, step: Step) -> Generator[Need, Answer, None]:
    """Make the shots of a step, take its reading, and record it."""
    begun = bench.run.begun
    bench.step, bench.doing = step, Doing.SHOOTING if step.shots else Doing.WAITING
    match begun.what:
        case What.SENSORS:
            bench.doing = Doing.SENSING
            yield from _look_at_sensors(desk, bench)
            return
        case What.DEPTH:
            yield from shoot(desk, bench, step.target, step.shots)
            bench.doing = Doing.READING
            taken = yield from _gauged(desk, step)
        case What.DOSE | What.SYRINGE if step.use is Use.WATER:
            bench.doing = Doing.READING
            taken = yield from measure(
                Measure("mdegc", f"{bench.run.state.lower()}: the water's temperature now, in degC")
            )
        case What.DOSE | What.SYRINGE:
            if step.shots:
                yield from shoot(desk, bench, step.target, step.shots)
            elif step.use is Use.BLANK:
                yield _pause(desk, bench.shooting_us)
            yield _pause(desk, SETTLE_US)
            bench.doing = Doing.READING
            taken = yield from measure(Measure("ug", _asked(bench, step)))
            if not bench.run.of(bench.run.stage):
                _check_readable(bench, taken.digit)
    yield from _record(desk, bench, _reading(desk, bench, step, taken))
    bench.step = None


def _check_readable(bench: Bench, digit_ug: int) -> None:
    try:
        check_readability(bench.run.begun, digit_ug)
    except UsageError as refused:
        raise FlowEnded(str(refused)) from None


def _reading(desk: Desk, bench: Bench, step: Step, taken: Measured) -> Reading:
    begun = bench.run.begun
    return Reading(
        run=begun.run,
        no=len(bench.run.readings) + 1,
        stage=bench.run.stage,
        use=step.use,
        raw=taken.raw,
        value=taken.value,
        unit="mdegc" if step.use is Use.WATER else "ug" if begun.what.weighs else "nm",
        digit=taken.digit,
        target=step.target,
        shots=step.shots,
        shot_seq=desk.gun().committed_seq,
        zone=step.zone,
        direction=step.direction,
        cycle=step.cycle,
    )


def _gauged(desk: Desk, step: Step) -> Generator[Need, Answer, Measured]:
    for _ in range(GAUGE_TRIES):
        taken = yield from measure(Measure("nm", f"travel shown for {step.target} um, with its unit"))
        if abs(taken.value - step.target * 1_000) <= IMPLAUSIBLE_NM:
            return taken
        desk.tell(NoticeKind.INFO, f"{taken.raw!r} is more than 0.2 mm from {step.target} um: read it again")
    raise FlowEnded(f"IMPLAUSIBLE: the gauge does not show about {step.target} um: check its place and its zero")


def _look_at_sensors(desk: Desk, bench: Bench) -> Generator[Need, Answer, None]:
    """Take one reading of each sensor from a status that is newer than the last."""
    before = desk.status
    yield Until(lambda: desk.status is not before)
    for sensor in SENSORS:
        value = getattr(desk.status, sensor)
        step = Step(use=Use.SENSOR)
        reading = replace(
            _reading(desk, bench, step, Measured(str(value), value, 1)), sensor=sensor, unit=sensor.rpartition("_")[2]
        )
        yield from _record(desk, bench, reading)


def _asked(bench: Bench, step: Step) -> str:
    doing = f"after {step.shots} of {step.target} nL" if step.shots else step.use.value
    return f"{bench.run.state.lower()} {doing}: what the balance shows, with its unit"


# --- shots ----------------------------------------------------------------------------------------


def shoot(desk: Desk, bench: Bench, target: int, shots: int) -> Generator[Need, Answer, None]:
    """Let the gun make shots by its automatic trigger, and see from its log that it made just these.

    Raises:
        FlowEnded: the gun refused, or its count is not what was asked.
    """
    block = _block(desk, bench, target)
    packed = block.pack()
    if packed != bench.block:
        yield from _set(desk, packed, block)
        bench.block = packed
    grant = yield from live_grant(desk, block, partial(_reserve, desk, bench, block, shots), _why)
    yield grant_over(desk, grant)
    yield from settle(desk)
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


def _drive(desk: Desk, bench: Bench, step: Step) -> Generator[Need, Answer, bool]:
    """Bring the plunger into the third of the container that a step is for, by shots that are not weighed.

    Returns whether there were any: then the balance has to be read anew.

    Raises:
        FlowEnded: the plunger is behind that third already, and does not come back by itself.
    """
    begun, limits = bench.run.begun, desk.limits
    first_um, end_um = zone_bounds_um(begun, step.zone)
    status = (yield from ask(StatusGet())).body
    if not isinstance(status, Status) or limits is None:
        raise LinkTrouble("the gun did not say where its plunger is")
    needs_um = step.target * step.shots * 1_000 // begun.pl_per_um
    if status.plunger_um + needs_um > end_um:
        raise FlowEnded(
            f"SYRINGE_USED: the plunger is at {status.plunger_um} um, too far for third {step.zone} of the container, "
            f"which ends at {end_um} um: fill the syringe, then go on"
        )
    missing_nl = (first_um - status.plunger_um) * begun.pl_per_um // 1_000 + limits.dose_grid_nl
    if status.plunger_um >= first_um:
        return False
    top_nl = limits.dose_nl_max // limits.dose_grid_nl * limits.dose_grid_nl
    bench.doing = Doing.DRIVING
    desk.tell(NoticeKind.INFO, f"driving the plunger into third {step.zone} of the container, not weighed")
    while missing_nl >= top_nl:
        shots = min(missing_nl // top_nl, limits.grant_shots_max, limits.grant_nl_max // top_nl)
        yield from shoot(desk, bench, top_nl, shots)
        missing_nl -= shots * top_nl
    rest_nl = max(missing_nl, *begun.targets)
    yield from shoot(desk, bench, -(-rest_nl // limits.dose_grid_nl) * limits.dose_grid_nl, 1)
    return True


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


# --- small things ---------------------------------------------------------------------------------


def _record(desk: Desk, bench: Bench, made: CalibrationRecord) -> Generator[Need, Answer, None]:
    """Make one record of the run durable; only then it counts."""
    following = bench.run.then(made)
    yield from record(entry_of(made, desk.gun().stamp, op=bench.op, role=bench.role))
    bench.run = following


def _pause(desk: Desk, us: int) -> Until:
    due_us = desk.now.mono_us + us
    return Until(lambda: desk.now.mono_us >= due_us)


def _why(refused: Refused) -> str:
    known = next((text for code, text in _WHY.items() if code == refused.code), "")
    return known or refusal_text(refused)
