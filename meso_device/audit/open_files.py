"""Whether the log's files are still those that were opened.

A name may come to lead elsewhere while a host runs: a copy is restored over the log, a directory is moved, something is
cleaned up. SQLite goes on with the files that it has, which nobody will ever find again.
"""

import os
from pathlib import Path

from protocols.errors import AuditWriteFailed


class OpenFiles:
    """The database and its write-ahead log, by what their names led to when they were opened.

    Args:
        database: Path of the database, which is open.

    Raises:
        AuditWriteFailed: one of the two is not there.
    """

    def __init__(self, database: Path) -> None:
        self._paths = (str(database), f"{database}-wal")
        self._opened = self._look()

    def check(self) -> None:
        """Refuse to call anything durable that is not in the files of these names.

        Raises:
            AuditWriteFailed: a name leads elsewhere, or nowhere.
        """
        if self._look() != self._opened:
            raise _moved(self._paths[0])

    def _look(self) -> list[tuple[int, int]]:
        # An open file keeps its number, so another one of that name has another.
        try:
            return [(status.st_dev, status.st_ino) for status in map(os.stat, self._paths)]
        except FileNotFoundError:
            raise _moved(self._paths[0]) from None


def _moved(path: str) -> AuditWriteFailed:
    return AuditWriteFailed(f"{path} was moved, deleted or replaced while it was written: put it back as it was")
