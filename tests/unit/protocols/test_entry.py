"""What a person types into a field marked with its unit: stricter than a file, read by the same parser (HZ-07)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import UsageError
from protocols.units import DURATION, LENGTH, VOLUME, format_quantity, parse_count, parse_entry

pytestmark = [pytest.mark.hazard("HZ-07"), pytest.mark.invariant("I-40")]


@pytest.mark.parametrize(
    ("text", "dimension", "wanted"),
    [
        ("1.5", LENGTH, 1_500),
        ("1.5 mm", LENGTH, 1_500),
        ("1.5mm", LENGTH, 1_500),
        (" 10 ", LENGTH, 10_000),
        ("0.05", VOLUME, 50_000),
        ("0.05 mL", VOLUME, 50_000),
        ("0", VOLUME, 0),
        ("2.5", DURATION, 2_500),
    ],
)
def test_the_unit_of_the_field_may_be_left_out(text, dimension, wanted):
    assert parse_entry(text, dimension) == wanted


@pytest.mark.parametrize(
    ("text", "dimension", "why"),
    [
        (".05", VOLUME, "write 0.05"),
        ("1.50", LENGTH, "write 1.5"),
        ("1.", LENGTH, "write 1"),
        ("01.5", LENGTH, "write 1.5"),
        ("1.000", LENGTH, "write 1"),
        ("00", LENGTH, "write 0"),
        ("1.5 cm", LENGTH, "unit 'cm'"),
        ("150um", LENGTH, "unit 'um'"),
        ("50 uL", VOLUME, "unit 'uL'"),
        ("1.5 ml", VOLUME, "unit 'ml'"),
        ("0,05", VOLUME, "refused"),
        ("1.0.5", LENGTH, "refused"),
        ("1,000", LENGTH, "refused"),
        ("-1", LENGTH, "refused"),
        ("1e3", LENGTH, "refused"),
        ("", LENGTH, "refused"),
        (".", LENGTH, "refused"),
        ("\u0661", LENGTH, "refused"),
        ("1 5", LENGTH, "refused"),
        ("0.0000001", VOLUME, "refused"),
        ("9" * 40, LENGTH, "refused"),
    ],
)
def test_what_is_easily_misread_is_refused_with_the_way_to_write_it(text, dimension, why):
    with pytest.raises(UsageError) as refused:
        parse_entry(text, dimension)
    assert why in str(refused.value)


@given(value=st.integers(0, 10**9), dimension=st.sampled_from([LENGTH, VOLUME, DURATION]))
def test_what_is_shown_is_what_may_be_typed(value, dimension):
    shown = format_quantity(value, dimension)
    assert parse_entry(shown, dimension) == value
    assert parse_entry(shown.split()[0], dimension) == value


@given(text=st.text(alphabet="0123456789.,eE-+ mcLul\u00b5", max_size=12))
def test_whatever_is_taken_is_shown_again_as_it_was_typed(text):
    try:
        value = parse_entry(text, LENGTH)
    except UsageError:
        return
    assert text.strip().removesuffix("mm").strip() == format_quantity(value, LENGTH).removesuffix(" mm")


@pytest.mark.parametrize("text", ["", "012", "1.5", "-1", "1e3", "\u0661", "1234567", " 1", "+1"])
def test_a_count_is_digits_alone(text):
    with pytest.raises(UsageError):
        parse_count(text, "points")


def test_a_count_is_read():
    assert [parse_count(text, "points") for text in ("0", "12", "999999")] == [0, 12, 999_999]
