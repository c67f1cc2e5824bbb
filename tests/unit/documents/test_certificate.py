"""A certificate says all that a certificate has to, and nothing that its records do not."""

import json
import re

import pytest
from msgspec.structs import replace

from meso_device.audit import canonical
from meso_device.calibration.record import Ended, Signed
from meso_device.documents.certificate import Certificate, Said, certificate_of
from meso_device.documents.certificate_text import certificate_document
from meso_device.documents.html import render_html
from meso_device.documents.pdf import render_pdf
from protocols.errors import UsageError
from tests.unit.documents.bench_runs import NAMES, depth_story, dose_story
from tests.unit.documents.test_render import Seen, pages_of, squeezed

NOTE = f"meso/b8fc679b0fdcc665\n190\n{'A' * 43}=\n\n\N{EM DASH} meso/b8fc679b0fdcc665 {'B' * 90}\n"
SAID = Said(laboratory="Bench of the clinic", customer="Clinic A", condition="clean", received="2026-01-04")


def issued(story, *, said=SAID, number="CC-5c0ffee1-1", replaces="") -> Certificate:
    return certificate_of(story, said, NAMES, number, replaces)


def text_of(certificate):
    seen = Seen()
    seen.feed(render_html(certificate_document(certificate, NOTE)).decode())
    return seen.text


def test_the_json_is_canonical_and_holds_integers_and_texts_alone():
    for story in (dose_story(), depth_story(), dose_story(adjusted=False, simulated=False)):
        content = issued(story).to_json()
        fields = json.loads(content, parse_float=lambda text: pytest.fail(f"{text} in a certificate"))
        canonical.check_fields(fields)
        assert json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == content
        assert issued(story).to_json() == content


def test_every_reading_is_on_it_excluded_or_not_with_reason_and_person():
    certificate = issued(dose_story())
    rows = [raw.reading.raw for raw in certificate.readings]
    assert len(rows) == 66
    text = squeezed(text_of(certificate))
    assert all(squeezed(raw) in text for raw in rows)
    assert squeezed("reading 22 does not count (table_bumped, Tom Balance)") in text


@pytest.mark.parametrize(
    "said",
    [
        "Bench of the clinic", "bench 1", "Clinic A", "2026-01-04", "538451c38aa03fdc5f49609a", "SIM-538451C3", "1.0.0",
        "BD 5 mL", "30g_4mm", "clean", "as found fail, as left pass", "Decision rule", "D-K-15050 2025-118",
        "2026-12-13", "Tom Balance", "Cleo Signer", "relate only to the item calibrated",
        "True depth in skin is not measured", "101.325 kPa", "52 %", "20.15 °C", "infinite", "11.2", "2.20",
        "CC-5c0ffee1-1", "not the flow curve",
    ],
)  # fmt: skip
def test_what_a_certificate_has_to_say_is_there(said):
    assert said in text_of(issued(dose_story()))


def test_due_date_is_not_on_it_unless_asked_for_and_results_as_found_stay_beside_those_as_left():
    text = text_of(issued(dose_story()))
    assert "2027" not in re.sub(r"2027-03-23", "", text), "but for the thermometer's"
    assert "Dose as found" in text
    assert "Dose as left" in text
    assert "Nothing was adjusted" in text_of(issued(depth_story()))


def test_simulated_stands_on_every_page_and_first_of_all_and_only_where_it_is_so():
    pages = pages_of(render_pdf(certificate_document(issued(dose_story()), NOTE)))
    assert all("SIMULATED" in page and "CC-5c0ffee1-1" in page for page in pages)
    assert "SIMULATED: the gun" in pages[0]
    assert "SIMULATED" not in text_of(issued(depth_story(simulated=False)))


def test_a_certificate_that_corrects_another_names_it():
    again = issued(dose_story(), number="CC-5c0ffee1-2", replaces="CC-5c0ffee1-1, SHA-256 00ff")
    assert "Replaces" in text_of(again)
    assert "SHA-256 00ff" in text_of(again)
    assert again.digest() != issued(dose_story()).digest()


def test_an_open_an_abandoned_and_an_unsigned_run_have_no_certificate():
    story = dose_story()
    for steps, words in (
        (story.steps[:-2], "is open"),
        (story.steps[:-1], "not signed"),
        (
            tuple(
                replace(step, record=replace(step.record, state="abandoned"))
                if isinstance(step.record, Ended)
                else step
                for step in story.steps
                if not isinstance(step.record, Signed)
            ),
            "abandoned",
        ),
    ):
        with pytest.raises(UsageError, match=words):
            issued(replace(story, steps=steps))
