"""Whether single doses lie within limits, as far as some readings can show it."""

from collections.abc import Sequence
from math import ceil, floor
from statistics import fmean, stdev

from msgspec import Struct

from meso_device.calibration.tolerance_factor import READINGS_MAX, READINGS_MIN, two_sided_factor


class ToleranceInterval(Struct, frozen=True):
    """Where a share of all doses lies, with a confidence; rounded outwards, so that rounding accepts nothing.

    Attributes:
        low_nl: Lower end.
        high_nl: Upper end.
        k: The exact two-sided factor.
    """

    low_nl: int
    high_nl: int
    k: float

    def lies_within(self, lower_nl: int, upper_nl: int) -> bool:
        """Return whether the whole interval lies within the limits."""
        return lower_nl <= self.low_nl and self.high_nl <= upper_nl


def tolerance_interval(volumes_nl: Sequence[float], *, content: float, confidence: float) -> ToleranceInterval:
    """Return the interval of single doses; of pooled readings there is none.

    Args:
        volumes_nl: One a shot, 2 to 1,000.
        content: Share of all doses that must lie within.
        confidence: How surely.
    """
    k = two_sided_factor(len(volumes_nl), content, confidence)
    mean, spread = fmean(volumes_nl), stdev(volumes_nl)
    return ToleranceInterval(floor(mean - k * spread), ceil(mean + k * spread), k)


def dose_limit_nl(set_nl: int, *, floor_nl: int, permille: int) -> int:
    """Return how far a dose may be off: thousandths of it, and never less than what the gun can resolve."""
    return max(floor_nl, set_nl * permille // 1000)


def readings_needed(s_nl: float, room_nl: float, *, content: float, confidence: float) -> int | None:
    """Return how many readings would accept with this spread; None if 1,000 would not.

    Args:
        s_nl: Spread seen so far.
        room_nl: From the mean to the nearer limit.
        content: Share of all doses that must lie within.
        confidence: How surely.
    """
    if s_nl <= 0:
        return READINGS_MIN
    low, high = READINGS_MIN, READINGS_MAX
    if two_sided_factor(high, content, confidence) * s_nl > room_nl:
        return None
    while low < high:
        middle = (low + high) // 2
        if two_sided_factor(middle, content, confidence) * s_nl <= room_nl:
            high = middle
        else:
            low = middle + 1
    return low
