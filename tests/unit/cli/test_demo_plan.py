import pytest

from meso_device.cli.demo_plan import scaled_plan
from protocols.errors import UsageError
from protocols.treatment.library import load_library

PLAN = load_library("practice").plan()


@pytest.mark.parametrize("shots", [1, 2, 3, 4, 5, 7, 59, 60, 61, 100, 119])
def test_any_number_of_injections_is_spread_and_touches_no_cap(shots):
    plan = scaled_plan(PLAN, shots, dose_nl_min=1_000)
    assert plan.shots == shots
    assert plan.volume_nl <= PLAN.session_cap_nl
    for area in plan.areas:
        was = next(one for one in PLAN.areas if one.area == area.area)
        assert area.points >= 1
        assert 1_000 <= area.dose_nl <= was.dose_nl
        assert area.dose_nl % 1_000 == 0
        assert area.volume_nl <= area.cap_nl


def test_the_plans_own_number_changes_nothing():
    assert scaled_plan(PLAN, PLAN.shots, dose_nl_min=1_000) == PLAN


@pytest.mark.invariant("I-27")
def test_more_than_the_syringe_can_dose_is_refused_with_the_most_that_it_can():
    with pytest.raises(UsageError, match="at most") as refused:
        scaled_plan(PLAN, 9_999, dose_nl_min=3_500)
    most = int(str(refused.value).rsplit(" ", 1)[1])
    assert scaled_plan(PLAN, most, dose_nl_min=3_500).shots == most
    with pytest.raises(UsageError):
        scaled_plan(PLAN, most + 1, dose_nl_min=3_500)
