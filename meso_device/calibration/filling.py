"""What a filling gives at its two ends: the first shots after priming, what drips, the last doses before it is empty.

One dose is set throughout, and each shot weighed by itself.
"""

import math
from itertools import pairwise
from statistics import fmean
from typing import Final

from meso_device.calibration.acceptance import dose_limit_nl
from meso_device.calibration.decision import Verdict, judge
from meso_device.calibration.record import FillingJudged, Reading, Stage, Use
from meso_device.calibration.rounding import to_integer, upwards
from meso_device.calibration.run import Run, in_a_row, is_cut_short
from meso_device.calibration.water import Conditions, nl_per_ug
from protocols.errors import UsageError

DRIP_US: Final = 10_000_000
"""What falls within this time after a dose was weighed is called drip; a blank takes as long."""
COVERAGE: Final = 2
_WORSE: Final = tuple(Verdict)


def judge_filling(run: Run, stage: Stage) -> FillingJudged:
    """Return what the counted readings of a stage came to.

    Raises:
        UsageError: a series has lost too many readings, or an uncertainty is as large as the limit.
    """
    begun, limits, taken = run.begun, run.begun.limits, run.of(stage)
    [set_nl] = begun.targets
    single_nl = dose_limit_nl(set_nl, floor_nl=limits.floor_nl, permille=limits.single_permille)
    pl_per_ug = 1_000 * nl_per_ug(
        Conditions(
            water_mdegc=begun.water_mdegc,
            air_mdegc=begun.air_mdegc,
            pressure_pa=begun.pressure_pa,
            humidity_permille=begun.humidity_permille,
        )
    )
    counted = {
        after.no: (after, (after.value - before.value) * pl_per_ug)
        for before, after in pairwise(taken)
        if run.excluded.isdisjoint({before.no, after.no})
    }
    lost_pl = fmean([-pl for reading, pl in counted.values() if reading.use is Use.BLANK] or [0.0])
    dripped_at = next(at for at, reading in enumerate(taken) if reading.use is Use.DRIP)
    first = _series(counted, in_a_row(taken[:dripped_at]), Use.DOSE)
    drips = _series(counted, [taken[dripped_at]], Use.DRIP)
    last = _series(counted, in_a_row(taken), Use.LAST)
    if not first or not drips or not last:
        raise UsageError(
            "too many readings do not count: nothing is left to judge; give this run up and begin a new one"
        )
    u_pl = _standard_pl(run, first[0][0].digit, lost_pl, pl_per_ug)
    expanded_pl = upwards(COVERAGE * u_pl)
    first_pl = tuple(to_integer(pl) for _, pl in first)
    outside = [no for no, pl in enumerate(first_pl, start=1) if abs(pl - set_nl * 1_000) > single_nl * 1_000]
    first_outside = max(outside, default=0)
    drip_pl = to_integer(drips[0][1] + lost_pl)
    errors = [pl - 1_000 * (one.logged_nl if is_cut_short(one) else set_nl) for one, pl in last]
    last_error_pl = to_integer(max(errors, key=abs))
    drip_limit_pl = set_nl * limits.drip_permille
    verdicts = (
        Verdict.PASS if first_outside <= limits.first_shots else Verdict.FAIL,
        judge(drip_pl, limit=drip_limit_pl, expanded=expanded_pl, rule=limits.rule),
        judge(last_error_pl, limit=single_nl * 1_000, expanded=expanded_pl, rule=limits.rule),
    )
    return FillingJudged(
        run=begun.run,
        stage=stage,
        verdict=max(verdicts, key=_WORSE.index),
        rule=limits.rule.wording,
        set_nl=set_nl,
        single_limit_nl=single_nl,
        expanded_pl=expanded_pl,
        first_pl=first_pl,
        first_outside=first_outside,
        first_max=limits.first_shots,
        drip_pl=drip_pl,
        drip_limit_pl=drip_limit_pl,
        last_pl=tuple(to_integer(pl) for _, pl in last),
        last_logged_nl=tuple(one.logged_nl for one, _ in last),
        last_error_pl=last_error_pl,
        first_verdict=verdicts[0],
        drip_verdict=verdicts[1],
        last_verdict=verdicts[2],
    )


def _series(
    counted: dict[int, tuple[Reading, float]], readings: list[Reading], use: Use
) -> list[tuple[Reading, float]]:
    return [counted[one.no] for one in readings if one.use is use and one.no in counted]


def _standard_pl(run: Run, digit_ug: int, lost_pl: float, pl_per_ug: float) -> float:
    """Return u of one weighed dose: two readings, each of a digit, and evaporation as of a blank."""
    balance_ug = next(one.u for one in run.begun.references if one.what == "balance")
    weighed_ug = math.hypot(balance_ug * math.sqrt(2), digit_ug / math.sqrt(6))
    return math.hypot(weighed_ug * pl_per_ug, lost_pl / math.sqrt(3))
