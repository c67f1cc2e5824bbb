"""A damaged log: its longest part that still holds, taken over into a new file, and the damaged one kept beside it.

How it is taken over, and what comes back from where the log is held as well, is `meso_device.audit.take_over`.
"""

import contextlib
from pathlib import Path
from typing import Final

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import remove_database
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import VerifyKey
from meso_device.audit.sql import run
from meso_device.audit.take_over import NOWHERE, RESTORE, Elsewhere, Taken, open_older, take_over
from meso_device.audit.verify import stored_vkey, verify_home
from protocols.errors import MesoError, UsageError

WORKING_NAME: Final = f"{DATABASE_NAME}.salvaging"
READY_NAME: Final = f"{DATABASE_NAME}.salvaged"


class Salvaged(Struct, frozen=True, kw_only=True):
    """What became of a damaged log.

    Attributes:
        taken: What was taken over.
        kept_as: Name of the damaged file, beside the log.
    """

    taken: Taken
    kept_as: str

    @property
    def missing(self) -> int:
        """Records that certainly were there and are not any more."""
        return max(0, self.taken.promised - self.taken.records)

    def entry(self) -> Entry:
        """Return the record that the log goes on from here, and what is missing."""
        taken = self.taken
        return Entry(
            kind="log.salvaged",
            key=f"log/{taken.records}/salvaged",
            payload={
                "records": taken.records,
                "signed": taken.signed,
                "root": taken.root,
                "missing": self.missing,
                "bad": taken.bad,
                "refilled_first": taken.refilled_first,
                "refilled": taken.refilled,
                "refilled_by": taken.refilled_by,
                "kept_as": self.kept_as,
            },
        )


def salvage(home: Path, label: str, elsewhere: Elsewhere | None = None) -> Salvaged:
    """Put the longest good part of a damaged log in its place; the caller is the one writer of the directory.

    Args:
        home: The data directory.
        label: Goes into the name under which the damaged file is kept; no other one has it.
        elsewhere: Where the log is held as well.

    Raises:
        UsageError: there is no log or no key.
        MesoError: the log holds, nothing of it that was signed does, or what is held elsewhere is another history.
    """
    key = VerifyKey.parse(stored_vkey(home))
    path = home / DATABASE_NAME
    if not path.exists():
        raise UsageError(f"no audit log at {path}; check --home, or {RESTORE}")
    report = verify_home(home) if _opens(path) else None
    if report is not None and report.ok:
        raise MesoError("the log holds: there is nothing to salvage")
    if report is not None and "meso audit rebuild" in report.bad:
        raise MesoError(f"the records hold, what is derived from them does not: {report.bad}")
    bad = "the database file cannot be opened" if report is None else report.bad
    working, kept_as = home / WORKING_NAME, f"{DATABASE_NAME}.damaged-{label}"
    remove_database(working)
    try:
        taken = take_over(path, working, key, elsewhere or NOWHERE, bad)
        working.rename(home / READY_NAME)
        sync_directory(home)
        # From here to the end a start finds no log, and says so; the damaged one and the good part are both there.
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(DATABASE_NAME + suffix).rename(home / f"{kept_as}{suffix}")
        sync_directory(home)
        (home / READY_NAME).rename(path)
        sync_directory(home)
    except OSError as error:
        raise UsageError(f"{home} cannot be written: {error.strerror or error}") from None
    return Salvaged(taken=taken, kept_as=kept_as)


def _opens(path: Path) -> bool:
    with contextlib.suppress(apsw.Error):
        db = open_older(path)
        try:
            return bool(run(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'record'")[0][0])
        finally:
            db.close()
    return False
