"""Signs an operator in and puts a patient's session together, before anything of it is recorded."""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from meso_device.cli.asking import ask
from meso_device.cli.checks_file import NOTHING, Checks, read_checks
from meso_device.cli.desk import Desk, open_desk
from meso_device.cli.patient_who import check_who, find_patient
from meso_device.host.clinical import Clinical, Returning, SignedOverride, signers
from meso_device.host.home import lock_holder
from meso_device.host.prepared import advised
from meso_device.host.run import ID_BYTES
from meso_device.people.proofs import PinProof
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Person, role_for
from meso_device.session.checklist import LISTED, Answer
from meso_device.session.overrides import check_code, takes_two
from protocols.errors import UsageError

RUN: Final = "meso session run"
RESUME: Final = "meso session resume"
_REASON_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


class Words(Struct, frozen=True, kw_only=True):
    """The command line of a session with a patient, as it was given.

    Attributes:
        who: Alias, or ``-`` for standard input.
        login: Who signs in; empty to be asked.
        pin_file: Where PINs come from: the operator's, then once more for each override.
        checks: Checks file; empty for none.
        overrides, reasons: Pairs in order.
        second: Who signs beside the operator where a rule takes two; empty to be asked.
    """

    who: str
    login: str
    pin_file: str
    checks: str
    overrides: Sequence[str]
    reasons: Sequence[str]
    second: str = ""


def begin(words: Words, home: Path | None) -> Clinical:
    """Sign in and return the session to open.

    Raises:
        PinRefused, NotAllowed: not this person.
        MesoError: no such patient.
        UsageError: something of the command line or the checks file is wrong.
    """
    check_who(words.who)
    _check_overrides(words)
    checks = read_checks(words.checks) if words.checks else NOTHING
    with open_desk(home, command=RUN, pin_file=words.pin_file) as desk:
        _refuse_busy(desk)
        person, role = _sign_in(desk, words.login)
        patient = find_patient(desk, words.who, person)
        session = secrets.token_hex(ID_BYTES)
        overrides = []
        for code, reason in zip(words.overrides, words.reasons, strict=True):
            proof = desk.prove(person.login, Purpose.SIGNATURE)
            signed_by = signers(code, proof, _second(desk, words.second) if takes_two(code) else None, desk.now())
            kept = reason if _REASON_CODE.fullmatch(reason) else _kept(desk, patient.alias, reason, person, session)
            overrides.append(SignedOverride(code=code, reason=kept, signed_by=signed_by))
        return Clinical(
            session=session,
            alias=patient.alias,
            subject=patient.facts.subject,
            op=person.op,
            role=role,
            answers=_answers(desk, checks, patient.alias, patient.facts.allergies, person, session),
            consent=checks.consent,
            fitted=checks.fitted,
            sex=advised(patient),
            aftercare=checks.aftercare,
            overrides=tuple(overrides),
        )


def take_up(login: str, pin_file: str, checks: str, alias: str, home: Path | None) -> Returning:
    """Sign in to go on with a session that has a patient; of the checks file aftercare, needle and head count.

    Raises:
        PinRefused, NotAllowed: not this person.
        UsageError: something of the command line or the checks file is wrong.
    """
    told = read_checks(checks) if checks else NOTHING
    with open_desk(home, command=RESUME, pin_file=pin_file) as desk:
        _refuse_busy(desk)
        person, role = _sign_in(desk, login)
        known = desk.office.vault.begins_with(alias, person)
    return Returning(
        op=person.op,
        role=role,
        fitted=told.fitted,
        sex=advised(known[0]) if known else None,
        aftercare=told.aftercare,
    )


def _sign_in(desk: Desk, login: str) -> tuple[Person, str]:
    proof = desk.prove(login, Purpose.SIGN_IN)
    role = role_for(proof.person, Act.TREAT)
    return proof.spend(desk.now()), role.value


def _second(desk: Desk, login: str) -> PinProof:
    """Look at the PIN of whoever signs beside the operator."""
    login = login or ask("Login name of the second clinician", "name the second clinician with --second NAME")
    return desk.prove(login, Purpose.SIGNATURE)


def _refuse_busy(desk: Desk) -> None:
    holder = lock_holder(desk.home)
    if holder:
        raise UsageError(f"data directory {desk.home.root} is in use by {holder}: end that one first")


def _check_overrides(words: Words) -> None:
    if len(words.overrides) != len(words.reasons):
        raise UsageError(
            f"{len(words.overrides)} times --override and {len(words.reasons)} times --reason: each override takes one"
        )
    if len(set(words.overrides)) != len(words.overrides):
        raise UsageError("one --override is given twice")
    for code in words.overrides:
        check_code(code)


def _answers(
    desk: Desk, checks: Checks, alias: str, allergies: Sequence[str], person: Person, session: str
) -> tuple[Answer, ...]:
    """Return the answers, their notes kept in the vault, the patient's known allergies among those told today."""
    found = []
    for answer in checks.answers:
        text = checks.notes.get(answer.item, "")
        note_hash = _kept(desk, alias, text, person, session) if text else ""
        if answer.item == "allergy" and allergies:
            told = tuple(dict.fromkeys((*allergies, *answer.ingredients)))
            found.append(replace(answer, answer=LISTED, ingredients=told, note_hash=note_hash))
        else:
            found.append(replace(answer, note_hash=note_hash))
    return tuple(found)


def _kept(desk: Desk, alias: str, text: str, person: Person, session: str) -> str:
    """Keep a text about the patient in the vault and return its commitment."""
    note = desk.office.vault.add_note(alias, text, by=person, now=desk.now(), session=session)
    return desk.office.vault.commitment_of(note)
