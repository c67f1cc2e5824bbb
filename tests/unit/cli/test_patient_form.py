"""The enrolment form on a terminal."""

import pytest

from meso_device.cli import patient_form
from meso_device.cli.patient_form import asked_form
from meso_device.people.lockout import Moment


@pytest.mark.hazard("HZ-57")
@pytest.mark.parametrize(
    ("said", "allergies"),
    [
        *((word, ()) for word in ("", "none", "None", " no ", "-", "none known")),
        ("latex", ("latex",)),
        ("none of that, latex", ("none of that", "latex")),
    ],
)
def test_a_word_for_none_is_no_ingredient_that_somebody_is_allergic_to(monkeypatch, said, allergies):
    monkeypatch.setattr(patient_form, "ask", lambda question, _: said if question.startswith("Allergies") else "x")
    monkeypatch.setattr(patient_form, "ask_until", lambda *_: "x")
    assert asked_form(Moment(utc_us=0, mono_us=0, boot="")).allergies == allergies
