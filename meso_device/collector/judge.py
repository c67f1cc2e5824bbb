"""What the collector checks of a batch before a byte of it is stored. Pure.

Signature, growth, chain and tree: each record must be where its own bytes, the one before it and the signed root say.
What no single record may claim of itself (that it is canonical, that it follows from earlier ones) is left to
`meso audit verify`: the bytes are kept as they are.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

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
_Uint32: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class _Envelope(Struct, frozen=True, gc=False):
    """What every record says of itself."""

    log: str
    seq: int
    kind: Annotated[str, Meta(pattern=r"^[a-z0-9_.]{1,64}\Z")]
    prev: str
    ts_us: _Time
    sess: Annotated[str, Meta(pattern=r"^([0-9a-f]{32})?\Z")] = ""
    simulated: bool = False


class _Gun(Struct, frozen=True, gc=False):
    gun_uid: Annotated[str, Meta(pattern=r"^[0-9a-f]{24}\Z")]
    log_epoch: _Uint32


class _ShotBody(Struct, frozen=True, gc=False):
    gun: _Gun
    shot_seq: _Uint32
    ring: Annotated[str, Meta(max_length=4 * RING_BYTES)]


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


_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_shot_body: Final = msgspec.json.Decoder(_ShotBody).decode
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
    rotated_to = _rotated_to(batch, keys, end)
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
    rows, shots, simulated = _rows(batch, keys.name, prev)
    held.extend([row.leaf for row in rows])
    if held.root() != checkpoint.root:
        raise BatchRefused(Code.NOT_PROVEN, "the records are not those that the checkpoint signs; send again")
    return Judged(checkpoint, b"".join(held.peaks), rows, shots, simulated, rotated_to)


def _rotated_to(batch: Batch, keys: LogKeys, end: int) -> VerifyKey | None:
    """Return the key that a batch ends with; a batch of one that is known already ends with none."""
    kinds = [_kind(seq, body) for seq, body in enumerate(batch.bodies, batch.first)]
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


def _kind(seq: int, body: bytes) -> str:
    try:
        return _envelope(body).kind
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BatchRefused(Code.MALFORMED, f"record {seq} is none of a log: {error}") from None


def _rows(batch: Batch, origin: str, prev: bytes) -> tuple[list[Row], list[Shot], bool]:
    rows: list[Row] = []
    shots: list[Shot] = []
    simulated = False
    for seq, body in enumerate(batch.bodies, batch.first):
        try:
            said = _envelope(body)
            if said.kind == "shot":
                shots.append(_shot(seq, body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise BatchRefused(Code.MALFORMED, f"record {seq} is none of a log: {error}") from None
        if said.seq != seq or said.log != origin or said.prev != b64encode(prev).decode():
            raise BatchRefused(Code.NOT_PROVEN, f"record {seq} is of another place or another log")
        prev = leaf_hash(body)
        simulated = simulated or said.simulated
        sess = bytes.fromhex(said.sess) if said.sess else None
        rows.append(Row(seq, said.kind, sess, said.ts_us, prev, body))
    return rows, shots, simulated


def _shot(seq: int, body: bytes) -> Shot:
    said = _shot_body(body)
    try:
        ring = b64decode(said.ring, validate=True)
    except Base64Error as error:
        raise ValueError(f"the gun's bytes: {error}") from None
    if len(ring) != RING_BYTES:
        raise ValueError(f"the gun's bytes are {len(ring)}, not {RING_BYTES}")
    return Shot(said.gun.gun_uid, said.gun.log_epoch, said.shot_seq, seq, ring)
