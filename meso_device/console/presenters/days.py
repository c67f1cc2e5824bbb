"""Days of a calendar, as people write them. Pure."""

from datetime import date
from typing import Final

_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_text(day: int) -> str:
    """Return a day since 1970-01-01; what no calendar holds stays a number."""
    ordinal = _EPOCH + day
    return date.fromordinal(ordinal).isoformat() if 0 < ordinal <= date.max.toordinal() else str(day)
