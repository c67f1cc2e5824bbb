import random
from hashlib import sha256

import pytest

from meso_device.audit import tree

# The leaves and roots of the reference implementation of RFC 6962.
REFERENCE_LEAVES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaf(data):
    return sha256(b"\x00" + data).digest()


def leaves(count, seed=1):
    rng = random.Random(seed)
    return [rng.randbytes(32) for _ in range(count)]


def naive_root(items):
    if not items:
        return sha256(b"").digest()
    if len(items) == 1:
        return items[0]
    split = 1
    while split * 2 < len(items):
        split *= 2
    return sha256(b"\x01" + naive_root(items[:split]) + naive_root(items[split:])).digest()


def test_roots_are_those_of_the_reference_implementation():
    for size, root in enumerate(REFERENCE_ROOTS, start=1):
        assert tree.root_of(map(leaf, REFERENCE_LEAVES[:size])).hex() == root
    assert tree.root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_appending_one_by_one_gives_the_root_of_the_definition():
    items, frontier = leaves(70), tree.Frontier()
    for size, item in enumerate(items, start=1):
        frontier.append(item)
        assert frontier.root() == naive_root(items[:size])


def test_extending_in_any_pieces_is_the_same_as_appending():
    rng = random.Random(5)
    for _ in range(200):
        items = leaves(rng.randrange(1, 300), rng.random())
        frontier, at = tree.Frontier(), 0
        while at < len(items):
            step = rng.randrange(0, 90)
            frontier.extend(items[at : at + step])
            at += step
        one_by_one = tree.Frontier()
        for item in items:
            one_by_one.append(item)
        assert (frontier.size, frontier.peaks) == (one_by_one.size, one_by_one.peaks)


def test_a_frontier_is_taken_up_from_its_peaks():
    items = leaves(100)
    frontier = tree.Frontier()
    frontier.extend(items[:77])
    again = tree.Frontier(77, frontier.peaks)
    again.extend(items[77:])
    assert again.root() == naive_root(items)
    with pytest.raises(ValueError):
        tree.Frontier(77, frontier.peaks[:-1])


def test_every_inclusion_proof_up_to_33_leaves_holds_and_no_altered_one():
    items = leaves(33)
    for size in range(1, 34):
        root = naive_root(items[:size])
        for index in range(size):
            proof = tree.inclusion_proof(index, size, lambda first, end: naive_root(items[first:end]))
            assert tree.inclusion_holds(items[index], index, size, proof, root)
            assert not tree.inclusion_holds(leaf(b"other"), index, size, proof, root)
            assert not tree.inclusion_holds(items[index], index, size, [*proof, root], root)
            if proof:
                assert not tree.inclusion_holds(items[index], index, size, proof[:-1], root)
                assert not tree.inclusion_holds(items[index], index ^ 1, size, proof, root)


def test_every_consistency_proof_up_to_33_leaves_holds_and_no_altered_one():
    items = leaves(33)
    roots = [naive_root(items[:size]) for size in range(34)]
    for new in range(1, 34):
        for old in range(new + 1):
            proof = tree.consistency_proof(old, new, lambda first, end: naive_root(items[first:end]))
            assert tree.consistency_holds(old, roots[old], new, roots[new], proof)
            assert not tree.consistency_holds(old, leaf(b"other"), new, roots[new], proof)
            if old < new and old:
                assert not tree.consistency_holds(old, roots[old], new, leaf(b"other"), proof)
                assert not tree.consistency_holds(old, roots[old], new, roots[new], proof[:-1])


def test_proofs_about_leaves_that_are_not_there_are_refused():
    with pytest.raises(ValueError):
        tree.inclusion_proof(3, 3, lambda first, end: b"")
    with pytest.raises(ValueError):
        tree.consistency_proof(4, 3, lambda first, end: b"")
