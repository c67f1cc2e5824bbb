"""How quantities, times and shares are written on the screen: integers in, exact text out."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from protocols.units import VOLUME, format_depth, format_dose, format_quantity

NONE: Final = "-"
_BRAILLE_LEFT: Final = (0x00, 0x40, 0x44, 0x46, 0x47)
_BRAILLE_RIGHT: Final = (0x00, 0x80, 0xA0, 0xB0, 0xB8)


def depth(value_um: int | None) -> str:
    """Return a depth in mm, or a dash for one that is not known."""
    return NONE if value_um is None else format_depth(value_um)


def bare_depth(value_um: int | None) -> str:
    """Return a depth in mm without its unit, for one that stands beside another."""
    return depth(value_um).removesuffix(" mm")


def dose(value_nl: int | None) -> str:
    """Return a volume in mL, or a dash for one that is not known."""
    return NONE if value_nl is None else format_dose(value_nl)


def bare_dose(value_nl: int) -> str:
    """Return a volume in mL without its unit, for one that stands once in the row."""
    return format_quantity(value_nl, VOLUME).removesuffix(" mL")


def dose_between(lo_nl: int, hi_nl: int) -> str:
    """Return what was given: one figure where both ends are equal, else the range."""
    return dose(hi_nl) if lo_nl == hi_nl else f"{bare_dose(lo_nl)}-{dose(hi_nl)}"


def moment(utc_us: int, offset_s: int) -> datetime:
    """Return a UTC time as the wall clock here shows it."""
    return datetime.fromtimestamp(utc_us // 1_000_000, UTC) + timedelta(seconds=offset_s)


def clock(utc_us: int, offset_s: int) -> str:
    """Return the time of day: 14:02:31."""
    return f"{moment(utc_us, offset_s):%H:%M:%S}"


def day_and_clock(utc_us: int, offset_s: int) -> str:
    """Return day and time of day: 2026-11-22 14:02:31."""
    return f"{moment(utc_us, offset_s):%Y-%m-%d %H:%M:%S}"


def round_trip(value_us: int | None) -> str:
    """Return a round trip in whole milliseconds, at least ``<1 ms``."""
    if value_us is None:
        return NONE
    return f"{value_us // 1_000} ms" if value_us >= 1_000 else "<1 ms"


def scaled(value: int | None, decimals: int, unit: str) -> str:
    """Return an integer in a decimal fraction of a unit with all its decimals: 3100 with 2 is ``31.00 °C``."""
    if value is None:
        return NONE
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]} {unit}"


def bar(given: int, held: int, limit: int, width: int) -> str:
    """Return a bar of ``width`` cells: ``#`` given, ``+`` held, ``.`` free.

    Whatever is given or held is seen, however little, and the bar is full only when nothing is free.
    """
    if limit <= 0:
        return "." * width
    filled = _share(given + held, limit, width)
    full = min(_share(given, limit, width), filled - (1 if held and filled else 0))
    return "#" * full + "+" * (filled - full) + "." * (width - filled)


def _share(part: int, whole: int, width: int) -> int:
    if part <= 0:
        return 0
    if part >= whole:
        return width
    return min(width - 1, max(1, part * width // whole))


def trace(values: Iterable[int], width: int) -> str:
    """Return the newest values as a line of braille, two a cell, from their lowest to their highest."""
    shown = list(values)[-2 * width :]
    if not shown:
        return ""
    low, span = min(shown), max(shown) - min(shown)
    levels = [(value - low) * 3 // span + 1 if span else 1 for value in shown]
    if len(levels) % 2:
        levels.insert(0, 0)
    pairs = zip(levels[::2], levels[1::2], strict=True)
    return "".join(chr(0x2800 + _BRAILLE_LEFT[left] + _BRAILLE_RIGHT[right]) for left, right in pairs)
