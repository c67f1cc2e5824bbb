"""How a gun drifts from one check to the next: a sum that grows with a small error of one sign, and the use since.

The constants are ours, not a standard's.
"""

from collections.abc import Sequence
from typing import Final

SLACK_PARTS: Final = 4
"""An error below a fourth of the limit adds nothing to the sum."""
SHOTS_IN_USE_MAX: Final = 100_000
"""A gun is checked again after so many shots, whatever the calendar says."""
WARNING_DAYS: Final = 14
"""It is told so many days ahead that a calibration will be due."""


def cusum_alarm(errors: Sequence[int], limit: int) -> int | None:
    """Return the number of the first check, from 0, at which the drift is an alarm; None where there is none.

    Each error beyond a fourth of the limit adds to the sum of its sign, each within it takes away; the sum is an alarm
    when it passes the limit. So a step beyond the limit alarms at once, and a small one after a few checks.

    Args:
        errors: As found, signed, oldest first, in the unit of ``limit``.
        limit: The largest error that is allowed, at least 1.
    """
    slack, high, low = limit // SLACK_PARTS, 0, 0
    for no, error in enumerate(errors):
        high, low = max(0, high + error - slack), max(0, low - error - slack)
        if max(high, low) > limit:
            return no
    return None


def true_range(low: int, high: int, error_ppm: tuple[int, int]) -> tuple[int, int]:
    """Return what a recorded range can have been in truth, rounded outwards.

    Args:
        low: Least as recorded, 0 or more.
        high: Most as recorded.
        error_ppm: Least and greatest error of what the gun delivers against what it records, in parts per million.
    """
    least, most = error_ppm
    return low * max(0, 1_000_000 + least) // 1_000_000, -(-high * max(0, 1_000_000 + most) // 1_000_000)
