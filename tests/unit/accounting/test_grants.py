"""What a grant may still cost."""

import pytest

from meso_device.accounting.grants import GrantAccount
from meso_device.accounting.shots import ShotContext, read_slot
from protocols.errors import InvariantError
from protocols.wire.states import GrantEvent, GrantPhase
from tests.world.slots import EPOCH, UID, SlotMaker


def account(shots=3, nl=60_000):
    return GrantAccount(grant_no=1, kind=1, area_code=3, max_shots=shots, max_nl=nl, context=ShotContext())


def test_an_open_grant_holds_all_that_is_not_proven_used():
    grant, maker = account(), SlotMaker()
    assert (grant.held_shots, grant.held_nl) == (3, 60_000)
    assert grant.count(read_slot(UID, EPOCH, maker.make(dose_lo_nl=15_000, dose_hi_nl=19_000)))
    assert (grant.held_shots, grant.held_nl) == (2, 41_000)


@pytest.mark.invariant("I-20")
def test_only_proof_or_two_persons_end_an_unknown_grant():
    grant = account()
    for event in (GrantEvent.SEND, GrantEvent.LINK_LOST):
        grant.move(event)
    assert grant.unknown
    for event in (GrantEvent.SEND, GrantEvent.CONFIRMED, GrantEvent.REFUSED):
        with pytest.raises(InvariantError):
            grant.move(event)
    grant.move(GrantEvent.PROVEN_OVER)
    assert not grant.open
    assert (grant.held_shots, grant.held_nl) == (0, 0)


def test_a_spent_grant_is_proven_by_its_records():
    grant, maker = account(shots=1), SlotMaker()
    assert not grant.spent
    grant.count(read_slot(UID, EPOCH, maker.make()))
    assert grant.spent


def test_a_refused_grant_costs_nothing():
    grant = account()
    grant.move(GrantEvent.SEND)
    grant.move(GrantEvent.REFUSED)
    assert grant.phase is GrantPhase.CLOSED
    assert grant.held_nl == 0
