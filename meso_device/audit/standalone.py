"""Checks what a meso-device log gave out. One file that needs Python 3.11 and nothing else: copy it where you like.

    python3 meso_verify.py FILE [--key VKEY] [--checkpoint FILE] [--json]

VKEY is the log's public key as written down: any one of them where the key was changed, or several with spaces between.
A session and a whole log tell how one key led to the next; a proof of growth across a change needs both.

FILE is one of: a disclosed session (zip), the proof of one record (C2SP tlog-proof), a proof that a log only grew
(``old N``, hashes, checkpoint, as C2SP tlog-witness has it), a whole log (``audit.db``, as in a backup), or a
directory that holds one as C2SP tlog-tiles. The exit status is 0 if everything holds, 1 if it does not, 2 if it could
not be looked at.

It shares no code with the program that makes the log: it is a second opinion on the same formats. A signature is
checked here in plain Python, some ten milliseconds each; nothing secret passes through it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import sqlite3
import sys
import zipfile
import zlib
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

NOT_SHOWN = (
    "Not shown by any of this: a rewrite, by someone with the signing key, of what is newer than the last "
    "checkpoint kept outside; a false reading by the gun; a record never made; a stolen PIN; the true time."
)
SESSION_FILES = frozenset({"READ-ME.txt", "log.vkey", "proof.txt", "records.jsonl"})
ROTATION_FILES = frozenset(f"key-{number}.txt" for number in range(1, 100))
SESSION_HEADER = "meso-device/session-proof@v1"
TLOG_HEADER = "c2sp.org/tlog-proof@v1"
BODY_BYTES_MAX = 16_384
FILE_BYTES_MAX = 64 * 2**20
RING_BYTES = 72
CHECKPOINT_NAME = "checkpoint"
COPY_VKEY_NAME = "log.vkey"
ENTRIES = "entries"
TILE_WIDTH = 256
_TILE_HASH_BYTES = 32


class Wrong(Exception):  # noqa: N818  # what was found, not what failed
    """Something does not hold; its text says what."""


class Unreadable(Exception):  # noqa: N818  # the same
    """It cannot be looked at: not a file of these kinds, or no key."""


class Checkpoint(NamedTuple):
    """Size and root of a log at one moment."""

    origin: str
    size: int
    root: bytes


class Key(NamedTuple):
    """Public key of a log."""

    name: str
    key_id: bytes
    public: bytes


# --- signatures: Ed25519 after RFC 8032, verifying only ---------------------------------------------------------------

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]  # x, y, z and x * y / z, each modulo _P


def _add(a: _Point, b: _Point) -> _Point:
    left, right = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    skew, scale = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = right - left, scale - skew, scale + skew, right + left
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(count: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while count:
        if count & 1:
            total = _add(total, point)
        point = _add(point, point)
        count >>= 1
    return total


def _point(encoded: bytes) -> _Point | None:
    """Return the point of 32 bytes; None if they are of none, or not its one encoding."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _encoded(point: _Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def signature_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether an Ed25519 signature of 64 bytes over the message is by the key of 32 bytes."""
    key, times = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or _BASE is None or len(signature) != 64 or times >= _ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    minus_key = (_P - key[0], key[1], 1, _P - key[3])
    found = _add(_times(times, _BASE), _times(int.from_bytes(digest, "little") % _ORDER, minus_key))
    return _encoded(found) == signature[:32]


def _bytes_of(text: str) -> bytes:
    """Return the bytes of base64 text; ValueError if it is not their one encoding."""
    content = b64decode(text, validate=True)
    if b64encode(content).decode() != text:
        raise ValueError("not in its one form")
    return content


# --- keys and checkpoints: C2SP signed-note and tlog-checkpoint -------------------------------------------------------


def read_key(text: str) -> Key:
    """Read ``name+8 hex digits+base64``."""
    parts = text.strip().split("+", 2)
    try:
        name, key_id, material = parts[0], bytes.fromhex(parts[1]), _bytes_of(parts[2])
    except (IndexError, ValueError):
        raise Unreadable("the key is malformed: expected name+8 hex digits+base64") from None
    if len(material) != 33 or material[0] != 1:
        raise Unreadable("the key is not an Ed25519 key")
    if hashlib.sha256(name.encode() + b"\n" + material).digest()[:4] != key_id:
        raise Unreadable("the key is damaged: its id does not match; copy the whole line again")
    return Key(name, key_id, material[1:])


def read_keys(text: str) -> tuple[Key, ...]:
    """Read one key or several, with spaces between."""
    return tuple(map(read_key, text.split()))


def open_checkpoint(note: str, keys: Sequence[Key]) -> Checkpoint:
    """Return what a checkpoint says that one of the keys, all of one log, has signed."""
    text, divider, signatures = note.rpartition("\n\n")
    lines = (text + "\n").split("\n")
    if not divider or len(lines) < 4:
        raise Wrong("the checkpoint is malformed: origin, size, root, a blank line and signatures are expected")
    try:
        origin, size, root = lines[0], lines[1], _bytes_of(lines[2])
    except ValueError:
        raise Wrong("the root of the checkpoint is not base64") from None
    if not (size.isascii() and size.isdigit() and len(size) <= 16 and str(int(size)) == size and len(root) == 32):
        raise Wrong("the size or the root of the checkpoint is malformed")
    if {key.name for key in keys} != {origin}:
        raise Wrong(f"the checkpoint is of log {origin!r}, the key of {keys[0].name!r}")
    for line in signatures.split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "\N{EM DASH}" or name != origin:
            continue
        with contextlib.suppress(ValueError):
            raw = _bytes_of(encoded)
            for key in keys:
                if raw[:4] == key.key_id and signature_holds(key.public, raw[4:], (text + "\n").encode()):
                    return Checkpoint(origin, int(size), root)
    raise Wrong("the checkpoint bears no valid signature of this key: it was changed, or another key signed it")


class Rotation(NamedTuple):
    """The change of a log's key: the new one, and the checkpoint that old and new have signed."""

    key: Key
    note: str


def follow(trusted: Sequence[Key], rotations: Sequence[Rotation]) -> list[Key]:
    """Return the trusted keys and those that they vouch for, one after the other."""
    keys = list(trusted)
    for rotation in rotations:
        if rotation.key not in keys:
            with contextlib.suppress(Wrong):
                both = open_checkpoint(rotation.note, keys), open_checkpoint(rotation.note, [rotation.key])
                if both[0] == both[1]:
                    keys.append(rotation.key)
    return keys


# --- the tree: RFC 6962 -----------------------------------------------------------------------------------------------


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a record."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


class Tree:
    """A tree that grows: one hash for each set bit of its size, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        size, node = self.size, leaf
        while size & 1:
            node, size = node_hash(self._peaks.pop(), node), size >> 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root_from(leaves: dict[int, bytes], size: int, hashes: Sequence[bytes]) -> bytes:
    """Return the root that some leaves, by place, and the hashes of all subtrees without any of them lead to.

    The hashes are in the order of the tree, from left to right, and all of them must be needed.
    """
    places, given = sorted(leaves), iter(hashes)

    def root(first: int, end: int) -> bytes:
        at = bisect_left(places, first)
        if at == len(places) or places[at] >= end:
            return next(given)
        if end - first == 1:
            return leaves[first]
        middle = first + (1 << ((end - first - 1).bit_length() - 1))
        return node_hash(root(first, middle), root(middle, end))

    try:
        found = root(0, size)
    except StopIteration:
        raise Wrong("the proof has too few hashes") from None
    if next(given, None) is not None:
        raise Wrong("the proof has more hashes than it needs")
    return found


def roots_of_growth(old: int, new: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """Return the roots of both sizes that a consistency proof after RFC 9162 leads to; ``0 < old < new``."""
    given = iter(proof)

    def roots(old: int, end: int, whole: bool) -> tuple[bytes, bytes]:
        if old == end:
            node = old_root if whole else next(given)
            return node, node
        middle = 1 << ((end - 1).bit_length() - 1)
        if old <= middle:
            before, after = roots(old, middle, whole)
            return before, node_hash(after, next(given))
        before, after = roots(old - middle, end - middle, False)
        left = next(given)
        return node_hash(left, before), node_hash(left, after)

    try:
        found = roots(old, new, True)
    except StopIteration:
        raise Wrong("the proof has too few hashes") from None
    if next(given, None) is not None:
        raise Wrong("the proof has more hashes than it needs")
    return found


# --- records ----------------------------------------------------------------------------------------------------------


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no integer")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


def read_record(body: bytes) -> dict[str, Any]:
    """Read a record: an object of integers, texts, booleans, lists and objects."""
    if len(body) > BODY_BYTES_MAX:
        raise Wrong(f"a record is longer than {BODY_BYTES_MAX} bytes")
    try:
        fields = json.loads(body.decode(), parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"a record cannot be read: {error}") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("seq"), int) or isinstance(fields["seq"], bool):
        raise Wrong("a record has no place in a log")
    return fields


class Record(NamedTuple):
    """A record, its place and its hash."""

    seq: int
    fields: dict[str, Any]
    leaf: bytes


def check_links(records: Sequence[Record]) -> None:
    """Each record names the hash of the one before it, where that is at hand."""
    for before, after in pairwise(records):
        if after.seq == before.seq + 1 and after.fields.get("prev") != b64encode(before.leaf).decode():
            raise Wrong(f"record {after.seq} does not follow record {before.seq}: one of the two was changed")


def check_guns(records: Sequence[Record]) -> int:
    """Each shot follows the one before it in the gun's own log, where that is at hand; return how many shots."""
    heads: dict[tuple[str, int], tuple[int, bytes]] = {}
    shots = 0
    for record in records:
        fields = record.fields
        if fields.get("kind") != "shot":
            continue
        shots += 1
        try:
            gun = (fields["gun"]["gun_uid"], fields["gun"]["log_epoch"])
            ring = _bytes_of(fields["ring"])
            name = bytes.fromhex(gun[0]) + gun[1].to_bytes(4, "little")
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            raise Wrong(f"record {record.seq} does not hold the gun's own record of the shot") from None
        number = int.from_bytes(ring[:4], "little")
        if len(ring) != RING_BYTES or number != fields.get("shot_seq"):
            raise Wrong(f"record {record.seq} says another shot than the gun's own bytes in it")
        head = heads.get(gun)
        if head and number <= head[0]:
            raise Wrong(f"record {record.seq}: shot {number} of gun {gun[0]} stands behind shot {head[0]}")
        if head and number == head[0] + 1 and ring[40:48] != head[1]:
            raise Wrong(f"record {record.seq}: shot {number} of gun {gun[0]} does not follow the one before it")
        heads[gun] = (number, hashlib.sha256(name + ring).digest()[:8])
    return shots


# --- one session ------------------------------------------------------------------------------------------------------


def check_session(file: bytes, keys: Sequence[Key]) -> dict[str, Any]:
    """Check a disclosed session: every record of it, nothing else, under a signed checkpoint.

    Without a key the file's own is believed.
    """
    parts = _unpack(file)
    own_key = not keys
    keys = follow(keys, _rotations(parts)) if keys else [read_key(parts["log.vkey"].decode("utf-8", "replace"))]
    lines, hashes, note = _proof_parts(parts["proof.txt"])
    if lines[0] != SESSION_HEADER or len(lines) != 2 or not lines[1].startswith("session "):
        raise Wrong("the proof is not one of a session")
    session = lines[1][len("session ") :]
    checkpoint = open_checkpoint(note, keys)
    records = _records(parts["records.jsonl"], checkpoint)
    if root_from({record.seq: record.leaf for record in records}, checkpoint.size, hashes) != checkpoint.root:
        raise Wrong("the records do not lead to the root that was signed: something was changed, added or taken out")
    _check_theirs(records, session)
    closed, later = _check_complete(records, session)
    check_links(records)
    shots = check_guns(records)
    given = [record.fields for record in records if record.fields.get("kind") == "shot"]
    return {
        "what": "session",
        "origin": checkpoint.origin,
        "records_in_log": checkpoint.size,
        "root": checkpoint.root.hex(),
        "key_from_file": own_key,
        "session": session,
        "alias": closed.fields.get("alias", ""),
        "simulated": any(record.fields.get("simulated") for record in records),
        "state": closed.fields.get("state", ""),
        "records": len(records),
        "injections": shots,
        "dose_lo_nl": sum(_number(fields, "dose_lo_nl") for fields in given),
        "dose_hi_nl": sum(_number(fields, "dose_hi_nl") for fields in given),
        "complete_to": closed.seq,
        "later": [{"seq": record.seq, "kind": record.fields.get("kind", "")} for record in later],
        "later_complete_to": _later_complete_to(records, closed, later),
    }


def _check_theirs(records: Sequence[Record], session: str) -> None:
    """Each record is of the session, or the signature on one that is."""
    leaves = {record.seq: b64encode(record.leaf).decode() for record in records}
    for record in records:
        fields = record.fields
        signs = fields.get("kind") == "sign" and fields.get("target_leaf") == leaves.get(
            fields.get("target_seq", -1), ""
        )
        if fields.get("sess") != session and ("sess" in fields or not signs):
            raise Wrong(f"record {record.seq} is not of this session")


def _check_complete(records: Sequence[Record], session: str) -> tuple[Record, list[Record]]:
    """Return the record that closed the session, and those after it.

    The close names how many records the session had and the root over all of them: none can be left out.
    """
    ends = [record for record in records if record.fields.get("key") == f"session/{session}/closed"]
    begins = [record for record in records if record.fields.get("key") == f"session/{session}/opened"]
    if len(ends) != 1 or len(begins) != 1 or ends[0].fields.get("kind") != "session.closed":
        raise Wrong("the session's beginning or its end is not among the records")
    [closed], [opened] = ends, begins
    own = [record for record in records if opened.seq <= record.seq < closed.seq and "sess" in record.fields]
    said = closed.fields
    if not own:
        raise Wrong("the session ends before it begins")
    first, last = own[0].seq, own[-1].seq
    foreign = _gaps([record.seq for record in own])
    found = {
        "first_seq": first,
        "last_seq": last,
        "own_count": len(own),
        "foreign_count": sum(end - start + 1 for start, end in foreign),
        "root": b64encode(root_of([record.leaf for record in own])).decode(),
    }
    for name, value in found.items():
        if said.get(name) != value:
            raise Wrong(f"the session is not complete: its end says {name} {said.get(name)!r}, found {value!r}")
    if said.get("foreign_seqs") not in ([], foreign):
        raise Wrong("the session's end names other records of others between its own")
    return closed, [record for record in records if record.seq > closed.seq]


def _later_complete_to(records: Sequence[Record], closed: Record, later: Sequence[Record]) -> int:
    """Return the place up to which a record of this disclosure says that there are no others; 0 where none does."""
    for record in later[::-1]:
        fields = record.fields
        if fields.get("kind") == "disclosure" and fields.get("purpose") == "session":
            told = [other.seq for other in records if closed.seq < other.seq < record.seq]
            if fields.get("later_seqs") != told:
                raise Wrong("records after the session's end are missing: the record of the disclosure names others")
            return record.seq
    return 0


def _gaps(seqs: Sequence[int]) -> list[list[int]]:
    return [[left + 1, right - 1] for left, right in pairwise(seqs) if right - left > 1]


def _records(text: bytes, checkpoint: Checkpoint) -> list[Record]:
    if not text.endswith(b"\n"):
        raise Wrong("the records do not end with a line")
    records: list[Record] = []
    for body in text[:-1].split(b"\n"):
        fields = read_record(body)
        seq = fields["seq"]
        if fields.get("log") != checkpoint.origin:
            raise Wrong(f"record {seq} is of another log")
        if not (records[-1].seq if records else -1) < seq < checkpoint.size:
            raise Wrong(f"record {seq} stands in a wrong place")
        records.append(Record(seq, fields, leaf_hash(body)))
    return records


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, int):
        return int(value)
    raise Wrong(f"record {fields['seq']} has no {name}")


def _unpack(file: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            names = archive.namelist()
            more = set(names) - SESSION_FILES
            if len(names) != len(SESSION_FILES | more) or SESSION_FILES - set(names) or more - ROTATION_FILES:
                raise Wrong(f"it does not hold just {', '.join(sorted(SESSION_FILES))}")
            if sum(member.file_size for member in archive.infolist()) > FILE_BYTES_MAX:
                raise Wrong("it holds more than a session can")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise Wrong(f"the file is damaged: {error}") from None


def _rotations(parts: dict[str, bytes]) -> list[Rotation]:
    found = []
    for number in range(1, len(parts.keys() & ROTATION_FILES) + 1):
        if f"key-{number}.txt" not in parts:
            raise Wrong("a change of the key is missing")
        vkey, _, note = parts[f"key-{number}.txt"].decode("utf-8", "replace").partition("\n")
        found.append(Rotation(read_key(vkey), note))
    return found


def _proof_parts(text: bytes) -> tuple[list[str], list[bytes], str]:
    """Return the lines with a word in front, the hashes, and the checkpoint."""
    head, divider, note = text.decode("utf-8", "replace").partition("\n\n")
    if not divider:
        raise Wrong("the proof has no checkpoint")
    lines = head.split("\n")
    words = [line for line in lines if " " in line or line == lines[0]]
    try:
        hashes = [_bytes_of(line) for line in lines[len(words) :]]
    except ValueError:
        raise Wrong("a hash of the proof is not base64") from None
    if any(len(one) != 32 for one in hashes):
        raise Wrong("a hash of the proof is not of 32 bytes")
    return words, hashes, note


# --- one record, growth, a whole log ----------------------------------------------------------------------------------


def check_record(file: bytes, keys: Sequence[Key]) -> dict[str, Any]:
    """Check the proof of one record, which it holds as its ``extra`` line."""
    words, hashes, note = _proof_parts(file)
    said = dict(line.split(" ", 1) for line in words[1:])
    try:
        body, seq = _bytes_of(said["extra"]), int(said["index"])
    except (LookupError, ValueError):
        raise Wrong("the proof names no record") from None
    checkpoint = open_checkpoint(note, keys)
    fields = read_record(body)
    if fields["seq"] != seq or not 0 <= seq < checkpoint.size:
        raise Wrong(f"the record says place {fields['seq']}, the proof {seq} of {checkpoint.size}")
    if fields.get("log") != checkpoint.origin:
        raise Wrong("the record is of another log")
    if root_of_path(leaf_hash(body), seq, checkpoint.size, hashes) != checkpoint.root:
        raise Wrong("the record does not lead to the root that was signed")
    return {
        "what": "record",
        "origin": checkpoint.origin,
        "records_in_log": checkpoint.size,
        "root": checkpoint.root.hex(),
        "seq": seq,
        "record": fields,
    }


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a leaf and its audit path, leaf end first, lead to."""
    left_first = iter(reversed(path))

    def root(first: int, end: int) -> bytes:
        if end - first == 1:
            return leaf
        middle = first + (1 << ((end - first - 1).bit_length() - 1))
        beside = next(left_first)
        return node_hash(root(first, middle), beside) if index < middle else node_hash(beside, root(middle, end))

    try:
        found = root(0, size)
    except StopIteration:
        raise Wrong("the proof has too few hashes") from None
    if next(left_first, None) is not None:
        raise Wrong("the proof has more hashes than it needs")
    return found


def check_growth(file: bytes, keys: Sequence[Key], kept: str | None) -> dict[str, Any]:
    """Check that a log only grew since a checkpoint that was kept; each of the two is signed by one of the keys."""
    if kept is None:
        raise Unreadable("this proves that a log grew since a checkpoint: give that one with --checkpoint FILE")
    words, hashes, note = _proof_parts(file)
    old, new = open_checkpoint(kept, keys), open_checkpoint(note, keys)
    if words != [f"old {old.size}"]:
        raise Wrong(f"the proof is of another checkpoint than the one of {old.size} records")
    if not 0 < old.size <= new.size:
        raise Wrong(f"a log of {new.size} records did not grow from {old.size}")
    if old.size == new.size:
        holds = not hashes and old.root == new.root
    else:
        holds = roots_of_growth(old.size, new.size, hashes, old.root) == (old.root, new.root)
    if not holds:
        raise Wrong(f"the first {old.size} records are not those of the checkpoint kept: the log was rewritten")
    return {
        "what": "growth",
        "origin": new.origin,
        "records_before": old.size,
        "records_in_log": new.size,
        "root": new.root.hex(),
    }


def check_log(path: Path, keys: Sequence[Key], kept: str | None) -> dict[str, Any]:
    """Check a whole log: every record, their chain, the newest signed checkpoint and the one kept outside."""
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        with contextlib.closing(db):
            newest = db.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
            if newest is None:
                raise Wrong("the log holds no checkpoint")
            own, outside_keys = _keys_of_log(db, keys, kept)
            signed = open_checkpoint(newest[0], [own])
            outside = open_checkpoint(kept, outside_keys) if kept else None
            wanted = {point.size: point.root for point in (signed, outside) if point}
            if outside and wanted[outside.size] != outside.root:
                raise Wrong("the newest checkpoint is another than the one kept: the log was rewritten")
            rows = db.execute("SELECT seq, leaf, body FROM record ORDER BY seq")
            records, shots = _check_rows(rows, own.name, wanted)
    except (sqlite3.Error, TypeError, AttributeError) as error:
        raise Wrong(f"the database is damaged: {error}") from None
    return {
        "what": "log",
        "origin": own.name,
        "records_in_log": records,
        "signed": signed.size,
        "outside": outside.size if outside else 0,
        "root": signed.root.hex(),
        "injections": shots,
    }


def _keys_of_log(db: sqlite3.Connection, trusted: Sequence[Key], kept: str | None) -> tuple[Key, list[Key]]:
    """Return the key that signs the log now, and the one that a checkpoint kept outside must be signed by.

    The records that name the keys are checked with all others afterwards.
    """
    eras: list[tuple[int, Key]] = []
    rotations = []
    named = "SELECT seq, body FROM record WHERE key > 'key/' AND key < 'key0' ORDER BY seq"
    for seq, body in db.execute(named):
        key = read_key(str(read_record(body).get("vkey", "")))
        if eras:
            note = db.execute("SELECT note FROM checkpoint WHERE size = ?", (seq + 1,)).fetchone()
            if note is None or open_checkpoint(note[0], [key]) != open_checkpoint(note[0], [eras[-1][1]]):
                raise Wrong(f"record {seq} changes the key, and is not signed by the old and the new")
            rotations.append(Rotation(key, note[0]))
        eras.append((seq + 1 if eras else 0, key))
    known = [key for _, key in eras]
    if not known or not set(trusted) & set(known) or known[-1] not in follow(trusted, rotations):
        raise Wrong(f"the log is signed by another key than {trusted[0].name}+{trusted[0].key_id.hex()}")
    size = kept.split("\n")[1:2] if kept else []
    at = int(size[0]) if size and size[0].isascii() and size[0].isdigit() and len(size[0]) <= 16 else 0
    return known[-1], [[key for since, key in eras if since <= at][-1]]


def _check_rows(rows: Iterable[tuple[int, bytes, bytes]], origin: str, wanted: dict[int, bytes]) -> tuple[int, int]:
    """Check rows of place, hash and record; return how many there are, and how many are shots."""
    tree, shots, prev, ended = Tree(), 0, b64encode(bytes(32)).decode(), False
    for seq, leaf, body in rows:
        fields = read_record(body)
        if seq != tree.size or fields["seq"] != seq or fields.get("log") != origin:
            raise Wrong(f"record {tree.size} is missing, or another one stands in its place")
        if ended:
            raise Wrong(f"record {seq} stands behind the end of a log that was retired")
        if fields.get("prev") != prev:
            raise Wrong(f"record {seq} does not follow the one before it")
        if leaf_hash(body) != leaf:
            raise Wrong(f"record {seq} was changed")
        tree.append(leaf)
        prev = b64encode(leaf).decode()
        shots += fields.get("kind") == "shot"
        ended = fields.get("kind") == "log.retired"
        if tree.size in wanted and tree.root() != wanted.pop(tree.size):
            raise Wrong(f"the first {tree.size} records are not those that were signed: the log was rewritten")
    if wanted:
        raise Wrong(f"the log ends after {tree.size} records, a checkpoint covers {max(wanted)}")
    return tree.size, shots


# --- a whole log in files: C2SP tlog-tiles ----------------------------------------------------------------------------


class Tile(NamedTuple):
    """One file of records or hashes: ``level`` is ``entries`` or a number, ``width`` how many it holds."""

    level: str
    number: int
    width: int


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield the tiles of a log of so many records, each behind those that it is made from."""
    for first in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - first)
        yield Tile(ENTRIES, first // TILE_WIDTH, width)
        yield Tile("0", first // TILE_WIDTH, width)
    level, count = 1, size // TILE_WIDTH
    while count:
        for first in range(0, count, TILE_WIDTH):
            yield Tile(str(level), first // TILE_WIDTH, min(TILE_WIDTH, count - first))
        level, count = level + 1, count // TILE_WIDTH


def tile_path(tile: Tile) -> str:
    """Return the name of a tile's file."""
    digits = str(tile.number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{tile.level}/{name}" + (f".p/{tile.width}" if tile.width < TILE_WIDTH else "")


def check_tiles(place: Path, trusted: Sequence[Key], kept: str | None) -> dict[str, Any]:
    """Check a whole log in files: every record, all hashes over them, its checkpoint and the one kept elsewhere."""
    rotations = _rotations({name: _read(place / name) for name in ROTATION_FILES if (place / name).is_file()})
    keys = follow(trusted, rotations)
    # What was given up signs nothing that is longer.
    newest = [key for key in keys if key == rotations[-1].key] if rotations else keys
    if not newest:
        raise Wrong("the given key does not lead to the one that signs this log")
    outside = open_checkpoint(kept, keys) if kept else None
    signed = open_checkpoint(_read(place / CHECKPOINT_NAME).decode("utf-8", "replace"), newest)
    wanted = {point.size: point.root for point in (signed, outside) if point}
    if outside and wanted[outside.size] != outside.root:
        raise Wrong("the checkpoint is another than the one kept: the log was rewritten")
    records, shots = _check_rows(_tile_rows(place, signed.size), signed.origin, wanted)
    return {
        "what": "log",
        "origin": signed.origin,
        "records_in_log": records,
        "signed": signed.size,
        "outside": outside.size if outside else 0,
        "root": signed.root.hex(),
        "injections": shots,
    }


def _tile_rows(place: Path, size: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield place, hash and record of all entries, and check each tile of hashes above them."""
    above: dict[str, list[bytes]] = {}
    bodies: list[bytes] = []
    for tile in tiles_of(size):
        name = tile_path(tile)
        content = _read(place / name)
        if tile.level == ENTRIES:
            bodies = _entries(content, name)
            if len(bodies) != tile.width:
                raise Wrong(f"{name} holds {len(bodies)} records, not {tile.width}")
            continue
        hashes = [content[at : at + _TILE_HASH_BYTES] for at in range(0, len(content), _TILE_HASH_BYTES)]
        if len(content) != tile.width * _TILE_HASH_BYTES:
            raise Wrong(f"{name} does not hold {tile.width} hashes")
        if tile.level == "0":
            first = tile.number * TILE_WIDTH
            yield from ((first + at, hashes[at], body) for at, body in enumerate(bodies))
        else:
            first = tile.number * TILE_WIDTH
            if hashes != above[tile.level][first : first + tile.width]:
                raise Wrong(f"{name} does not hold the hashes of what lies below it")
        if tile.width == TILE_WIDTH:
            above.setdefault(str(int(tile.level) + 1), []).append(root_of(hashes))


def _entries(content: bytes, name: str) -> list[bytes]:
    """Return the records of a bundle: each behind its length in two bytes, the higher first."""
    found, at = [], 0
    while at < len(content):
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if end > len(content) or at + 2 > len(content):
            raise Wrong(f"{name} ends within a record")
        found.append(content[at + 2 : end])
        at = end
    return found


# --- the command ------------------------------------------------------------------------------------------------------


def check_file(path: Path, vkey: str = "", checkpoint: Path | None = None) -> dict[str, Any]:
    """Check a file of any kind and return what it proves.

    Args:
        path: The file.
        vkey: The log's public key as written down, or several with spaces between; without it the own copy of a session
            or directory is believed, and so is ``audit.vkey`` beside a log or proof.
        checkpoint: A signed checkpoint that was kept outside, for a log or a proof of growth.

    Raises:
        Wrong: it proves nothing: the text says why.
        Unreadable: it cannot be looked at.
    """
    keys = read_keys(vkey)
    kept = None if checkpoint is None else _read(checkpoint).decode("utf-8", "replace")
    if path.is_dir():
        own_key = not keys
        keys = keys or read_keys(_read(path / COPY_VKEY_NAME).decode("utf-8", "replace"))
        return {**check_tiles(path, keys, kept), "key_from_file": own_key}
    start = _read(path, 16)
    if start.startswith(b"PK"):
        return check_session(_read(path), keys)
    beside = path.parent / "audit.vkey"
    if not keys:
        if not beside.is_file():
            raise Unreadable("give the log's public key, as written down when it was begun, with --key")
        keys = read_keys(_read(beside).decode("utf-8", "replace"))
    if start.startswith(b"SQLite format 3\0"):
        return check_log(path, keys, kept)
    if start.startswith(b"c2sp.org/"):
        return check_record(_read(path), keys)
    if start.startswith(b"old "):
        return check_growth(_read(path), keys, kept)
    raise Unreadable(f"{path} is none of: a disclosed session, a proof, a log, a directory with one")


def _read(path: Path, size: int = FILE_BYTES_MAX + 1) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(size)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise Unreadable(f"{path} is longer than {FILE_BYTES_MAX // 2**20} MiB")
    return data


def lines_of(found: dict[str, Any]) -> Iterator[str]:
    """Yield what was proven, in lines for people."""
    said: dict[str, Callable[[dict[str, Any]], str]] = {
        "session": lambda at: f"session {at['session']}, complete: {at['records']} records",
        "record": lambda at: f"record {at['seq']} ({at['record'].get('kind')}) stands in the log",
        "growth": lambda at: f"the log grew from {at['records_before']} records and changed none of them",
        "log": lambda at: f"the log, whole: {at['records_in_log']} records, {at['injections']} injections",
    }
    yield f"HOLDS: {said[found['what']](found)}"
    yield f"  log  {found['origin']}, {found['records_in_log']} records"
    yield f"  root {found['root']}"
    if found["what"] == "session":
        low, high = (f"{found[name] // 1000}.{found[name] % 1000:03d}" for name in ("dose_lo_nl", "dose_hi_nl"))
        yield f"  {found['injections']} injections, {low if low == high else f'{low} to {high}'} µL"
        yield from _later_lines(found)
        if found["simulated"]:
            yield "  SIMULATED: no real gun, no patient"
    if found.get("key_from_file"):
        yield "  the key is the file's own: give the one that was written down with --key"
    if found["what"] == "log" and not found["outside"]:
        yield "  no outside checkpoint given: whoever holds the signing key could have rewritten all of it"
    yield f"  {NOT_SHOWN}"


def _later_lines(found: dict[str, Any]) -> Iterator[str]:
    if found["later"]:
        kinds = sorted(record["kind"] for record in found["later"])
        told = [f"{len(list(same))} x {kind}" for kind, same in groupby(kinds)]
        yield f"  after its end: {', '.join(told)}"
    if not found["later_complete_to"]:
        yield "  that nothing else was added after its end is not proven"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the file named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="meso_verify.py", description="Checks what a meso-device log gave out.")
    parser.add_argument("file", type=Path, help="disclosed session, proof, audit.db, or directory")
    parser.add_argument("--key", default="", metavar="VKEY", help="the log's public key as written down")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="a signed checkpoint kept outside")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    try:
        found = check_file(options.file, options.key, options.checkpoint)
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Wrong as error:
        sys.stdout.write(
            json.dumps({"ok": False, "bad": str(error)}) + "\n" if options.json else f"DOES NOT HOLD: {error}\n"
        )
        return 1
    sys.stdout.write(
        json.dumps({"ok": True, **found}) + "\n" if options.json else "".join(f"{line}\n" for line in lines_of(found))
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
