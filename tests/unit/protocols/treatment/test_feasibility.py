import math

import pytest

from protocols.treatment.feasibility import judge
from protocols.treatment.needles import Needle


def needle(inner_diameter_um):
    return Needle(id="n", type_id=1, gauge=27, inner_diameter_um=inner_diameter_um, length_um=4_000, source="")


def at(inner_diameter_um, viscosity_upas, flow_nl_per_s=100_000, pins=1, pressure_pa_max=500_000):
    return judge(
        needle=needle(inner_diameter_um),
        pins=pins,
        viscosity_upas=viscosity_upas,
        flow_nl_per_s=flow_nl_per_s,
        pl_per_um=17_349,
        pressure_pa_max=pressure_pa_max,
    )


@pytest.mark.parametrize(
    ("inner_diameter_um", "viscosity_upas", "kpa"),
    [
        (210, 1_000, 8), (159, 1_000, 25), (108, 1_000, 120), (80, 1_000, 398),
        (210, 10_000, 84), (159, 10_000, 255), (108, 10_000, 1_198), (80, 10_000, 3_979),
    ],
)  # fmt: skip
def test_ten_microlitres_in_100_ms_take_the_published_pressure(inner_diameter_um, viscosity_upas, kpa):
    assert at(inner_diameter_um, viscosity_upas).pressure_pa / 1_000 == pytest.approx(kpa, abs=0.6)


@pytest.mark.hazard("HZ-49")
@pytest.mark.invariant("I-58")
def test_fine_needles_at_a_tenth_of_a_millilitre_a_second_fail_above_10_mpas():
    assert not at(108, 10_000).feasible
    assert not at(80, 10_000).feasible
    assert at(210, 10_000).feasible


def test_pressure_is_never_below_the_formula_and_hardly_above():
    for flow in range(1_000, 1_000_000, 9_973):
        exact = 128 * 3_000 * 4_000 * flow / (math.pi * 159**4)
        assert exact <= at(159, 3_000, flow).pressure_pa <= exact * 1.0001 + 1


@pytest.mark.hazard("HZ-49")
def test_the_fastest_flow_is_feasible_and_the_next_one_is_not():
    fastest = at(159, 5_000).flow_nl_per_s_max
    assert at(159, 5_000, fastest).feasible
    assert not at(159, 5_000, fastest + 1).feasible


def test_the_flow_divides_over_the_needles_of_a_head():
    assert at(108, 10_000, 900_000, pins=9).pressure_pa == at(108, 10_000, 100_000).pressure_pa


def test_100_kpa_on_a_1_ml_syringe_is_1_7_newton():
    found = at(210, 1_000, 1_193_000)
    assert found.pressure_pa == pytest.approx(100_000, rel=0.01)
    assert found.plunger_force_mn == pytest.approx(1_735, rel=0.01)
