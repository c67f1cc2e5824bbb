"""What the collector checks of a batch before a byte of it is stored. Pure.

Signature, growth, chain and tree: each record must be where its own bytes, the one before it and the signed root say.
What no single record may claim of itself (that it is canonical, that it follows from earlier ones) is left to
`meso audit verify`: the bytes are kept as they are.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from meso_device.audit.canonical import INTEGER_MAX
from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import ROTATED, LogKeys
from meso_device.audit.records import leaf_hash
from meso_device.audit.retirement import RETIRED
from meso_device.audit.tree import Frontier, consistency_holds
from meso_device.audit.witness import RING_BYTES
from meso_device.collector.wire import Batch, BatchRefused, Code
from protocols.errors import UsageError

_Time: TypeAlias = Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
_NOT_SAID: Final = Raw(b"null")
_Uint32: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _Gun(Struct, frozen=True, gc=False):
    gun_uid: Annotated[str, Meta(pattern=r"^[0-9a-f]{24}\Z")]
    log_epoch: _Uint32


class _Said(Struct, frozen=True, gc=False):
    """What every record says of itself; and what a shot does of the injection, which other kinds may call as they like.

    Read in one go, as there are many.
    """

    log: str
    seq: int
    kind: Annotated[str, Meta(max_length=64)]
    prev: str
    ts_us: _Time
    sess: Annotated[str, Meta(max_length=32)] = ""
    simulated: bool = False
    gun: Raw = _NOT_SAID
    shot_seq: Raw = _NOT_SAID
    ring: Raw = _NOT_SAID


class _RotatedBody(Struct, frozen=True, gc=False):
    old_vkey: Annotated[str, Meta(max_length=200)]
    vkey: Annotated[str, Meta(max_length=200)]


class Row(Struct, frozen=True, gc=False):
    """One record, as it is stored."""

    seq: int
    kind: str
    sess: bytes | None
    ts_us: int
    leaf: bytes
    body: bytes


class Shot(Struct, frozen=True, gc=False, order=True):
    """The identity of an injection, and the gun's own bytes about it."""

    gun_uid: str
    log_epoch: int
    shot_seq: int
    seq: int
    ring: bytes


class Judged(Struct, frozen=True):
    """A batch that holds.

    Attributes:
        checkpoint: What was signed.
        peaks: Peaks of the tree at its size, one after the other: the next batch goes on from them.
        rows: The records.
        shots: The injections among them.
        simulated: Whether any is of a simulated gun.
        rotated_to: The key that the log goes on under from here; None where it is the same.
    """

    checkpoint: Checkpoint
    peaks: bytes
    rows: list[Row]
    shots: list[Shot]
    simulated: bool
    rotated_to: VerifyKey | None = None


class FormerKeyError(Exception):
    """A checkpoint is signed by a key that the log had given up before: somebody else has it."""


class NotContinuedError(Exception):
    """A checkpoint bears the log's signature, and is not proven to continue what is held: two histories of one log."""


_read: Final = msgspec.json.Decoder(_Said).decode
_KIND: Final = re.compile(r"[a-z0-9_.]{1,64}")
_SESSION: Final = re.compile(r"([0-9a-f]{32})?")
_gun: Final = msgspec.json.Decoder(_Gun).decode
_shot_seq: Final = msgspec.json.Decoder(_Uint32).decode
_ring: Final = msgspec.json.Decoder(str).decode
_rotated_body: Final = msgspec.json.Decoder(_RotatedBody).decode


def judge(batch: Batch, keys: LogKeys, held: Frontier, prev: bytes) -> Judged:
    """Return a batch as rows if everything about it holds.

    Args:
        batch: What a console sent.
        keys: Public keys of its log: that of the enrolment, and those it went on under since.
        held: The tree over the first ``batch.first`` records, as stored; it grows by those of the batch.
        prev: Leaf hash of the record before the first one.

    Raises:
        BatchRefused: not signed by the log's key, or the records are not those that were signed.
        NotContinuedError: signed, and not proven to continue what is held.
        FormerKeyError: signed by a key that was given up.
    """
    end = batch.first + len(batch.bodies)
    records = _read_all(batch)
    rotated_to = _rotated_to(batch, [said.kind for said in records], keys, end)
    if rotated_to is not None:
        keys = keys.followed_by(rotated_to, end)
    try:
        if keys.is_by_former(batch.note):
            raise FormerKeyError
        checkpoint = keys.open(batch.note)
    except UsageError as error:
        raise BatchRefused(Code.NOT_PROVEN, str(error)) from None
    if checkpoint.size != end:
        raise BatchRefused(Code.NOT_PROVEN, f"the records end at {end}, the checkpoint covers {checkpoint.size}")
    if not consistency_holds(batch.first, held.root(), end, checkpoint.root, batch.proof):
        raise NotContinuedError
    rows, shots, simulated = _rows(batch, records, keys.name, prev)
    held.extend([row.leaf for row in rows])
    if held.root() != checkpoint.root:
        raise BatchRefused(Code.NOT_PROVEN, "the records are not those that the checkpoint signs; send again")
    return Judged(checkpoint, b"".join(held.peaks), rows, shots, simulated, rotated_to)


def _rotated_to(batch: Batch, kinds: list[str], keys: LogKeys, end: int) -> VerifyKey | None:
    """Return the key that a batch ends with; a batch of one that is known already ends with none."""
    if RETIRED in kinds[:-1]:
        raise BatchRefused(Code.NOT_PROVEN, "records stand behind the end of a log that was retired")
    if ROTATED in kinds[:-1]:
        raise BatchRefused(Code.NOT_PROVEN, "a batch ends where the key changes, and this one goes on; send again")
    if ROTATED not in kinds or keys.next_rotation(end - 1) is not None:
        return None
    try:
        said = _rotated_body(batch.bodies[-1])
        key = VerifyKey.parse(said.vkey)
    except (msgspec.DecodeError, UsageError) as error:
        raise BatchRefused(Code.MALFORMED, f"record {end - 1} names no key: {error}") from None
    if said.old_vkey != str(keys.newest) or key.name != keys.name:
        raise BatchRefused(Code.NOT_PROVEN, f"record {end - 1} gives up another key than the one known here")
    return key


def _read_all(batch: Batch) -> list[_Said]:
    records: list[_Said] = []
    try:
        for body in batch.bodies:
            said = _read(body)
            _check_names(said)
            records.append(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _none_of_a_log(batch.first + len(records), error) from None
    return records


def _none_of_a_log(seq: int, error: Exception) -> BatchRefused:
    return BatchRefused(Code.MALFORMED, f"record {seq} is none of a log: {error}")


def _rows(batch: Batch, records: list[_Said], origin: str, prev: bytes) -> tuple[list[Row], list[Shot], bool]:
    rows: list[Row] = []
    shots: list[Shot] = []
    simulated = False
    prev_text = b2a_base64(prev, newline=False).decode()
    for seq, (body, said) in enumerate(zip(batch.bodies, records, strict=True), batch.first):
        if said.kind == "shot":
            try:
                shots.append(_shot(seq, said))
            except (msgspec.DecodeError, ValueError) as error:
                raise _none_of_a_log(seq, error) from None
        if said.seq != seq or said.log != origin or said.prev != prev_text:
            raise BatchRefused(Code.NOT_PROVEN, f"record {seq} is of another place or another log")
        prev = leaf_hash(body)
        prev_text = b2a_base64(prev, newline=False).decode()
        simulated = simulated or said.simulated
        sess = bytes.fromhex(said.sess) if said.sess else None
        rows.append(Row(seq, said.kind, sess, said.ts_us, prev, body))
    return rows, shots, simulated


def _check_names(said: _Said) -> None:
    if _KIND.fullmatch(said.kind) is None or _SESSION.fullmatch(said.sess) is None:
        raise ValueError("its kind or its session is none")


def _shot(seq: int, said: _Said) -> Shot:
    gun = _gun(said.gun)
    try:
        ring = a2b_base64(_ring(said.ring), strict_mode=True)
    except Base64Error as error:
        raise ValueError(f"the gun's bytes: {error}") from None
    if len(ring) != RING_BYTES:
        raise ValueError(f"the gun's bytes are {len(ring)}, not {RING_BYTES}")
    return Shot(gun.gun_uid, gun.log_epoch, _shot_seq(said.shot_seq), seq, ring)
