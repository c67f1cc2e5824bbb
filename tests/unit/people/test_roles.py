from itertools import product

import pytest

from meso_device.people.refusals import NotAllowed
from meso_device.people.roles import (
    MAY,
    SECOND,
    SIGNS,
    Act,
    Meaning,
    Person,
    Role,
    may,
    role_for,
    role_to_sign,
    roles_for_two,
    takes_two,
)
from meso_device.session.interlocks.people import TREATING_ROLES

# Written out by hand once more, from the clinic's side: act, who may.
WHO = {
    Act.TREAT: "c",
    Act.OVERRIDE_SOFT_LIMIT: "c",
    Act.APPROVE_TREATMENT: "c",
    Act.ENROL_PATIENT: "c",
    Act.AMEND_OWN_RECORD: "c",
    Act.AMEND_OTHERS_RECORD: "c",
    Act.ADD_ADVERSE_EVENT: "c",
    Act.SHOW_NAMES: "cA",
    Act.BENCH: "t",
    Act.SERVICE: "t",
    Act.CALIBRATE: "t",
    Act.REPROCESS: "ct",
    Act.HANDLE_MATERIALS: "ct",
    Act.RELEASE_LOT: "c",
    Act.READ_RECORDS: "ctaA",
    Act.VERIFY: "ctaA",
    Act.DISCLOSE: "a",
    Act.REVIEW_ALARMS: "a",
    Act.OPERATORS: "A",
    Act.RETENTION: "A",
    Act.WRITE_OFF: "ct",
    Act.OPEN_EPOCH: "t",
    Act.ROTATE_KEY: "A",
    Act.RETIRE: "A",
    Act.ERASE_SUBJECT: "A",
    Act.SALVAGE: "A",
    Act.RELEASE_LIMITS: "A",
    Act.HIGH_RISK_AREA: "c",
    Act.BENCH_SIGN_OFF: "t",
    Act.DISCLOSE_NAMES: "a",
}
LETTER = {Role.CLINICIAN: "c", Role.TECHNICIAN: "t", Role.AUDITOR: "a", Role.ADMINISTRATOR: "A"}


def person(*roles, op="11" * 16):
    return Person(op=op, login="x" + op[:2], name="N", roles=frozenset(roles))


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_each_act_is_open_to_the_roles_that_the_clinic_gave_it_and_to_no_other():
    for act, role in product(Act, Role):
        if act not in {Act.STOP, Act.READ_STATE}:
            assert may(role, act) == (LETTER[role] in WHO[act]), (act, role)
            assert not may(None, act)


@pytest.mark.invariant("I-62")
def test_stopping_and_reading_the_state_ask_for_nobody():
    for act in (Act.STOP, Act.READ_STATE):
        assert may(None, act)
        assert all(may(role, act) for role in Role)
    assert not any(Act.STOP in acts for acts in MAY.values())


@pytest.mark.hazard("HZ-35")
def test_a_technician_sees_no_names_and_treats_nobody():
    for act in (Act.SHOW_NAMES, Act.TREAT, Act.ENROL_PATIENT):
        with pytest.raises(NotAllowed, match="technician"):
            role_for(person(Role.TECHNICIAN), act)


def test_somebody_with_two_roles_acts_in_the_one_that_may():
    both = person(Role.AUDITOR, Role.ADMINISTRATOR)
    assert role_for(both, Act.DISCLOSE) is Role.AUDITOR
    assert role_for(both, Act.OPERATORS) is Role.ADMINISTRATOR


@pytest.mark.invariant("I-20")
@pytest.mark.invariant("I-62")
def test_an_act_for_two_is_never_done_by_one_whatever_roles_that_one_has():
    everything = person(*Role)
    for act in SECOND:
        assert takes_two(act)
        with pytest.raises(NotAllowed, match="two different people"):
            roles_for_two(act, everything, everything)


@pytest.mark.invariant("I-20")
def test_two_people_may_when_the_first_may_act_and_the_second_may_stand_by():
    for act, first, second in product(SECOND, Role, Role):
        pair = person(first), person(second, op="22" * 16)
        if may(first, act) and second in SECOND[act]:
            assert roles_for_two(act, *pair) == (first, second)
        else:
            with pytest.raises(NotAllowed):
                roles_for_two(act, *pair)


def test_every_act_for_two_has_a_first_and_a_second_and_never_an_auditor_beside():
    for act, seconds in SECOND.items():
        assert any(may(role, act) for role in Role)
        assert seconds
        assert Role.AUDITOR not in seconds


def test_an_auditor_signs_only_that_something_was_reviewed():
    assert role_to_sign(person(Role.AUDITOR), Meaning.REVIEWED) is Role.AUDITOR
    for meaning in set(Meaning) - {Meaning.REVIEWED}:
        with pytest.raises(NotAllowed, match=meaning):
            role_to_sign(person(Role.AUDITOR), meaning)
    assert set(SIGNS) == set(Role)


@pytest.mark.hazard("HZ-35")
@pytest.mark.invariant("I-62")
def test_the_roles_that_may_arm_the_gun_are_those_that_may_treat():
    assert {role.value for role in Role if Act.TREAT in MAY[role]} == TREATING_ROLES
