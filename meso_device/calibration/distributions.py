"""Distributions that the judgements need: normal, chi-squared, Student's t. Checked against independent tools.

Series and continued fractions: Abramowitz and Stegun 6.5.29, 6.5.31 and 26.5.8, the fractions by Lentz's method.
"""

import math
from collections.abc import Callable, Iterator
from itertools import count
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()
_TINY: Final = 1e-300
_EPSILON: Final = 1e-15

normal_cdf: Final = _NORMAL.cdf
normal_pdf: Final = _NORMAL.pdf


def chi2_above(chi2: float, degrees: float) -> float:
    """Return the chance that a chi-squared variable with so many degrees of freedom is above ``chi2``."""
    if chi2 <= 0:
        return 1.0
    shape, x = degrees / 2, chi2 / 2
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        for step in count(1):
            term *= x / (shape + step)
            total += term
            if term < total * _EPSILON:
                return max(0.0, 1 - total * scale)
    odd = x + 1 - shape
    return scale / _continued(odd, ((-step * (step - shape), odd + 2 * step) for step in count(1)))


def student_cdf(t: float, degrees: float) -> float:
    """Return the chance that Student's t with so many degrees of freedom, not always whole, is at most ``t``."""
    tail = _incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
    return 1 - tail if t > 0 else tail


def student_quantile(p: float, degrees: float) -> float:
    """Return the t that is not passed with chance ``p``, from 0.5 to below 1."""
    if not 0.5 <= p < 1:
        raise ValueError(f"the chance is {p}; it must be at least 0.5 and below 1")
    return root(lambda t: student_cdf(t, degrees) - p, 0.0, 2.0)


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function is zero; ``high`` is doubled until it is beyond. To about 1e-13 of the result."""
    while rising(high) < 0:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if high - low <= 1e-13 * high or middle in {low, high}:
            break
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    log_scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_scale) / a / _continued(1.0, _beta_steps(x, a, b))


def _beta_steps(x: float, a: float, b: float) -> Iterator[tuple[float, float]]:
    for step in count(1):
        half, odd = divmod(step, 2)
        if odd:
            yield -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1)), 1.0
        else:
            yield half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half)), 1.0


def _continued(first: float, steps: Iterator[tuple[float, float]]) -> float:
    """Return the continued fraction first + a1 / (b1 + a2 / (b2 + ...)) with steps (a, b)."""
    value = c = first or _TINY
    d = 0.0
    for a, b in steps:
        d = 1 / ((b + a * d) or _TINY)
        c = (b + a / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return value
