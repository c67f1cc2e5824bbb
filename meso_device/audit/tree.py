"""The RFC 6962 hash tree over the records: roots that grow with the log, and proofs about them.

A `Frontier` keeps only the peaks, one a set bit of the size, so an append costs the same in a log of any
length.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final, TypeAlias

EMPTY_ROOT: Final = sha256(b"").digest()
HASH_BYTES: Final = 32

RootOf: TypeAlias = Callable[[int, int], bytes]
"""Gives the root over the leaves ``[first, end)``; with stored inner nodes it need not read all leaves."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The peaks of a growing tree, largest first."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks of {HASH_BYTES} bytes")
        self.size = size
        self.peaks = list(peaks)

    def copy(self) -> "Frontier":
        """Return an independent frontier of the same tree."""
        return Frontier(self.size, self.peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        size, node, peaks = self.size, leaf, self.peaks
        while size & 1:
            node = node_hash(peaks.pop(), node)
            size >>= 1
        peaks.append(node)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add many leaf hashes, level by level: the same as `append` of each, faster."""
        nodes, size, fresh = list(leaves), self.size, []
        self.size += len(nodes)
        while nodes:
            if size & 1:
                nodes.insert(0, self.peaks.pop())
            size >>= 1
            if len(nodes) & 1:
                fresh.append(nodes[-1])
            pairs = iter(nodes)
            nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        self.peaks.extend(reversed(fresh))

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def largest_power_below(count: int) -> int:
    """Return the largest power of two smaller than ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, root: RootOf) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves, leaf end first."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + largest_power_below(end - first)
        if index < middle:
            path.append(root(middle, end))
            end = middle
        else:
            path.append(root(first, middle))
            first = middle
    return path[::-1]


def subtree_proof(places: Sequence[int], size: int, root: RootOf) -> list[bytes]:
    """Return the roots of the largest subtrees without any of some leaves, from left to right.

    With the leaves themselves, given by their ascending ``places``, they lead to the root over all ``size``.
    """
    if not all(left < right for left, right in pairwise((-1, *places, size))):
        raise ValueError(f"places are not ascending within a tree of {size} leaves")
    found: list[bytes] = []
    open_ranges = [(0, size)]
    while open_ranges:
        first, end = open_ranges.pop()
        if bisect_left(places, first) == bisect_left(places, end):
            found.append(root(first, end))
        elif end - first > 1:
            middle = first + largest_power_below(end - first)
            open_ranges += [(middle, end), (first, middle)]
    return found


def consistency_proof(old: int, new: int, root: RootOf) -> list[bytes]:
    """Return the proof that the tree of ``new`` leaves begins with that of ``old``; empty if old is 0."""
    if not 0 <= old <= new:
        raise ValueError(f"no consistency from {old} to {new} leaves")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    first, end, whole = 0, new, True
    while old != end:
        middle = first + largest_power_below(end - first)
        if old <= middle:
            path.append(root(middle, end))
            end = middle
        else:
            path.append(root(first, middle))
            first, whole = middle, False
    if not whole:
        path.append(root(first, end))
    return path[::-1]


def inclusion_holds(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether the proof shows that the leaf hash stands at ``index`` in the tree with this root."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(step, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = node_hash(node, step)
        place >>= 1
        last >>= 1
    return last == 0 and node == root


def consistency_holds(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether the proof shows that the tree ``new`` only adds to the tree ``old``."""
    if old == new:
        return old_root == new_root and not proof
    if old == 0:
        return old_root == EMPTY_ROOT and not proof
    if not 0 < old < new or not proof:
        return False
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old_node = new_node = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_node = node_hash(step, old_node)
            new_node = node_hash(step, new_node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            new_node = node_hash(new_node, step)
        place >>= 1
        last >>= 1
    return last == 0 and old_node == old_root and new_node == new_root
