"""The patients' identity vault: who an alias is, and the texts that the log must not hold.

The log, the wire and every program message know random aliases and commitments alone (I-63). Whoever looks at names
here has a role for it, and leaves a record that they were shown.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.people.adverse import AdverseEvent
from meso_device.people.database import finish_erasure, run, transaction
from meso_device.people.lockout import Moment
from meso_device.people.outbox import put
from meso_device.people.refusals import PeopleRefused
from meso_device.people.roles import Act, Person, role_for
from meso_device.people.signatures import Pair
from meso_device.people.subject import (
    SALT_BYTES,
    LegalBasis,
    PatientRef,
    Sex,
    ShownFor,
    chart_key,
    name_words,
    subject_commitment,
    text_commitment,
)
from protocols.errors import UsageError, require

ID_BYTES: Final = 16
ALLERGIES_MAX: Final = 50
ALLERGY_LETTERS_MAX: Final = 80
NOTE_LETTERS_MAX: Final = 4_000
DISCLOSED_MAX: Final = 256
"""Aliases in one ``disclosure`` record; more are told in several."""

_COLUMNS: Final = "alias, chart, name, born, sex, allergies, salt, enrolled_us"


class Facts(Struct, frozen=True, kw_only=True):
    """What the rules of a treatment ask about a patient; names nobody.

    Attributes:
        sex: For the depth advisory.
        allergies: Names of ingredients, as written at enrolment; empty: asked, and none known.
        subject: Commitment for ``session.opened``, 64 hex digits.
    """

    sex: Sex
    allergies: tuple[str, ...]
    subject: str


class Patient(Struct, frozen=True, kw_only=True):
    """One line of the vault; only for eyes that may see it.

    Attributes:
        alias: 32 hex digits: all that records ever say of the person.
        enrolled_us: UTC, a label.
    """

    alias: str
    ref: PatientRef
    facts: Facts
    enrolled_us: int


class Note(Struct, frozen=True, kw_only=True):
    """A free text about a patient.

    Attributes:
        note: Its id, 32 hex digits, as in the record of its commitment.
        noted_us: UTC, a label.
    """

    note: str
    text: str
    noted_us: int


Seer: TypeAlias = Person | Pair
"""Somebody whose role shows names, or an auditor together with somebody whose role does."""


class Vault:
    """The patients of one data directory. Not for use by two threads at once; each opens its own."""

    def __init__(self, db: apsw.Connection, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._db = db
        self._randomness = randomness

    # --- without names ------------------------------------------------------------------------------

    def facts_of(self, alias: str) -> Facts | None:
        """Return what the rules ask about a patient; None when the alias is of nobody, or of somebody erased."""
        patient = self._patient(alias)
        return None if patient is None else patient.facts

    def enrolled(self) -> dict[str, int]:
        """Return when each patient was enrolled, UTC, a label, by alias."""
        return dict(run(self._db, "SELECT alias, enrolled_us FROM patient"))

    def commitment_of(self, note: str) -> str:
        """Return the commitment to a text, 64 hex digits; PeopleRefused when there is no such text."""
        rows = run(self._db, "SELECT text, salt FROM note WHERE id = ?", (note,))
        if not rows:
            raise PeopleRefused("there is no such text in the vault")
        return text_commitment(*rows[0])

    # --- with names ---------------------------------------------------------------------------------

    def find(self, query: str, by: Seer) -> tuple[Patient, ...]:
        """Return the patients with this chart number, else those whose name has all these words, by name.

        Case, accents, punctuation and the order of words do not count. Record with `disclose` what is then shown.

        Raises:
            NotAllowed: ``by`` may not see names.
        """
        _seer(by)
        wanted, words = chart_key(query), name_words(query)
        everybody = self._patients()
        found = [patient for patient in everybody if patient.ref.chart_key == wanted]
        if not found and words:
            found = [patient for patient in everybody if words <= name_words(patient.ref.name)]
        return tuple(found)

    def begins_with(self, alias: str, by: Seer) -> tuple[Patient, ...]:
        """Return the patients whose alias begins with these hex digits.

        Raises:
            NotAllowed: ``by`` may not see names.
        """
        _seer(by)
        return tuple(patient for patient in self._patients() if patient.alias.startswith(alias.lower()))

    def everybody(self, by: Seer) -> tuple[Patient, ...]:
        """Return all patients by name; NotAllowed when ``by`` may not see names."""
        _seer(by)
        return self._patients()

    def notes_of(self, alias: str, by: Seer) -> tuple[Note, ...]:
        """Return the texts about a patient, oldest first; NotAllowed when ``by`` may not see names."""
        _seer(by)
        rows = run(self._db, "SELECT id, text, noted_us FROM note WHERE alias = ? ORDER BY noted_us, id", (alias,))
        return tuple(Note(note=note, text=text, noted_us=noted_us) for note, text, noted_us in rows)

    def disclose(self, aliases: Sequence[str], purpose: ShownFor, by: Seer) -> None:
        """Record that the names of these aliases are shown; call it before they are.

        Raises:
            NotAllowed: ``by`` may not see names.
        """
        op, role, second = _seer(by)
        with transaction(self._db):
            for first in range(0, len(aliases), DISCLOSED_MAX):
                part = list(aliases[first : first + DISCLOSED_MAX])
                payload: dict[str, Json] = {"purpose": purpose.value, "aliases": list[Json](part), **second}
                put(
                    self._db,
                    Entry(kind="disclosure", key=f"disclosure/{self._id()}", payload=payload, op=op, role=role),
                )

    # --- changing -----------------------------------------------------------------------------------

    def enrol(self, ref: PatientRef, *, sex: Sex, allergies: Sequence[str], by: Person, now: Moment) -> Patient:
        """Enrol a patient under a fresh random alias.

        Raises:
            NotAllowed: ``by`` is no clinician.
            PeopleRefused: the chart number is taken.
            UsageError: an allergy is empty or endless, or there are too many.
        """
        role = role_for(by, Act.ENROL_PATIENT)
        known = _checked_allergies(allergies)
        alias, salt = self._id(), self._randomness(SALT_BYTES)
        with transaction(self._db):
            if run(self._db, "SELECT 1 FROM patient WHERE chart_key = ?", (ref.chart_key,)):
                raise PeopleRefused("this chart number is taken: look the patient up with 'meso patient show'")
            run(
                self._db,
                "INSERT INTO patient VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(alias, ref.chart_key, ref.chart, ref.name, ref.born, sex.value),
                    *(json.dumps(known, ensure_ascii=False), salt, now.utc_us),
                ),
            )
            subject = subject_commitment(ref, salt)
            put(
                self._db,
                Entry(
                    kind="patient.enrolled",
                    key=f"patient/{alias}/enrolled",
                    payload={"subject": subject},
                    op=by.op,
                    role=role.value,
                    alias=alias,
                ),
            )
        facts = Facts(sex=sex, allergies=known, subject=subject)
        return Patient(alias=alias, ref=ref, facts=facts, enrolled_us=now.utc_us)

    def add_note(self, alias: str, text: str, *, by: Person, now: Moment, session: str = "") -> str:
        """Keep a text about a patient and return its id; the log gets its commitment alone.

        Raises:
            NotAllowed: ``by`` is no clinician.
            PeopleRefused: no such patient.
            UsageError: the text is empty or too long.
        """
        role = role_for(by, Act.TREAT)
        with transaction(self._db):
            note, commitment = self._keep_text(alias, text, now)
            put(
                self._db,
                Entry(
                    kind="note",
                    key=f"note/{note}",
                    payload={"note": note, "text": commitment},
                    op=by.op,
                    role=role.value,
                    session=session,
                    alias=alias,
                ),
            )
        return note

    def add_adverse_event(self, alias: str, event: AdverseEvent, *, text: str, by: Person, now: Moment) -> str:
        """Append an adverse event of a patient, who may be erased, and return its id.

        Raises:
            NotAllowed: ``by`` is no clinician.
            PeopleRefused: a text about somebody who is not in the vault.
            UsageError: the text is too long.
        """
        role = role_for(by, Act.ADD_ADVERSE_EVENT)
        event_id = self._id()
        payload = event.as_json()
        payload["event"] = event_id
        with transaction(self._db):
            if text.strip():
                payload["note"], payload["text"] = self._keep_text(alias, text, now)
            put(
                self._db,
                Entry(
                    kind="adverse_event",
                    key=f"adverse_event/{event_id}",
                    payload=payload,
                    op=by.op,
                    role=role.value,
                    session=event.session,
                    alias=alias,
                ),
            )
        return event_id

    def erase(self, alias: str, basis: LegalBasis, pair: Pair) -> Entry:
        """Remove who an alias is, and every text about that person, from every byte of the vault.

        Doses, commitments and all proofs of the log stay as they are; nobody can tell any more whose they were.
        Returns the ``subject.erased`` record, which the vault owes the log. What else holds names, such as backups and
        printouts, is not reached from here.

        Raises:
            PeopleRefused: no such patient.
            VaultBroken: the file could not be rewritten; the next opening does it.
        """
        require(pair.act is Act.ERASE_SUBJECT, f"two people authorised {pair.act}, not an erasure")
        erased = Entry(
            kind="subject.erased",
            key=f"subject/{alias}/erased",
            payload={
                "legal_basis": basis.value,
                "second_op": pair.second.op,
                "second_role": pair.second_role.value,
            },
            op=pair.first.op,
            role=pair.first_role.value,
            alias=alias,
        )
        with transaction(self._db):
            run(self._db, "DELETE FROM note WHERE alias = ?", (alias,))
            if not run(self._db, "DELETE FROM patient WHERE alias = ? RETURNING alias", (alias,)):
                raise PeopleRefused("there is no such patient in the vault")
            put(self._db, erased)
            run(self._db, "INSERT OR IGNORE INTO chore VALUES('vacuum')")
        finish_erasure(self._db)
        return erased

    # --- rows ---------------------------------------------------------------------------------------

    def _keep_text(self, alias: str, text: str, now: Moment) -> tuple[str, str]:
        """Keep a text inside the transaction of the caller; return its id and commitment."""
        text = text.strip()
        if not text or len(text) > NOTE_LETTERS_MAX:
            raise UsageError(f"this text is refused: 1 to {NOTE_LETTERS_MAX} characters")
        if self._patient(alias) is None:
            raise PeopleRefused("there is no such patient in the vault, so no text can be kept about one")
        note, salt = self._id(), self._randomness(SALT_BYTES)
        run(self._db, "INSERT INTO note VALUES(?, ?, ?, ?, ?)", (note, alias, text, salt, now.utc_us))
        return note, text_commitment(text, salt)

    def _patient(self, alias: str) -> Patient | None:
        rows = run(self._db, f"SELECT {_COLUMNS} FROM patient WHERE alias = ?", (alias,))  # noqa: S608  # our own column names
        return _patient(rows[0]) if rows else None

    def _patients(self) -> tuple[Patient, ...]:
        rows = run(self._db, f"SELECT {_COLUMNS} FROM patient ORDER BY name, born, alias")  # noqa: S608  # our own column names
        return tuple(map(_patient, rows))

    def _id(self) -> str:
        return self._randomness(ID_BYTES).hex()


def _patient(row: tuple[Any, ...]) -> Patient:
    alias, chart, name, born, sex, allergies, salt, enrolled_us = row
    ref = PatientRef(name=name, born=born, chart=chart)
    facts = Facts(sex=Sex(sex), allergies=tuple(json.loads(allergies)), subject=subject_commitment(ref, salt))
    return Patient(alias=alias, ref=ref, facts=facts, enrolled_us=enrolled_us)


def _seer(by: Seer) -> tuple[str, str, dict[str, Json]]:
    """Return who is to see names, in which role, and the fields of a second person."""
    if isinstance(by, Person):
        return by.op, role_for(by, Act.SHOW_NAMES).value, {}
    require(by.act is Act.DISCLOSE_NAMES, f"two people authorised {by.act}, not the showing of names")
    return by.first.op, by.first_role.value, {"second_op": by.second.op, "second_role": by.second_role.value}


def _checked_allergies(allergies: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(" ".join(name.split()) for name in allergies))
    if len(names) > ALLERGIES_MAX:
        raise UsageError(f"{len(names)} allergies refused: at most {ALLERGIES_MAX}")
    if any(not name or len(name) > ALLERGY_LETTERS_MAX or not name.isprintable() for name in names):
        raise UsageError(f"an allergy is refused: name an ingredient in 1 to {ALLERGY_LETTERS_MAX} characters")
    return names
