"""A calibration run at the gun: on the bench, step by step, each reading durable before the next shot.

The gun paces the shots of a BENCH grant by itself; this permits them, waits for the instrument and records. It can end
at any moment: what is not in the log was not done, and the run goes on from there.
"""

from collections.abc import Generator
from typing import Final

from msgspec.structs import replace

from drivers.outcome import Done, Refused
from meso_device.calibration.instrument import Measured
from meso_device.calibration.judging import check_readability, judge_stage
from meso_device.calibration.order import PRIME_SHOTS, SENSORS
from meso_device.calibration.record import CalibrationRecord, Ended, Reading, Use, What, entry_of
from meso_device.calibration.run import COMPLETE, Run, RunState, Step, next_step
from meso_device.session.bench_adjust import adjust, due_after, proposal
from meso_device.session.bench_begin import checked_beginning
from meso_device.session.bench_desk import Bench, Doing
from meso_device.session.bench_filling import needs_prime, shots_of_filling, to_the_place
from meso_device.session.bench_shots import drive, shoot, why_refused
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
    Until,
    measure,
    record,
    send,
)
from meso_device.session.gun_care import draw_home, self_test
from protocols.errors import UsageError
from protocols.units import day_of
from protocols.wire.codes import Code
from protocols.wire.messages import (
    ServiceEnter,
    ServiceLeave,
)

BUTTON_US_MAX: Final = 60_000_000
"""Somebody has this long to press the gun's own button."""
DECIDE_US_MAX: Final = 600_000_000
"""Somebody who looks at what would be written may take this long; the gun waits in SERVICE."""
ASK_AGAIN_US: Final = 1_000_000
SETTLE_US: Final = 500_000
"""Between the last shot and the first look at the balance."""
GAUGE_TRIES: Final = 3
IMPLAUSIBLE_NM: Final = 200_000
"""A travel that is off by more was misread or mistyped."""


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
                raise FlowEnded(why_refused(answered.outcome))
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
    primed = needs_prime(bench.run) and bench.run.state in {RunState.AS_FOUND, RunState.ADJUST, RunState.AS_LEFT}
    if begun.what.weighs and primed:
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
                    fresh = (yield from drive(desk, bench, step)) or fresh
                elif bench.run.begun.what is What.FILLING:
                    fresh = (yield from to_the_place(desk, bench, step, fresh=fresh)) or fresh
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
    logged_nl = 0
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
        case What.DOSE | What.SYRINGE | What.FILLING:
            if begun.what is What.FILLING:
                logged_nl = yield from shots_of_filling(desk, bench, step)
            elif step.shots:
                yield from shoot(desk, bench, step.target, step.shots)
            elif step.use is Use.BLANK:
                yield _pause(desk, bench.shooting_us)
            yield _pause(desk, SETTLE_US)
            bench.doing = Doing.READING
            taken = yield from measure(Measure("ug", _asked(bench, step)))
            if not bench.run.of(bench.run.stage):
                _check_readable(bench, taken.digit)
    yield from _record(desk, bench, replace(_reading(desk, bench, step, taken), logged_nl=logged_nl))
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


# --- small things ---------------------------------------------------------------------------------


def _record(desk: Desk, bench: Bench, made: CalibrationRecord) -> Generator[Need, Answer, None]:
    """Make one record of the run durable; only then it counts."""
    following = bench.run.then(made)
    yield from record(entry_of(made, desk.gun().stamp, op=bench.op, role=bench.role))
    bench.run = following


def _pause(desk: Desk, us: int) -> Until:
    due_us = desk.now.mono_us + us
    return Until(lambda: desk.now.mono_us >= due_us)
