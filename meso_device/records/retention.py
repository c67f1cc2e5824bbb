"""Whose names have been kept long enough: nothing was given to them or told of them for all the years of the period.

Doses stay in the log for ever. What ends is that anybody here can say whose they were.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import apsw
from msgspec import Struct

from meso_device.audit import canonical
from meso_device.audit.sql import run
from protocols.errors import UsageError
from protocols.units import DAY_US

YEARS: Final = 10
YEARS_MAX: Final = 100
# As if each year were a leap year: some days late, and never one early.
_YEAR_US: Final = 366 * DAY_US


class Expired(Struct, frozen=True, order=True, kw_only=True):
    """Somebody whose period is over.

    Attributes:
        last_us: UTC of what was recorded last: an injection, a session, a late reaction, or the enrolment.
        alias: Who, 32 hex digits.
    """

    last_us: int
    alias: str


def checked_years(years: int) -> int:
    """Return a period in years; UsageError for one that is shorter than the law's, or endless."""
    if not YEARS <= years <= YEARS_MAX:
        raise UsageError(
            f"--years {years} refused: {YEARS} to {YEARS_MAX}; who is to be forgotten earlier: meso patient erase"
        )
    return years


def last_known(db: apsw.Connection) -> dict[str, int]:
    """Return when something of each alias was recorded last, UTC; what is still open counts as for ever."""
    newest: dict[str, int] = {}

    def note(rows: Iterable[tuple[str, int]]) -> None:
        for alias, at_us in rows:
            newest[alias] = max(newest.get(alias, at_us), at_us)

    note(run(db, "SELECT alias, max(latest_us) FROM given WHERE alias <> '' GROUP BY alias"))
    open_ended = "CASE WHEN state = 'open' THEN 4611686018427387904 ELSE max(opened_us, closed_us) END"
    note(run(db, f"SELECT alias, {open_ended} FROM session WHERE alias <> ''"))  # noqa: S608  # our own words
    events = run(db, "SELECT body FROM record WHERE key > 'adverse_event/' AND key < 'adverse_event0'")
    note((fields["alias"], fields["ts_us"]) for fields in (canonical.decode(body) for (body,) in events))
    return newest


def expired(
    enrolled: Mapping[str, int], last: Mapping[str, int], *, years: int, now_utc_us: int
) -> tuple[Expired, ...]:
    """Return who is past the period, oldest first.

    Args:
        enrolled: When each patient in the vault was enrolled, UTC, by alias.
        last: See `last_known`.
        years: Full years that must have passed since.
        now_utc_us: Now.
    """
    found = (Expired(last_us=max(at_us, last.get(alias, at_us)), alias=alias) for alias, at_us in enrolled.items())
    return tuple(sorted(one for one in found if one.last_us + years * _YEAR_US < now_utc_us))
