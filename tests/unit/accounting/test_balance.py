"""Odometer against records."""

import pytest

from meso_device.accounting.balance import TOLERANCE_FLOOR_NL, TOLERANCE_NL_PER_RECORD, mass_balance


def balance(change, lo, hi, records=10):
    return mass_balance(
        odometer_nl=5_000_000 + change,
        last_odometer_nl=5_000_000,
        last_seq=100,
        shot_seq=100 + records,
        sum_lo_nl=lo,
        sum_hi_nl=hi,
    )


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-21")
@pytest.mark.parametrize(
    ("change", "lo", "hi", "difference"),
    [
        (200_000, 200_000, 200_000, 0),
        (190_000, 180_000, 200_000, 0),
        (210_000, 180_000, 200_000, 10_000),
        (170_000, 180_000, 200_000, -10_000),
        (0, 0, 0, 0),
    ],
)
def test_the_difference_is_what_lies_outside_the_range_of_the_records(change, lo, hi, difference):
    got = balance(change, lo, hi)
    assert got.difference_nl == difference
    assert got.holds is (difference == 0)


@pytest.mark.invariant("I-29")
def test_the_tolerance_is_exact_on_both_sides():
    tolerance = TOLERANCE_FLOOR_NL + 10 * TOLERANCE_NL_PER_RECORD
    for side in (1, -1):
        assert balance(200_000 + side * tolerance, 200_000, 200_000).holds
        assert not balance(200_000 + side * (tolerance + 1), 200_000, 200_000).holds
