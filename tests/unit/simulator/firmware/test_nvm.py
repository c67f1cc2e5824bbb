"""Memory that loses power at any byte."""

from itertools import pairwise

import pytest

from simulator.firmware import NVM_SIZE, MemoryStore, Nvm, PowerCut
from simulator.firmware.nvm import Cell, Layout, nvm_size

OLD, NEW = bytes(range(40)), bytes(range(100, 140))


@pytest.mark.parametrize("cut", range(50))
@pytest.mark.parametrize("saves_before", [1, 2, 3])
def test_a_cell_cut_at_any_byte_reads_as_the_old_or_the_new_item(cut_store, cut, saves_before):
    store = cut_store(200)
    cell = Cell(store, 8, 40)
    assert cell.load() is None
    for _ in range(saves_before):
        cell.save(OLD)
    store.left = cut
    try:
        cell.save(NEW)
        whole = True
    except PowerCut:
        whole = False
    store.left = None
    assert whole == (cut >= 48)
    again = Cell(store, 8, 40)
    assert again.load() == (NEW if whole else OLD)
    again.save(NEW)
    assert Cell(store, 8, 40).load() == NEW


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_memory_that_was_never_written_or_is_erased_holds_no_item(fill):
    store = MemoryStore(NVM_SIZE)
    store.data[:] = fill * NVM_SIZE
    nvm = Nvm(store)
    for cell in (nvm.board, nvm.boot, nvm.owner, nvm.latch, nvm.grant, nvm.tally, nvm.released, nvm.calibration):
        assert cell.load() is None


def test_one_bit_wrong_in_the_newest_copy_brings_back_the_one_before():
    store = MemoryStore(200)
    cell = Cell(store, 0, 40)
    cell.load()
    cell.save(OLD)
    cell.save(NEW)
    for bit in range(48, 96):
        store.data[bit] ^= 4
        assert Cell(store, 0, 40).load() == OLD
        store.data[bit] ^= 4
    assert Cell(store, 0, 40).load() == NEW


def test_no_two_items_overlap_and_all_lie_before_the_ring():
    spans = sorted(
        (value[0], value[0] + 2 * value[1] + Cell.SPACE)
        for name, value in vars(Layout).items()
        if isinstance(value, tuple) and name.isupper()
    )
    spans.append((Layout.EVENTS, Layout.EVENTS + Layout.EVENT_ENTRIES * Layout.EVENT_SIZE))
    spans.append((Layout.RING, NVM_SIZE))
    assert len(spans) == 12
    for (_, end), (start, _) in pairwise(spans):
        assert end <= start


def test_the_ring_of_a_gun_has_4096_slots_of_72_bytes():
    assert NVM_SIZE == nvm_size(4_096) == Layout.RING + 4_096 * 72
    nvm = Nvm(MemoryStore(NVM_SIZE))
    assert nvm.slot_offset(1) == nvm.slot_offset(4_097) == Layout.RING
    assert nvm.slot_offset(4_096) == NVM_SIZE - 72


def test_erasing_leaves_nothing():
    store = MemoryStore(nvm_size(4))
    nvm = Nvm(store, slots=4)
    nvm.erase()
    assert set(store.data) == {0xFF}
