"""When a data directory was backed up last: a small file in it, so that a console can tell that it was long ago."""

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from meso_device.host.home import write_private
from protocols.errors import UsageError

FILE_NAME: Final = "newest-backup.json"
FILE_BYTES_MAX: Final = 4_096


class NewestBackup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest backup that has verified.

    Attributes:
        made_at: UTC, RFC 3339.
        records: Records in it.
    """

    made_at: str
    records: int

    @property
    def at_us(self) -> int:
        """UTC in microseconds; ValueError where the text is no time."""
        return int(datetime.fromisoformat(self.made_at).timestamp() * 1_000_000)


def note(home: Path, backup: NewestBackup) -> None:
    """Keep it in the data directory, in place of the one before.

    Raises:
        UsageError: the directory cannot be written; the backup itself is as good.
    """
    try:
        write_private(home / FILE_NAME, msgspec.json.encode(backup).decode())
    except OSError as error:
        raise UsageError(
            f"the backup is made and verified, but {home} cannot be written, so the console will call it late: "
            f"{error.strerror}"
        ) from None


def read(home: Path) -> NewestBackup | None:
    """Return the newest backup; None where none is known."""
    try:
        with (home / FILE_NAME).open("rb") as file:
            found = msgspec.json.decode(file.read(FILE_BYTES_MAX), type=NewestBackup)
        found.at_us  # noqa: B018  # a time that is none raises
    except (OSError, ValueError):
        return None
    return found
