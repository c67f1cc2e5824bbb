from hashlib import sha256

import pytest

from meso_device.people.subject import PatientRef, chart_key, name_words, subject_commitment, text_commitment
from protocols.errors import UsageError

NOW_US = 1_700_000_000_000_000  # 2023-11-14
SALT = bytes(range(32))


def checked(**changes):
    return PatientRef.checked(**({"name": "Eva Ek", "born": "1980-02-29", "chart": "7"} | changes), now_utc_us=NOW_US)


def test_the_commitment_is_what_the_design_writes_down():
    ref = PatientRef(name='Zoë "Z" Ek', born="1980-02-29", chart="A/7")
    by_hand = '{"born":"1980-02-29","chart":"A/7","name":"Zoë \\"Z\\" Ek"}'.encode()
    assert subject_commitment(ref, SALT) == sha256(b"\x02" + SALT + by_hand).hexdigest()
    assert text_commitment("Grüße", SALT) == sha256(b"\x03" + SALT + "Grüße".encode()).hexdigest()


@pytest.mark.hazard("HZ-41")
def test_another_salt_is_another_commitment():
    assert subject_commitment(checked(), SALT) != subject_commitment(checked(), bytes(32))


def test_one_person_has_one_form_however_typed():
    assert checked(name="  Zoe\u0308   Ek ", chart=" A  7 ") == checked(name="Zoë Ek", chart="A 7")


@pytest.mark.parametrize(
    "born",
    ["", "1980-2-29", "29.02.1980", "1981-02-29", "1899-12-31", "2023-11-16", "1980-02-29T00", "198\uff10-02-29"],
)
def test_a_birth_date_is_a_day_that_was(born):
    with pytest.raises(UsageError, match="birth date is refused") as refused:
        checked(born=born)
    assert not born or born not in str(refused.value)


@pytest.mark.hazard("HZ-41")
@pytest.mark.parametrize(
    "changes", [{"name": "Quendolin\x07"}, {"chart": "QX\x00448"}, {"chart": ""}, {"chart": "Q" * 41}, {"name": ""}]
)
def test_a_refusal_never_repeats_what_was_typed(changes):
    with pytest.raises(UsageError) as refused:
        checked(**changes)
    assert "Q" not in str(refused.value)


def test_charts_are_compared_without_spaces_and_case_and_names_without_accents_and_order():
    assert chart_key("Ab 12") == chart_key("aB12") != chart_key("AB 13")
    assert name_words("Marković-Ek, Zoë") == name_words("ZOE EK MARKOVIC") == {"markovic", "ek", "zoe"}
    assert name_words("Straße") == name_words("STRASSE")
    assert name_words(" -- ") == set()
