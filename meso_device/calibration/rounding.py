"""The one place where a statistic becomes an integer that is stored and compared."""

import math
from fractions import Fraction


def to_integer(value: float) -> int:
    """Return the nearest integer, halves to even."""
    return round(Fraction(value))


def upwards(value: float) -> int:
    """Return the smallest integer that is not below: for uncertainties, which are never made smaller by rounding."""
    return math.ceil(Fraction(value))
