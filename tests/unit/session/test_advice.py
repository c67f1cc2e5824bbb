"""What is said about depth before an area is armed."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.clinic import PartWear
from meso_device.session.advice import calibration_advice, depth_advice, wear_advice
from protocols.treatment.library import load_library
from protocols.wire.messages import CalMain

FOREHEAD = load_library("practice").plan().areas[0]


@pytest.mark.hazard("HZ-50")
@pytest.mark.hazard("HZ-51")
@pytest.mark.invariant("I-59")
def test_the_likely_layer_is_told_as_commanded_travel_for_the_patients_sex():
    (line,) = depth_advice(replace(FOREHEAD, depth_um=2_000), "female")
    assert "women" in line
    assert "2 mm commanded needle travel" in line
    assert "below the dermis" in line
    assert "commanded, not achieved" in line


@pytest.mark.invariant("I-59")
def test_where_the_sex_is_not_known_both_are_told():
    lines = depth_advice(FOREHEAD, None)
    assert ["women" in line for line in lines] == [True, False]
    assert "men" in lines[1]


def test_an_area_without_figures_says_so_and_an_unknown_one_nothing():
    (line,) = depth_advice(replace(FOREHEAD, area="abdomen"), "male")
    assert "no data" in line
    assert depth_advice(replace(FOREHEAD, area="nowhere"), "male") == ()


@pytest.mark.hazard("HZ-20")
@pytest.mark.parametrize(
    ("today", "told"), [(20_585, ""), (20_586, "in 14 days"), (20_599, "tomorrow"), (20_600, "today"), (20_601, "")]
)
def test_a_calibration_that_ends_within_a_fortnight_is_told(today, told):
    lines = calibration_advice(CalMain(0, 0, 0, 0, 19, 20_000, 20_600, "lab"), today)
    assert len(lines) == bool(told)
    assert all(f"calibration 19 of this gun ends {told}, on 2026-05-27" in line for line in lines)


@pytest.mark.hazard("HZ-21")
@pytest.mark.parametrize(("strokes", "told"), [(179_999, False), (180_000, True), (199_999, True), (200_000, False)])
def test_a_part_is_told_from_nine_tenths_of_its_strokes_until_a_rule_refuses_it(strokes, told):
    part = PartWear(part="lead_screw", serial="LS-1", fitted_us=0, strokes=strokes, strokes_max=200_000)
    lines = wear_advice([part])
    assert len(lines) == told
    assert all(f"lead screw 'LS-1' of this gun has made {strokes} of 200000 strokes" in line for line in lines)
