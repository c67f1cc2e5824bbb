"""What the uncertainty says is what happens: U contains the truth in 95.45 % of runs, by the very records of a run."""

import random

from msgspec.structs import replace

from meso_device.calibration import water
from meso_device.calibration.judging import judge_stage
from meso_device.calibration.record import Reading, Stage, Use
from meso_device.calibration.run import Run
from tests.unit.calibration.runs import dose_run

RUNS, READINGS, SET_NL = 1_000, 10, 20_000
BEGUN = replace(dose_run("5c" * 16)[0], targets=(SET_NL,), readings_each=READINGS)
BALANCE_UG, DIGIT_UG, EVAPORATION_UG, SPREAD = 10, 10, 3.0, 0.004
Z_NL_PER_UG = water.nl_per_ug(
    water.Conditions(water_mdegc=20_000, air_mdegc=20_500, pressure_pa=101_300, humidity_permille=450)
)


def weighed(chance, true_nl):
    """One run: a balance that is as good as its certificate says, a gun whose doses scatter, a loss to the air."""
    shown_ug, readings = 35_000_000.0, []
    # What a certificate states is a difference that is off by the same for the whole run, and unknown.
    off_ug = chance.gauss(0, BALANCE_UG)
    water_ppm = chance.gauss(0, 0.1 * 207)  # a tenth of a kelvin

    def read(use, gained_ug=0.0):
        nonlocal shown_ug
        shown_ug += gained_ug - EVAPORATION_UG
        value = round(shown_ug / DIGIT_UG) * DIGIT_UG
        readings.append(
            Reading(
                run=BEGUN.run, no=len(readings) + 1, stage=Stage.AS_FOUND, use=use, raw=f"{value} ug", value=value,
                unit="ug", digit=DIGIT_UG, target=SET_NL if use is Use.DOSE else 0, shots=1, zone=1,
            )
        )  # fmt: skip

    read(Use.BASE)
    read(Use.BLANK)
    for _ in range(READINGS):
        dose_nl = true_nl * chance.gauss(1, SPREAD) * (1 + water_ppm / 1e6)
        read(Use.DOSE, dose_nl / Z_NL_PER_UG + off_ug)
    read(Use.BLANK)
    return Run((BEGUN, *readings))


def test_the_truth_lies_within_u_as_often_as_is_said():
    chance, held = random.Random(7), 0
    for _ in range(RUNS):
        true_nl = SET_NL * chance.uniform(0.99, 1.01)
        [point] = judge_stage(weighed(chance, true_nl), Stage.AS_FOUND).points
        held += abs(point.mean_pl - true_nl * 1_000) <= point.expanded_pl
    assert 0.9345 <= held / RUNS <= 0.9745
