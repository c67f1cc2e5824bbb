"""Room on the disk kept back, so that a session whose disk fills up can still be recorded to its end.

A file of `RESERVE_BYTES` lies in the data directory. When the disk gets low it is removed, once: from then on no new
grant is given, and what the gun still delivers has that room.
"""

import os
import sys
from pathlib import Path
from typing import Final

from protocols.errors import AuditWriteFailed

RESERVE_NAME: Final = "audit.reserve"
RESERVE_BYTES: Final = 16 * 1024 * 1024
LOW_BYTES: Final = 8 * 1024 * 1024
"""Less free space than this is low: many times what the log of one grant takes."""
_CHUNK_BYTES: Final = 1024 * 1024


class Reserve:
    """The room kept back in one data directory.

    Attributes:
        low: Whether the disk was found low; for good, as long as this process runs.
    """

    def __init__(self, home: Path) -> None:
        """Take the room; see `reserve_missing_bytes` for how much that is.

        Raises:
            AuditWriteFailed: the disk does not give it.
        """
        self.low = False
        self._home = home
        try:
            descriptor = os.open(home / RESERVE_NAME, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                _take(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AuditWriteFailed(
                f"the data directory {home} has no room for its reserve of {RESERVE_BYTES // 2**20} MiB: "
                f"{error.strerror or error}"
            ) from error

    def falls_low(self) -> int | None:
        """Look at the disk; return the free bytes when it is found low for the first time, and give the room back.

        A disk that cannot be asked is left to the next write to tell.
        """
        if self.low:
            return None
        try:
            space = os.statvfs(self._home)
            free_bytes = space.f_bavail * space.f_frsize
            if free_bytes >= LOW_BYTES:
                return None
            self.low = True
            (self._home / RESERVE_NAME).unlink(missing_ok=True)
        except OSError:
            return None
        return free_bytes


def _take(descriptor: int) -> None:
    if sys.platform != "darwin":
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    elif os.fstat(descriptor).st_blocks * 512 < RESERVE_BYTES:
        for offset in range(0, RESERVE_BYTES, _CHUNK_BYTES):
            os.pwrite(descriptor, bytes(_CHUNK_BYTES), offset)


def reserve_missing_bytes(home: Path) -> int:
    """Return how much of the reserve the disk must still give."""
    try:
        return max(0, RESERVE_BYTES - (home / RESERVE_NAME).stat().st_blocks * 512)
    except OSError:
        return RESERVE_BYTES
