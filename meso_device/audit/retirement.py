"""The end of a log: its last record says so, a checkpoint signs it, and nothing stands behind it for ever.

The decision is a record of its own before it, so that two people's signatures on that can stand in the log too.
"""

import contextlib
from pathlib import Path
from typing import Final

import apsw

from meso_device.accounting.entries import Entry
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.sql import run
from protocols.errors import MesoError

RETIRED: Final = "log.retired"
RETIRED_KEY: Final = "log/retired"
_SAYS: Final = (
    "this console is retired: its log ended and takes no further record; reading, proving and exporting go on"
)


class RetiredError(MesoError):
    """Something would be written to a log that has ended."""

    def __init__(self) -> None:
        super().__init__(_SAYS)


def retiring_entry(size: int, reason: str, *, op: str, role: str) -> Entry:
    """Return the record that somebody retires the console; ``reason`` is a code."""
    return Entry(kind="log.retiring", key=f"log/{size}/retiring", payload={"reason": reason}, op=op, role=role)


def retired_entry(decided_seq: int, *, op: str, role: str) -> Entry:
    """Return the last record of a log; it names the place of the decision."""
    return Entry(kind=RETIRED, key=RETIRED_KEY, payload={"decided_seq": decided_seq}, op=op, role=role)


def retired_seq(db: apsw.Connection) -> int | None:
    """Return the place of the record that ended a log; None while it goes on."""
    rows = run(db, "SELECT seq FROM record WHERE key = ?", (RETIRED_KEY,))
    return int(rows[0][0]) if rows else None


def is_retired(home: Path) -> bool:
    """Return whether the log of a data directory has ended; what cannot be read is told by its opening."""
    if not (home / DATABASE_NAME).exists():
        return False
    ended = None
    with (
        contextlib.suppress(MesoError, apsw.Error, ValueError),
        contextlib.closing(open_for_reading(home / DATABASE_NAME)) as db,
    ):
        ended = retired_seq(db)
    return ended is not None


def refuse_retired(home: Path) -> None:
    """Raise `RetiredError` where the log of a data directory has ended."""
    if is_retired(home):
        raise RetiredError
