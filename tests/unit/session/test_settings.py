"""The settings block and the host's own check of it."""

import pytest
from msgspec.structs import replace

from meso_device.session.settings import check_against_limits, settings_for
from protocols.errors import UsageError
from protocols.treatment.library import library, load_library
from protocols.wire.messages import LimitsGetReply
from tests.world.slots import hello

LIMITS = LimitsGetReply(
    depth_um_max=13_000,
    depth_grid_um=10,
    dose_grid_nl=100,
    dose_nl_min=1_000,
    dose_nl_max=200_000,
    flow_nl_per_s_max=2_000_000,
    interval_ms_min=111,
    grant_shots_max=50,
    grant_nl_max=5_000_000,
    lease_ms_min=200,
    lease_ms_max=2_000,
    session_nl_max=20_000_000,
    session_shots_max=5_000,
    session_idle_s=1_800,
    pins_mask=0b1_0001_0001,
    pressure_pa_max=5_000_000,
    needle_speed_um_per_s_max=1_000_000,
    valid_s_max=1_800,
)


def block(**changes):
    plan = load_library("practice").plan()
    return replace(settings_for(plan, plan.areas[0], hello()), **changes)


@pytest.mark.parametrize("name", library())
def test_every_area_of_the_library_makes_a_block_that_the_wire_allows(name):
    plan = load_library(name).plan()
    for area in plan.areas:
        made = settings_for(plan, area, hello())
        for _, field, lowest, highest in made.RANGES:
            assert lowest <= getattr(made, field) <= highest
        assert (made.depth_um, made.dose_nl, made.area_code) == (area.depth_um, area.dose_nl, area.area_code)


def test_a_block_within_the_limits_passes():
    check_against_limits(block(), LIMITS, "forehead")


@pytest.mark.invariant("I-27")
@pytest.mark.hazard("HZ-08")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"depth_um": 1_505}, ["1.505 mm", "0.01 mm"]),
        ({"dose_nl": 20_050}, ["0.02005 mL", "0.0001 mL"]),
        ({"dose_nl": 900}, ["0.0009 mL", "0.001 mL"]),
        ({"dose_nl": 200_001}, ["dose_nl 200001"]),
        ({"depth_um": 13_001}, ["depth_um 13001"]),
        ({"flow_nl_per_s": 2_000_001}, ["flow", "2 mL/s"]),
        ({"interval_ms": 110}, ["interval_ms 110"]),
        ({"pins": 2}, ["2 needles"]),
        ({"needle_speed_um_per_s": 1_000_001}, ["needle speed"]),
        ({"mode": 8}, ["mode 8"]),
    ],
)
def test_a_value_off_the_grid_or_over_a_limit_is_refused_by_name_value_and_limit(changes, words):
    with pytest.raises(UsageError) as refused:
        check_against_limits(block(**changes), LIMITS, "forehead")
    for word in ["forehead", *words]:
        assert word in str(refused.value)


@pytest.mark.invariant("I-27")
def test_limits_themselves_are_allowed_exactly():
    check_against_limits(block(dose_nl=200_000, depth_um=13_000, interval_ms=111), LIMITS, "forehead")
    tight = replace(LIMITS, depth_um_max=1_500, dose_nl_max=20_000)
    check_against_limits(block(dose_nl=20_000, depth_um=1_500), tight, "forehead")
    for changes in ({"dose_nl": 20_100}, {"depth_um": 1_510}):
        with pytest.raises(UsageError):
            check_against_limits(block(**changes), tight, "forehead")


@pytest.mark.parametrize("grid", ["depth_grid_um", "dose_grid_nl"])
def test_a_gun_that_states_steps_of_nothing_is_refused(grid):
    """Found by telling the host whole frames that lie."""
    block = settings_for(load_library("practice").plan(), load_library("practice").plan().areas[0], hello())
    with pytest.raises(UsageError, match=r"in steps of 0"):
        check_against_limits(block, replace(LIMITS, **{grid: 0}), "A")
