"""The quick look at many records: either all of them hold, or they must be looked at one by one.

It accepts only what `ChainChecker` and `GunWitness` accept, and says nothing about what is wrong. It goes column by
column over a block, as a million turns of one loop through all checks would take half as long again.
"""

import gc
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from operator import attrgetter
from struct import Struct
from typing import Any, Final

from meso_device.audit.canonical import ShapeReader
from meso_device.audit.check import ChainChecker
from meso_device.audit.witness import PREV, RING_BYTES, GunWitness

BLOCK_RECORDS: Final = 128
# Kinds that change what the witness expects, or that have a check of their own: always one by one.
SINGLE_KINDS: Final = frozenset({"link.up", "epoch.opened", "gap", "key.created", "key.rotated", "log.retired"})

_seq_of, _key_of, _prev_of, _sess_of = map(attrgetter, ("seq", "key", "prev", "sess"))
_ring_of, _shot_seq_of = attrgetter("ring"), attrgetter("shot_seq")
_NUMBER_AND_PREV: Final = Struct(f"<I{PREV.start - 4}x8s{RING_BYTES - PREV.stop}x")


class BulkChecker:
    """Moves a `ChainChecker` and a `GunWitness` on by whole blocks."""

    def __init__(self, checker: ChainChecker, witness: GunWitness) -> None:
        self._checker = checker
        self._witness = witness

    def accepts(self, rows: Sequence[Any]) -> bool:
        """Return whether all rows hold, and if so move on behind them; else nothing has moved."""
        try:
            return self._accepts(rows)
        except (ValueError, LookupError, TypeError, AttributeError):
            # Not of a known shape: bytes that cannot be read, a column of another type, a field that is not there.
            return False

    def _accepts(self, rows: Sequence[Any]) -> bool:
        """Version, kind, log and gun need no look: they are built into the shape, taught by a record checked singly."""
        checker = self._checker
        seqs, keys, kinds, sesses, leaves, bodies = zip(*rows, strict=True)
        if not SINGLE_KINDS.isdisjoint(kinds):
            return False
        records: list[Any] = []
        shots: list[Any] = []
        hashed = _digests(b"\x00", bodies)  # RFC 6962 sets a zero byte before a leaf.
        for kind, sess, first, end in _runs(kinds, sesses):
            same = checker.readers[kind, sess is None].read_all(bodies[first:end])
            if sess is not None and set(map(_sess_of, same)) != {sess.hex()}:
                return False
            records += same
            if kind == "shot":
                shots += same
        first_seq, end_seq = checker.next_seq, checker.next_seq + len(rows)
        links = [b2a_base64(leaf, newline=False).decode() for leaf in hashed]
        if (
            list(leaves) != hashed
            or seqs != tuple(range(first_seq, end_seq))
            or seqs != tuple(map(_seq_of, records))
            or keys != tuple(map(_key_of, records))
            or [checker.prev, *links[:-1]] != list(map(_prev_of, records))
            or not self._follow(shots)
        ):
            return False
        checker.move(end_seq, links[-1])
        return True

    def _follow(self, shots: Sequence[Any]) -> bool:
        """Return whether the own chain of one gun holds over these shots, and if so note its new head."""
        if not shots:
            return True
        guns = {_gun_of(reader) for (kind, _), reader in self._checker.readers.items() if kind == "shot"}
        if len(guns) != 1:
            return False
        [gun] = guns
        seq, hash8 = self._witness.heads_known[gun]
        prefix = bytes.fromhex(gun[0]) + gun[1].to_bytes(4, "little")
        rings = [a2b_base64(ring, strict_mode=True) for ring in map(_ring_of, shots)]
        if set(map(len, rings)) != {RING_BYTES}:
            return False
        hashes = [digest[:8] for digest in _digests(prefix, rings)]
        numbers, links = zip(*_NUMBER_AND_PREV.iter_unpack(b"".join(rings)), strict=True)
        if (
            links != (hash8, *hashes[:-1])
            or numbers != tuple(range(seq + 1, seq + 1 + len(shots)))
            or numbers != tuple(map(_shot_seq_of, shots))
        ):
            return False
        self._witness.move(gun, len(shots), numbers[-1], hashes[-1])
        return True


def _runs(kinds: Sequence[str], sesses: Sequence[bytes | None]) -> Iterator[tuple[str, bytes | None, int, int]]:
    """Yield the stretches of one kind and session, each with its first place and the place behind its last."""
    end = len(kinds)
    if kinds.count(kinds[0]) == sesses.count(sesses[0]) == end:
        yield kinds[0], sesses[0], 0, end
        return
    first = 0
    while first < end:
        kind, sess, last = kinds[first], sesses[first], first + 1
        while last < end and kinds[last] == kind and sesses[last] == sess:
            last += 1
        yield kind, sess, first, last
        first = last


def _digests(prefix: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """Return SHA-256 of each part behind the prefix, which is hashed once."""
    begun, digests = sha256(prefix).copy, []
    for part in parts:
        digest = begun()
        digest.update(part)
        digests.append(digest.digest())
    return digests


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
