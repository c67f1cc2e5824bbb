"""Exact integers as people read them: no float anywhere, and nothing rounded but where a name says so."""

from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
_PPM_PER_PERCENT: Final = 10_000


def fixed(value: int, places: int) -> str:
    """Write ``value`` times ten to the power of ``-places`` with all its places: 1020 with 3 is ``1.020``."""
    digits = str(abs(value)).rjust(places + 1, "0")
    whole, fraction = (digits[:-places], digits[-places:]) if places else (digits, "")
    return f"{MINUS if value < 0 else ''}{whole}{'.' if fraction else ''}{fraction}"


def short(value: int, places: int) -> str:
    """Write it without the zeros at its end: 1020 with 3 is ``1.02``."""
    text = fixed(value, places)
    return text.rstrip("0").rstrip(".") if places else text


def signed(value: int, places: int) -> str:
    """Write it with all places and its sign; zero has none."""
    return f"{'+' if value > 0 else ''}{fixed(value, places)}"


def rounded(value: int, step: int) -> int:
    """Return how many steps a value is, rounded half to even."""
    whole, rest = divmod(value, step)
    return whole + (2 * rest > step or (2 * rest == step and whole % 2))


def ratio(part: int, whole: int, unit: int) -> int:
    """Return ``part / whole`` in ``unit`` a whole, rounded half to even; ``whole`` is above 0."""
    return rounded(part * unit, whole)


def percent(ppm: int, places: int = 2) -> str:
    """Write parts per million as per cent, rounded half to even to ``places`` (0 to 4)."""
    return f"{signed(rounded(ppm, 10 ** (4 - places)), places)} %"
