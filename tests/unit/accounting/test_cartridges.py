"""The mass balance of a syringe."""

import random

import pytest
from msgspec.structs import replace

from meso_device.accounting.cartridges import (
    DEAD_SPACE_NL,
    balance_at_change,
    left_range_nl,
    overdrawn_nl,
    syringe_for_filling,
    tolerance_nl,
)
from meso_device.accounting.clinic import Cartridge
from protocols.errors import UsageError

FULL = Cartridge(
    cartridge="c1",
    syringe="bd_5ml",
    geometry_id=7,
    product="mix",
    lot="L1",
    loaded_nl=5_000_000,
    patient_lo_nl=1_900_000,
    patient_hi_nl=2_000_000,
    prime_nl=200_000,
    waste_nl=100_000,
)
# 2.2 mL metered at 5 %, 5 mL read in fiftieths, 0.02 mL of dead space.
TOLERANCE = 110_000 + 100_000 + 20_000


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-54")
@pytest.mark.parametrize(
    ("left_nl", "difference_nl", "holds"),
    [
        (2_700_000, 0, True),
        (2_800_000, 0, True),
        (2_750_000, 0, True),
        (2_700_000 - TOLERANCE, -TOLERANCE, True),
        (2_700_000 - TOLERANCE - 1, -TOLERANCE - 1, False),
        (2_800_000 + TOLERANCE, TOLERANCE, True),
        (2_800_000 + TOLERANCE + 1, TOLERANCE + 1, False),
    ],
)
def test_what_is_left_may_differ_by_exactly_the_tolerance(left_nl, difference_nl, holds):
    found = balance_at_change(FULL, left_nl)
    assert (found.left_lo_nl, found.left_hi_nl, found.tolerance_nl) == (2_700_000, 2_800_000, TOLERANCE)
    assert (found.difference_nl, found.holds) == (difference_nl, holds)
    assert found.payload("c1", 100_000)["ok"] is holds
    assert ("balanced" in found.text) is holds


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-45")
def test_a_syringe_taken_for_one_of_another_bore_does_not_balance():
    """5 mL set for 1 mL: each metered millilitre is in truth six and a half."""
    metered = replace(FULL, patient_lo_nl=300_000, patient_hi_nl=300_000, prime_nl=0, waste_nl=0)
    really_left_nl = 5_000_000 - 300_000 * 114_231 // 17_349
    assert not balance_at_change(metered, really_left_nl).holds


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-21")
def test_more_on_record_than_was_loaded_is_flagged_at_sign_off():
    over = replace(FULL, patient_lo_nl=5_000_000, patient_hi_nl=5_000_000, prime_nl=0, waste_nl=0)
    allowed = tolerance_nl(over)
    assert overdrawn_nl(FULL) == overdrawn_nl(over) == 0
    assert overdrawn_nl(replace(over, waste_nl=allowed)) == 0
    assert overdrawn_nl(replace(over, waste_nl=allowed + 1)) == 1


def test_a_negative_rest_is_refused():
    with pytest.raises(UsageError, match="0 mL or more"):
        balance_at_change(FULL, -1)
    assert balance_at_change(FULL, 0).left_nl == 0


def test_the_line_for_the_operator_says_how_much_and_which_way():
    assert "0.93 mL less than that, 0.23 mL is allowed" in balance_at_change(FULL, 1_770_000).text
    assert "1 mL more than that" in balance_at_change(FULL, 3_800_000).text
    assert "2.75 mL left, 2.7 mL to 2.8 mL expected" in balance_at_change(FULL, 2_750_000).text


@pytest.mark.invariant("I-29")
def test_random_fillings_always_add_up_and_what_was_truly_left_is_within_the_range():
    """Each shot is drawn with a true volume inside its range; the oracle adds up the true ones."""
    for seed in range(300):
        rng = random.Random(seed)
        loaded = rng.randint(1_000_000, 10_000_000)
        lo = hi = true = prime = 0
        for _ in range(rng.randint(0, 40)):
            shot_lo = rng.randint(0, 20_000)
            shot_hi = shot_lo + rng.choice((0, 0, 0, rng.randint(1, 5_000)))
            lo, hi, true = lo + shot_lo, hi + shot_hi, true + rng.randint(shot_lo, shot_hi)
        prime, waste = rng.randint(0, 50_000), rng.randint(0, 50_000)
        filling = replace(FULL, loaded_nl=loaded, patient_lo_nl=lo, patient_hi_nl=hi, prime_nl=prime, waste_nl=waste)
        left = loaded - true - prime - waste
        least, most = left_range_nl(filling)
        assert least == filling.left_nl, seed
        assert least <= left <= most, seed
        assert balance_at_change(filling, left).difference_nl == 0, seed
        off = rng.randint(0, 2 * tolerance_nl(filling))
        if least - off >= 0:
            assert balance_at_change(filling, least - off).holds is (off <= tolerance_nl(filling)), seed
        assert balance_at_change(filling, most + off).holds is (off <= tolerance_nl(filling)), seed
        assert tolerance_nl(filling) >= DEAD_SPACE_NL


@pytest.mark.parametrize(
    ("syringe", "loaded_nl", "words"),
    [
        ("bd_6ml", 1_000_000, "unknown syringe 'bd_6ml'"),
        ("plain_2_5ml", 1_000_000, "bore is not known"),
        ("bd_5ml", 5_000_001, "at most 5 mL"),
        ("bd_5ml", 0, "more than 0 mL"),
    ],
)
@pytest.mark.hazard("HZ-45")
def test_a_filling_that_cannot_be_is_refused(syringe, loaded_nl, words):
    with pytest.raises(UsageError, match=words):
        syringe_for_filling(syringe, loaded_nl)


def test_a_syringe_may_be_filled_to_its_size():
    assert syringe_for_filling("bd_5ml", 5_000_000).geometry_id == 7
