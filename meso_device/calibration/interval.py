"""When the next calibration is due, and how the gun drifts. The constants are ours, not a standard's."""

from collections.abc import Sequence
from statistics import StatisticsError, linear_regression

from meso_device.calibration.decision import Verdict

DAYS_MIN, DAYS_MAX = 30, 730


def next_interval_days(days: int, as_found: Verdict) -> int:
    """Return the next interval by the staircase: a quarter longer after a pass, half after a fail; 30 to 730 days.

    What passed or failed with a condition leaves it as it is.
    """
    if as_found is Verdict.PASS:
        days = days * 5 // 4
    elif as_found is Verdict.FAIL:
        days //= 2
    return min(DAYS_MAX, max(DAYS_MIN, days))


def day_at_limit(days: Sequence[int], errors: Sequence[int], limit: int) -> int | None:
    """Return the day on which a straight line through as-found errors leaves the limit, or None if it does not.

    Args:
        days: Days of the checks, rising.
        errors: As found then, signed, in the unit of ``limit``.
        limit: The largest error that is allowed.
    """
    try:
        slope, start = linear_regression(days, errors)
    except StatisticsError:
        return None
    if slope == 0:
        return None
    day = int(((limit if slope > 0 else -limit) - start) // slope)
    return max(day, days[-1])
