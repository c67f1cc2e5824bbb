"""Signatures: a PIN entered anew, bound to one record of the log and to what it says of that record.

A signature shows what this host checked; it is no personal key. Two people are two signatures by two operators.
"""

from base64 import b64encode
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.people.lockout import Moment
from meso_device.people.proofs import PinProof
from meso_device.people.roles import Act, Meaning, Person, Role, role_to_sign, roles_for_two
from protocols.errors import require

LEAF_BYTES: Final = 32


class Target(Struct, frozen=True, kw_only=True):
    """The record that is signed.

    Attributes:
        seq: Its place in the log.
        leaf: Its leaf hash, 32 bytes: no other record, and no change of this one, has it.
    """

    seq: int
    leaf: bytes

    def __post_init__(self) -> None:
        require(self.seq >= 0 and len(self.leaf) == LEAF_BYTES, "a signature needs a place and a leaf hash")


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


def sign_entry(target: Target, meaning: Meaning, proof: PinProof, now: Moment) -> Entry:
    """Return the ``sign`` record of one person; spends the PIN entry.

    The same person signing the same record with the same meaning again is the same record.

    Raises:
        NotAllowed: no role of this person signs with this meaning.
        PinRefused: the PIN was entered too long ago.
    """
    role = role_to_sign(proof.person, meaning)
    return _entry(target, meaning, proof.spend(now), role, {})


def sign_together(target: Target, pair: Pair) -> tuple[Entry, Entry]:
    """Return the two ``sign`` records of an act that took two people, bound to the record that tells of it."""
    payload: dict[str, Json] = {"act": pair.act.value}
    return (
        _entry(target, Meaning.PERFORMED, pair.first, pair.first_role, payload),
        _entry(target, Meaning.AUTHORISED, pair.second, pair.second_role, payload),
    )


def _entry(target: Target, meaning: Meaning, person: Person, role: Role, payload: dict[str, Json]) -> Entry:
    return Entry(
        kind="sign",
        key=f"sign/{target.seq}/{person.op}/{meaning}",
        payload={
            "target_seq": target.seq,
            "target_leaf": b64encode(target.leaf).decode(),
            "meaning": meaning.value,
            **payload,
        },
        op=person.op,
        role=role.value,
    )
