"""A log made anew from what holds of an older file, and from what others hold of it, byte for byte as it was.

Taken over is every record up to the first that does not hold, and never past a signed checkpoint that the records
before it contradict. What somebody else holds beyond that is proven by the log's own signatures, and the older file
goes on behind it as far as its records follow. The older file is not changed.
"""

import contextlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import apsw
from msgspec import Struct

from meso_device.audit import canonical
from meso_device.audit.check import COLUMNS, ChainChecker, Damage
from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.database import abandon, open_for_writing
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import LogKeys, named_keys, readable_keys
from meso_device.audit.projections import rebuild
from meso_device.audit.records import FIRST_PREV, leaf_hash
from meso_device.audit.sql import run
from meso_device.audit.tree import Frontier
from meso_device.audit.verify import verify_log
from meso_device.sqlite_path import sqlite_path
from protocols.errors import MesoError, UsageError

Notes: TypeAlias = dict[int, tuple[tuple[str, str, int], Checkpoint]]
"""Stored checkpoints by size: note, cause and time as stored, and what the note says."""
Row: TypeAlias = tuple[int, str, str, bytes | None, bytes, bytes]
REFILLED: Final = "refilled"
"""Cause of a checkpoint that came back with the records under it."""
RESTORE: Final = "restore a backup with: meso backup restore"


class Part(Struct, frozen=True, kw_only=True):
    """Records that follow each other, up to a checkpoint with the log's signature."""

    bodies: list[bytes]
    note: str


class Elsewhere(Struct, frozen=True, kw_only=True):
    """Where the log is held as well.

    Attributes:
        heads: By the name of each holder, up to where it says that it holds the log. A root that the records contradict
            is another history.
        parts: Gives, from a place on, the records that are held by whoever holds most.
    """

    heads: dict[str, Checkpoint]
    parts: Callable[[int], Iterator[Part]]

    @property
    def size(self) -> int:
        """Records that are held there."""
        return max((head.size for head in self.heads.values()), default=0)

    @property
    def name(self) -> str:
        """Who holds most; empty where nobody holds anything."""
        return max(self.heads, key=lambda name: self.heads[name].size, default="")


NOWHERE: Final = Elsewhere(heads={}, parts=lambda _: iter(()))


class Taken(Struct, frozen=True, kw_only=True):
    """What was taken over.

    Attributes:
        records: Records that hold.
        signed: Size of the newest checkpoint that they bear out.
        root: Root over them, in hex.
        promised: Size of the newest signed checkpoint that was found, borne out or not.
        bad: What does not hold of the older file; empty where all of it does.
        refilled_first: Place of the first record that came from elsewhere.
        refilled: How many did.
        refilled_by: From whom; empty if none did.
    """

    records: int
    signed: int
    root: str
    promised: int
    bad: str
    refilled_first: int
    refilled: int
    refilled_by: str


def take_over(older: Path, fresh_path: Path, key: VerifyKey, elsewhere: Elsewhere, bad: str) -> Taken:
    """Make a log of what holds in an older file and of what is held elsewhere, and verify it.

    Args:
        older: The older file.
        fresh_path: The new one; not there yet, and not to be used if this raises.
        key: Any public key of the log.
        elsewhere: Where the log is held as well.
        bad: What is known not to hold of the older file.

    Raises:
        MesoError: nothing signed holds, or what is held elsewhere is another history.
    """
    with contextlib.closing(open_older(older)) as source:
        notes = _signed_notes(source, key)
        good = _extent(source, ChainChecker(key.name, 0, FIRST_PREV), Frontier(), notes, elsewhere)
        if not good.signed and not elsewhere.size:
            raise MesoError(f"no signed checkpoint is borne out by the records ({good.why or bad}): {RESTORE}")
        fresh = open_for_writing(fresh_path)
        try:
            run(fresh, "BEGIN IMMEDIATE")
            taking = _Taking(fresh, key, notes, elsewhere)
            refilled, end = 0, good
            if elsewhere.size > good.signed:
                taking.own(source, good.signed)
                refilled = taking.refill(source, good.size)
                end = _extent(source, taking.checker(), taking.frontier.copy(), notes, elsewhere)
            taking.own(source, end.size)
            rebuild(fresh, fresh)
            run(fresh, "COMMIT")
            report = verify_log(fresh, key)
            if not report.ok:
                raise MesoError(f"the part taken over does not hold: {report.bad}; {RESTORE}")  # noqa: TRY301  # abandons
            run(fresh, "PRAGMA wal_checkpoint(TRUNCATE)")
            fresh.close()
        except (apsw.Error, ValueError, LookupError, TypeError) as error:
            abandon(fresh)
            raise MesoError(f"the good part cannot be taken over: {error}; {RESTORE}") from error
        except BaseException:
            abandon(fresh)
            raise
    return Taken(
        records=taking.frontier.size,
        signed=end.signed,
        root=taking.frontier.root().hex(),
        promised=max([*notes, elsewhere.size]),
        bad=good.why or bad,
        refilled_first=good.size if refilled else 0,
        refilled=refilled,
        refilled_by=elsewhere.name if refilled else "",
    )


def open_older(path: Path) -> apsw.Connection:
    """Open a file that is not to be changed, whatever is in it; apsw.Error where it cannot be."""
    # Without the right to write, so that not even an old write-ahead log is copied into it.
    db = apsw.Connection(sqlite_path(path), flags=apsw.SQLITE_OPEN_READONLY)
    db.pragma("query_only", True)
    return db


class _Extent(Struct, frozen=True):
    """How far records hold, up to which checkpoint they bear out what was signed, and why they end there."""

    size: int
    signed: int
    why: str


def _extent(
    db: apsw.Connection, checker: ChainChecker, frontier: Frontier, notes: Notes, elsewhere: Elsewhere
) -> _Extent:
    """Look how far the records hold from a place on: that of the checker, and of the tree up to it.

    Raises:
        MesoError: they bear out what was signed here, and not what is held elsewhere.
    """
    signed = frontier.size
    heads = {head.size for head in elsewhere.heads.values()}
    try:
        for row in _rows(db, frontier.size):
            checker.check(row)
            frontier.append(row[4])
            here = notes.get(frontier.size)
            if here is not None and here[1].root != frontier.root():
                # Something since the last good one was rewritten, and nobody can tell what.
                return _Extent(signed, signed, f"the records up to {frontier.size} are not those that were signed")
            if frontier.size in heads:
                _check_heads(elsewhere, frontier)
            if here is not None:
                signed = frontier.size
    except Damage as damage:
        return _Extent(frontier.size, signed, str(damage))
    return _Extent(frontier.size, signed, "")


class _Taking:
    """The new log, as it grows."""

    def __init__(self, fresh: apsw.Connection, key: VerifyKey, notes: Notes, elsewhere: Elsewhere) -> None:
        self.frontier = Frontier()
        self._fresh = fresh
        self._key = key
        self._notes = notes
        self._elsewhere = elsewhere
        self._heads = {head.size for head in elsewhere.heads.values()}
        self._leaf = FIRST_PREV

    def checker(self) -> ChainChecker:
        """Return what checks the records from here on."""
        return ChainChecker(self._key.name, self.frontier.size, self._leaf)

    def own(self, older: apsw.Connection, end: int) -> None:
        """Take over the older log's own records from here to a place; they were checked."""
        for row in islice(_rows(older, self.frontier.size), end - self.frontier.size):
            self._take(row)
            here = self._notes.get(self.frontier.size)
            if here is not None:
                self._keep(*here[0])

    def refill(self, older: apsw.Connection, good: int) -> int:
        """Take over what is held elsewhere from here on, and return how many of these records were missing.

        Records that hold in the older log up to ``good``, and no checkpoint covers, must be the same there.

        Raises:
            MesoError: it is another history of this log, or less than was said.
        """
        try:
            for part in self._elsewhere.parts(self.frontier.size):
                self._part(older, part, good)
        except (Damage, ValueError, LookupError, TypeError, UsageError) as wrong:
            raise _other_history(self._elsewhere.name, wrong) from wrong
        if self.frontier.size < self._elsewhere.size:
            raise MesoError(
                f"{self._elsewhere.name} gave back {self.frontier.size} of {self._elsewhere.size} records: try again"
            )
        return max(0, self.frontier.size - good)

    def _part(self, older: apsw.Connection, part: Part, good: int) -> None:
        checker, last_us = self.checker(), 0
        for body in part.bodies:
            fields = canonical.decode(body)
            sess = bytes.fromhex(fields["sess"]) if "sess" in fields else None
            row = (self.frontier.size, fields["key"], fields["kind"], sess, leaf_hash(body), body)
            checker.check(row)
            if row[0] < good and run(older, "SELECT body FROM record WHERE seq = ?", (row[0],)) != [(body,)]:
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
        if self.frontier.size in self._heads:
            _check_heads(self._elsewhere, self.frontier)

    def _keep(self, note: str, cause: str, ts_us: int) -> None:
        row = (self.frontier.size, note, b"".join(self.frontier.peaks), cause, ts_us)
        run(self._fresh, "INSERT INTO checkpoint VALUES(?, ?, ?, ?, ?)", row)


def _check_heads(elsewhere: Elsewhere, frontier: Frontier) -> None:
    for name, head in elsewhere.heads.items():
        if head.size == frontier.size and head.root != frontier.root():
            raise _other_history(name, f"the first {frontier.size} records there are not those here")


def _other_history(name: str, why: object) -> MesoError:
    return MesoError(
        f"{name} holds another history of this log: {why}; find out which one was used first, see the README on the "
        "collector"
    )


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
