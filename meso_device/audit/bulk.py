"""The quick look at many records at once: either all of them hold, or they must be looked at one by one.

It accepts exactly what `ChainChecker` and `GunWitness` accept, by comparing whole columns instead of records, and
says nothing about what is wrong. A million records are verified in half the time this way.
"""

import gc
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

import msgspec

from meso_device.audit.canonical import ShapeReader
from meso_device.audit.check import ChainChecker
from meso_device.audit.witness import PREV, RING_BYTES, GunWitness

BLOCK_RECORDS: Final = 128
# Kinds that change what the witness expects, or that have a check of their own: always one by one.
SINGLE_KINDS: Final = frozenset({"link.up", "gap", "finding.gap", "key.created"})
_PLACE: Final = attrgetter("prev", "seq", "key")
_SHOT: Final = attrgetter("ring", "shot_seq", "record_hash8")


class BulkChecker:
    """Moves a `ChainChecker` and a `GunWitness` on by whole blocks."""

    def __init__(self, checker: ChainChecker, witness: GunWitness) -> None:
        self._checker = checker
        self._witness = witness
        self._encode_into = msgspec.json.Encoder().encode_into
        self._buffer = bytearray()

    def accepts(self, rows: Sequence[Any]) -> bool:
        """Return whether all rows hold, and if so move on behind them; else nothing has moved."""
        checker = self._checker
        seqs, keys, kinds, sessions, leaves, bodies = zip(*rows, strict=True)
        if seqs != tuple(range(checker.next_seq, checker.next_seq + len(rows))):
            return False
        if not SINGLE_KINDS.isdisjoint(kinds):
            return False
        if [sha256(b"\x00" + body).digest() for body in bodies] != list(leaves):
            return False
        try:
            read, shots, gun = self._read(kinds, sessions, bodies)
            links = [b2a_base64(leaf, newline=False).decode() for leaf in leaves]
            if list(map(_PLACE, read)) != list(zip([checker.prev, *links[:-1]], seqs, keys, strict=True)):
                return False
            if shots and not self._shots_hold(shots, gun):
                return False
        except (ValueError, LookupError, TypeError, AttributeError):
            return False
        checker.move(len(rows), links[-1])
        return True

    def _read(
        self, kinds: Sequence[str], sessions: Sequence[bytes | None], bodies: Sequence[bytes]
    ) -> tuple[list[Any], list[Any], tuple[str, int]]:
        """Return the bodies, the shots among them, and the one gun of these.

        Version, kind, log and gun are as in the record that taught the shape, and that one was checked singly.

        Raises:
            LookupError: a shape is not known yet, or the shots are of two guns.
            ValueError: a body is not of its shape or not canonical, or its session is not that of its column.
        """
        readers, buffer, encode_into = self._checker.readers, self._buffer, self._encode_into
        read: list[Any] = []
        shots: list[Any] = []
        gun_reader = None
        for kind, sess, body in zip(kinds, sessions, bodies, strict=True):
            reader = readers[kind, sess is None]
            fields: Any = reader.decode(body)
            encode_into(fields, buffer)
            if buffer != body or (sess is not None and fields.sess != sess.hex()):
                raise ValueError
            read.append(fields)
            if kind == "shot":
                if reader is not gun_reader and gun_reader is not None and _gun_of(reader) != _gun_of(gun_reader):
                    raise LookupError
                gun_reader = reader
                shots.append(fields)
        return read, shots, ("", 0) if gun_reader is None else _gun_of(gun_reader)

    def _shots_hold(self, shots: list[Any], gun: tuple[str, int]) -> bool:
        """Follow the chain of the gun through its shots."""
        head = self._witness.head(gun)
        if head is None:
            return False
        prefix = bytes.fromhex(gun[0]) + gun[1].to_bytes(4, "little")
        last_seq, last_hash8 = head
        for text, shot_seq, hash8 in map(_SHOT, shots):
            ring = a2b_base64(text, strict_mode=True)
            if last_hash8 != ring[PREV] or shot_seq != last_seq + 1 or ring[:4] != shot_seq.to_bytes(4, "little"):
                return False
            last_seq, last_hash8 = shot_seq, sha256(prefix + ring).digest()[:8]
            if last_hash8.hex() != hash8 or len(ring) != RING_BYTES:
                return False
        self._witness.move(gun, len(shots), last_seq, last_hash8)
        return True


def _gun_of(reader: ShapeReader) -> tuple[str, int]:
    """Return the gun that is built into the shape of a shot; LookupError if it has none."""
    gun: Any = reader.sample["gun"]
    return gun["gun_uid"], gun["log_epoch"]


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep the cycle collector out: a pass over records makes no cycles, and looking for them costs a tenth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
