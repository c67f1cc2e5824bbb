"""A damaged log: its longest part that still holds, taken over into a new file, and the damaged one kept beside it.

Taken over is every record up to the first that does not hold, and never past a signed checkpoint that the records
before it contradict. The damaged file is not changed.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.check import COLUMNS, ChainChecker, Damage
from meso_device.audit.checkpoint import Checkpoint, open_note
from meso_device.audit.database import abandon, open_for_writing
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import VerifyKey
from meso_device.audit.projections import rebuild
from meso_device.audit.records import FIRST_PREV
from meso_device.audit.sql import run
from meso_device.audit.tree import Frontier
from meso_device.audit.verify import stored_vkey, verify_home, verify_log
from meso_device.sqlite_path import sqlite_path
from protocols.errors import MesoError, UsageError

WORKING_NAME: Final = f"{DATABASE_NAME}.salvaging"
READY_NAME: Final = f"{DATABASE_NAME}.salvaged"
Notes: TypeAlias = dict[int, tuple[tuple[str, str, int], Checkpoint]]
"""Stored checkpoints by size: note, cause and time as stored, and what the note says."""
_RESTORE: Final = "restore a backup with: meso backup restore"


class Salvaged(Struct, frozen=True, kw_only=True):
    """What was taken over.

    Attributes:
        records: Records that hold.
        signed: Size of the newest checkpoint that they bear out.
        root: Root over them, in hex.
        promised: Size of the newest signed checkpoint that was found, borne out or not.
        bad: Why it ends there.
        kept_as: Name of the damaged file, beside the log.
    """

    records: int
    signed: int
    root: str
    promised: int
    bad: str
    kept_as: str

    @property
    def missing(self) -> int:
        """Records that certainly were there and are not any more."""
        return max(0, self.promised - self.records)

    def entry(self) -> Entry:
        """Return the record that the log goes on from here, and what is missing."""
        return Entry(
            kind="log.salvaged",
            key=f"log/{self.records}/salvaged",
            payload={
                "records": self.records,
                "signed": self.signed,
                "root": self.root,
                "missing": self.missing,
                "bad": self.bad,
                "kept_as": self.kept_as,
            },
        )


def salvage(home: Path, label: str) -> Salvaged:
    """Put the longest good part of a damaged log in its place; the caller is the one writer of the directory.

    Args:
        home: The data directory.
        label: Goes into the name under which the damaged file is kept; no other one has it.

    Raises:
        UsageError: there is no log or no key.
        MesoError: the log holds, or nothing of it that was signed does.
    """
    key = VerifyKey.parse(stored_vkey(home))
    path = home / DATABASE_NAME
    if not path.exists():
        raise UsageError(f"no audit log at {path}; check --home, or {_RESTORE}")
    report = verify_home(home) if _opens(path) else None
    if report is not None and report.ok:
        raise MesoError("the log holds: there is nothing to salvage")
    if report is not None and "meso audit rebuild" in report.bad:
        raise MesoError(f"the records hold, what is derived from them does not: {report.bad}")
    bad = "the database file cannot be opened" if report is None else report.bad
    working, kept_as = home / WORKING_NAME, f"{DATABASE_NAME}.damaged-{label}"
    _remove(working)
    try:
        found = _take_over(path, working, key, bad, kept_as)
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
    return found


def _take_over(path: Path, working: Path, key: VerifyKey, bad: str, kept_as: str) -> Salvaged:
    with contextlib.closing(_reader(path)) as damaged:
        notes = _signed_notes(damaged, key)
        size, signed, why = _extent(damaged, key, notes)
        if not signed:
            raise MesoError(f"no signed checkpoint is borne out by the records ({why or bad}): {_RESTORE}")
        fresh = open_for_writing(working)
        try:
            run(fresh, "BEGIN IMMEDIATE")
            frontier = _copy(damaged, fresh, size, notes)
            rebuild(fresh, fresh)
            run(fresh, "COMMIT")
            report = verify_log(fresh, key)
            run(fresh, "PRAGMA wal_checkpoint(TRUNCATE)")
            fresh.close()
        except (apsw.Error, ValueError, LookupError, TypeError) as error:
            abandon(fresh)
            raise MesoError(f"the good part cannot be taken over: {error}; {_RESTORE}") from error
    if not report.ok:
        raise MesoError(f"the part taken over does not hold: {report.bad}; {_RESTORE}")
    return Salvaged(
        records=size,
        signed=signed,
        root=frontier.root().hex(),
        promised=max(notes),
        bad=why or bad,
        kept_as=kept_as,
    )


def _extent(db: apsw.Connection, key: VerifyKey, notes: Notes) -> tuple[int, int, str]:
    """Return how many records hold, the newest checkpoint among them that they bear out, and why it ends there."""
    checker, frontier, signed = ChainChecker(key.name, 0, FIRST_PREV), Frontier(), 0
    try:
        for row in _rows(db):
            checker.check(row)
            frontier.append(row[4])
            here = notes.get(frontier.size)
            if here is None:
                continue
            if here[1].root != frontier.root():
                # Something since the last good one was rewritten, and nobody can tell what.
                return signed, signed, f"the records up to {frontier.size} are not those that were signed"
            signed = frontier.size
    except Damage as damage:
        return frontier.size, signed, str(damage)
    return frontier.size, signed, ""


def _copy(damaged: apsw.Connection, fresh: apsw.Connection, size: int, notes: Notes) -> Frontier:
    frontier = Frontier()
    for row in islice(_rows(damaged), size):
        run(fresh, "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?)", row)
        frontier.append(row[4])
        here = notes.get(frontier.size)
        if here is not None:
            note, cause, ts_us = here[0]
            run(
                fresh,
                "INSERT INTO checkpoint VALUES(?, ?, ?, ?, ?)",
                (frontier.size, note, b"".join(frontier.peaks), cause, ts_us),
            )
    return frontier


def _rows(db: apsw.Connection) -> Iterator[Any]:
    """Yield the records in order, as far as they can be read; `Damage` where the file ends that."""
    seq = -1
    try:
        for row in db.execute(f"SELECT {COLUMNS} FROM record ORDER BY seq"):  # noqa: S608  # our own column names
            seq = row[0]
            yield row
    except (apsw.Error, UnicodeDecodeError) as error:
        raise Damage(seq + 1, f"cannot be read: {error}") from None


def _signed_notes(db: apsw.Connection, key: VerifyKey) -> Notes:
    """Return the stored checkpoints that this log's key signed, by size, as far as they can be read."""
    found: Notes = {}
    with contextlib.suppress(apsw.Error, UnicodeDecodeError):
        for note, cause, ts_us in db.execute("SELECT note, cause, ts_us FROM checkpoint ORDER BY size"):
            with contextlib.suppress(UsageError, TypeError, AttributeError):
                checkpoint = open_note(note, key)
                if isinstance(cause, str) and isinstance(ts_us, int):
                    found[checkpoint.size] = ((note, cause, ts_us), checkpoint)
    return found


def _opens(path: Path) -> bool:
    with contextlib.suppress(apsw.Error):
        db = _reader(path)
        try:
            return bool(run(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'record'")[0][0])
        finally:
            db.close()
    return False


def _reader(path: Path) -> apsw.Connection:
    # Without the right to write, so that not even an old write-ahead log is copied into the damaged file.
    db = apsw.Connection(sqlite_path(path), flags=apsw.SQLITE_OPEN_READONLY)
    db.pragma("query_only", True)
    return db


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
