"""A session as FHIR, out of the log; the patient's name only for somebody who may see it."""

from pathlib import Path

from meso_device.audit import canonical
from meso_device.audit.sql import run
from meso_device.cli.log import reading
from meso_device.cli.session_choice import find_session
from meso_device.people.subject import Sex
from meso_device.records.fhir import Person, encoded, session_bundle
from protocols.errors import UsageError

_GENDERS = {Sex.FEMALE: "female", Sex.MALE: "male", Sex.UNSPECIFIED: "unknown"}


def fhir_file(home: Path | None, given: str, *, each_shot: bool, names: bool, sign_in: str, pin_file: str) -> bytes:
    """Return the bundle of the session that is named; that a name is shown is recorded first.

    Raises:
        UsageError: no such session, or it had no patient who could be named.
        PinRefused, NotAllowed: not this person.
    """
    # Here and not above: the log needs no session's records to be exported.
    from meso_device.audit.amendments import amendments_in, lots_by_shot, lots_in
    from meso_device.audit.session_records import records_of

    with reading(home) as db:
        session = find_session(db, given)
    person = _person(home, session.alias, sign_in=sign_in, pin_file=pin_file) if names else None
    with reading(home) as db:
        if db is None:
            raise UsageError("the log is gone")
        bodies = records_of(db, session.session)
        amendments = amendments_in(db, session.session)
        lots = lots_by_shot(db, lots_in(amendments), session.session)
        # Those of its fillings stand outside of the session.
        for one in amendments:
            [(bodies[one.seq],)] = run(db, "SELECT body FROM record WHERE seq = ?", (one.seq,))
        newest = run(db, "SELECT note FROM checkpoint WHERE size > ? ORDER BY size LIMIT 1", (max(bodies),))
    records = [canonical.decode(bodies[seq]) for seq in sorted(bodies)]
    note = newest[0][0] if newest else ""
    return encoded(session_bundle(records, lots=lots, note=note, each_shot=each_shot, person=person))


def _person(home: Path | None, alias: str, *, sign_in: str, pin_file: str) -> Person:
    from meso_device.cli.desk import open_desk
    from meso_device.people.subject import ShownFor

    if not alias:
        raise UsageError("this session had no patient: leave --names out")
    with open_desk(home, command="meso session fhir", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        found = [patient for patient in desk.office.vault.everybody(by) if patient.alias == alias]
        if not found:
            raise UsageError("nobody knows any more who this patient was: leave --names out")
        desk.office.vault.disclose([alias], ShownFor.CARE, by)
    [patient] = found
    gender = _GENDERS[patient.facts.sex]
    return Person(name=patient.ref.name, born=patient.ref.born, chart=patient.ref.chart, gender=gender)
