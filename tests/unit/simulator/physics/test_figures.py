from math import pi

import pytest

from simulator.physics.figures import (
    GLIDE_FORCE_N,
    NEEDLES,
    SYRINGES,
    TUBE_DIAMETER_M,
    TUBE_LENGTH_M,
    compliance_nl_per_kpa,
    plunger_nl,
    resistance_kpa_s_per_nl,
    steps_within,
)

FLOW_NL_PER_S = 100_000  # 10 uL in 100 ms


@pytest.mark.parametrize(
    ("gauge", "viscosity_upa_s", "kpa"),
    [
        ("27G", 1_000, 8), ("30G", 1_000, 25), ("32G", 1_000, 120), ("34G", 1_000, 398),
        ("27G", 10_000, 84), ("30G", 10_000, 255), ("32G", 10_000, 1_198), ("34G", 10_000, 3_979),
    ],
)  # fmt: skip
def test_needle_pressure_is_that_of_the_field_figures(gauge, viscosity_upa_s, kpa):
    [needle] = [needle for needle in NEEDLES if needle.name == f"{gauge} 4 mm"]
    pressure = resistance_kpa_s_per_nl(needle.length_m, needle.bore_m, viscosity_upa_s) * FLOW_NL_PER_S
    assert pressure == pytest.approx(kpa, rel=0.02, abs=0.5)


@pytest.mark.parametrize(("viscosity_upa_s", "kpa"), [(1_000, 0.6), (100_000, 61)])
def test_tubing_pressure_is_that_of_the_field_figures(viscosity_upa_s, kpa):
    pressure = resistance_kpa_s_per_nl(TUBE_LENGTH_M, TUBE_DIAMETER_M, viscosity_upa_s) * FLOW_NL_PER_S
    assert pressure == pytest.approx(kpa, rel=0.03)


def test_tubing_holds_six_to_twelve_priming_shots():
    assert pi / 4 * TUBE_DIAMETER_M**2 * TUBE_LENGTH_M * 1e12 == pytest.approx(118_000, rel=0.01)


@pytest.mark.parametrize(
    ("row", "travel_um", "full_step_pl"),
    [
        (1, 599, 83_457),
        (2, 576, 86_747),
        (4, 157, 318_086),
        (6, 88, 571_156),
        (8, 61, 814_301),
        (10, 53, 943_460),
    ],
)
def test_syringe_travel_and_step_are_those_of_the_field_figures(row, travel_um, full_step_pl):
    syringe = SYRINGES[row - 1]
    assert steps_within(10_000, syringe.pl_per_um) / 3.2 == pytest.approx(travel_um, abs=1)
    assert plunger_nl(16_000, syringe.pl_per_um) == pytest.approx(full_step_pl, abs=3)  # 1,000 full steps


@pytest.mark.parametrize(("row", "kpa", "newton"), [(1, 100, 1.7), (2, 500, 8.7), (6, 100, 11.4), (10, 500, 94.3)])
def test_plunger_force_follows_pressure_and_bore(make_gun, row, kpa, newton):
    area_mm2 = SYRINGES[row - 1].pl_per_um / 1_000
    assert kpa * area_mm2 / 1_000 == pytest.approx(newton, rel=0.03)


def test_measured_force_is_pressure_times_bore_plus_gliding(gun):
    gun.start(dose_nl=100_000)
    gun.wait(400_000)
    sensors = gun.body.sensors(gun.now_us)
    assert sensors.plunger_force_dn / 10 == pytest.approx(sensors.pressure_pa * 114.231e-6 + GLIDE_FORCE_N, abs=0.11)


def test_steady_pressure_is_back_pressure_plus_needle_and_tubing(gun):
    gun.start(dose_nl=200_000, flow_nl_per_s=100_000)
    gun.wait(1_500_000)
    assert gun.body.sensors(gun.now_us).pressure_pa == pytest.approx((40 + 25.5 + 0.6) * 1_000, rel=0.01)


def test_compliance_spans_ten_to_fifty():
    assert compliance_nl_per_kpa(1_000_000) == 10
    assert compliance_nl_per_kpa(10_000_000) == 50


@pytest.mark.parametrize("syringe", SYRINGES, ids=lambda syringe: syringe.name)
def test_steps_never_displace_more_than_ordered_and_one_more_would(syringe):
    for volume_nl in (0, 1, 999, 1_000, 12_345, 200_000):
        steps = steps_within(volume_nl, syringe.pl_per_um)
        assert steps * syringe.pl_per_um * 5 <= volume_nl * 16_000 < (steps + 1) * syringe.pl_per_um * 5
