"""Two judges that nobody here wrote look at a session as FHIR R4; each is shown to refuse what is wrong."""

import copy
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from meso_device.audit.store import Store
from meso_device.records.fhir import Person, encoded, session_bundle
from tests.unit.audit.clinic import stamp
from tests.unit.records.treated import treat

HERE = Path(__file__).parent
PERSON = Person(name="Rosalinde Quvenzhin", born="1981-07-29", chart="K-17", gender="female")


@pytest.fixture(scope="module")
def bundle():
    store = Store.in_memory(software="0.1.0", stamp=stamp(), randomness=random.Random(20).randbytes)
    records = treat(store)
    made = session_bundle(records, note=store.newest_checkpoint(), each_shot=True, person=PERSON)
    store.close(stamp())
    return json.loads(encoded(made))


@pytest.fixture(scope="module")
def models():
    """Return the models of fhir.resources as a verdict: the errors of each resource."""
    pydantic = pytest.importorskip("pydantic")
    resources = pytest.importorskip("fhir.resources.R4B", reason="NO FHIR.RESOURCES: install the extra dev")

    def errors(given):
        found = []
        for resource in given:
            try:
                resources.get_fhir_model_class(resource["resourceType"]).model_validate(resource)
                found.append([])
            except pydantic.ValidationError as error:
                found.append([str(one) for one in error.errors()])
        return found

    return errors


@pytest.fixture(scope="module")
def fhir_js():
    """Return FHIR.js as a verdict: the errors of each resource."""
    if not shutil.which("node") or not (HERE / "node_modules" / "fhir").is_dir():
        pytest.skip("NO FHIR.JS: run npm install in tests/interop")

    def errors(given):
        judge, document = ["node", str(HERE / "fhir.js")], json.dumps(given)
        done = subprocess.run(judge, input=document, capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)

    return errors


def resources(bundle):
    return [bundle, *(entry["resource"] for entry in bundle["entry"])]


def spoilt(bundle, kind, **changes):
    """Return a resource of this kind with other fields; None takes one away."""
    found = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind)
    fields = copy.deepcopy(found) | changes
    return {name: value for name, value in fields.items() if value is not None}


def test_the_models_take_every_resource_and_refuse_what_is_no_fhir(bundle, models):
    assert models(resources(bundle)) == [[]] * (len(bundle["entry"]) + 1)
    wrong = [
        spoilt(bundle, "Procedure", subject=None),
        spoilt(bundle, "Observation", valueQuantity={"value": "much"}),
        spoilt(bundle, "AuditEvent", agent=None),
        spoilt(bundle, "Provenance", made_up=1),
        spoilt(bundle, "AdverseEvent", date="tomorrow"),
    ]
    assert all(models(wrong))


def test_fhir_js_takes_every_resource_and_refuses_codes_that_are_not_in_the_standard(bundle, fhir_js):
    assert fhir_js(resources(bundle)) == [[]] * (len(bundle["entry"]) + 1)
    wrong = [
        spoilt(bundle, "Procedure", status="finished"),
        spoilt(bundle, "MedicationAdministration", status="given"),
        spoilt(bundle, "AdverseEvent", actuality="perhaps"),
        spoilt(bundle, "Patient", gender="f"),
        spoilt(bundle, "AuditEvent", source=None),
    ]
    assert all(fhir_js(wrong))
