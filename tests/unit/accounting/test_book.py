"""The book of one gun: order, chain, grants."""

import pytest

from meso_device.accounting.book import Admission, Damaged, GunBook
from meso_device.accounting.entries import GunLedger, OpenGrant
from meso_device.accounting.findings import FindingCode
from meso_device.accounting.grants import GrantAccount
from protocols.wire.states import GrantPhase
from tests.world.slots import EPOCH, UID, SlotMaker, hello


def grant(no=1, shots=25, nl=500_000, **more):
    return OpenGrant(
        grant_no=no,
        kind=1,
        session="aa",
        area_code=3,
        max_shots=shots,
        max_nl=nl,
        state="unknown",
        **{"log_epoch": EPOCH} | more,
    )


def book(head=0, grants=None, **more):
    ledger = GunLedger(gun_uid=UID.hex(), open_grants=tuple([grant()] if grants is None else grants))
    return GunBook(hello(head_seq=head, **more), ledger)


def admit(made, raw):
    return made.admit(raw, now_utc_us=1)


def test_records_are_admitted_in_order_and_carry_their_grants_session():
    made, maker = book(head=3), SlotMaker()
    made.hello = hello(head_seq=0)
    for seq in (1, 2, 3):
        admission = admit(made, maker.make())
        assert isinstance(admission, Admission)
        assert admission.finding is None
        assert admission.entry.session == "aa"
        assert made.admitted_seq == seq
    assert not made.synced
    made.committed(3, maker.hash8)
    assert made.synced


def test_a_record_out_of_order_is_not_admitted():
    maker = SlotMaker()
    maker.make()
    made = book()
    assert isinstance(admit(made, maker.make()), Damaged)
    assert made.admitted_seq == 0


@pytest.mark.invariant("I-06")
def test_a_record_that_does_not_follow_its_predecessor_is_a_conflict():
    made, maker = book(), SlotMaker()
    admit(made, maker.make())
    maker.hash8 = b"elsewise"
    damaged = admit(made, maker.make())
    assert isinstance(damaged, Damaged)
    assert damaged.finding.code is FindingCode.CONFLICT


@pytest.mark.invariant("I-11")
@pytest.mark.hazard("HZ-43")
def test_a_record_of_a_grant_never_given_here_is_kept_and_found():
    admission = admit(book(), SlotMaker().make(grant_no=99))
    assert admission.finding.code is FindingCode.ORPHAN
    assert admission.entry.kind == "shot"


def test_a_service_movement_needs_no_grant():
    assert admit(book(), SlotMaker().make(grant_no=0, kind=5, dose_lo_nl=0, dose_hi_nl=0)).finding is None


@pytest.mark.invariant("I-12")
def test_more_records_than_granted_are_kept_and_found():
    made, maker = book(grants=[grant(shots=2)]), SlotMaker()
    assert [admit(made, maker.make()).finding for _ in range(2)] == [None, None]
    assert admit(made, maker.make()).finding.code is FindingCode.OVER_GRANT


@pytest.mark.invariant("I-12")
def test_more_volume_than_granted_is_found():
    made, maker = book(grants=[grant(nl=30_000)]), SlotMaker()
    assert admit(made, maker.make()).finding is None
    assert admit(made, maker.make()).finding.code is FindingCode.OVER_GRANT


def test_the_record_that_hello_named_must_be_the_one_read():
    made = book(head=1, chain_head8=b"another1")
    assert admit(made, SlotMaker().make()).finding.code is FindingCode.CONFLICT


@pytest.mark.invariant("I-07")
def test_a_record_older_than_the_clock_is_admitted():
    assert admit(book(), SlotMaker().make(ticks_start_us=2**60)).finding is None


@pytest.mark.invariant("I-20")
def test_a_grant_of_an_earlier_process_is_unknown_and_holds_what_is_left_of_it():
    made = book(grants=[grant(used_shots=5, used_nl=100_000)])
    (held,) = made.open_grants()
    assert held.unknown
    assert (held.held_shots, held.held_nl) == (20, 400_000)


def test_a_gun_of_another_host_starts_at_what_that_one_released():
    made = book(head=40, released_seq=30, oldest_seq=1)
    assert made.base_seq == made.committed_seq == 30
    assert not made.known


def test_a_known_gun_goes_on_where_the_log_ends():
    ledger = GunLedger(gun_uid=UID.hex(), log_epoch=EPOCH, committed_seq=12, chain_hash8="11" * 8, last_grant_no=9)
    made = GunBook(hello(head_seq=14, released_seq=10, last_grant_no=8), ledger)
    assert (made.committed_seq, made.last_grant_no, made.known) == (12, 9, True)
    assert made.committed_hash8 == bytes.fromhex("11" * 8)


@pytest.mark.invariant("I-20")
@pytest.mark.hazard("HZ-19")
def test_a_grant_of_another_epoch_is_held_and_no_record_of_this_one_counts_for_it():
    """Its records went with the old log: neither can this gun's log prove its end, nor may it take another's shot."""
    made = book(grants=[grant(no=1, shots=20, log_epoch=EPOCH - 1)])
    assert made.provable_grants() == []
    assert [held.held_shots for held in made.open_grants()] == [20]
    admission = admit(made, SlotMaker().make(grant_no=1))
    assert admission.finding.code is FindingCode.ORPHAN
    assert [held.held_shots for held in made.open_grants()] == [20]


def test_ended_grants_are_let_go_of_and_open_ones_never():
    made = book(grants=[grant(no=1)])
    account = made.grants[1]
    for no in range(2, 200):
        later = GrantAccount.of_ledger(grant(no=no))
        made.reserve(later)
        later.phase = GrantPhase.CLOSED
    assert made.open_grants() == [account]
    assert sorted(made.grants) == [1, *range(191, 200)]
