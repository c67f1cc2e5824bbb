"""From the readings of a stage to what they came to, rounded once into integers.

The limits come from the run's first record, the formulas from their modules; nothing here looks at a clock or a gun.
"""

import math
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final

from msgspec.structs import replace

from meso_device.calibration.acceptance import dose_limit_nl, tolerance_interval
from meso_device.calibration.decision import Verdict, judge
from meso_device.calibration.filling import judge_filling
from meso_device.calibration.gravimetry import of_gains, zone_means_nl
from meso_device.calibration.record import (
    NO_LIMIT,
    Begun,
    DepthJudged,
    DepthPoint,
    DoseJudged,
    DosePoint,
    Judged,
    Line,
    Reading,
    SensorPoint,
    SensorsJudged,
    Stage,
    Use,
    What,
    WindowFigures,
)
from meso_device.calibration.rounding import to_integer, upwards
from meso_device.calibration.run import Run
from meso_device.calibration.travel import fit_line, positioning
from meso_device.calibration.trumpet import trumpet
from meso_device.calibration.uncertainty import Budget, Contribution, Instruments, combine, of_mean_dose
from meso_device.calibration.water import Conditions, check_drift, nl_per_ug
from protocols.errors import UsageError

MILLION: Final = 1_000_000
# A blank is two readings; a loss of more than this share of the smallest dose is no small correction any more.
EVAPORATION_PERMILLE_MAX: Final = 5
# From the least to the worst.
_WORSE: Final = tuple(Verdict)
SENSOR_LIMITS: Final = {"pressure_pa": ("Pa", 2_000), "suction_pa": ("Pa", 1_000), "plunger_force_dn": ("dN", 20)}
"""Fields of the gun's status that are zero at rest: unit, and how far mean and noise may be from it."""
READABILITY_PERMILLE_MAX: Final = 2
"""A balance's last digit may be this share of what one reading is to weigh."""


def judge_stage(run: Run, stage: Stage) -> Judged:
    """Return what the counted readings of a stage came to.

    Raises:
        UsageError: too few readings, too much evaporation, or an uncertainty as large as the limit.
    """
    match run.begun.what:
        case What.DOSE:
            return _judge_dose(run, stage)
        case What.SYRINGE:
            return _with_geometry(run, _judge_dose(run, stage))
        case What.DEPTH:
            return _judge_depth(run, stage)
        case What.SENSORS:
            return _judge_sensors(run, stage)
        case What.FILLING:
            return judge_filling(run, stage)


def check_readability(begun: Begun, digit_ug: int) -> None:
    """Refuse a balance that is too coarse for the smallest dose of a run.

    Raises:
        UsageError: says how many shots a reading would do.
    """
    weighed_ug = min(begun.targets) * begun.shots_each  # a microgram a nanolitre, near enough for this
    if digit_ug * 1_000 > READABILITY_PERMILLE_MAX * weighed_ug:
        shots = math.ceil(digit_ug * 1_000 / READABILITY_PERMILLE_MAX / min(begun.targets))
        raise UsageError(
            f"RESOLUTION_TOO_COARSE: the balance shows {digit_ug} ug, more than 0.2 % of the {weighed_ug} ug of one "
            f"reading: weigh {shots} shots together with --shots {shots}, or take a finer balance"
        )


def new_gain_ppm(old_ppm: int, error_ppm: int) -> int:
    """Return the gain that takes an error of all doses or travels away: both are factors on one commanded value."""
    return to_integer(((MILLION + old_ppm) * MILLION / (MILLION + error_ppm)) - MILLION)


# --- dose -----------------------------------------------------------------------------------------


def _judge_dose(run: Run, stage: Stage) -> DoseJudged:
    begun = run.begun
    for water in _water_at_end(run, stage):
        check_drift(begun.water_mdegc, water)
    evaporated_ug = _evaporation_ug(run, stage)
    smallest_ug = min(begun.targets) * begun.shots_each
    if abs(evaporated_ug) * 1_000 > EVAPORATION_PERMILLE_MAX * smallest_ug:
        raise UsageError(
            f"EVAPORATION_TOO_HIGH: a cycle loses {evaporated_ug:.0f} ug, more than 0.5 % of the smallest dose: cover "
            "the container or put water into the draught shield, then begin a new run"
        )
    points = tuple(_dose_point(run, stage, target, evaporated_ug) for target in begun.targets)
    total_pl, set_pl = sum(point.mean_pl for point in points), sum(point.set_nl * 1_000 for point in points)
    verdict = max((point.verdict for point in points), key=_WORSE.index)
    if not all(point.singles_within for point in points):
        verdict = Verdict.FAIL
    return DoseJudged(
        run=begun.run,
        stage=stage,
        verdict=verdict,
        rule=begun.limits.rule.wording,
        gain_error_ppm=to_integer((total_pl - set_pl) * MILLION / set_pl),
        points=points,
    )


def _with_geometry(run: Run, judged: DoseJudged) -> DoseJudged:
    """Add what a micrometre of travel gave: the gun travels by its dose gain and by the row of its syringe."""
    begun, adjusted, [point] = run.begun, run.adjusted, judged.points
    in_force = begun.in_force if judged.stage is Stage.AS_FOUND or adjusted is None else adjusted.new
    travelled_um = point.set_nl * (MILLION + in_force["dose_gain_ppm"]) / MILLION * 1_000 / in_force["pl_per_um"]
    return replace(
        judged,
        pl_per_um=to_integer(point.mean_pl / travelled_um),
        expanded_pl_per_um=upwards(point.expanded_pl / travelled_um),
        zone_pl_per_um=tuple((zone, to_integer(mean_pl / travelled_um)) for zone, mean_pl in point.zone_means_pl),
    )


def new_pl_per_um(held: int, error_ppm: int) -> int:
    """Return the row of a syringe that takes an error of its doses away: the gun divides by it."""
    return to_integer(held * (MILLION + error_ppm) / MILLION)


def _dose_point(run: Run, stage: Stage, set_nl: int, evaporated_ug: float) -> DosePoint:
    begun, limits = run.begun, run.begun.limits
    pairs = [
        (before, reading)
        for before, reading in pairwise(run.of(stage))
        if reading.use is Use.DOSE and reading.target == set_nl and run.excluded.isdisjoint({before.no, reading.no})
    ]
    here, instruments = _conditions(run, stage), _instruments(run, stage, pairs[0][1].digit)
    gained_ug = [reading.value - before.value for before, reading in pairs]
    found = of_gains(gained_ug, evaporated_ug, nl_per_ug(here), shots_each=begun.shots_each)
    budget = of_mean_dose(found, here, instruments, shots_each=begun.shots_each)
    limit_pl = 1_000 * dose_limit_nl(set_nl, floor_nl=limits.floor_nl, permille=limits.mean_permille)
    error_pl, expanded_pl = to_integer((found.mean_nl - set_nl) * 1_000), upwards(budget.expanded * 1_000)
    single_nl = dose_limit_nl(set_nl, floor_nl=limits.floor_nl, permille=limits.single_permille)
    volumes_pl = tuple(to_integer(volume * 1_000) for volume in found.volumes_nl)
    zones = zone_means_nl(found.volumes_nl, [reading.zone for _, reading in pairs])
    point = DosePoint(
        set_nl=set_nl,
        volumes_pl=volumes_pl,
        mean_pl=to_integer(found.mean_nl * 1_000),
        s_pl=to_integer(found.s_nl * 1_000),
        error_pl=error_pl,
        evaporation_ng=to_integer(evaporated_ug * 1_000),
        zone_means_pl=tuple((zone, to_integer(mean * 1_000)) for zone, mean in zones.items()),
        budget=_lines(budget, 1_000),
        expanded_pl=expanded_pl,
        k_ppm=to_integer(budget.k * MILLION),
        degrees_milli=_degrees(budget.degrees, 1_000),
        limit_pl=limit_pl,
        verdict=judge(error_pl, limit=limit_pl, expanded=expanded_pl, rule=limits.rule),
        single_limit_nl=single_nl,
    )
    if begun.shots_each > 1:
        return point
    interval = tolerance_interval(
        found.volumes_nl, content=limits.content_permille / 1_000, confidence=limits.confidence_permille / 1_000
    )
    return replace(
        point,
        tolerance_k_ppm=to_integer(interval.k * MILLION),
        tolerance_low_nl=interval.low_nl,
        tolerance_high_nl=interval.high_nl,
        singles_within=interval.lies_within(set_nl - single_nl, set_nl + single_nl),
        trumpet=tuple(
            WindowFigures(shots=one.shots, largest_ppm=one.largest_ppm, smallest_ppm=one.smallest_ppm)
            for one in trumpet(volumes_pl, set_nl * 1_000)
        ),
    )


def _evaporation_ug(run: Run, stage: Stage) -> float:
    blanks = [before.value - after.value for before, after in pairwise(run.of(stage)) if after.use is Use.BLANK]
    if not blanks:
        raise UsageError("no blank was weighed, so that nothing is known of evaporation")
    return fmean(blanks)


def _water_at_end(run: Run, stage: Stage) -> list[int]:
    """Return the water's temperature behind a stage, in a list; empty where nobody took it."""
    return [reading.value for reading in run.of(stage) if reading.use is Use.WATER]


def _conditions(run: Run, stage: Stage) -> Conditions:
    begun = run.begun
    return Conditions(
        water_mdegc=round(fmean((begun.water_mdegc, *_water_at_end(run, stage)))),
        air_mdegc=begun.air_mdegc,
        pressure_pa=begun.pressure_pa,
        humidity_permille=begun.humidity_permille,
    )


def _instruments(run: Run, stage: Stage, digit_ug: int) -> Instruments:
    begun = run.begun
    u = {reference.what: reference.u for reference in begun.references}
    # Anywhere between start and end: a rectangle of that width.
    drift_mk = sum(end - begun.water_mdegc for end in _water_at_end(run, stage)) / math.sqrt(12)
    # Two readings make a difference, each rounded to a digit: a rectangle of its width has digit / sqrt(12).
    reading_nl = digit_ug / math.sqrt(6) / begun.shots_each
    return Instruments(
        mass_ug=u["balance"],
        water_mk=math.ceil(math.hypot(u["thermometer"], drift_mk)),
        evaporation_ug=u["balance"] / math.sqrt(2),
        further=(Contribution("readability", reading_nl),),
    )


# --- depth ----------------------------------------------------------------------------------------


def _judge_depth(run: Run, stage: Stage) -> DepthJudged:
    begun, limits = run.begun, run.begun.limits
    counted = [reading for reading in run.of(stage) if reading.no not in run.excluded]
    off_um = {
        (target, way): [_off_um(r) for r in counted if r.target == target and r.direction == way]
        for target in begun.targets
        for way in ("up", "down")
    }
    ups, downs = ([off_um[target, way] for target in begun.targets] for way in ("up", "down"))
    figures = positioning(ups, downs)
    mean_up, mean_down = [*map(fmean, ups)], [*map(fmean, downs)]
    line = fit_line(
        begun.targets,
        [target + off for target, off in zip(begun.targets, mean_up, strict=True)],
        [target + off for target, off in zip(begun.targets, mean_down, strict=True)],
    )
    means = [(up + down) / 2 for up, down in zip(mean_up, mean_down, strict=True)]
    worst = max(range(len(means)), key=lambda at: abs(means[at]))
    budget = _depth_budget(begun, [*ups[worst], *downs[worst]], counted[0].digit)
    error_nm, expanded_nm = to_integer(means[worst] * 1_000), upwards(budget.expanded * 1_000)
    linear = line.residual_max_um * 1_000 <= limits.linear_nm
    verdict = judge(error_nm, limit=limits.depth_nm, expanded=expanded_nm, rule=limits.rule)
    return DepthJudged(
        run=begun.run,
        stage=stage,
        verdict=verdict if linear else Verdict.FAIL,
        rule=limits.rule.wording,
        gain_error_ppm=to_integer(line.gain_error_ppm),
        offset_nm=to_integer(line.offset_um * 1_000),
        residual_s_nm=to_integer(line.residual_s_um * 1_000),
        residual_max_nm=to_integer(line.residual_max_um * 1_000),
        gain_se_ppm=to_integer(line.gain_se * MILLION),
        offset_se_nm=to_integer(line.offset_se_um * 1_000),
        linear=linear,
        backlash_mean_nm=to_integer(line.backlash_mean_um * 1_000),
        backlash_max_nm=to_integer(line.backlash_max_um * 1_000),
        error_nm=error_nm,
        expanded_nm=expanded_nm,
        k_ppm=to_integer(budget.k * MILLION),
        degrees_milli=_degrees(budget.degrees, 1_000),
        limit_nm=limits.depth_nm,
        budget=_lines(budget, 1_000),
        positioning_nm={name: to_integer(getattr(figures, name) * 1_000) for name in figures.__struct_fields__},
        points=tuple(
            DepthPoint(
                target_um=target,
                up_nm=to_integer(fmean(up) * 1_000),
                down_nm=to_integer(fmean(down) * 1_000),
                s_up_nm=to_integer(stdev(up) * 1_000),
                s_down_nm=to_integer(stdev(down) * 1_000),
            )
            for target, up, down in zip(begun.targets, ups, downs, strict=True)
        ),
    )


def _off_um(reading: Reading) -> float:
    return (reading.value - reading.target * 1_000) / 1_000


def _depth_budget(begun: Begun, off_um: list[float], digit_nm: int) -> Budget:
    gauge_nm = next(reference.u for reference in begun.references if reference.what == "gauge")
    return combine(
        (
            Contribution("repeatability", stdev(off_um) / math.sqrt(len(off_um)), len(off_um) - 1),
            Contribution("gauge", gauge_nm / 1_000),
            Contribution("readability", digit_nm / 1_000 / math.sqrt(12)),
        )
    )


# --- sensors --------------------------------------------------------------------------------------


def _judge_sensors(run: Run, stage: Stage) -> SensorsJudged:
    begun = run.begun
    points = []
    for sensor, (unit, limit) in SENSOR_LIMITS.items():
        values = [r.value for r in run.of(stage) if r.sensor == sensor and r.no not in run.excluded]
        mean, s = fmean(values), stdev(values)
        points.append(
            SensorPoint(
                sensor=sensor,
                unit=unit,
                readings=len(values),
                offset_milli=to_integer(mean * 1_000),
                s_milli=to_integer(s * 1_000),
                limit=limit,
                within=abs(mean) <= limit and s <= limit,
            )
        )
    return SensorsJudged(
        run=begun.run,
        stage=stage,
        verdict=Verdict.PASS if all(point.within for point in points) else Verdict.FAIL,
        rule="pass where mean and noise at zero are within the limit; nothing is subtracted",
        points=tuple(points),
    )


def _lines(budget: Budget, scale: int) -> tuple[Line, ...]:
    return tuple(
        Line(name=one.name, u=upwards(one.u * scale), degrees=_degrees(one.degrees, 1)) for one in budget.contributions
    )


def _degrees(value: float, scale: int) -> int:
    return NO_LIMIT if math.isinf(value) else math.floor(value * scale)
