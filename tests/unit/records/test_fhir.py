"""A session as FHIR: what the log says, in codes that are in the standard, marked, named only where asked."""

import json
import random
import re

import pytest

from meso_device.audit.store import Store
from meso_device.records.fhir import Person, encoded, session_bundle
from meso_device.records.fhir_parts import millilitres, millimetres
from tests.unit.audit.clinic import ALIAS, stamp
from tests.unit.records.treated import treat

# Required bindings of R4, as far as these resources use them.
ALLOWED = {
    "Procedure": {"status": {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed"}},
    "MedicationAdministration": {"status": {"in-progress", "not-done", "on-hold", "completed", "stopped"}},
    "Observation": {"status": {"registered", "preliminary", "final", "amended"}},
    "QuestionnaireResponse": {"status": {"in-progress", "completed", "amended"}},
    "AdverseEvent": {"actuality": {"actual", "potential"}},
    "AuditEvent": {"action": {*"CRUDE"}, "outcome": {"0", "4", "8", "12"}},
    "Patient": {"gender": {"male", "female", "other", "unknown"}},
}
UNITS = {"mL", "mm", "{shots}"}


@pytest.fixture(scope="module")
def store():
    opened = Store.in_memory(software="0.1.0", stamp=stamp(), randomness=random.Random(20).randbytes)
    yield opened
    opened.close(stamp())


@pytest.fixture(scope="module")
def records(store):
    return treat(store)


@pytest.fixture(scope="module")
def bundle(records, store):
    return session_bundle(records, note=store.newest_checkpoint(), each_shot=True)


def of(bundle, kind):
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def walk(value):
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(part)


def test_the_session_and_each_area_are_procedures_of_one_patient(bundle):
    session, forehead, cheek = of(bundle, "Procedure")
    assert session["status"] == "completed"
    assert session["code"]["text"] == "SIMULATED: mesotherapy, Face"
    assert [part["bodySite"][0]["text"] for part in (forehead, cheek)] == ["forehead", "cheek left"]
    assert {part["partOf"][0]["reference"] for part in (forehead, cheek)} == {f"urn:uuid:{session['id']}"}
    [patient] = of(bundle, "Patient")
    assert patient["identifier"] == [{"system": "urn:meso-device:alias", "value": ALIAS}]
    subjects = {one["subject"]["reference"] for kind in ALLOWED for one in of(bundle, kind) if "subject" in one}
    assert subjects == {f"urn:uuid:{patient['id']}"}


def test_what_was_given_is_the_most_that_can_have_been_and_says_so(bundle):
    forehead, cheek = of(bundle, "MedicationAdministration")
    assert forehead["dosage"]["dose"] == {
        "value": millilitres(79_960), "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL",
    }  # fmt: skip
    assert forehead["dosage"]["text"] == "0.07996 mL, in 4 injections"
    assert forehead["dosage"]["route"] == {"text": "injection, intradermal"}
    assert cheek["dosage"]["dose"]["value"] == millilitres(20_000)
    assert cheek["dosage"]["text"].startswith("0 to 0.02 mL, not proven which")
    lots = [(part["code"]["text"], part["batch"]["lotNumber"]) for part in of(bundle, "Medication")]
    assert lots == [("HA mix", "L1"), ("HA mix", "L2")]


def test_a_corrected_lot_takes_the_place_of_the_recorded_one_and_the_reaction_follows(bundle, records, store):
    first = next(body for body in records if body["kind"] == "shot")
    corrected = {body["seq"]: "L7" for body in records if body["kind"] == "shot" and body["lot"] == "L1"}
    again = session_bundle(records, lots=corrected, note=store.newest_checkpoint(), each_shot=True)
    lots = {one["id"]: one["batch"]["lotNumber"] for one in of(again, "Medication")}
    assert sorted(lots.values()) == ["L2", "L7"]
    assert {one["id"] for one in of(again, "MedicationAdministration")} == {
        one["id"] for one in of(bundle, "MedicationAdministration")
    }
    [reaction] = of(again, "AdverseEvent")
    suspects = [one["instance"]["reference"].removeprefix("urn:uuid:") for one in reaction["suspectEntity"]]
    assert "L7" in {lots.get(one) for one in suspects}
    assert_references_lead_to_resources(again)
    # One filling of two was misread: what it gave is told apart.
    one = session_bundle(records, lots={first["seq"]: "L7"}, note=store.newest_checkpoint())
    assert sorted(part["batch"]["lotNumber"] for part in of(one, "Medication")) == ["L1", "L2", "L7"]
    assert len({part["id"] for part in of(one, "MedicationAdministration")}) == 3
    assert_references_lead_to_resources(one)


def test_each_injection_into_the_patient_is_an_observation_and_priming_is_none(bundle, records):
    injections = [one for one in of(bundle, "Observation") if one["code"]["coding"][0]["code"] == "injection"]
    assert len(injections) == 6
    assert [one["valueCodeableConcept"]["text"] for one in injections] == ["done"] * 4 + ["interrupted", "aborted"]
    assert len(of(session_bundle(records), "Observation")) == 2


def test_a_late_reaction_names_its_day_its_lot_and_its_gun(bundle):
    [event] = of(bundle, "AdverseEvent")
    assert event["date"] == "2023-12-04"
    assert event["severity"]["coding"][0]["code"] == "severe"
    assert event["seriousness"]["coding"][0]["code"] == "SeriousIsLifeThreatening"
    suspects = {part["instance"]["reference"] for part in event["suspectEntity"]}
    assert suspects == {f"urn:uuid:{of(bundle, kind)[0]['id']}" for kind in ("Medication", "Device")}


def test_a_stop_is_told_and_the_checkpoint_signs_for_all(bundle, store):
    assert "stop" in {event["subtype"][0]["code"] for event in of(bundle, "AuditEvent")}
    [provenance] = of(bundle, "Provenance")
    assert len(provenance["target"]) == len(bundle["entry"]) - 1
    assert provenance["signature"][0]["data"]
    assert of(session_bundle(treated_records(bundle), note=""), "Provenance") == []


def treated_records(bundle):
    del bundle
    own = Store.in_memory(software="0.1.0", stamp=stamp(), randomness=random.Random(1).randbytes)
    try:
        return treat(own, closed=False)
    finally:
        own.close(stamp())


def test_an_open_session_is_in_progress_and_has_no_end(bundle):
    made = session_bundle(treated_records(bundle))
    assert {part["status"] for part in of(made, "Procedure")} == {"in-progress"}
    assert "end" not in of(made, "Procedure")[0]["performedPeriod"]


def test_codes_status_values_and_units_are_those_of_the_standard(bundle):
    for kind, fields in ALLOWED.items():
        for one in of(bundle, kind):
            for name, allowed in fields.items():
                assert name not in one or one[name] in allowed, f"{kind}.{name} {one.get(name)}"
    units = [part for part in walk(bundle) if isinstance(part, dict) and "unit" in part]
    assert {part["code"] for part in units} == UNITS
    assert {part["system"] for part in units} == {"http://unitsofmeasure.org"}
    assert all("dose" in one["dosage"] for one in of(bundle, "MedicationAdministration"))


def test_every_reference_leads_to_a_resource_of_the_bundle(bundle):
    assert_references_lead_to_resources(bundle)


def assert_references_lead_to_resources(bundle):
    ids = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert len(ids) == len(bundle["entry"])
    references = [part for part in walk(bundle) if isinstance(part, dict) and "reference" in part]
    assert references
    assert all(ids[part["reference"]] == part["type"] for part in references)


def test_sent_again_it_is_the_same_bundle(bundle, records, store):
    assert encoded(session_bundle(records, note=store.newest_checkpoint(), each_shot=True)) == encoded(bundle)
    assert all(
        entry["request"] == {"method": "PUT", "url": f"{entry['resource']['resourceType']}/{entry['resource']['id']}"}
        for entry in bundle["entry"]
    )


def test_everything_of_a_simulated_gun_is_marked(bundle, records):
    assert all(entry["resource"]["meta"]["tag"][0]["code"] == "HTEST" for entry in bundle["entry"])
    real = session_bundle([record | {"simulated": False} for record in records])
    assert all("meta" not in entry["resource"] for entry in real["entry"])


def test_a_name_is_there_only_where_it_was_given(bundle, records):
    person = Person(name="Rosalinde Quvenzhin", born="1981-07-29", chart="K-17", gender="female")
    named = session_bundle(records, person=person)
    assert of(named, "Patient")[0]["name"] == [{"text": "Rosalinde Quvenzhin"}]
    assert json.loads(encoded(named))
    for said in ("Rosalinde", "1981-07-29", "K-17", "female"):
        assert said.encode() in encoded(named)
        assert said.encode() not in encoded(bundle)


def test_decimals_are_exact_and_plain():
    assert [str(millilitres(nl)) for nl in (0, 1, 20_000, 1_000_000, 50_000_000)] == [
        "0",
        "0.000001",
        "0.02",
        "1",
        "50",
    ]
    assert str(millimetres(1_490)) == "1.49"


def test_no_decimal_is_a_text_or_has_an_exponent(bundle):
    values = re.findall(rb'"value":([^,}]+),"unit"', encoded(bundle))
    assert values
    assert all(re.fullmatch(rb"\d+(\.\d+)?", value) for value in values)
