"""The log ring by itself: two phases, one chain, nothing overwritten, nothing lost, no number twice."""

import os
from random import Random

import pytest

from protocols.errors import InvariantError
from protocols.wire.codes import Code, GrantKind, Phase, Reason
from protocols.wire.hashes import chain_seed8, record_hash8, slot_is_final
from protocols.wire.messages import Slot
from simulator.firmware import FirmwareFaults, MemoryStore, Nvm, PowerCut, nvm_size
from simulator.firmware.refusal import Refusal
from simulator.firmware.ring import SEQ_MAX, Intent, LogRing, NvmBroken, Outcome
from simulator.firmware.shots import interrupted
from simulator.firmware.tally import Tally

UID = bytes(range(12))
EPOCH = 77
BROWN_OUTS = int(os.environ.get("MESO_BROWN_OUTS", "10000"))
DONE = Outcome(9_990, 9_990, 1_500, 60, 100, Phase.DONE, Reason.NONE)


class WornStore(MemoryStore):
    """Memory whose last bit of each write sticks."""

    __slots__ = ("worn",)

    def __init__(self, size):
        super().__init__(size)
        self.worn = False

    def write(self, offset, data):
        super().write(offset, data[:-1] + bytes([data[-1] ^ 1]) if self.worn else data)


def mounted(store, slots, faults=None, epoch=EPOCH):
    nvm = Nvm(store, slots=slots)
    ring = LogRing(nvm, Tally(nvm), faults or FirmwareFaults())
    ring.mount(UID, epoch)
    return ring


def intent(planned_nl=10_000, grant_no=1, kind=GrantKind.TREAT):
    return Intent(1, 5_000, grant_no, b"settings", planned_nl, 1_500, 7, kind, 1, 1, 5)


def record(ring, outcome=DONE, **of):
    seq = ring.begin(intent(**of))
    return seq, ring.finish(outcome)


def hash_of(ring, seq):
    return record_hash8(UID, EPOCH, ring.read(EPOCH, seq, 1)[1])


def release(ring, upto):
    return ring.release(EPOCH, upto, hash_of(ring, upto))


def test_records_form_one_chain_from_the_seed_of_the_epoch():
    ring = mounted(MemoryStore(nvm_size(8)), 8)
    before = chain_seed8(UID, EPOCH)
    assert ring.chain_head8 == before
    for n in range(1, 6):
        seq, raw = record(ring)
        assert (seq, ring.head_seq) == (n, n)
        assert slot_is_final(EPOCH, raw)
        assert Slot.unpack(raw).prev_hash8 == before
        before = record_hash8(UID, EPOCH, raw)
        assert ring.chain_head8 == before
    assert ring.check()


@pytest.mark.invariant("I-04")
@pytest.mark.hazard("HZ-24")
def test_a_full_ring_takes_no_record_and_loses_none():
    ring = mounted(MemoryStore(nvm_size(4)), 4)
    kept = [record(ring)[1] for _ in range(4)]
    assert ring.free == 0
    with pytest.raises(InvariantError):
        ring.begin(intent())
    assert ring.read(EPOCH, 1, 4) == (4, b"".join(kept))
    release(ring, 1)
    assert ring.free == 1
    record(ring)
    assert ring.read(EPOCH, 2, 4) == (4, b"".join(kept[1:]) + ring.read(EPOCH, 5, 1)[1])


@pytest.mark.invariant("I-09")
@pytest.mark.parametrize(
    ("epoch", "upto", "damage", "code"),
    [
        (EPOCH, 4, 0, Code.E_CHAIN),
        (EPOCH, 2**32 - 1, 0, Code.E_CHAIN),
        (EPOCH, 3, 1, Code.E_CHAIN),
        (EPOCH, 2, 1, Code.E_CHAIN),
        (EPOCH + 1, 3, 0, Code.E_EPOCH),
        (EPOCH - 1, 3, 0, Code.E_EPOCH),
    ],
)
def test_a_release_beyond_the_head_or_with_a_wrong_hash_or_epoch_changes_nothing(epoch, upto, damage, code):
    ring = mounted(MemoryStore(nvm_size(8)), 8)
    for _ in range(3):
        record(ring)
    proof = bytearray(hash_of(ring, min(max(upto, 1), 3)))
    proof[0] ^= damage
    with pytest.raises(Refusal) as refused:
        ring.release(epoch, upto, bytes(proof))
    assert refused.value.code is code
    assert ring.released_seq == 0


def test_a_release_again_or_of_less_changes_nothing():
    ring = mounted(MemoryStore(nvm_size(4)), 4)
    for _ in range(4):
        record(ring)
    assert release(ring, 3) == 3
    assert release(ring, 1) == 3
    assert release(ring, 3) == 3
    record(ring)
    assert ring.oldest_seq == 2
    assert ring.release(EPOCH, 1, b"unknown!") == 3  # no longer readable, so no longer provable


def test_an_outcome_of_the_lap_before_never_completes_a_new_intent():
    store = MemoryStore(nvm_size(2))
    ring = mounted(store, 2)
    for _ in range(2):
        release(ring, record(ring)[0])
    ring.begin(intent())
    again = mounted(store, 2)
    assert again.open_intent is not None
    assert again.head_seq == 2


def test_an_intent_that_does_not_read_back_is_an_error_before_any_motion():
    store = WornStore(nvm_size(4))
    ring = mounted(store, 4)
    store.worn = True
    with pytest.raises(NvmBroken):
        ring.begin(intent())
    assert ring.open_intent is None


def test_the_last_number_of_an_epoch_is_the_last():
    store = MemoryStore(nvm_size(4))
    ring = mounted(store, 4)
    ring._tally.head_seq = ring.released_seq = SEQ_MAX - 1
    assert not ring.exhausted
    assert record(ring)[0] == SEQ_MAX
    assert ring.exhausted
    ring.released_seq = SEQ_MAX
    with pytest.raises(InvariantError):
        ring.begin(intent())


def test_reading_goes_round_the_end_of_the_memory():
    ring = mounted(MemoryStore(nvm_size(4)), 4)
    for _ in range(6):
        release(ring, record(ring)[0])
    count, raw = ring.read(EPOCH, 4, 3)
    assert count == 3
    assert [Slot.unpack(raw[at : at + 72]).shot_seq for at in (0, 72, 144)] == [4, 5, 6]
    assert ring.read(EPOCH, 7, 3) == (0, b"")
    with pytest.raises(Refusal) as refused:
        ring.read(EPOCH, 2, 1)
    assert (refused.value.code, refused.value.field_offset) == (Code.E_RANGE, 4)


def test_a_flipped_bit_is_found_shown_and_released_by_the_hash_of_what_is_there():
    store = MemoryStore(nvm_size(8))
    ring = mounted(store, 8)
    for _ in range(3):
        record(ring)
    store.data[Nvm(store, slots=8).slot_offset(2) + 40] ^= 1
    again = mounted(store, 8)
    assert again.damaged
    assert again.head_seq == 3
    raw = again.read(EPOCH, 2, 1)[1]
    assert not slot_is_final(EPOCH, raw)
    again.release(EPOCH, 2, record_hash8(UID, EPOCH, raw))
    assert not again.damaged


def test_the_newest_record_damaged_is_not_given_its_number_again():
    store = MemoryStore(nvm_size(8))
    ring = mounted(store, 8)
    for _ in range(3):
        record(ring)
    head8 = ring.chain_head8
    store.data[Nvm(store, slots=8).slot_offset(3) + 10] ^= 1
    again = mounted(store, 8)
    assert again.damaged
    assert (again.head_seq, again.chain_head8) == (3, head8)
    assert record(again)[0] == 4


def test_a_lost_tally_is_made_again_from_the_ring():
    store = MemoryStore(nvm_size(8))
    ring = mounted(store, 8)
    for _ in range(11):
        release(ring, record(ring)[0])
    head8 = ring.chain_head8
    store.data[352:440] = bytes(88)
    again = mounted(store, 8)
    assert (again.head_seq, again.chain_head8, again.released_seq) == (11, head8, 11)


def test_slots_of_an_older_epoch_are_no_records():
    store = MemoryStore(nvm_size(8))
    ring = mounted(store, 8)
    for _ in range(3):
        record(ring)
    again = mounted(store, 8, epoch=EPOCH + 1)
    assert (again.head_seq, again.released_seq, again.open_intent) == (0, 0, None)
    assert again.chain_head8 == chain_seed8(UID, EPOCH + 1)


@pytest.mark.invariant("I-02")
@pytest.mark.invariant("I-03")
@pytest.mark.hazard("HZ-28")
def test_over_random_brown_outs_every_number_is_given_once_and_gets_one_final_record(cut_store):
    """At every byte of every write: what moved has one record, what has one record is in order and in the chain."""
    chance = Random(20_261_122)
    store = cut_store(nvm_size(16))
    moved, final, cuts = {}, {}, 0
    ring = mounted(store, 16)
    while cuts < BROWN_OUTS:
        store.left = int(chance.random() ** 2 * 900)
        try:
            ring = mounted(store, 16)
            if ring.open_intent is not None:
                raw = ring.finish(interrupted(10_000, 0))
                collect(final, raw)
            for _ in range(20):
                if ring.free < 2:
                    release(ring, ring.head_seq - chance.randrange(2))
                seq = ring.begin(intent())
                moved[seq] = moved.get(seq, 0) + 1  # the first motor step comes here
                collect(final, ring.finish(DONE))
        except PowerCut:
            cuts += 1
            store.left = None
            fresh = mounted(store, 16)
            for seq in range(fresh.oldest_seq, fresh.head_seq + 1):
                collect(final, fresh.read(EPOCH, seq, 1)[1])
            assert fresh.check()
    store.left = None
    ring = mounted(store, 16)
    if ring.open_intent is not None:
        collect(final, ring.finish(interrupted(10_000, 0)))
    assert max(moved.values()) == 1
    assert sorted(final) == list(range(1, ring.head_seq + 1))
    assert set(moved) <= set(final)


def collect(final, raw):
    assert slot_is_final(EPOCH, raw)
    seq = Slot.unpack(raw).shot_seq
    assert final.setdefault(seq, raw) == raw


@pytest.mark.parametrize("fault", ["nvm_before_intent", "nvm_torn_intent", "nvm_after_intent", "torn_outcome"])
def test_a_power_cut_by_name_leaves_the_next_boot_a_ring_that_goes_on(fault):
    store, faults = MemoryStore(nvm_size(8)), FirmwareFaults()
    ring = mounted(store, 8, faults)
    record(ring)
    faults.set(fault)
    with pytest.raises(PowerCut):
        record(ring)
    again = mounted(store, 8, faults)
    assert again.head_seq == 1
    assert (again.open_intent is not None) == (fault in {"nvm_after_intent", "torn_outcome"})
    if again.open_intent is not None:
        assert Slot.unpack(again.finish(interrupted(10_000, 123))).dose_lo_nl == 123
    assert record(again)[0] == again.head_seq
    assert again.check()


def test_odometer_and_session_count_each_record_once_over_all_cuts(cut_store):
    chance = Random(5)
    store = cut_store(nvm_size(8))
    final = {}
    for _ in range(500):
        store.left = chance.randrange(600)
        try:
            ring = mounted(store, 8)
            if ring.open_intent is not None:
                ring.finish(interrupted(10_000, 0))
            while True:
                if ring.free < 4:
                    release(ring, ring.head_seq)
                record(ring, chance.choice([DONE, Outcome(10, 20, 0, 0, 0, Phase.ABORTED, Reason.STOP)]))
        except PowerCut:
            store.left = None
            ring = mounted(store, 8)
            for seq in range(ring.oldest_seq, ring.head_seq + 1):
                collect(final, ring.read(EPOCH, seq, 1)[1])
    assert len(final) == ring.head_seq > 500
    assert ring._tally.session_shots == ring.head_seq
    assert ring._tally.session_nl == ring.head_seq * 10_000
    assert ring._tally.odometer_nl == sum(Slot.unpack(raw).dose_hi_nl for raw in final.values())
