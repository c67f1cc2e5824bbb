"""Words and quantities that documents share, each written one way."""

from datetime import UTC, datetime
from typing import Final

from meso_device.accounting.materials import day_text
from meso_device.documents.numbers import fixed, rounded, short, signed

NOT_MEASURED: Final = "not measured"
NOT_IN_SKIN: Final = (
    "Depths are needle travel, commanded or measured in air. True depth in skin is not measured: skin gives way under "
    "a needle."
)

_VERDICTS: Final = {
    "pass": "pass",
    "conditional_pass": "conditional pass",
    "conditional_fail": "conditional fail",
    "fail": "fail",
    "": "not judged",
}


def verdict_text(verdict: str) -> str:
    """Write a verdict."""
    return _VERDICTS[verdict]


def instant(at_us: int) -> str:
    """Write a UTC time to the second."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(at_us: int) -> str:
    """Write the time of the day to the second, UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%H:%M:%S")


def date_of(at_us: int) -> tuple[int, int, int]:
    """Return year, month and day of a UTC time."""
    day = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return day.year, day.month, day.day


def day(days: int) -> str:
    """Write a day counted from 1970-01-01."""
    return day_text(days)


def microlitres(picolitres: int) -> str:
    """Write a volume in microlitres to a nanolitre, rounded half to even; the exact value is in the JSON."""
    return fixed(rounded(picolitres, 1_000), 3)


def signed_microlitres(picolitres: int) -> str:
    """Write it with its sign."""
    return signed(rounded(picolitres, 1_000), 3)


def microlitres_up(picolitres: int) -> str:
    """Write an uncertainty in microlitres to a nanolitre, rounded up."""
    return fixed(-(-picolitres // 1_000), 3)


def micrometres(nanometres: int) -> str:
    """Write a length in micrometres to a tenth, rounded half to even."""
    return fixed(rounded(nanometres, 100), 1)


def signed_micrometres(nanometres: int) -> str:
    """Write it with its sign."""
    return signed(rounded(nanometres, 100), 1)


def micrometres_up(nanometres: int) -> str:
    """Write an uncertainty in micrometres to a tenth, rounded up."""
    return fixed(-(-nanometres // 100), 1)


def factor(ppm: int) -> str:
    """Write a factor given in millionths, to two places."""
    return fixed(rounded(ppm, 10_000), 2)


def degrees(milli: int) -> str:
    """Write degrees of freedom given in thousandths, rounded down to one place; below 0 there is no limit."""
    return "infinite" if milli < 0 else short(milli // 100, 1)


def millilitres(low_nl: int, high_nl: int) -> str:
    """Write a volume in millilitres: one figure where it is exact, else the range."""
    low, high = (short(value, 6) for value in (low_nl, high_nl))
    return high if low_nl == high_nl else f"{low} to {high}"
