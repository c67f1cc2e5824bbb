"""The patient at the console: found or added, asked, treated with a session of their own, and signed for.

Names never enter the loop's state: they are shown on request, recorded as shown, and forgotten by the answer.
"""

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from meso_device.accounting.entries import Entry, SessionRow
from meso_device.accounting.materials import Actor, checked_lot, part_fitted
from meso_device.audit.exposure import place_of
from meso_device.audit.facts import clinic_facts, fitted_now
from meso_device.host.clinical import Returning, SignedOverride, opening_of, override_entry, resuming_of, signers
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.errands import Errands
from meso_device.host.home import Home
from meso_device.host.owed import Owe
from meso_device.host.prepared import AFTERCARE, Material, Prepared, fitted_part, material_of
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.host.snapshot import Treatment
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Meaning, Person, role_for
from meso_device.people.signatures import sign_entry
from meso_device.people.subject import PatientRef, Sex, ShownFor
from meso_device.people.vault import Patient
from meso_device.screen_messages import Body
from meso_device.session.checklist import AREA_IDS, ITEMS, LISTED, Answer, checklist_entries, read_answers
from meso_device.session.contract import Command, Instant, OpenSession, ResumeSession, View
from meso_device.session.overrides import check_code, takes_two
from protocols.errors import MesoError, UsageError
from protocols.treatment.plan import TreatmentPlan

FOUND_MAX: Final = 8
_ALIAS: Final = re.compile(r"[0-9a-f]{4,32}", re.ASCII)
_REASON_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_YES_NO: Final = {"yes": True, "no": False}
_NONE: Final = frozenset({"", "-", "no", "none"})


class ConsoleClinic:
    """Takes the commands about a patient.

    Args:
        home: Data directory.
        facts: What was heard of the gun.
        plans: Treatments by name.
        errands: Does what must not wait in the loop.
        answers: Answers to the screen.
        owe: Takes records for the log.

    Attributes:
        prepared: The session that is prepared or under way; None if none.
        signed: Ids of sessions that were signed for in this run.
    """

    def __init__(
        self,
        *,
        home: Home,
        facts: ConsoleFacts,
        plans: Mapping[str, TreatmentPlan],
        errands: Errands,
        answers: ScreenAnswers,
        owe: Owe,
    ) -> None:
        self._home = home
        self._facts = facts
        self._plans = plans
        self._errands = errands
        self._answers = answers
        self._owe = owe
        self.prepared: Prepared | None = None
        self.signed: set[str] = set()
        self._closed: tuple[str, str] = ("", "")

    # --- who ----------------------------------------------------------------------------------------

    def find(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Look for patients by chart number, name, or the beginning of an alias; only aliases come back."""
        query = body["query"].strip()

        def look(office: Office, _moment: Moment) -> tuple[Patient, ...]:
            found = office.vault.find(query, person) if query else office.vault.everybody(person)
            if not found and _ALIAS.fullmatch(query.lower()):
                found = office.vault.begins_with(query, person)
            return found

        def found(patients: tuple[Patient, ...], _now: Instant) -> Sequence[Command]:
            rows = [{"alias": one.alias, "enrolled_us": one.enrolled_us} for one in patients[:FOUND_MAX]]
            self._answers.done(number, patients=rows, more=max(0, len(patients) - FOUND_MAX))
            return ()

        self._errands.send(number, look, found, now)

    def add(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Enrol a patient; the alias comes back."""

        def enrol(office: Office, moment: Moment) -> Patient:
            ref = PatientRef.checked(
                name=body["name"], born=body["born"], chart=body["chart"], now_utc_us=moment.utc_us
            )
            try:
                sex = Sex(body["sex"].strip().lower())
            except ValueError:
                raise UsageError(f"this sex is refused: one of {', '.join(Sex)}") from None
            return office.vault.enrol(ref, sex=sex, allergies=_names(body["allergies"]), by=person, now=moment)

        def enrolled(patient: Patient, _now: Instant) -> Sequence[Command]:
            self._answers.done(number, alias=patient.alias)
            return ()

        self._errands.send(number, enrol, enrolled, now)

    def show(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Show names, which is recorded before they are."""
        aliases = body["aliases"]

        def disclose(office: Office, _moment: Moment) -> list[Patient]:
            known = [patient for alias in aliases for patient in office.vault.begins_with(alias, person)]
            office.vault.disclose([patient.alias for patient in known], ShownFor.CARE, person)
            return known

        def disclosed(patients: list[Patient], _now: Instant) -> Sequence[Command]:
            rows = [
                {"alias": one.alias, "name": one.ref.name, "born": one.ref.born, "chart": one.ref.chart}
                for one in patients
            ]
            self._answers.done(number, patients=rows)
            return ()

        self._errands.send(number, disclose, disclosed, now)

    # --- what is prepared ---------------------------------------------------------------------------

    def prepare(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Take a patient and a treatment; what was prepared before is dropped.

        Raises:
            Refuse: there is no treatment of that name.
        """
        role_for(person, Act.TREAT)
        plan = self._plans.get(body["treatment"])
        if plan is None:
            raise Refuse("treatment", "there is no treatment of that name")
        gun = self._facts.stamp()

        def prepare(office: Office, _moment: Moment) -> Prepared:
            patients = office.vault.begins_with(body["alias"], person)
            if len(patients) != 1:
                raise MesoError("there is no such patient in the vault")
            with self._errands.read() as db:
                prepared = Prepared.fresh(patients[0], plan, db)
                if gun is not None:
                    prepared.material = material_of(db, prepared, gun.gun_uid)
            return prepared

        def taken(prepared: Prepared, _now: Instant) -> Sequence[Command]:
            self.prepared = prepared
            self._answers.done(number, session=prepared.session)
            return ()

        self._errands.send(number, prepare, taken, now)

    def check(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Take one answer of the checklist, with a note for the vault if there is one.

        While the session is open the answer is recorded at once; the newest counts.

        Raises:
            UsageError: an answer or item that the table does not know.
        """
        prepared = self._at_hand()
        item, said, text = body["item"], body["answer"].strip(), body["note"].strip()
        if item == AFTERCARE:
            if said not in _YES_NO:
                raise UsageError("aftercare: yes or no")
            prepared.aftercare = _YES_NO[said]
            self._answers.done(number)
            return
        answer = _answer(item, said, prepared.allergies)
        consent = _consent(text) if item == "consent" and text else None
        if item == "consent" or not text:
            self._checked(prepared, answer, consent, person, now)
            self._answers.done(number)
            return

        def keep(office: Office, moment: Moment) -> str:
            note = office.vault.add_note(
                prepared.alias, text, by=person, now=moment, session=prepared.session if prepared.op else ""
            )
            return office.vault.commitment_of(note)

        def kept(commitment: str, at: Instant) -> Sequence[Command]:
            self._checked(prepared, replace(answer, note_hash=commitment), None, person, at)
            self._answers.done(number)
            return ()

        self._errands.send(number, keep, kept, now)

    def fit(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Take a needle or head that was fitted; while the session is open it is recorded at once.

        Raises:
            UsageError: no such part, type or serial.
        """
        prepared = self._at_hand()
        part = fitted_part(body["part"], body["serial"], body["type"])
        if not prepared.op:
            prepared.parts[part.part] = part
            self._answers.done(number)
            return

        def look(_office: Office, _moment: Moment) -> bool:
            with self._errands.read() as db:
                return fitted_now(db, prepared.session, part.part, part.serial)

        def looked(is_fitted: bool, at: Instant) -> Sequence[Command]:
            prepared.parts[part.part] = part
            if not is_fitted:
                by = Actor(op=person.op, role=role_for(person, Act.TREAT).value, utc_us=at.utc_us)
                entry = part_fitted(
                    part.part, part.serial, part.type_id, session=prepared.session, alias=prepared.alias, by=by
                )
                self._owe((replace(entry, gun=self._facts.stamp()),))
            self._answers.done(number)
            return ()

        self._errands.send(number, look, looked, now)

    def refresh(self, now: Instant, then: Callable[[], None]) -> None:
        """Read again what the log says of the gun; what cannot be read now is read at the next change.

        Args:
            now: Time.
            then: Called when it was read, or is not to be.
        """
        prepared, gun = self.prepared, self._facts.stamp()
        if prepared is None or gun is None:
            then()
            return

        def look(_office: Office, _moment: Moment) -> Material | None:
            with contextlib.suppress(MesoError), self._errands.read() as db:
                return material_of(db, prepared, gun.gun_uid)
            return None

        def looked(material: Material | None, _now: Instant) -> Sequence[Command]:
            if material is not None:
                prepared.material = material
            then()
            return ()

        try:
            self._errands.send(None, look, looked, now)
        except MesoError:  # too much waits: the next change reads it
            then()

    # --- the session --------------------------------------------------------------------------------

    def open(self, person: Person, now: Instant) -> OpenSession:
        """Return the opening of what was prepared.

        Raises:
            Refuse: nothing was.
            NotAllowed: not by this person.
        """
        prepared = self._at_hand()
        role = role_for(person, Act.TREAT).value
        return opening_of(prepared.clinical(person.op, role), prepared.plan, prepared.approval, now.utc_us)

    def take_up(
        self,
        number: int,
        left_open: tuple[SessionRow, TreatmentPlan],
        person: Person,
        then: Callable[[ResumeSession, Instant], Sequence[Command]],
        now: Instant,
    ) -> None:
        """Read what a session of a patient was begun with; ``then`` gets what takes it up.

        Raises:
            NotAllowed: not by this person.
        """
        row, plan = left_open
        role = role_for(person, Act.TREAT).value

        def look(office: Office, moment: Moment) -> tuple[Prepared, ResumeSession]:
            patients = office.vault.begins_with(row.alias, person)
            with self._errands.read() as db:
                facts = clinic_facts(
                    db,
                    session=row.session,
                    alias=row.alias,
                    gun_uid=row.gun_uid,
                    digest=plan.digest,
                    products={plan.product_name},
                )
                prepared = Prepared(
                    session=row.session, alias=row.alias, subject="", sex=None, allergies=(), plan=plan,
                    approval=facts.approval, op=person.op,
                )  # fmt: skip
                if patients:
                    prepared = replace(Prepared.fresh(patients[0], plan, db), session=row.session, op=person.op)
                prepared.answers = {
                    item: Answer(item=item, answer=answer, note_hash="0" if item in facts.notes else "")
                    for item, answer in facts.checks.items()
                }
                prepared.material = material_of(db, prepared, row.gun_uid)
            returning = Returning(op=person.op, role=role, fitted=(), sex=prepared.sex, aftercare=None)
            return prepared, resuming_of(returning, row, plan, self._home, moment.utc_us)

        def looked(result: tuple[Prepared, ResumeSession], at: Instant) -> Sequence[Command]:
            prepared, resuming = result
            commands = then(resuming, at)
            self.prepared = prepared
            return commands

        self._errands.send(number, look, looked, now)

    def override(self, number: int, body: Body, person: Person, view: View, now: Instant) -> None:
        """Go over a soft rule with a reason and the PIN again; done when record and signatures are in the log.

        A rule that takes two people takes the second one's login and PIN beside it.

        Raises:
            UsageError: nobody may go over this rule.
        """
        prepared = self._at_hand()
        code, reason = body["code"], body["reason"].strip()
        check_code(code)
        if not reason:
            raise UsageError("say why: the reason is recorded")
        plan, answers = view.plan or prepared.plan, prepared.told()

        def look(office: Office, moment: Moment) -> tuple[Entry, ...]:
            first = office.register.check(person.login, body["pin"], moment, purpose=Purpose.SIGNATURE)
            second = None
            if takes_two(code) and body["login2"]:
                second = office.register.check(body["login2"], body["pin2"], moment, purpose=Purpose.SIGNATURE)
            signed_by = signers(code, first, second, moment)
            kept = reason
            if _REASON_CODE.fullmatch(reason) is None:
                note = office.vault.add_note(prepared.alias, reason, by=person, now=moment, session=prepared.session)
                kept = office.vault.commitment_of(note)
            override = SignedOverride(code=code, reason=kept, signed_by=signed_by)
            by = Actor(op=person.op, role=role_for(person, Act.TREAT).value, utc_us=moment.utc_us)
            entry = override_entry(
                override, session=prepared.session, alias=prepared.alias, by=by, plan=plan, answers=answers
            )
            return (entry, *override.signatures(entry, moment))

        def looked(entries: tuple[Entry, ...], _at: Instant) -> Sequence[Command]:
            self._owe(entries, lambda _: self._answers.done(number), number)
            return ()

        self._errands.send(number, look, looked, now)

    def sign(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Sign the totals of a closed session with the PIN again."""
        session = body["session"]
        closed_session, alias = self._closed
        closed = Entry(
            kind="session.closed",
            key=f"session/{session}/closed",
            session=session,
            alias=alias if closed_session == session else "",
        )

        def look(office: Office, moment: Moment) -> Entry:
            proof = office.register.check(person.login, body["pin"], moment, purpose=Purpose.SIGNATURE)
            role_for(proof.person, Act.TREAT)
            with self._errands.read() as db:
                if place_of(db, closed.key) is None:
                    raise MesoError("what is to be signed is not in the log yet: it has to be complete first")
            return sign_entry(closed, Meaning.PERFORMED, proof, moment)

        def looked(signature: Entry, _at: Instant) -> Sequence[Command]:
            def durable(_then: Instant) -> None:
                self.signed.add(session)
                self._answers.done(number)

            self._owe((signature,), durable, number)
            return ()

        self._errands.send(number, look, looked, now)

    def began(self, treatment: Treatment, person: Person | None) -> None:
        """Hear that a session is under way; one of practice leaves nothing prepared."""
        if treatment.practice or self.prepared is None or self.prepared.session != treatment.session:
            self.prepared = None
        elif person is not None and not self.prepared.op:
            self.prepared.op = person.op

    def ended(self) -> None:
        """Hear that the session is closed: the next patient begins anew."""
        if self.prepared is not None and self.prepared.op:
            self._closed, self.prepared = (self.prepared.session, self.prepared.alias), None

    def is_treated_by(self, person: Person | None) -> bool:
        """Return whether this is who opened or took up the session that has a patient."""
        return person is not None and self.prepared is not None and self.prepared.op == person.op

    @property
    def aftercare(self) -> bool | None:
        """Whether aftercare is given; None where nobody said."""
        return None if self.prepared is None else self.prepared.aftercare

    # --- within -------------------------------------------------------------------------------------

    def _at_hand(self) -> Prepared:
        if self.prepared is None:
            raise Refuse("patient", "choose patient and treatment first")
        return self.prepared

    def _checked(
        self, prepared: Prepared, answer: Answer, consent: tuple[str, str] | None, person: Person, now: Instant
    ) -> None:
        prepared.answers[answer.item] = answer
        prepared.asked[answer.item] = (person.login, now.utc_us)
        if answer.item == "consent":
            prepared.consent = consent
        if prepared.op:
            self._owe(
                checklist_entries(
                    (answer,),
                    session=prepared.session,
                    alias=prepared.alias,
                    op=person.op,
                    role=role_for(person, Act.TREAT).value,
                    utc_us=now.utc_us,
                    protocol_digest=prepared.plan.digest,
                )
            )


def _answer(item: str, said: str, allergies: Sequence[str]) -> Answer:
    """Return what was typed as an answer; ingredients that the vault knows of are among those told today."""
    if item not in ITEMS:
        return read_answers({item: said}, {})[0]
    allowed = ITEMS[item].answers
    parts = _names(said)
    given: Any = said
    if item == "allergy":
        told = tuple(dict.fromkeys((*allergies, *(() if said.casefold() in _NONE else parts))))
        given = list(told) if told else "none"
    elif (AREA_IDS in allowed and said not in allowed) or (LISTED in allowed and said not in allowed):
        given = list(parts)
    return read_answers({item: given}, {})[0]


def _consent(text: str) -> tuple[str, str]:
    form, _, version = text.rpartition(" ")
    if not form:
        raise UsageError("write the form and its version, such as: C-12 3")
    return checked_lot(form, "consent form"), checked_lot(version, "consent version")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip() and part.strip().casefold() not in _NONE)
