"""The quick look at many records: either all of them hold, or they must be looked at one by one.

It accepts only what `ChainChecker` and `GunWitness` accept, and says nothing about what is wrong.
"""

import gc
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final

import msgspec

from meso_device.audit.canonical import ShapeReader
from meso_device.audit.check import ChainChecker
from meso_device.audit.witness import PREV, RING_BYTES, GunWitness

BLOCK_RECORDS: Final = 128
# Kinds that change what the witness expects, or that have a check of their own: always one by one.
SINGLE_KINDS: Final = frozenset({"link.up", "gap", "finding.gap", "key.created"})


class BulkChecker:
    """Moves a `ChainChecker` and a `GunWitness` on by whole blocks."""

    def __init__(self, checker: ChainChecker, witness: GunWitness) -> None:
        self._checker = checker
        self._witness = witness
        self._encode_into = msgspec.json.Encoder().encode_into
        self._buffer = bytearray()

    def accepts(self, rows: Sequence[Any]) -> bool:
        """Return whether all rows hold, and if so move on behind them; else nothing has moved."""
        try:
            return self._accepts(rows)
        except (ValueError, LookupError, TypeError, AttributeError):
            # Not of a known shape: bytes that cannot be read, a column of another type, a field that is not there.
            return False

    def _accepts(self, rows: Sequence[Any]) -> bool:  # noqa: C901, PLR0912  # one loop: calls would cost a third more
        """Version, kind, log and gun need no look: they are built into the shape, taught by a record checked singly."""
        checker, encode_into, buffer = self._checker, self._encode_into, self._buffer
        next_seq, prev = checker.next_seq, checker.prev
        shape: tuple[str, bool] | None = None
        outside = is_shot = False
        last_sess, session = b"", ""
        gun: tuple[str, int] | None = None
        shots, last_shot, last_hash8, prefix = 0, 0, b"", b""
        for seq, key, kind, sess, leaf, body in rows:
            if shape is None or kind != shape[0] or (sess is None) is not outside:
                outside = sess is None
                shape = (kind, outside)
                reader = checker.readers[shape]
                decode, is_shot = reader.decode, kind == "shot"
                if kind in SINGLE_KINDS or (is_shot and gun not in {None, _gun_of(reader)}):
                    return False
                if is_shot and gun is None:
                    gun = _gun_of(reader)
                    prefix = bytes.fromhex(gun[0]) + gun[1].to_bytes(4, "little")
                    last_shot, last_hash8 = self._witness.heads_known[gun]
            fields: Any = decode(body)
            encode_into(fields, buffer)
            if buffer != body or sha256(b"\x00" + body).digest() != leaf or fields.prev != prev:
                return False
            if seq != next_seq or fields.seq != seq or fields.key != key:
                return False
            if not outside:
                if sess != last_sess:
                    last_sess, session = sess, sess.hex()
                if fields.sess != session:
                    return False
            next_seq += 1
            prev = b2a_base64(leaf, newline=False).decode()
            if is_shot:
                ring = a2b_base64(fields.ring, strict_mode=True)
                last_shot += 1
                if ring[PREV] != last_hash8 or fields.shot_seq != last_shot or len(ring) != RING_BYTES:
                    return False
                last_hash8 = sha256(prefix + ring).digest()[:8]
                if last_hash8.hex() != fields.record_hash8 or ring[:4] != last_shot.to_bytes(4, "little"):
                    return False
                shots += 1
        checker.move(next_seq, prev)
        if gun is not None:
            self._witness.move(gun, shots, last_shot, last_hash8)
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
