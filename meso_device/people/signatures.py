"""Signatures: a PIN entered anew, for one record of the log and for what it says of that record.

A signature shows what this host checked; it is no personal key. Two people are two signatures by two operators.
"""

from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.signature import signature
from meso_device.people.lockout import Moment
from meso_device.people.proofs import PinProof
from meso_device.people.roles import Act, Meaning, Person, Role, role_to_sign, roles_for_two


class Pair(Struct, frozen=True, kw_only=True):
    """Two different people who entered their PINs for one act; made by `authorise`.

    Attributes:
        act: What they do together.
        first: Who does it.
        second: Who stands by it.
    """

    act: Act
    first: Person
    first_role: Role
    second: Person
    second_role: Role


def authorise(act: Act, first: PinProof, second: PinProof, now: Moment) -> Pair:
    """Return two people who may do this together; spends both PIN entries. Nothing is done yet.

    Raises:
        NotAllowed: one and the same person, or one of them may not.
        PinRefused: a PIN was entered too long ago.
    """
    first_role, second_role = roles_for_two(act, first.person, second.person)
    return Pair(
        act=act,
        first=first.spend(now),
        first_role=first_role,
        second=second.spend(now),
        second_role=second_role,
    )


def sign_entry(record: Entry, meaning: Meaning, proof: PinProof, now: Moment) -> Entry:
    """Return the ``sign`` record of one person, for the same commit as what is signed or a later; spends the PIN entry.

    Raises:
        NotAllowed: no role of this person signs with this meaning.
        PinRefused: the PIN was entered too long ago.
    """
    role = role_to_sign(proof.person, meaning)
    return _by(record, meaning, proof.spend(now), role, {})


def sign_together(record: Entry, pair: Pair) -> tuple[Entry, Entry]:
    """Return the two ``sign`` records of an act that took two people, on the record that tells of it."""
    payload: dict[str, Json] = {"act": pair.act.value}
    return (
        _by(record, Meaning.PERFORMED, pair.first, pair.first_role, payload),
        _by(record, Meaning.AUTHORISED, pair.second, pair.second_role, payload),
    )


def _by(record: Entry, meaning: Meaning, person: Person, role: Role, payload: dict[str, Json]) -> Entry:
    return signature(record, meaning=meaning.value, op=person.op, role=role.value, payload=payload)
