from base64 import b64encode

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Entry
from meso_device.accounting.signature import bound, signed_key
from meso_device.people.proofs import PROOF_US_MAX
from meso_device.people.refusals import NotAllowed, PinRefused
from meso_device.people.roles import SECOND, Act, Meaning
from meso_device.people.signatures import authorise, sign_entry, sign_together
from protocols.errors import InvariantError

RECORD = Entry(kind="session.closed", key="session/5e/closed", session="5e" * 16, alias="a1" * 16)
LEAF = bytes(range(32))


@pytest.mark.invariant("I-62")
def test_a_signature_names_record_leaf_meaning_and_person(people):
    _, cleo = people.enrol("ada", "cleo")
    unbound = sign_entry(RECORD, Meaning.REVIEWED, people.proof("cleo"), people.now)
    assert signed_key(unbound) == RECORD.key
    entry = bound(unbound, 41, LEAF)
    assert (entry.kind, entry.op, entry.role) == ("sign", cleo.op, "clinician")
    assert (entry.session, entry.alias) == (RECORD.session, RECORD.alias)
    assert entry.payload == {
        "target_seq": 41,
        "target_leaf": b64encode(LEAF).decode(),
        "meaning": "reviewed",
    }


@pytest.mark.hazard("HZ-35")
def test_each_signature_takes_a_pin_of_its_own(people):
    people.enrol("ada", "cleo")
    proof = people.proof("cleo")
    sign_entry(RECORD, Meaning.PERFORMED, proof, people.now)
    with pytest.raises(InvariantError, match="twice"):
        sign_entry(replace(RECORD, key="session/5f/closed"), Meaning.PERFORMED, proof, people.now)
    stale = people.proof("cleo")
    people.later(seconds=PROOF_US_MAX // 1_000_000 + 1)
    with pytest.raises(PinRefused):
        sign_entry(RECORD, Meaning.PERFORMED, stale, people.now)


def test_signing_again_with_the_same_meaning_is_the_same_record_and_another_meaning_is_another(people):
    people.enrol("ada", "cleo", "carl")
    keys = [
        bound(sign_entry(RECORD, meaning, people.proof(login), people.now), 41, LEAF).key
        for login, meaning in (
            ("cleo", Meaning.PERFORMED),
            ("cleo", Meaning.PERFORMED),
            ("cleo", Meaning.REVIEWED),
            ("carl", Meaning.REVIEWED),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_who_may_not_sign_keeps_the_pin_entry_unspent(people):
    _, abel = people.enrol("ada", "abel")
    proof = people.proof("abel")
    with pytest.raises(NotAllowed):
        sign_entry(RECORD, Meaning.APPROVED, proof, people.now)
    assert proof.spend(people.now) == abel


@pytest.mark.invariant("I-20")
@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize("act", SECOND)
def test_one_person_never_does_what_takes_two_even_with_two_entries_of_the_pin(people, act):
    people.enrol("ada", "cleo", "theo", "abel")
    for login in people.who:
        with pytest.raises(NotAllowed, match="two different people"):
            authorise(act, people.proof(login), people.proof(login), people.now)


@pytest.mark.invariant("I-20")
def test_two_people_sign_one_record_each_in_the_role_that_the_act_asks_for(people):
    theo, cleo = people.enrol("ada", "theo", "cleo")[1:]
    pair = authorise(Act.OPEN_EPOCH, people.proof("theo"), people.proof("cleo"), people.now)
    entries = sign_together(RECORD, pair)
    assert [(entry.op, entry.role, entry.payload["meaning"]) for entry in entries] == [
        (theo.op, "technician", "performed"),
        (cleo.op, "clinician", "authorised"),
    ]
    assert {entry.payload["act"] for entry in entries} == {"open_epoch"}
    assert len({entry.key for entry in entries}) == 2


def test_two_people_in_the_wrong_places_are_refused(people):
    people.enrol("ada", "cleo", "theo")
    with pytest.raises(NotAllowed):
        authorise(Act.OPEN_EPOCH, people.proof("cleo"), people.proof("theo"), people.now)


@pytest.mark.parametrize(("seq", "leaf"), [(-1, bytes(32)), (0, bytes(31)), (0, b"")])
def test_nothing_but_a_place_in_the_log_can_be_signed(people, seq, leaf):
    people.enrol("ada", "cleo")
    entry = sign_entry(RECORD, Meaning.PERFORMED, people.proof("cleo"), people.now)
    with pytest.raises(InvariantError):
        bound(entry, seq, leaf)
