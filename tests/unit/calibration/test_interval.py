from meso_device.calibration.decision import Verdict
from meso_device.calibration.interval import DAYS_MAX, DAYS_MIN, day_at_limit, next_interval_days


def test_the_staircase_climbs_slowly_falls_fast_and_stays_within_its_bounds():
    assert next_interval_days(100, Verdict.PASS) == 125
    assert next_interval_days(100, Verdict.FAIL) == 50
    assert next_interval_days(100, Verdict.CONDITIONAL_PASS) == next_interval_days(100, Verdict.CONDITIONAL_FAIL) == 100
    assert next_interval_days(DAYS_MAX, Verdict.PASS) == DAYS_MAX
    assert next_interval_days(DAYS_MIN, Verdict.FAIL) == DAYS_MIN


def test_a_drift_is_projected_to_the_limit_on_its_side():
    assert day_at_limit([0, 100], [0, 100], 300) == 300
    assert day_at_limit([0, 100], [0, -100], 300) == 300
    assert day_at_limit([0, 100], [200, 400], 300) == 100
    assert day_at_limit([0, 100, 200], [50, 50, 50], 300) is None
    assert day_at_limit([0], [50], 300) is None
