"""A vault that is set back behind its log does again what the log tells, and says what it cannot."""

import shutil

import pytest

from meso_device.people.following import Followed, follow
from meso_device.people.office import Office
from meso_device.people.refusals import PinRefused
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Role
from meso_device.people.signatures import authorise
from meso_device.people.subject import LegalBasis, PatientRef
from tests.unit.people.clinic import CHEAP, PINS, REF, People

pytestmark = pytest.mark.hazard("HZ-25")


def records(entries):
    """Fields of records as the log has them."""
    return [{"kind": one.kind, "key": one.key, "alias": one.alias, **one.payload} for one in entries]


def set_back(people, tmp_path, seeded):
    """The vault as it is now, in a directory of its own: the other one goes on."""
    shutil.copytree(people.home, tmp_path / "old")
    return tmp_path / "old"


@pytest.fixture
def older(tmp_path, seeded):
    place = tmp_path / "place"
    place.mkdir()
    people = People(place, seeded)
    people.enrol("ada", "cleo", "carl", "theo")
    patient = people.patient()
    yield people, patient, set_back(people, tmp_path, seeded)
    people.office.close()


def test_what_the_log_tells_is_done_again_and_the_rest_is_said(older):
    people, patient, old = older
    ada, cleo = people.who["ada"], people.who["cleo"]
    people.vault.add_note(patient.alias, "a text about her", by=cleo, now=people.now)
    people.register.disable("carl", by=ada)
    people.register.set_roles("theo", {Role.TECHNICIAN, Role.AUDITOR}, by=ada)
    people.register.set_pin("cleo", "577215", by=cleo)
    people.enrol("abel")
    gone = people.patient(PatientRef(name="Short Stay", born="1990-01-01", chart="S-1"))
    other = people.patient(PatientRef(name="New Here", born="1991-01-01", chart="N-1"))
    for one in (patient, gone):
        pair = authorise(Act.ERASE_SUBJECT, people.proof("ada"), people.proof("cleo", "577215"), people.now)
        people.vault.erase(one.alias, LegalBasis.SUBJECT_REQUEST, pair)
    told = records(people.owed())

    followed = follow(old, told)
    assert followed == Followed(
        erased=1, closed=("carl", "theo"), old_pins=("cleo",), operators_lost=1, patients_lost=1
    )
    for word in (REF.name, REF.chart):
        assert word.encode() not in (old / "vault.db").read_bytes()
    with Office.open(old, cost=CHEAP) as office:
        state = {one.person.login: one for one in office.register.operators()}
        assert state["theo"].person.roles == {Role.TECHNICIAN, Role.AUDITOR}
        assert not state["carl"].active
        assert office.vault.facts_of(other.alias) is None
        with pytest.raises(PinRefused):
            office.register.check("carl", PINS["carl"], people.now, purpose=Purpose.COMMAND)
        # The next change of somebody has a key that the log does not have yet.
        while (due := office.due()).entries:
            office.settled(due)
        office.register.set_pin("cleo", "314159", by=state["cleo"].person)
        keys = {one.key for one in office.due().entries}
    assert keys
    assert not keys & {record["key"] for record in told}
    # The same again changes nothing more.
    assert follow(old, told).closed == ()


def test_somebody_who_administers_always_remains(older):
    people, _, old = older
    [alma] = people.enrol("alma")
    people.register.disable("ada", by=alma)
    followed = follow(old, records(people.owed()))
    assert followed.kept == ("ada",)
    with Office.open(old, cost=CHEAP) as office:
        assert office.register.check("ada", PINS["ada"], people.now, purpose=Purpose.COMMAND).person.login == "ada"
