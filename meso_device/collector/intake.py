"""Taking batches into PostgreSQL: checked before they are stored, stored once, acknowledged after the commit.

A fork alarm is a row of its own and stays: nobody makes it go away.
"""

from hashlib import sha256
from typing import Final

from msgspec import Struct

from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import LogKeys
from meso_device.audit.records import FIRST_PREV
from meso_device.audit.tree import HASH_BYTES, Frontier
from meso_device.collector.columns import bigints, byteas, texts
from meso_device.collector.database import Connection
from meso_device.collector.judge import FormerKeyError, Judged, NotContinuedError, Row, Shot, judge
from meso_device.collector.wire import Batch, BatchRefused, Code, Held
from protocols.errors import UsageError

_VALID: Final = (
    "SELECT console.origin, console.name, console.vkey, credential.no FROM meso.credential "
    "JOIN meso.console USING (origin) WHERE token_sha256 = %s "
    "AND no = (SELECT max(newer.no) FROM meso.credential AS newer WHERE newer.origin = credential.origin) "
    "AND NOT EXISTS (SELECT FROM meso.revocation WHERE revocation.no = credential.no)"
)


class Console(Struct, frozen=True):
    """A console that has proven who it is."""

    origin: str
    name: str
    key: VerifyKey
    token_sha256: bytes


class Stored(Struct, frozen=True):
    """A batch that is durable.

    Attributes:
        checkpoint: Up to where.
        size: Records of the log that are held now.
        inserted: Records that were new.
        alarms: Injections that another log tells differently.
    """

    checkpoint: Checkpoint
    size: int
    inserted: int
    alarms: tuple[str, ...]


class _ForkError(Exception):
    def __init__(self, kind: str, subject: str, detail: str) -> None:
        super().__init__(detail)
        self.row = (kind, subject, detail)


def enrol(db: Connection, secret: bytes, vkey: str, token: bytes) -> str:
    """Enrol a console with its one-time code and return the name that it was given.

    Raises:
        BatchRefused: no such code, it was used or is too old; the key is none, or of another console.
    """
    try:
        key = VerifyKey.parse(vkey)
    except UsageError as error:
        raise BatchRefused(Code.CODE, str(error)) from None
    hidden = sha256(secret).digest()
    with db.transaction():
        found = db.execute(
            "SELECT name FROM meso.code WHERE secret_sha256 = %s AND expires_at > now()", (hidden,)
        ).fetchone()
        used = (
            found
            and not db.execute(
                "INSERT INTO meso.code_use (secret_sha256) VALUES (%s) ON CONFLICT DO NOTHING", (hidden,)
            ).rowcount
        )
        if found is None or used:
            raise BatchRefused(Code.CODE, "the code is not known, was used, or is too old; ask for another")
        (name,) = found
        db.execute(
            "INSERT INTO meso.console (origin, name, vkey) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (key.name, name, str(key)),
        )
        held = db.execute("SELECT name, vkey FROM meso.console WHERE origin = %s", (key.name,)).fetchone()
        if held is None:
            raise BatchRefused(Code.CODE, f"the code is for {name}, which is another console; ask for another")
        if held != (name, str(key)):
            raise BatchRefused(Code.CODE, f"the code is for {name}, this console is {held[0]}; ask for another")
        db.execute(
            "INSERT INTO meso.credential (token_sha256, origin) VALUES (%s, %s)", (sha256(token).digest(), key.name)
        )
    return str(name)


def authenticate(db: Connection, token_sha256: bytes) -> Console:
    """Return the console with this credential.

    Raises:
        BatchRefused: there is none, it was replaced, or revoked.
    """
    found = db.execute(_VALID, (token_sha256,)).fetchone()
    if found is None:
        raise BatchRefused(Code.CREDENTIAL, "this console is not known, or was revoked; it needs a new one-time code")
    origin, name, vkey, _ = found
    return Console(origin, name, VerifyKey.parse(vkey), token_sha256)


def newest(db: Connection, origin: str) -> tuple[int, str]:
    """Return size and note of the newest checkpoint that was taken; 0 and nothing where there is none."""
    found = db.execute(
        "SELECT size, note FROM meso.checkpoint WHERE origin = %s ORDER BY size DESC LIMIT 1", (origin,)
    ).fetchone()
    return (0, "") if found is None else (int(found[0]), str(found[1]))


def fetch(db: Connection, origin: str, first: int) -> Held:
    """Return what is held of a log from a place on up to the next checkpoint: no more than one batch was."""
    found = db.execute(
        "SELECT size, note FROM meso.checkpoint WHERE origin = %s AND size > %s ORDER BY size LIMIT 1", (origin, first)
    ).fetchone()
    if found is None:
        return Held(bodies=[], note="")
    size, note = found
    rows = db.execute(
        "SELECT body FROM meso.record WHERE origin = %s AND seq >= %s AND seq < %s ORDER BY seq",
        (origin, first, size),
        binary=True,
    )
    return Held(bodies=[body for (body,) in rows], note=note)


def take(db: Connection, console: Console, batch: Batch) -> Stored:
    """Store a batch, whatever of it is there already; when this returns it is durable.

    Raises:
        BatchRefused: nothing was stored; with `Code.FORK` an alarm was.
    """
    try:
        with db.transaction():
            # One batch of a console at a time: what is compared below is not written meanwhile.
            db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (console.origin,))
            authenticate(db, console.token_sha256)
            _check_not_retired(db, console.origin, batch.first)
            judged = judge(batch, _keys(db, console), *_start(db, console.origin, batch.first))
            inserted = _insert(db, console.origin, judged.rows)
            if inserted < len(judged.rows):
                _compare(db, console.origin, judged.rows)
            alarms = _tell_shots(db, console.origin, judged.shots, batch.note)
            _keep_checkpoint(db, console.origin, judged, batch.note)
            _keep_key(db, console.origin, judged)
            size, _ = newest(db, console.origin)
    except NotContinuedError:
        held, _ = newest(db, console.origin)
        end = batch.first + len(batch.bodies)
        detail = f"a signed checkpoint of {end} records is not proven to continue the {batch.first} of {held} held here"
        _alarm(db, console.origin, ("growth", sha256(batch.note.encode()).hexdigest(), detail), batch.note)
        raise BatchRefused(Code.FORK, f"FORK: {detail}") from None
    except FormerKeyError:
        end = batch.first + len(batch.bodies)
        detail = (
            f"a checkpoint of {end} records is signed by a key that the log had given up: somebody else has that key"
        )
        _alarm(db, console.origin, ("key", sha256(batch.note.encode()).hexdigest(), detail), batch.note)
        raise BatchRefused(Code.FORK, f"FORK: {detail}") from None
    except _ForkError as fork:
        _alarm(db, console.origin, fork.row, batch.note)
        raise BatchRefused(Code.FORK, f"FORK: {fork}") from None
    return Stored(judged.checkpoint, size, inserted, alarms)


def _keys(db: Connection, console: Console) -> LogKeys:
    keys = LogKeys.alone(console.key)
    for size, vkey in db.execute(
        "SELECT size, vkey FROM meso.rotation WHERE origin = %s ORDER BY size", (console.origin,)
    ).fetchall():
        keys = keys.followed_by(VerifyKey.parse(vkey), size)
    return keys


def _check_not_retired(db: Connection, origin: str, first: int) -> None:
    if db.execute("SELECT FROM meso.retired WHERE origin = %s AND seq < %s", (origin, first)).rowcount:
        raise _ForkError(
            "retired", str(first), f"record {first} was sent, and the log had ended before it: it was retired"
        )


def _keep_key(db: Connection, origin: str, judged: Judged) -> None:
    if judged.rotated_to is not None:
        db.execute(
            "INSERT INTO meso.rotation (origin, size, vkey) VALUES (%s, %s, %s)",
            (origin, judged.checkpoint.size, str(judged.rotated_to)),
        )


def _start(db: Connection, origin: str, first: int) -> tuple[Frontier, bytes]:
    """Return the tree over the first records, and the leaf of the last of them."""
    if first == 0:
        return Frontier(), FIRST_PREV
    found = db.execute(
        "SELECT peaks, leaf FROM meso.checkpoint JOIN meso.record USING (origin) "
        "WHERE origin = %s AND size = %s AND seq = size - 1",
        (origin, first),
    ).fetchone()
    if found is None:
        raise BatchRefused(Code.START, f"no checkpoint of {first} records was taken here; send from one that was")
    peaks, leaf = found
    return Frontier(first, [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]), leaf


def _insert(db: Connection, origin: str, rows: list[Row]) -> int:
    return db.execute(
        "INSERT INTO meso.record (origin, seq, kind, sess, ts_us, leaf, body) SELECT %s, new.* FROM "
        "unnest(%b::bigint[], %b::text[], %b::bytea[], %b::bigint[], %b::bytea[], %b::bytea[]) AS new "
        "ON CONFLICT DO NOTHING",
        (
            origin,
            bigints(row.seq for row in rows),
            texts(row.kind for row in rows),
            byteas(row.sess for row in rows),
            bigints(row.ts_us for row in rows),
            byteas(row.leaf for row in rows),
            byteas(row.body for row in rows),
        ),
    ).rowcount


def _compare(db: Connection, origin: str, rows: list[Row]) -> None:
    """What was there already is the same; without this another record would be dropped in silence."""
    held = db.execute(
        "SELECT leaf FROM meso.record WHERE origin = %s AND seq BETWEEN %s AND %s ORDER BY seq",
        (origin, rows[0].seq, rows[-1].seq),
        binary=True,
    ).fetchall()
    for row, found in zip(rows, held, strict=True):
        if found != (row.leaf,):
            detail = f"record {row.seq} was sent with other bytes than those held here"
            raise _ForkError("record", f"{row.seq}/{row.leaf.hex()}", detail)


def _tell_shots(db: Connection, origin: str, shots: list[Shot], note: str) -> tuple[str, ...]:
    """Note who tells of injections; return those that another record tells differently.

    In the order of their names: two consoles that bring the same ones wait for each other, and not in a ring.
    """
    if not shots:
        return ()
    shots = sorted(shots)
    columns = (
        texts(one.gun_uid for one in shots),
        bigints(one.log_epoch for one in shots),
        bigints(one.shot_seq for one in shots),
        bigints(one.seq for one in shots),
        byteas(one.ring for one in shots),
    )
    new = (
        "unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bytea[]) "
        "AS new(gun_uid, log_epoch, shot_seq, seq, ring)"
    )
    first = db.execute(
        "INSERT INTO meso.shot (gun_uid, log_epoch, shot_seq, seq, ring, origin) "  # noqa: S608  # our own words
        f"SELECT new.*, %s FROM {new} ON CONFLICT DO NOTHING",
        (origin, *columns),
    ).rowcount
    if first == len(shots):
        return ()
    others = db.execute(
        "SELECT gun_uid, log_epoch, shot_seq, new.seq, shot.origin, shot.seq, shot.ring = new.ring "  # noqa: S608  # our own words
        f"FROM {new} JOIN meso.shot USING (gun_uid, log_epoch, shot_seq) "
        "WHERE (shot.origin, shot.seq) <> (%s, new.seq) ORDER BY 1, 2, 3",
        (*columns, origin),
    ).fetchall()
    alarms = []
    for gun_uid, log_epoch, shot_seq, seq, other, other_seq, same in others:
        if same:
            db.execute(
                "INSERT INTO meso.shot_witness VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (gun_uid, log_epoch, shot_seq, origin, seq),
            )
            continue
        subject = f"{gun_uid}/{log_epoch}/{shot_seq}"
        detail = f"shot {subject}: record {seq} holds other bytes of the gun than record {other_seq} of {other}"
        _alarm(db, origin, ("shot", subject, detail), note)
        alarms.append(detail)
    return tuple(alarms)


def _keep_checkpoint(db: Connection, origin: str, judged: Judged, note: str) -> None:
    db.execute(
        "INSERT INTO meso.checkpoint (origin, size, note, peaks, simulated) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING",
        (origin, judged.checkpoint.size, note, judged.peaks, judged.simulated),
    )


def _alarm(db: Connection, origin: str, row: tuple[str, str, str], note: str) -> None:
    db.execute(
        "INSERT INTO meso.fork (origin, kind, subject, detail, note) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING",
        (origin, *row, note),
    )
