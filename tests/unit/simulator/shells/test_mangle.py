from random import Random

import pytest

from protocols.errors import UsageError
from simulator.shells.mangle import WIRE_FAULTS, Mangler

CHUNKS = [bytes(range(100, 150)), bytes(range(50)), b"\0\x11\x10\0"] * 400


def carry(mangler, chunks=CHUNKS):
    out = []
    for at_ms, chunk in enumerate(chunks):
        mangler.put(at_ms * 1_000, chunk)
        out.append(mangler.take(at_ms * 1_000))
    out.append(mangler.take(10**12))
    return b"".join(out)


def test_healthy_cable_changes_nothing():
    assert carry(Mangler(Random(1))) == b"".join(CHUNKS)


@pytest.mark.parametrize("name", WIRE_FAULTS)
def test_every_fault_meets_the_bytes_about_as_often_as_its_rate_and_is_counted(name):
    mangler = Mangler(Random(1))
    mangler.set_rate(name, 100_000)
    carried = carry(mangler)
    chances = sum(map(len, CHUNKS)) if name == "flip" else len(CHUNKS)
    if name == "split":
        chances = sum(len(chunk) > 1 for chunk in CHUNKS)
    assert 0.07 * chances < mangler.met[name] < 0.13 * chances
    if name in {"split", "stall"}:
        assert carried == b"".join(CHUNKS)
    else:
        assert carried != b"".join(CHUNKS)


@pytest.mark.parametrize("name", WIRE_FAULTS)
def test_same_seed_gives_the_same_bytes(name):
    def once(seed):
        mangler = Mangler(Random(seed))
        mangler.set_rate(name, 200_000)
        mangler.set_rate("flip", 1_000)
        return carry(mangler)

    assert once(3) == once(3)
    assert once(3) != once(4)


def test_stalled_line_gives_nothing_for_a_while_and_keeps_the_order():
    mangler = Mangler(Random(1))
    mangler.set_rate("stall", 1_000_000)
    mangler.put(0, b"first")
    mangler.set_rate("stall", 0)
    mangler.put(1_000, b"second")
    assert mangler.take(100_000) == b""
    assert mangler.next_us() == 120_000
    assert mangler.take(120_000) == b"firstsecond"


def test_split_chunk_comes_in_two_pieces():
    mangler = Mangler(Random(1))
    mangler.set_rate("split", 1_000_000)
    mangler.put(0, b"0123456789")
    first = mangler.take(0)
    assert 0 < len(first) < 10
    assert first + mangler.take(5_000) == b"0123456789"


def test_line_that_holds_back_too_much_loses_it_and_stays_bounded():
    mangler = Mangler(Random(1))
    mangler.set_rate("stall", 1_000_000)
    for _ in range(1_000):
        mangler.put(0, b"x" * 1_000)
    assert len(mangler.take(10**12)) <= 65_536


@pytest.mark.parametrize(("name", "rate"), [("no_such", 1), ("flip", -1), ("flip", 1_000_001)])
def test_unknown_fault_or_rate_is_refused(name, rate):
    with pytest.raises(UsageError, match="refused"):
        Mangler(Random(1)).set_rate(name, rate)
