"""The exact two-sided tolerance factor of a normal population.

``mean - k s`` to ``mean + k s`` of n readings holds a given content of all there will be, with a given confidence
(ISO 16269-6, exact method). Approximations such as Howe's differ in the third digit and are not used: of a limit, the
wrong side may be theirs.
"""

import math
from functools import lru_cache

from meso_device.calibration.distributions import chi2_above, normal_cdf, normal_pdf, root

READINGS_MIN, READINGS_MAX = 2, 1_000
# Simpson's rule over half of the symmetric integrand; beyond 8 standard deviations there is less than 1e-14.
_STEPS, _WIDTH = 400, 8.0


@lru_cache(maxsize=256)
def two_sided_factor(readings: int, content: float, confidence: float) -> float:
    """Return k for so many readings of one normal population.

    Args:
        readings: How many, 2 to 1,000.
        content: Share of the population that must lie within, above 0 and below 1.
        confidence: How surely, above 0 and below 1.

    Raises:
        ValueError: an argument outside of its range.
    """
    if not READINGS_MIN <= readings <= READINGS_MAX:
        raise ValueError(f"{readings} readings; the factor is computed for {READINGS_MIN} to {READINGS_MAX}")
    if not (0 < content < 1 and 0 < confidence < 1):
        raise ValueError(f"content {content} and confidence {confidence} must lie between 0 and 1")
    degrees = readings - 1
    step = _WIDTH / _STEPS
    weighted = [
        (
            weight * 2 * normal_pdf(at * step) * step / 3,
            degrees * half_width(at * step / math.sqrt(readings), content) ** 2,
        )
        for at, weight in enumerate([1, *[4, 2] * (_STEPS // 2 - 1), 4, 1])
    ]

    def too_sure(k: float) -> float:
        return sum(weight * chi2_above(squared / (k * k), degrees) for weight, squared in weighted) - confidence

    return root(too_sure, 0.0, 4.0)


def half_width(centre: float, content: float) -> float:
    """Return r for which a standard normal variable lies within centre - r to centre + r with chance ``content``."""
    return root(lambda r: normal_cdf(centre + r) - normal_cdf(centre - r) - content, 0.0, centre + 4.0)
