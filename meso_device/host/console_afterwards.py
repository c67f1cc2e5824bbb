"""What is said at the console once a session is over: corrections of its records, and reactions that showed later.

Each is the record that `meso audit amend` or `meso patient event` makes, judged by the same functions; nothing of a
session, a plan or a gun is touched by it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeVar

from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import Actor
from meso_device.host.console_people import PRACTICE
from meso_device.host.errands import Errands
from meso_device.host.owed import Owe
from meso_device.host.screen_answers import ScreenAnswers
from meso_device.people.adverse import Reaction, Reporter, Severity
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Meaning, Person, role_for
from meso_device.people.signatures import authorise, sign_entry, sign_together
from meso_device.records.amending import Offer, amended, offered, target_of
from meso_device.records.reactions import read_onset_day, session_of, shot_numbers, tied_event
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant
from protocols.errors import MesoError, UsageError
from protocols.treatment.areas import catalogue

_Word = TypeVar("_Word", bound=StrEnum)
_NOBODY: Final = "sign in first: F9, then S"


class ConsoleAfterwards:
    """Takes corrections and late reactions.

    Args:
        errands: Does what must not wait in the loop.
        answers: Answers to the screen.
        owe: Takes records for the log.
    """

    def __init__(self, *, errands: Errands, answers: ScreenAnswers, owe: Owe) -> None:
        self._errands = errands
        self._answers = answers
        self._owe = owe
        self._keys: set[str] = set()

    def amend(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Correct a field of a record; done when the correction and its signatures are in the log, all or none.

        The second login and PIN are of whoever stands by the correction of what somebody else recorded.

        Raises:
            MesoError: too many questions wait.
        """

        def look(office: Office, moment: Moment) -> tuple[Entry, ...]:
            by = Actor(op=person.op, role=role_for(person, Act.AMEND_OWN_RECORD).value, utc_us=moment.utc_us)
            with self._errands.read() as db:
                # What is refused is refused before anybody's PIN is looked at.
                _, target = target_of(db, body["seq"])
                entry = amended(db, body["seq"], body["field"], body["new"].strip(), reason=body["reason"], by=by)
            another, second = target["op"] != person.op, body["login2"].strip()
            if another and not second:
                raise UsageError("somebody else recorded this: a second person has to sign as well")
            first = office.register.check(person.login, body["pin"], moment, purpose=Purpose.SIGNATURE)
            role_for(first.person, Act.AMEND_OWN_RECORD)
            if not (another or second):
                return (entry, sign_entry(entry, Meaning.PERFORMED, first, moment))
            other = office.register.check(second, body["pin2"], moment, purpose=Purpose.SIGNATURE)
            pair = authorise(Act.AMEND_OTHERS_RECORD, first, other, moment)
            return (entry, *sign_together(entry, pair))

        def looked(entries: tuple[Entry, ...], _at: Instant) -> Sequence[Command]:
            key = entries[0].key
            # The log would take the second of two with one key for the first, and have that signed twice.
            if key in self._keys:
                raise MesoError("this was amended a moment ago: look at it again")
            self._keys.add(key)
            self._owe(entries, lambda _: self._answers.done(number), number)
            return ()

        self._errands.send(number, look, looked, now)

    def reaction(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Record a reaction that followed the session of a record; done: ``{event, session}``.

        Raises:
            UsageError: a field is not what it must be.
            MesoError: too many questions wait.
        """
        seen = _word(Reaction, body["code"])
        severity = _word(Severity, body["severity"])
        reporter = _word(Reporter, body["reporter"])
        onset_day = read_onset_day(body["onset_day"].strip())
        areas = tuple(map(_area_id, _parts(body["areas"])))
        shots = shot_numbers(_parts(body["shots"]))

        def look(office: Office, moment: Moment) -> Body:
            with self._errands.read() as db:
                session, alias = session_of(db, body["seq"])
                if not office.vault.begins_with(alias, person):
                    raise MesoError("whoever this was is not in the vault: practice, or names that were erased")
                event = tied_event(
                    db,
                    session=session,
                    areas=areas,
                    shots=shots,
                    reaction=seen,
                    severity=severity,
                    onset_day=onset_day,
                    reporter=reporter,
                    now_utc_us=moment.utc_us,
                )
            kept = office.vault.add_adverse_event(alias, event, text=body["text"], by=person, now=moment)
            return {"event": kept, "session": session}

        def looked(told: Body, _at: Instant) -> Sequence[Command]:
            self._answers.done(number, **told)
            return ()

        self._errands.send(number, look, looked, now)


def offers(found: Body, person: Person | None) -> Body:
    """Return what can be said afterwards of a record, for the screen; pure.

    Args:
        found: The record as `meso_device.audit.pages.record_of` returns it.
        person: Who is signed in.
    """
    fields = found["fields"]
    amended_to = {one["field"]: one["new"] for one in found["amendments"]}
    why = ""
    rows: tuple[Offer, ...] = ()
    try:
        rows = offered(fields, amended_to, over=found["over"])
        _may(person, Act.AMEND_OWN_RECORD)
    except MesoError as error:
        why = str(error)
    shown = [{"field": row.field, "now": row.now, "takes": list(row.takes)} for row in rows]
    by_two = person is None or fields["op"] != person.op
    return {
        "amend": {"why": why, "fields": [] if why else shown, "by_two": by_two},
        "reaction": {"why": _why_no_reaction(found["seq"], fields, person), "session": fields.get("sess", "")},
    }


def _why_no_reaction(seq: int, fields: Body, person: Person | None) -> str:
    if not (fields.get("sess") and fields.get("alias")):
        return f"record {seq} belongs to no session of a patient, so no reaction could follow it"
    if fields["op"] == PRACTICE:
        return "this was practice: nobody was treated"
    try:
        _may(person, Act.ADD_ADVERSE_EVENT)
    except MesoError as error:
        return str(error)
    return ""


def _may(person: Person | None, act: Act) -> None:
    if person is None:
        raise MesoError(_NOBODY)
    role_for(person, act)


def _word(words: type[_Word], text: str) -> _Word:
    """Return one of the words; UsageError where it is none."""
    try:
        return words(text.strip().lower())
    except ValueError:
        raise UsageError(f"{text[:40]!r} refused: one of {', '.join(words)}") from None


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _area_id(text: str) -> str:
    """Return the id of an area that was written as its id or as its short code; what is neither stays as it is."""
    return next((area.id for area in catalogue().values() if area.short == text.upper()), text)
