"""A damaged log: its longest part that still holds, taken over into a new file, and the damaged one kept beside it.

Taken over is every record up to the first that does not hold, and never past a signed checkpoint that the records
before it contradict. Where the log is held elsewhere as well, what is missing comes from there, byte for byte as it
was and proven by the log's own signatures, and the damaged file goes on behind it as far as its records follow. The
damaged file is not changed.
"""

import contextlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.audit import canonical
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.check import COLUMNS, ChainChecker, Damage
from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.database import abandon, open_for_writing
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import LogKeys, named_keys, readable_keys
from meso_device.audit.projections import rebuild
from meso_device.audit.records import FIRST_PREV, leaf_hash
from meso_device.audit.sql import run
from meso_device.audit.tree import Frontier
from meso_device.audit.verify import stored_vkey, verify_home, verify_log
from meso_device.sqlite_path import sqlite_path
from protocols.errors import MesoError, UsageError

WORKING_NAME: Final = f"{DATABASE_NAME}.salvaging"
READY_NAME: Final = f"{DATABASE_NAME}.salvaged"
Notes: TypeAlias = dict[int, tuple[tuple[str, str, int], Checkpoint]]
"""Stored checkpoints by size: note, cause and time as stored, and what the note says."""
Row: TypeAlias = tuple[int, str, str, bytes | None, bytes, bytes]
REFILLED: Final = "refilled"
"""Cause of a checkpoint that came back with the records under it."""
_RESTORE: Final = "restore a backup with: meso backup restore"


class Part(Struct, frozen=True, kw_only=True):
    """Records that follow each other, up to a checkpoint with the log's signature."""

    bodies: list[bytes]
    note: str


class Elsewhere(Struct, frozen=True, kw_only=True):
    """Where the log is held as well.

    Attributes:
        name: Who holds it.
        size: Up to how many records.
        parts: Gives them from a place on.
    """

    name: str
    size: int
    parts: Callable[[int], Iterator[Part]]


class Salvaged(Struct, frozen=True, kw_only=True):
    """What was taken over.

    Attributes:
        records: Records that hold.
        signed: Size of the newest checkpoint that they bear out.
        root: Root over them, in hex.
        promised: Size of the newest signed checkpoint that was found, borne out or not.
        bad: What does not hold.
        refilled_first: Place of the first record that came from elsewhere.
        refilled: How many did.
        refilled_by: From whom; empty if none did.
        kept_as: Name of the damaged file, beside the log.
    """

    records: int
    signed: int
    root: str
    promised: int
    bad: str
    refilled_first: int
    refilled: int
    refilled_by: str
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
                "refilled_first": self.refilled_first,
                "refilled": self.refilled,
                "refilled_by": self.refilled_by,
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
        found = _take_over(path, working, key, elsewhere or _NOWHERE, bad, kept_as)
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


_NOWHERE: Final = Elsewhere(name="", size=0, parts=lambda _: iter(()))


def _take_over(path: Path, working: Path, key: VerifyKey, elsewhere: Elsewhere, bad: str, kept_as: str) -> Salvaged:
    with contextlib.closing(_reader(path)) as damaged:
        notes = _signed_notes(damaged, key)
        good = _extent(damaged, ChainChecker(key.name, 0, FIRST_PREV), Frontier(), notes)
        if not good.signed and not elsewhere.size:
            raise MesoError(f"no signed checkpoint is borne out by the records ({good.why or bad}): {_RESTORE}")
        fresh = open_for_writing(working)
        try:
            run(fresh, "BEGIN IMMEDIATE")
            taking = _Taking(fresh, key, notes)
            refilled = 0
            if elsewhere.size > good.signed:
                taking.own(damaged, good.signed)
                refilled = taking.refill(damaged, elsewhere, good.size)
                behind = _extent(damaged, taking.checker(), taking.frontier.copy(), notes)
                taking.own(damaged, behind.size)
                signed = behind.signed
            else:
                taking.own(damaged, good.size)
                signed = good.signed
            rebuild(fresh, fresh)
            run(fresh, "COMMIT")
            report = verify_log(fresh, key)
            run(fresh, "PRAGMA wal_checkpoint(TRUNCATE)")
            fresh.close()
        except (apsw.Error, ValueError, LookupError, TypeError) as error:
            abandon(fresh)
            raise MesoError(f"the good part cannot be taken over: {error}; {_RESTORE}") from error
        except BaseException:
            abandon(fresh)
            raise
    if not report.ok:
        raise MesoError(f"the part taken over does not hold: {report.bad}; {_RESTORE}")
    return Salvaged(
        records=taking.frontier.size,
        signed=signed,
        root=taking.frontier.root().hex(),
        promised=max([*notes, elsewhere.size]),
        bad=good.why or bad,
        refilled_first=good.size if refilled else 0,
        refilled=refilled,
        refilled_by=elsewhere.name if refilled else "",
        kept_as=kept_as,
    )


class _Extent(Struct, frozen=True):
    """How far records hold, up to which checkpoint they bear out what was signed, and why they end there."""

    size: int
    signed: int
    why: str


def _extent(db: apsw.Connection, checker: ChainChecker, frontier: Frontier, notes: Notes) -> _Extent:
    """Look how far the records hold from a place on: that of the checker, and of the tree up to it."""
    signed = frontier.size
    try:
        for row in _rows(db, frontier.size):
            checker.check(row)
            frontier.append(row[4])
            here = notes.get(frontier.size)
            if here is None:
                continue
            if here[1].root != frontier.root():
                # Something since the last good one was rewritten, and nobody can tell what.
                return _Extent(signed, signed, f"the records up to {frontier.size} are not those that were signed")
            signed = frontier.size
    except Damage as damage:
        return _Extent(frontier.size, signed, str(damage))
    return _Extent(frontier.size, signed, "")


class _Taking:
    """The new log, as it grows."""

    def __init__(self, fresh: apsw.Connection, key: VerifyKey, notes: Notes) -> None:
        self.frontier = Frontier()
        self._fresh = fresh
        self._key = key
        self._notes = notes
        self._leaf = FIRST_PREV

    def checker(self) -> ChainChecker:
        """Return what checks the records from here on."""
        return ChainChecker(self._key.name, self.frontier.size, self._leaf)

    def own(self, damaged: apsw.Connection, end: int) -> None:
        """Take over the damaged log's own records from here to a place; they were checked."""
        for row in islice(_rows(damaged, self.frontier.size), end - self.frontier.size):
            self._take(row)
            here = self._notes.get(self.frontier.size)
            if here is not None:
                self._keep(*here[0])

    def refill(self, damaged: apsw.Connection, elsewhere: Elsewhere, good: int) -> int:
        """Take over what is held elsewhere from here on, and return how many of these records were missing.

        Records that hold in the damaged log up to ``good``, and no checkpoint covers, must be the same there.

        Raises:
            MesoError: it is another history of this log, or less than was said.
        """
        try:
            for part in elsewhere.parts(self.frontier.size):
                self._part(damaged, part, good)
        except (Damage, ValueError, LookupError, TypeError, UsageError) as wrong:
            raise MesoError(
                f"{elsewhere.name} holds another history of this log: {wrong}; find out which one was used first, see "
                "the README on the collector"
            ) from wrong
        if self.frontier.size < elsewhere.size:
            raise MesoError(f"{elsewhere.name} gave back {self.frontier.size} of {elsewhere.size} records: try again")
        return max(0, self.frontier.size - good)

    def _part(self, damaged: apsw.Connection, part: Part, good: int) -> None:
        checker, last_us = self.checker(), 0
        for body in part.bodies:
            fields = canonical.decode(body)
            sess = bytes.fromhex(fields["sess"]) if "sess" in fields else None
            row = (self.frontier.size, fields["key"], fields["kind"], sess, leaf_hash(body), body)
            checker.check(row)
            if row[0] < good and run(damaged, "SELECT body FROM record WHERE seq = ?", (row[0],)) != [(body,)]:
                raise Damage(row[0], "has other bytes here")
            self._take(row)
            last_us = fields["ts_us"]
        # Whether the keys that it names are its own is looked at in the end, when all of it verifies.
        promised = (named_keys(self._fresh) or LogKeys.alone(self._key)).open(part.note)
        if (promised.size, promised.root) != (self.frontier.size, self.frontier.root()):
            raise Damage(None, f"the records up to {self.frontier.size} are not those that were signed")
        held = self._notes.get(self.frontier.size)
        self._keep(*(held[0] if held is not None else (part.note, REFILLED, last_us)))

    def _take(self, row: Row) -> None:
        run(self._fresh, "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?)", row)
        self._leaf = row[4]
        self.frontier.append(self._leaf)
        here = self._notes.get(self.frontier.size)
        if here is not None and here[1].root != self.frontier.root():
            raise Damage(None, f"a checkpoint of {self.frontier.size} records here signs other ones")

    def _keep(self, note: str, cause: str, ts_us: int) -> None:
        row = (self.frontier.size, note, b"".join(self.frontier.peaks), cause, ts_us)
        run(self._fresh, "INSERT INTO checkpoint VALUES(?, ?, ?, ?, ?)", row)


def _rows(db: apsw.Connection, first: int) -> Iterator[Any]:
    """Yield the records in order from a place on, as far as they can be read; `Damage` where the file ends that."""
    seq = first - 1
    try:
        for row in db.execute(f"SELECT {COLUMNS} FROM record WHERE seq >= ? ORDER BY seq", (first,)):  # noqa: S608  # our own column names
            seq = row[0]
            yield row
    except (apsw.Error, UnicodeDecodeError) as error:
        raise Damage(seq + 1, f"cannot be read: {error}") from None


def _signed_notes(db: apsw.Connection, key: VerifyKey) -> Notes:
    """Return the stored checkpoints that this log's keys signed, by size, as far as they can be read."""
    found: Notes = {}
    keys = readable_keys(db, key)
    with contextlib.suppress(apsw.Error, UnicodeDecodeError):
        for note, cause, ts_us in db.execute("SELECT note, cause, ts_us FROM checkpoint ORDER BY size"):
            with contextlib.suppress(UsageError, TypeError, AttributeError):
                checkpoint = keys.open(note)
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
