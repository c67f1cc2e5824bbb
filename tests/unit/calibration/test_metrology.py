"""The bench's figures against vectors that other tools computed (GTC, scipy, IAPWS-95 with CIPM-2007)."""

import json
import random
from pathlib import Path
from statistics import NormalDist

import pytest

from meso_device.calibration import acceptance, decision, distributions, gravimetry, travel, trumpet, uncertainty, water
from meso_device.calibration.tolerance_factor import two_sided_factor
from protocols.errors import UsageError

VECTORS = json.loads((Path(__file__).parent / "metrology.json").read_text())


def close(value, wanted, tolerance):
    return value == pytest.approx(wanted, abs=tolerance)


def conditions_of(row):
    return water.Conditions(
        water_mdegc=row["water_mdegc"], air_mdegc=row["air_mdegc"], pressure_pa=row["pressure_pa"],
        humidity_permille=row["rh_permille"],
    )  # fmt: skip


@pytest.mark.parametrize("row", VECTORS["z_factor"]["rows"])
def test_volume_of_a_microgram_of_water(row):
    here = conditions_of(row)
    assert close(water.nl_per_ug(here), row["z_independent_ul_per_mg"], VECTORS["z_factor"]["tolerance_ul_per_mg"])
    assert close(water.water_kg_m3(here.water_mdegc), row["rho_water_kg_m3"], 6e-6)
    assert close(water.air_kg_m3(here), row["rho_air_kg_m3"], 6e-6)


@pytest.mark.parametrize("row", VECTORS["water_density_iapws95_at_101325_pa"])
def test_density_of_water_is_near_the_international_formulation(row):
    assert close(water.water_kg_m3(row["water_mdegc"]), row["kg_m3"], 0.001)


@pytest.mark.parametrize(
    "change", [{"water_mdegc": 14_999}, {"air_mdegc": 30_001}, {"pressure_pa": 79_999}, {"humidity_permille": 801}]
)
def test_outside_of_the_range_nothing_is_extrapolated(change):
    good = {"water_mdegc": 20_000, "air_mdegc": 20_000, "pressure_pa": 101_325, "humidity_permille": 500}
    water.Conditions(**good)
    with pytest.raises(UsageError, match="measure again"):
        water.Conditions(**{**good, **change})


@pytest.mark.parametrize("row", VECTORS["student_t"]["rows"])
def test_students_t(row):
    assert close(distributions.student_quantile(row["p"], row["nu"]), row["t"], VECTORS["student_t"]["tolerance"])


def test_chi_squared_at_its_tabled_points():
    for degrees, chi2, above in (
        (1, 3.841459, 0.05),
        (5, 0.831212, 0.975),
        (10, 18.307038, 0.05),
        (100, 124.342113, 0.05),
    ):
        assert close(distributions.chi2_above(chi2, degrees), above, 1e-7)


@pytest.mark.parametrize("row", VECTORS["tolerance_factors"]["rows"])
def test_exact_two_sided_tolerance_factor(row):
    k = two_sided_factor(row["n"], row["content"], row["confidence"])
    assert close(k, row["k_two_sided_exact"], VECTORS["tolerance_factors"]["tolerance"])
    assert abs(k - row["k_howe_must_not_be_used"]) > 1e-4


def test_the_tolerance_factor_does_what_it_says():
    """Of many runs of ten readings, 95 % of the intervals hold 90 % of the population."""
    k, population, chance = two_sided_factor(10, 0.90, 0.95), NormalDist(), random.Random(5)
    held, runs = 0, 4_000
    for _ in range(runs):
        readings = [chance.gauss() for _ in range(10)]
        found = NormalDist.from_samples(readings)
        share = population.cdf(found.mean + k * found.stdev) - population.cdf(found.mean - k * found.stdev)
        held += share >= 0.90
    assert abs(held / runs - 0.95) < 4 * (0.95 * 0.05 / runs) ** 0.5


def weighed(run):
    given = run["input"]
    weighing = gravimetry.Weighing(
        cumulative_ug=tuple(given["cumulative_ug"]),
        blank_before_ug=tuple(given["blank_before_ug"]),
        blank_after_ug=tuple(given["blank_after_ug"]),
    )
    here = conditions_of(given)
    return here, gravimetry.delivered(weighing, water.nl_per_ug(here))


@pytest.mark.parametrize("run", VECTORS["gravimetric_runs"], ids=lambda run: run["name"])
def test_a_weighed_run_and_its_uncertainty(run):
    given, wanted, within = run["input"], run["expect"], run["tolerance"]
    here, result = weighed(run)
    assert result.evaporation_ug == wanted["evaporation_ug_per_cycle"]
    assert close(water.nl_per_ug(here), wanted["z_ul_per_mg"], within["z_ul_per_mg"])
    assert close(result.mean_nl, wanted["mean_nl"], within["mean_nl"])
    assert close(result.mean_nl - given["nominal_nl"], wanted["systematic_error_nl"], within["mean_nl"])
    assert close(result.s_nl, wanted["s_nl"], within["s_nl"])
    assert close(result.cv_percent, wanted["cv_percent"], 1e-4)
    instruments = uncertainty.Instruments(
        mass_ug=given["u_mass_ug"],
        water_mk=given["u_water_t_mk"],
        evaporation_ug=given["u_evaporation_ug_as_standard"],
    )
    budget = uncertainty.of_mean_dose(result, here, instruments, shots_each=1)
    for line in budget.contributions:
        assert close(line.u, wanted["u_components_nl"][line.name.replace(" ", "_")], within["u_nl"])
    assert close(budget.combined, wanted["u_combined_nl"], within["u_nl"])
    assert close(budget.degrees, wanted["nu_eff"], within["nu_eff"])
    assert close(budget.k, wanted["k_95_45"], within["k"])
    assert close(budget.expanded, wanted["expanded_u_nl"], within["u_nl"])


@pytest.mark.parametrize("row", VECTORS["acceptance"])
def test_acceptance_by_the_tolerance_interval(row):
    run = next(run for run in VECTORS["gravimetric_runs"] if run["name"] == row["run"])
    found = acceptance.tolerance_interval(
        weighed(run)[1].volumes_nl, content=row["content"], confidence=row["confidence"]
    )
    assert (found.low_nl, found.high_nl) == (int(row["interval_low_nl"]), int(row["interval_high_nl"]) + 1)
    assert found.lies_within(row["limit_low_nl"], row["limit_high_nl"]) is (row["verdict"] == "accept")


def test_how_many_readings_would_do():
    needed = acceptance.readings_needed(10, 28, content=0.95, confidence=0.95)
    assert needed is not None
    assert two_sided_factor(needed, 0.95, 0.95) <= 2.8 < two_sided_factor(needed - 1, 0.95, 0.95)
    assert acceptance.readings_needed(10, 19, content=0.95, confidence=0.95) is None
    assert acceptance.readings_needed(0, 0, content=0.95, confidence=0.95) == 2


@pytest.mark.parametrize("case", VECTORS["depth_fit"], ids=lambda case: case["name"])
def test_the_line_through_a_dial_gauge(case):
    given, wanted, within = case["input"], case["expect"], case["tolerance"]
    line = travel.fit_line(given["commanded_um"], given["measured_up_um"], given["measured_down_um"])
    assert close(line.gain, wanted["gain"], within["gain"])
    assert close(line.gain_error_ppm, wanted["gain_error_ppm"], 1)
    assert close(line.gain_se, wanted["se_gain"], within["gain"])
    for name, value in (
        ("offset_um", line.offset_um),
        ("residual_s_um", line.residual_s_um),
        ("max_abs_residual_um", line.residual_max_um),
        ("se_offset_um", line.offset_se_um),
        ("backlash_mean_um", line.backlash_mean_um),
        ("backlash_max_um", line.backlash_max_um),
    ):
        assert close(value, wanted[name], within["um"]), name


@pytest.mark.parametrize("case", VECTORS["positioning"], ids=lambda case: case["name"])
def test_positioning_figures(case):
    found = travel.positioning(case["input"]["deviation_forward_um"], case["input"]["deviation_backward_um"])
    wanted = case["expect_um"]
    for name, value in (
        ("reversal_B", found.reversal),
        ("reversal_mean", found.reversal_mean),
        ("R_forward", found.repeatability_forward),
        ("R_backward", found.repeatability_backward),
        ("R", found.repeatability),
        ("E_forward", found.systematic_forward),
        ("E_backward", found.systematic_backward),
        ("E", found.systematic),
        ("M", found.mean_range),
        ("A_forward", found.accuracy_forward),
        ("A_backward", found.accuracy_backward),
        ("A", found.accuracy),
    ):
        assert close(value, wanted[name], case["tolerance_um"]), name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("simple_w_zero", decision.Rule.SIMPLE),
        ("binary_w_equals_u", decision.Rule.GUARDED),
        ("non_binary_w_equals_u", decision.Rule.FOUR),
    ],
)
def test_verdicts_at_every_edge(name, rule):
    table = VECTORS["guard_band"]
    for row in table["rules"][name]:
        found = decision.judge(row["error_nl"], limit=table["limit_nl"], expanded=table["expanded_u_nl"], rule=rule)
        assert found == row["verdict"], row


def test_what_is_too_coarse_is_not_judged():
    with pytest.raises(UsageError, match="RESOLUTION_TOO_COARSE"):
        decision.judge(0, limit=100, expanded=100)


@pytest.mark.parametrize("case", VECTORS["trumpet"], ids=lambda case: case["name"])
def test_the_shot_trumpet(case):
    given = case["input"]
    found = trumpet.trumpet([nl * 1000 for nl in given["delivered_nl"]], given["set_nl"] * 1000, given["windows"])
    assert [(w.shots, w.largest_ppm, w.smallest_ppm) for w in found] == [
        (row["window_shots"], round(row["max_percent"] * 10_000), round(row["min_percent"] * 10_000))
        for row in case["expect"]
    ]
