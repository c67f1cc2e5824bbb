"""The proof that one record stands in the log that the newest checkpoint signs: made from little, and checked here.

The inner nodes of the tree are not stored. Each checkpoint keeps the peaks of its own size, though, and those are inner
nodes of every later tree: what lies between them is at most a few hundred leaves a node.
"""

from typing import Final

import apsw
from msgspec import Struct

from meso_device.audit.checkpoint import open_note
from meso_device.audit.keys import VerifyKey
from meso_device.audit.records import leaf_hash
from meso_device.audit.sql import run
from meso_device.audit.tree import HASH_BYTES, inclusion_holds, inclusion_proof, largest_power_below, node_hash, root_of
from protocols.errors import UsageError

LEAVES_READ_MAX: Final = 20_000
"""Leaves that one proof reads: commits wait behind it. With a checkpoint every 256 records a tenth of it is needed."""
LEAVES_AT_ONCE: Final = 64
"""A node over no more is made from its leaves."""


class Inclusion(Struct, frozen=True, kw_only=True):
    """A record's place under the newest checkpoint.

    Attributes:
        size: Records under the checkpoint.
        root: Its root, as signed.
        path: Audit path after RFC 6962, leaf end first.
        problem: Why this proves nothing; empty where signature and path were checked and hold.
    """

    size: int
    root: bytes
    path: tuple[bytes, ...]
    problem: str = ""


def prove(db: apsw.Connection, seq: int, key: VerifyKey) -> Inclusion | None:
    """Return the checked proof of a record that exists; None while no checkpoint is above it.

    Args:
        db: The log.
        seq: Place of the record.
        key: The log's public key.

    Returns what was checked: body to leaf, leaf to root, root to signature. What is missing or damaged on the way is
    told as a problem.
    """
    newest = run(db, "SELECT note FROM checkpoint WHERE size > ? ORDER BY size DESC LIMIT 1", (seq,))
    if not newest:
        return None
    try:
        checkpoint = open_note(newest[0][0], key)
    except UsageError as error:
        return Inclusion(size=0, root=b"", path=(), problem=str(error))
    size, root = checkpoint.size, checkpoint.root
    try:
        path = tuple(inclusion_proof(seq, size, Nodes(db).root))
    except TooFarError:
        return Inclusion(size=size, root=root, path=(), problem="too many records lie between its checkpoints")
    leaf = leaf_hash(run(db, "SELECT body FROM record WHERE seq = ?", (seq,))[0][0])
    holds = inclusion_holds(leaf, seq, size, path, root)
    return Inclusion(size=size, root=root, path=path, problem="" if holds else "the path does not lead to the root")


class TooFarError(Exception):
    """A node would need more leaves than may be read."""


class Nodes:
    """Inner nodes of the tree over a log, with a bound on what is read for all of them together."""

    def __init__(self, db: apsw.Connection, leaves_max: int | None = None) -> None:
        """Read at most so many leaves, else `LEAVES_READ_MAX`: more where no host waits."""
        self._db = db
        self._leaves_left = LEAVES_READ_MAX if leaves_max is None else leaves_max

    def root(self, first: int, end: int) -> bytes:
        """Return the root over the leaves ``[first, end)``, a node of the tree.

        Raises:
            TooFarError: it would need more leaves than may be read.
        """
        count = end - first
        whole = count & (count - 1) == 0
        if whole and (kept := self._kept(first, count)):
            return kept
        if count <= LEAVES_AT_ONCE:
            return root_of(self._leaves(first, end))
        middle = first + largest_power_below(count)
        return node_hash(self.root(first, middle), self.root(middle, end))

    def _kept(self, first: int, count: int) -> bytes:
        """Return the node over so many leaves, a power of two, if a checkpoint kept it as a peak; else nothing.

        It is a peak of each tree that ends within the node's right neighbour. A right child never is one for long.
        """
        if first // count & 1:
            return b""
        rows = run(
            self._db,
            "SELECT size, peaks FROM checkpoint WHERE size >= ? AND size < ? ORDER BY size LIMIT 1",
            (first + count, first + 2 * count),
        )
        if not rows:
            return b""
        size, peaks = rows[0]
        at = HASH_BYTES * (size & -2 * count).bit_count()
        return bytes(peaks[at : at + HASH_BYTES])

    def _leaves(self, first: int, end: int) -> list[bytes]:
        self._leaves_left -= end - first
        if self._leaves_left < 0:
            raise TooFarError
        rows = run(self._db, "SELECT leaf FROM record WHERE seq >= ? AND seq < ? ORDER BY seq", (first, end))
        return [leaf for (leaf,) in rows]
