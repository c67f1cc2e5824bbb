"""Needle travel against a dial gauge, in air: never depth in skin.

The straight line that the gun can hold (gain and offset), and positioning figures in the manner of ISO 230-2; the
standard's own text was not at hand, so no conformity is claimed.
"""

import math
from collections.abc import Sequence
from itertools import chain
from statistics import fmean, linear_regression, stdev

from msgspec import Struct

from protocols.errors import UsageError

POINTS_MIN = 7
CYCLES_MIN = 5


class Line(Struct, frozen=True):
    """measured = gain x commanded + offset, over the mean of both directions.

    Attributes:
        gain: Without unit; 1 is right.
        offset_um: Measured where zero is commanded.
        residual_s_um: Standard deviation of the residuals, n - 2.
        residual_max_um: Largest residual, without sign.
        gain_se: Standard error of the gain.
        offset_se_um: Standard error of the offset.
        backlash_mean_um: Mean of up less down.
        backlash_max_um: Largest of up less down, without sign.
    """

    gain: float
    offset_um: float
    residual_s_um: float
    residual_max_um: float
    gain_se: float
    offset_se_um: float
    backlash_mean_um: float
    backlash_max_um: float

    @property
    def gain_error_ppm(self) -> float:
        """By how much a commanded millimetre is too long, in nanometres."""
        return (self.gain - 1) * 1e6


def fit_line(commanded_um: Sequence[int], up_um: Sequence[float], down_um: Sequence[float]) -> Line:
    """Fit the line through readings that came from below (up) and from above (down), one each a commanded travel.

    Raises:
        UsageError: fewer than `POINTS_MIN` points, or two of them the same.
    """
    points = len(commanded_um)
    if points < POINTS_MIN or len(set(commanded_um)) != points:
        raise UsageError(f"{points} points measured; the line needs {POINTS_MIN} different ones over the range")
    means = [(up + down) / 2 for up, down in zip(up_um, down_um, strict=True)]
    gain, offset = linear_regression(commanded_um, means)
    residuals = [mean - (gain * x + offset) for x, mean in zip(commanded_um, means, strict=True)]
    residual_s = math.sqrt(math.fsum(r * r for r in residuals) / (points - 2))
    centre = fmean(commanded_um)
    spread = math.fsum((x - centre) ** 2 for x in commanded_um)
    backlash = [up - down for up, down in zip(up_um, down_um, strict=True)]
    return Line(
        gain=gain,
        offset_um=offset,
        residual_s_um=residual_s,
        residual_max_um=max(map(abs, residuals)),
        gain_se=residual_s / math.sqrt(spread),
        offset_se_um=residual_s * math.sqrt(1 / points + centre**2 / spread),
        backlash_mean_um=fmean(backlash),
        backlash_max_um=max(map(abs, backlash)),
    )


class Positioning(Struct, frozen=True):
    """Figures over some positions, each reached several times from both sides, in micrometres.

    Attributes:
        reversal: Largest difference between the two directions, without sign.
        reversal_mean: Mean of the signed differences.
        repeatability_forward: Largest 4 s of the forward approach.
        repeatability_backward: Of the backward approach.
        repeatability: Over both directions.
        systematic_forward: Largest mean less smallest, forward.
        systematic_backward: Backward.
        systematic: Largest mean of either direction less smallest of either.
        mean_range: Range of the means of both directions.
        accuracy_forward: Largest mean + 2 s less smallest mean - 2 s, forward.
        accuracy_backward: Backward.
        accuracy: Over both directions.
    """

    reversal: float
    reversal_mean: float
    repeatability_forward: float
    repeatability_backward: float
    repeatability: float
    systematic_forward: float
    systematic_backward: float
    systematic: float
    mean_range: float
    accuracy_forward: float
    accuracy_backward: float
    accuracy: float


def positioning(forward_um: Sequence[Sequence[float]], backward_um: Sequence[Sequence[float]]) -> Positioning:
    """Return the figures of deviations from the target, a row a position, a column a cycle.

    Raises:
        UsageError: a position was reached fewer than `CYCLES_MIN` times from one side.
    """
    for row in chain(forward_um, backward_um):
        if len(row) < CYCLES_MIN:
            raise UsageError(f"a position was reached {len(row)} times from one side; {CYCLES_MIN} are needed")
    mean_f, mean_b = [*map(fmean, forward_um)], [*map(fmean, backward_um)]
    s_f, s_b = [*map(stdev, forward_um)], [*map(stdev, backward_um)]
    reversals = [f - b for f, b in zip(mean_f, mean_b, strict=True)]
    both = [(f + b) / 2 for f, b in zip(mean_f, mean_b, strict=True)]
    upper_f, lower_f = _two_s(mean_f, s_f)
    upper_b, lower_b = _two_s(mean_b, s_b)
    return Positioning(
        reversal=max(map(abs, reversals)),
        reversal_mean=fmean(reversals),
        repeatability_forward=4 * max(s_f),
        repeatability_backward=4 * max(s_b),
        repeatability=max(
            max(2 * f + 2 * b + abs(reversal), 4 * f, 4 * b) for f, b, reversal in zip(s_f, s_b, reversals, strict=True)
        ),
        systematic_forward=_range(mean_f),
        systematic_backward=_range(mean_b),
        systematic=_range([*mean_f, *mean_b]),
        mean_range=_range(both),
        accuracy_forward=upper_f - lower_f,
        accuracy_backward=upper_b - lower_b,
        accuracy=max(upper_f, upper_b) - min(lower_f, lower_b),
    )


def _two_s(means: Sequence[float], spreads: Sequence[float]) -> tuple[float, float]:
    pairs = list(zip(means, spreads, strict=True))
    return max(m + 2 * s for m, s in pairs), min(m - 2 * s for m, s in pairs)


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)
