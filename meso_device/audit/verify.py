"""Verifies a whole log: every byte, the chain, the tree against all checkpoints, and the guns' own chains.

What it cannot show, whoever runs it is told: see `NOT_PROTECTED`.
"""

import contextlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw
from msgspec import Struct, field

from meso_device.audit.birth import DATABASE_NAME, VKEY_NAME
from meso_device.audit.bulk import BLOCK_RECORDS, BulkChecker, no_collector
from meso_device.audit.check import COLUMNS, ChainChecker, Damage
from meso_device.audit.checkpoint import Checkpoint, read_unsigned
from meso_device.audit.database import open_for_reading
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import CREATED, ROTATED, LogKeys, keys_of, readable_keys
from meso_device.audit.projections import difference, rebuild
from meso_device.audit.records import FIRST_PREV
from meso_device.audit.retirement import retired_seq
from meso_device.audit.schema import SCHEMA
from meso_device.audit.sql import run
from meso_device.audit.tree import Frontier
from meso_device.audit.witness import GunWitness
from protocols.errors import UsageError

NOT_PROTECTED: Final = (
    "Not shown by any of this: a rewrite, by someone with the signing key, of what is newer than the last "
    "checkpoint kept outside; a false reading by the gun; a record never made; a stolen PIN; the true time."
)
CHECKPOINT_FILE_BYTES_MAX: Final = 65_536

Progress = Callable[[int, int], None]


class Report(Struct, frozen=True):
    """What a verification found.

    Attributes:
        ok: Everything held.
        origin: Name of the log.
        records: Records over which the chain holds: all before the first bad one.
        checkpoints: Stored checkpoints whose signature and root held.
        outside: Size of the checkpoint given from outside; 0 if none was given.
        root: Root over all records in hex; empty when not ok.
        shots: Shots whose chain in the gun was followed.
        heads: Newest shot of each gun and epoch.
        bad_seq: First bad record, or None.
        bad: What is wrong, in one line; empty when ok.
        retired: Whether the log has ended for ever.
    """

    ok: bool
    origin: str
    records: int = 0
    checkpoints: int = 0
    outside: int = 0
    root: str = ""
    shots: int = 0
    heads: dict[str, int] = field(default_factory=dict)
    bad_seq: int | None = None
    bad: str = ""
    retired: bool = False


class _Pass(Struct):
    """Where the pass over the records stands."""

    origin: str
    frontier: Frontier = field(default_factory=Frontier)
    witness: GunWitness = field(default_factory=GunWitness)
    checkpoints: int = 0
    outside: int = 0


def verify_home(
    home: Path, *, checkpoint_file: Path | None = None, vkey: str = "", progress: Progress | None = None
) -> Report:
    """Verify the log of a data directory; a host may be writing to it.

    Args:
        home: The data directory.
        checkpoint_file: A checkpoint kept outside; all that it covers is fixed by it.
        vkey: The log's public key as it was written down, any one of them where it was changed; without it the data
            directory's own is believed.
        progress: Called with records done and in all, now and then.

    Raises:
        UsageError: there is no log, no key, or the checkpoint given is not one of this log.
    """
    key = VerifyKey.parse(vkey or stored_vkey(home))
    note = None if checkpoint_file is None else read_note(checkpoint_file)
    db = open_for_reading(home / DATABASE_NAME)
    try:
        outside = None if note is None else readable_keys(db, key).open(note)
        return verify_log(db, key, outside=outside, progress=progress)
    finally:
        db.close()


def verify_log(
    db: apsw.Connection,
    key: VerifyKey,
    *,
    outside: Checkpoint | None = None,
    progress: Progress | None = None,
) -> Report:
    """Verify the log in a database as it is now; the report names the first thing that does not hold."""
    state = _Pass(key.name)
    bad: Damage | None = None
    ended: int | None = None
    # One snapshot for all statements, whatever a host commits meanwhile.
    try:
        run(db, "BEGIN")
        verify_records(db, key, state, outside, progress)
        _check_signatures(db, key)
        ended = retired_seq(db)
        if ended is not None and ended != state.frontier.size - 1:
            raise Damage(ended + 1, "stands behind the end of a log that was retired")  # noqa: TRY301  # ends the pass
        _check_database(db)
    except Damage as damage:
        bad = damage
    # A damaged file may hold any type in any column, so whatever stumbles over one has found it.
    except (apsw.Error, ValueError, TypeError, LookupError, AttributeError) as error:
        bad = Damage(None, f"the database file is damaged: {error}")
    finally:
        with contextlib.suppress(apsw.Error):
            run(db, "ROLLBACK")
    return Report(
        ok=bad is None,
        origin=key.name,
        records=state.frontier.size if bad is None or bad.seq is None else bad.seq,
        checkpoints=state.checkpoints,
        outside=state.outside,
        root=state.frontier.root().hex() if bad is None else "",
        shots=state.witness.shots,
        heads={f"{uid}/{epoch}": seq for (uid, epoch), seq in state.witness.heads.items()},
        bad_seq=None if bad is None else bad.seq,
        bad="" if bad is None else _one_line(str(bad)),
        retired=bad is None and ended is not None,
    )


def measure_records(db: apsw.Connection, key: VerifyKey) -> int:
    """Verify the records and nothing else, see `verify_records`; return how many, or raise `Damage`."""
    state = _Pass(key.name)
    verify_records(db, key, state, None, None)
    return state.frontier.size


def verify_chain(db: apsw.Connection, origin: str) -> Damage | None:
    """Check the records by themselves, without any checkpoint; return the first damage or None."""
    checker = ChainChecker(origin, 0, FIRST_PREV)
    try:
        for row in _rows(db, checker):
            checker.check(row)
    except Damage as damage:
        return damage
    return None


def verify_records(
    db: apsw.Connection, key: VerifyKey, state: _Pass, outside: Checkpoint | None, progress: Progress | None
) -> None:
    """Check all records against the chain, the newest signature, all promised roots and the guns' chains.

    Raises:
        Damage: the first fault.
    """
    [(total,)] = run(db, "SELECT count(*) FROM record")
    # Where they do not hold, the first record that is damaged says more; else this is what is wrong.
    keys, wrong = _keys(db, key)
    wanted = _promised_roots(db, keys, state)
    peaks = dict(run(db, "SELECT size, peaks FROM checkpoint"))
    if not wanted and total:
        raise Damage(None, "the log holds no checkpoint")
    if outside is not None:
        wanted.setdefault(outside.size, []).append((outside.root, "the checkpoint from outside"))
        state.outside = outside.size
    checker = ChainChecker(key.name, 0, FIRST_PREV)
    bulk = BulkChecker(checker, state.witness)
    frontier = state.frontier
    stops = iter([*sorted(size for size in wanted if size), 0])
    stop = next(stops)
    with no_collector():
        rows = _rows(db, checker)
        while block := list(islice(rows, min(BLOCK_RECORDS, stop - frontier.size) if stop else BLOCK_RECORDS)):
            if not bulk.accepts(block):
                for row in block:
                    _check_single(row, checker, state.witness, None if wrong else keys)
            frontier.extend([row[4] for row in block])
            if frontier.size == stop:
                _check_root(frontier, wanted[stop])
                _check_peaks(frontier, peaks.get(stop))
                stop = next(stops)
            if progress is not None:
                progress(frontier.size, total)
    if wrong is not None:
        raise wrong
    if stop:
        raise Damage(frontier.size, f"missing: the log ends here, but {wanted[stop][0][1]} covers {stop} records")


def _keys(db: apsw.Connection, key: VerifyKey) -> tuple[LogKeys, Damage | None]:
    """Return the keys of a log, or the given one alone and why."""
    try:
        return keys_of(db, key), None
    except Damage as damage:
        return LogKeys.alone(key), damage


def _check_single(row: Any, checker: ChainChecker, witness: GunWitness, keys: LogKeys | None) -> None:
    body = checker.check(row)
    seq, kind = row[0], row[2]
    try:
        if kind == "shot":
            wrong = witness.shot(body)
            if wrong:
                raise Damage(seq, wrong)
        elif kind in {"link.up", "epoch.opened"}:
            witness.begins(body)
        elif kind == "gap":
            witness.skips(body)
        elif kind in {CREATED, ROTATED} and keys is not None:
            since = seq + 1 if kind == ROTATED else 0
            if not any(era.since == since and str(era.key) == body.vkey for era in keys.eras):
                raise Damage(seq, "names a key that this log does not have")
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise Damage(seq, f"lacks what a record of kind {kind} holds: {error}") from None


def _rows(db: apsw.Connection, checker: ChainChecker) -> Iterator[Any]:
    try:
        yield from db.execute(f"SELECT {COLUMNS} FROM record ORDER BY seq")  # noqa: S608  # our own column names
    except UnicodeDecodeError:
        raise Damage(checker.next_seq, "a column of it is not text") from None


def _promised_roots(db: apsw.Connection, keys: LogKeys, state: _Pass) -> dict[int, list[tuple[bytes, str]]]:
    """Return the roots that stored checkpoints promise, by size.

    The signature of the newest is checked at once: it covers all records that any of them covers. Those of the
    older ones tell only whether they themselves are as they were; see `_check_signatures`.
    """
    wanted: dict[int, list[tuple[bytes, str]]] = {}
    newest = True
    for size, note in db.execute("SELECT size, note FROM checkpoint ORDER BY size DESC"):
        with _naming_checkpoint(size):
            checkpoint = keys.open(note) if newest else read_unsigned(note)
        if checkpoint.size != size or checkpoint.origin != keys.name:
            raise Damage(
                None, f"the stored checkpoint of {size} records is of {checkpoint.size} of {checkpoint.origin}"
            )
        wanted[size] = [(checkpoint.root, "a stored checkpoint")]
        newest = False
    state.checkpoints = len(wanted)
    return wanted


def _check_signatures(db: apsw.Connection, key: VerifyKey) -> None:
    keys = keys_of(db, key)
    for size, note in db.execute("SELECT size, note FROM checkpoint ORDER BY size"):
        with _naming_checkpoint(size):
            keys.open(note)


@contextlib.contextmanager
def _naming_checkpoint(size: int) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise Damage(None, f"the stored checkpoint of {size} records: {error}") from None


def _check_root(frontier: Frontier, promises: list[tuple[bytes, str]]) -> None:
    root = frontier.root()
    for promised, what in promises:
        if promised != root:
            raise Damage(
                None,
                f"the first {frontier.size} records are not those that {what} covers: the log was rewritten",
            )


def _check_peaks(frontier: Frontier, stored: bytes | None) -> None:
    """What a start takes the tree up from, without reading the records before."""
    if stored is not None and stored != b"".join(frontier.peaks):
        raise Damage(
            None,
            f"the stored checkpoint of {frontier.size} records holds other tree hashes than the records give; "
            "no record is lost",
        )


def _one_line(text: str) -> str:
    """Messages of the database may quote what it holds, line breaks and control characters included."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _check_schema(db: apsw.Connection, fresh: apsw.Connection) -> None:
    """The tables, and the triggers that guard the records, are those that this program makes."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
    held, wanted = ({(row[0], row[1]): row[2:] for row in run(side, query)} for side in (db, fresh))
    wrong = sorted(
        name for _, name in held.keys() ^ wanted.keys() | {key for key in held if held[key] != wanted.get(key)}
    )
    if wrong:
        raise Damage(None, f"the schema of the database was changed: {wrong[0]} is not as this program makes it")


def _check_database(db: apsw.Connection) -> None:
    """The file itself, its schema, and the derived tables against the bodies."""
    for (answer,) in run(db, "PRAGMA integrity_check(1)"):
        if answer != "ok":
            raise Damage(None, f"the database file is damaged: {' '.join(answer.split())}")
    fresh = apsw.Connection(":memory:")
    try:
        for statement in SCHEMA:
            run(fresh, statement)
        _check_schema(db, fresh)
        try:
            rebuild(db, fresh)
        except (ValueError, LookupError, TypeError) as error:
            raise Damage(None, f"the derived tables cannot be made from the records: {error!r}") from None
        wrong = difference(db, fresh)
    finally:
        fresh.close()
    if wrong:
        raise Damage(None, f"a derived {wrong}; no record is lost, run: meso audit rebuild")


def stored_vkey(home: Path) -> str:
    """Return the public key that lies beside a log; UsageError where there is none."""
    try:
        return (home / VKEY_NAME).read_text()
    except OSError as error:
        raise UsageError(
            f"no audit log or no public key in {home} ({error.strerror}); check --home, or give --key"
        ) from None


def read_outside(home: Path, path: Path) -> Checkpoint:
    """Return a checkpoint that was kept outside of a log's directory.

    Raises:
        UsageError: there is no log, or the file is no signed checkpoint of it.
    """
    db = open_for_reading(home / DATABASE_NAME)
    try:
        return _keys(db, VerifyKey.parse(stored_vkey(home)))[0].open(read_note(path))
    finally:
        db.close()


def read_note(path: Path) -> str:
    """Return the text of a checkpoint file; UsageError where it is none."""
    try:
        with path.open("rb") as file:
            return file.read(CHECKPOINT_FILE_BYTES_MAX).decode()
    except OSError as error:
        raise UsageError(f"the checkpoint {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a checkpoint: it is not text") from None
