"""Quantities as exact integers, and the only parser and formatter of what people write.

People write ``1.5 mm`` or ``0.02 mL``; everything inside is an integer in the unit that its name ends with.
A number is refused, never rounded: too many decimal places for the grid of the unit is an error.
"""

import re
from typing import Final, NewType

from msgspec import Struct

from protocols.errors import UsageError

Micrometres = NewType("Micrometres", int)
Nanolitres = NewType("Nanolitres", int)
Milliseconds = NewType("Milliseconds", int)
Pascals = NewType("Pascals", int)
DAY_US: Final = 86_400_000_000


class Dimension(Struct, frozen=True):
    """One kind of quantity: the unit of its integer and the units that people may write.

    Attributes:
        name: What is measured, for messages.
        base: Unit of the integer.
        decimals: For each writable unit, the power of ten between it and the base unit.
        display: Unit in which `format_quantity` writes.
    """

    name: str
    base: str
    decimals: dict[str, int]
    display: str


LENGTH: Final = Dimension("length", "um", {"um": 0, "µm": 0, "mm": 3, "cm": 4}, "mm")
VOLUME: Final = Dimension("volume", "nL", {"nL": 0, "uL": 3, "µL": 3, "mL": 6}, "mL")
HELD_VOLUME: Final = Dimension(VOLUME.name, VOLUME.base, VOLUME.decimals, "µL")
DURATION: Final = Dimension("time", "ms", {"ms": 0, "s": 3}, "s")
PRESSURE: Final = Dimension("pressure", "Pa", {"Pa": 0, "kPa": 3}, "kPa")
FLOW: Final = Dimension("flow", "nL/s", {"nL/s": 0, "uL/s": 3, "µL/s": 3, "mL/s": 6}, "mL/s")
SPEED: Final = Dimension("speed", "um/s", {"um/s": 0, "µm/s": 0, "mm/s": 3}, "mm/s")
AREA: Final = Dimension("area", "mm2", {"mm2": 0, "mm²": 0, "cm2": 2, "cm²": 2}, "cm2")

# Digits are ASCII only; `.5` and `1.` are refused because a lost zero or point is a factor of ten.
_QUANTITY: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,12}))? ?([A-Za-zµ²/2]{1,5})", re.ASCII)
_LONGEST: Final = 24
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


def day_of(utc_us: int) -> int:
    """Return the UTC day of an instant, in days since 1970-01-01."""
    return utc_us // DAY_US


def parse_quantity(text: str, dimension: Dimension) -> int:
    """Read a quantity such as ``1.5 mm`` and return it as an integer in the dimension's base unit.

    Args:
        text: Digits with ``.`` and a unit beside them; no sign, exponent, comma or leading zero.
        dimension: What is measured; decides which units are accepted.

    Raises:
        UsageError: no unit, unknown unit, wrong form, or finer than the base unit. Never rounded.
    """
    allowed = ", ".join(unit for unit in dimension.decimals if unit.isascii())
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise UsageError(
            f"{dimension.name} {text[:_LONGEST]!r} refused: write digits and a unit ({allowed}), "
            f"such as '0.5 {dimension.display}'"
        )
    whole, fraction, unit = match.group(1), match.group(2) or "", match.group(3)
    places = dimension.decimals.get(unit)
    if places is None:
        raise UsageError(f"{dimension.name} {text!r} refused: unit {unit!r} is not one of {allowed}")
    if len(fraction) > places:
        raise UsageError(
            f"{dimension.name} {text!r} refused: finer than 1 {dimension.base}; "
            f"write at most {places} decimal places in {unit}"
        )
    return int(whole + fraction.ljust(places, "0"))


def parse_entry(text: str, dimension: Dimension) -> int:
    """Read what was typed into a field marked with the dimension's display unit: ``1.5``, or ``1.5 mm``.

    Stricter than `parse_quantity`, which reads it in the end: a number that is easily misread is refused with the way
    to write it, so that what is typed looks as it will be shown.

    Args:
        text: Digits with ``.``; the unit may be left out and is no other than the field's.
        dimension: What is measured.

    Raises:
        UsageError: another unit, a point without a digit beside it, zeros that say nothing, or what
            `parse_quantity` refuses.
    """
    number, _, unit = text.strip().partition(" ")
    bare = number.rstrip("".join(dimension.decimals))
    unit = unit.strip() or number[len(bare) :]
    if unit and unit != dimension.display:
        raise UsageError(
            f"{dimension.name} {text[:_LONGEST]!r} refused: unit {unit[:_LONGEST]!r}; this field is in "
            f"{dimension.display}"
        )
    plain = _plainly(bare)
    if plain != bare and _QUANTITY.fullmatch(f"{plain} {dimension.display}"):
        raise UsageError(f"{dimension.name} {text[:_LONGEST]!r} refused: write {plain}")
    return parse_quantity(f"{bare} {dimension.display}", dimension)


def parse_count(text: str, name: str) -> int:
    """Read a whole number of things: digits alone, at most six, no leading zero.

    Raises:
        UsageError: anything else.
    """
    if _COUNT.fullmatch(text) is None:
        raise UsageError(f"{name} {text[:_LONGEST]!r} refused: write a whole number, such as 12")
    return int(text)


def _plainly(number: str) -> str:
    """Return a number without the zeros and points that are easily misread: ``.05`` and ``1.50`` as 0.05 and 1.5."""
    whole, point, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if point and fraction else "")


def format_quantity(value: int, dimension: Dimension) -> str:
    """Write an integer quantity for people, exactly and without trailing zeros: ``1.5 mm``, ``0.02 mL``."""
    places = dimension.decimals[dimension.display]
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    digits = digits.rjust(places + 1, "0")
    whole, fraction = (digits[:-places], digits[-places:].rstrip("0")) if places else (digits, "")
    return f"{sign}{whole}{'.' + fraction if fraction else ''} {dimension.display}"


def format_depth(depth_um: int) -> str:
    """Write a needle travel in millimetres, such as ``1.5 mm``."""
    return format_quantity(depth_um, LENGTH)


def format_dose(dose_nl: int) -> str:
    """Write a volume in millilitres, such as ``0.02 mL``."""
    return format_quantity(dose_nl, VOLUME)
