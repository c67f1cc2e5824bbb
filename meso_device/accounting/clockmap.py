"""From the gun's ticks to UTC labels, with the error of each label (I-35 to I-39).

A map belongs to one boot of the gun. A refined map changes nothing that was written with an older one.
"""

from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import ClockMapRow, Json

# A quartz clock of the gun may be off by this much; the label's error grows with the distance from its map.
DRIFT_PPM: Final = 100
# Older boots than this have no record left in a ring of 4,096.
BOOTS_KEPT: Final = 8


class Label(Struct, frozen=True):
    """UTC of a shot, and how far off it may be to either side."""

    at_us: int
    error_us: int


class Ping(Struct, frozen=True):
    """One TIME_PING: sent and heard on the host's monotonic clock, ticks read between."""

    boot_id: int
    ticks_us: int
    sent_us: int
    heard_us: int


def map_from_pings(pings: list[Ping], *, now_mono_us: int, now_utc_us: int) -> ClockMapRow:
    """Return the map of the ping with the shortest round trip: its error is half of that.

    Args:
        pings: At least one.
        now_mono_us: The host's monotonic clock now.
        now_utc_us: UTC of the same moment.
    """
    best = min(pings, key=lambda ping: ping.heard_us - ping.sent_us)
    middle_us = (best.sent_us + best.heard_us) // 2
    return ClockMapRow(
        boot_id=best.boot_id,
        ticks_us=best.ticks_us,
        utc_us=now_utc_us - (now_mono_us - middle_us),
        error_us=(best.heard_us - best.sent_us + 1) // 2,
    )


def map_payload(row: ClockMapRow, *, mono_us: int) -> dict[str, Json]:
    """Return the payload of the ``clock.map`` record."""
    return {
        "boot_id": row.boot_id,
        "ticks_us": row.ticks_us,
        "utc_us": row.utc_us,
        "error_us": row.error_us,
        "at_mono_us": mono_us,
    }


class ClockMaps:
    """The newest map of each of the last boots, and the bracket for boots without one."""

    __slots__ = ("_last_contact_us", "_rows")

    def __init__(self, rows: tuple[ClockMapRow, ...], last_contact_us: int) -> None:
        self._rows = {row.boot_id: row for row in rows}
        self._last_contact_us = last_contact_us

    def add(self, row: ClockMapRow) -> None:
        """Use a newer map for its boot from now on."""
        self._rows[row.boot_id] = row
        while len(self._rows) > BOOTS_KEPT:
            del self._rows[min(self._rows)]

    def label(self, boot_id: int, ticks_us: int, *, now_utc_us: int) -> Label:
        """Return the UTC label of a moment on the gun's clock.

        Without a map of that boot the label is the middle of [last contact, now] and says so by its error (I-39).
        """
        row = self._rows.get(boot_id)
        if row is not None:
            distance_us = ticks_us - row.ticks_us
            return Label(row.utc_us + distance_us, row.error_us + abs(distance_us) * DRIFT_PPM // 1_000_000)
        earliest_us = min(self._last_contact_us, now_utc_us)
        return Label((earliest_us + now_utc_us) // 2, (now_utc_us - earliest_us + 1) // 2)
