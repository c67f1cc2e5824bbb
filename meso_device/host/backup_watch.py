"""Tells when the newest backup of a data directory is long ago."""

from pathlib import Path
from typing import Final

from meso_device.host import newest_backup
from meso_device.session.contract import Instant
from protocols.units import DAY_US

LATE_DAYS: Final = 7
LOOKS_EVERY_US: Final = 600_000_000


class BackupWatch:
    """Looks at the note that `meso backup create` leaves.

    Args:
        root: The data directory.
        begun_us: UTC of the log's first record: a log of yesterday needs no backup of last week.
    """

    def __init__(self, root: Path, begun_us: int) -> None:
        self._root = root
        self._begun_us = begun_us
        self._due_us = 0

    def late(self, now: Instant) -> str | None:
        """Return what to say of a late backup, empty if it is not late; None between two looks."""
        if now.mono_us < self._due_us:
            return None
        self._due_us = now.mono_us + LOOKS_EVERY_US
        newest = newest_backup.read(self._root)
        since_us = now.utc_us - (self._begun_us if newest is None else newest.at_us)
        if since_us < LATE_DAYS * DAY_US:
            return ""
        ago = f"{since_us // DAY_US} days ago"
        return f"never backed up, begun {ago}" if newest is None else f"backed up {ago}"
