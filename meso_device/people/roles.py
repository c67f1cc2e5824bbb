"""Who may do what: literal tables, and nothing else decides it.

A person may hold several roles, and acts in one of them at a time. Stopping and reading the state ask for no role
and no sign-in, whatever becomes of a PIN.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from meso_device.people.refusals import NotAllowed


class Role(StrEnum):
    """What somebody is here, as it is written into records; ordered as shown to people."""

    CLINICIAN = "clinician"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Act(StrEnum):
    """What somebody does; the value is the word in records and refusals."""

    STOP = "stop"
    READ_STATE = "read_state"
    TREAT = "treat"
    OVERRIDE_SOFT_LIMIT = "override_soft_limit"
    APPROVE_TREATMENT = "approve_treatment_protocol"
    ENROL_PATIENT = "enrol_patient"
    AMEND_OWN_RECORD = "amend_own_record"
    ADD_ADVERSE_EVENT = "add_adverse_event"
    SHOW_NAMES = "show_names"
    BENCH = "bench"
    SERVICE = "service"
    CALIBRATE = "calibrate"
    REPROCESS = "reprocess"
    HANDLE_MATERIALS = "handle_materials"
    RELEASE_LOT = "release_lot"
    READ_RECORDS = "read_records"
    VERIFY = "verify"
    DISCLOSE = "disclose"
    REVIEW_ALARMS = "review_alarms"
    OPERATORS = "operators"
    RETENTION = "apply_retention"
    # These take two people.
    AMEND_OTHERS_RECORD = "amend_others_record"
    WRITE_OFF = "write_off"
    OPEN_EPOCH = "open_epoch"
    ROTATE_KEY = "rotate_key"
    RETIRE = "retire"
    ERASE_SUBJECT = "erase_subject"
    SALVAGE = "salvage"
    RELEASE_LIMITS = "release_limits"
    HIGH_RISK_AREA = "high_risk_area"
    BENCH_SIGN_OFF = "bench_sign_off"
    DISCLOSE_NAMES = "disclose_names"


class Meaning(StrEnum):
    """What a signature says about the record that it is bound to."""

    PERFORMED = "performed"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    AUTHORISED = "authorised"


ALWAYS: Final = frozenset({Act.STOP, Act.READ_STATE})
"""What nobody is ever asked for."""

MAY: Final[Mapping[Role, frozenset[Act]]] = {
    Role.CLINICIAN: frozenset(
        {
            Act.TREAT,
            Act.OVERRIDE_SOFT_LIMIT,
            Act.APPROVE_TREATMENT,
            Act.ENROL_PATIENT,
            Act.AMEND_OWN_RECORD,
            Act.AMEND_OTHERS_RECORD,
            Act.ADD_ADVERSE_EVENT,
            Act.SHOW_NAMES,
            Act.REPROCESS,
            Act.HANDLE_MATERIALS,
            Act.RELEASE_LOT,
            Act.READ_RECORDS,
            Act.VERIFY,
            Act.WRITE_OFF,
            Act.HIGH_RISK_AREA,
        }
    ),
    Role.TECHNICIAN: frozenset(
        {
            Act.BENCH,
            Act.SERVICE,
            Act.CALIBRATE,
            Act.REPROCESS,
            Act.HANDLE_MATERIALS,
            Act.READ_RECORDS,
            Act.VERIFY,
            Act.WRITE_OFF,
            Act.OPEN_EPOCH,
            Act.BENCH_SIGN_OFF,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Act.READ_RECORDS,
            Act.VERIFY,
            Act.DISCLOSE,
            Act.REVIEW_ALARMS,
            Act.DISCLOSE_NAMES,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Act.SHOW_NAMES,
            Act.READ_RECORDS,
            Act.VERIFY,
            Act.OPERATORS,
            Act.RETENTION,
            Act.ROTATE_KEY,
            Act.RETIRE,
            Act.ERASE_SUBJECT,
            Act.SALVAGE,
            Act.RELEASE_LIMITS,
        }
    ),
}

SECOND: Final[Mapping[Act, frozenset[Role]]] = {
    Act.AMEND_OTHERS_RECORD: frozenset({Role.CLINICIAN, Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.WRITE_OFF: frozenset({Role.CLINICIAN, Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.OPEN_EPOCH: frozenset({Role.CLINICIAN, Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.ROTATE_KEY: frozenset({Role.CLINICIAN, Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.RETIRE: frozenset({Role.CLINICIAN, Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.ERASE_SUBJECT: frozenset({Role.CLINICIAN, Role.ADMINISTRATOR}),
    Act.SALVAGE: frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.RELEASE_LIMITS: frozenset({Role.CLINICIAN}),
    Act.HIGH_RISK_AREA: frozenset({Role.CLINICIAN}),
    Act.BENCH_SIGN_OFF: frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Act.DISCLOSE_NAMES: frozenset({Role.CLINICIAN, Role.ADMINISTRATOR}),
}
"""The acts that take two different people, and what the second one has to be. The first must be allowed the act."""

SIGNS: Final[Mapping[Role, frozenset[Meaning]]] = {
    Role.CLINICIAN: frozenset(Meaning),
    Role.TECHNICIAN: frozenset({Meaning.PERFORMED, Meaning.AUTHORISED}),
    Role.AUDITOR: frozenset({Meaning.REVIEWED}),
    Role.ADMINISTRATOR: frozenset({Meaning.PERFORMED, Meaning.APPROVED, Meaning.AUTHORISED}),
}
"""What a signature in each role may say."""


class Person(Struct, frozen=True, kw_only=True):
    """An operator whose PIN was right.

    Attributes:
        op: Random pseudonym, 32 hex digits: all that records ever say of the person.
        login: What the person signs in with; never in a record.
        name: What the screen shows; never in a record.
        roles: At least one.
    """

    op: str
    login: str
    name: str
    roles: frozenset[Role]


def may(role: Role | None, act: Act) -> bool:
    """Return whether this role may do this; None is nobody in particular. For two-person acts: as the first."""
    return act in ALWAYS or (role is not None and act in MAY[role])


def takes_two(act: Act) -> bool:
    """Return whether this act takes two different people."""
    return act in SECOND


def role_for(person: Person, act: Act) -> Role:
    """Return the role in which the person does this.

    Raises:
        NotAllowed: none of the person's roles may.
    """
    for role in Role:
        if role in person.roles and may(role, act):
            return role
    raise NotAllowed(
        f"{person.login} ({_listed(person.roles)}) may not {_words(act)}: that takes {_listed(_who_may(act))}"
    )


def roles_for_two(act: Act, first: Person, second: Person) -> tuple[Role, Role]:
    """Return the roles in which two people do this together.

    Raises:
        NotAllowed: they are one and the same, or one of them may not.
    """
    if first.op == second.op:
        raise NotAllowed(f"{_words(act)} takes two different people; {first.login} is one")
    first_role = role_for(first, act)
    for role in Role:
        if role in second.roles and role in SECOND[act]:
            return first_role, role
    raise NotAllowed(
        f"{second.login} ({_listed(second.roles)}) may not be the second person to {_words(act)}: "
        f"that takes {_listed(SECOND[act])}"
    )


def role_to_sign(person: Person, meaning: Meaning) -> Role:
    """Return the role in which the person gives a signature of this meaning.

    Raises:
        NotAllowed: none of the person's roles may.
    """
    for role in Role:
        if role in person.roles and meaning in SIGNS[role]:
            return role
    raise NotAllowed(f"{person.login} ({_listed(person.roles)}) may not sign as {meaning}")


def _who_may(act: Act) -> frozenset[Role]:
    return frozenset(role for role in Role if may(role, act))


def _words(act: Act) -> str:
    return act.replace("_", " ")


def _listed(roles: Collection[Role]) -> str:
    return ", ".join(role for role in Role if role in roles)
