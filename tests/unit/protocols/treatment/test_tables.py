"""Courses, syringes, needles and heads: what the package's tables say."""

from fractions import Fraction

import pytest

from protocols.treatment.areas import catalogue
from protocols.treatment.courses import courses
from protocols.treatment.needles import heads, needles
from protocols.treatment.syringes import ScrewDrive, dose_grid_nl, smallest_dose_nl, syringes


def test_the_usual_course_is_four_then_two_then_a_refresh_without_end():
    first, second, refresh = courses()["general"].phases
    assert (first.sessions_min, first.interval_min_days, first.interval_max_days) == (4, 7, 14)
    assert (second.sessions_min, second.gap_min_days, second.interval_min_days) == (2, 28, 28)
    assert (refresh.repeats, refresh.interval_min_days, refresh.interval_max_days) == (True, 90, 180)
    assert refresh.sessions_max is None


def test_named_days_of_a_course_are_kept():
    assert courses()["scalp_pilot"].phases[0].offsets_days == (0, 7, 14, 21, 35, 49, 77)


def test_what_nobody_was_seen_to_say_is_none():
    (phase,) = courses()["scalp_six"].phases
    assert (phase.interval_min_days, phase.interval_max_days) == (None, None)


def test_every_course_belongs_to_a_group_of_areas():
    groups = {area.group for area in catalogue().values()} | {"any"}
    assert {course.area_group for course in courses().values()} <= groups


@pytest.mark.hazard("HZ-45")
def test_the_numbers_of_syringes_needles_and_heads_never_change():
    assert {row.id: row.geometry_id for row in syringes().values()} == {
        "hamilton_1ml": 1, "normject_1ml": 2, "bd_1ml": 3, "plain_2ml": 4, "plain_2_5ml": 5, "bd_3ml": 6,
        "bd_5ml": 7, "chipquik_5ml": 8, "luer_10ml": 9, "bd_10ml": 10, "plain_10ml": 11,
    }  # fmt: skip
    assert {row.id: row.type_id for row in needles().values()} == {
        "27g_4mm": 1, "27g_6mm": 2, "27g_13mm": 3, "30g_4mm": 4, "30g_6mm": 5, "30g_13mm": 6,
        "32g_4mm": 7, "33g_4mm": 8, "34g_4mm": 9,
    }  # fmt: skip
    assert {row.id: (row.type_id, row.pins) for row in heads().values()} == {
        "single": (1, 1), "five_pin": (2, 5), "nine_pin": (3, 9),
    }  # fmt: skip


@pytest.mark.hazard("HZ-46")
def test_one_full_step_of_a_10_ml_syringe_is_about_0_8_microlitres():
    # 163 nL/um, 1 mm lead, 200 steps: 5 um a step.
    assert ScrewDrive().full_step_pl(162_860) == 814_300
    assert ScrewDrive().microstep_pl(162_860) == Fraction(814_300, 16)


@pytest.mark.parametrize(
    ("pl_per_um", "smallest_nl", "grid_nl"),
    [(17_349, 868, 10), (58_901, 2_946, 20), (114_231, 5_712, 50), (165_130, 8_257, 100)],
)
@pytest.mark.hazard("HZ-46")
def test_smallest_dose_and_grid_of_usual_syringes(pl_per_um, smallest_nl, grid_nl):
    assert smallest_dose_nl(pl_per_um) == smallest_nl
    assert dose_grid_nl(pl_per_um) == grid_nl


@pytest.mark.hazard("HZ-46")
def test_smallest_dose_and_grid_are_never_finer_than_the_steps():
    drive = ScrewDrive(lead_um=500, microsteps=8)
    for pl_per_um in range(1, 400_000, 997):
        assert smallest_dose_nl(pl_per_um, drive) * 1000 >= 10 * drive.full_step_pl(pl_per_um), pl_per_um
        assert (smallest_dose_nl(pl_per_um, drive) - 1) * 1000 < 10 * drive.full_step_pl(pl_per_um), pl_per_um
        grid_nl = dose_grid_nl(pl_per_um, drive)
        assert grid_nl * 1000 >= drive.microstep_pl(pl_per_um), pl_per_um
        assert 200_000 % grid_nl == 0, pl_per_um
