"""Lots, cartridges and cleaning as records: one spelling for one thing, and nothing that must not be."""

import random
import string
from datetime import date

import pytest

from meso_device.accounting.cartridges import balance_at_change
from meso_device.accounting.clinic import Cartridge
from meso_device.accounting.materials import (
    Actor,
    Filling,
    GunPart,
    Listing,
    RinseMedium,
    cartridge_fitted,
    cartridge_removed,
    checked_code,
    checked_gun_uid,
    checked_lot,
    checked_product,
    day_text,
    expiry_day,
    key_part,
    lot_blocked,
    lot_listed,
    lot_unblocked,
    part_fitted,
    reprocessed,
    rinse_medium,
    wasted,
)
from meso_device.audit.records import Stamp, build
from protocols.errors import UsageError
from protocols.units import day_of

BY = Actor(op="01" * 16, role="clinician", utc_us=1_700_000_000_000_000)
UID = "00112233445566778899aabb"
LISTING = Listing(product="HA mix é", lot="L 1/2", expiry_day=20_000, ingredients=("HA",))


@pytest.mark.hazard("HZ-42")
@pytest.mark.parametrize("word", ["tap_water", "tap water", "tap-water", "Tap_Water", "tap", "water"])
def test_tap_water_is_refused_before_anything_is_recorded(word):
    with pytest.raises(UsageError, match="tap water refused"):
        rinse_medium(word)


def test_a_rinse_is_one_of_the_known():
    assert [rinse_medium(word) for word in ("sterile_water", "saline", "none")] == list(RinseMedium)
    with pytest.raises(UsageError, match="sterile_water, saline, none"):
        rinse_medium("milk")


@pytest.mark.hazard("HZ-43")
@pytest.mark.parametrize("lot", ["", " ", "L\N{CYRILLIC SMALL LETTER A}1", "L1\n2\x00", "-L1", "L" * 41, "L\u200b1"])
def test_a_lot_that_could_be_mistaken_for_another_is_refused(lot):
    with pytest.raises(UsageError, match="lot"):
        checked_lot(lot)


def test_texts_have_one_form():
    assert checked_lot("  L1   a ") == "L1 a"
    assert checked_product(" HA   mix ") == "HA mix"
    assert checked_gun_uid(UID.upper()) == UID
    for refused in (lambda: checked_product("\x1b[1m"), lambda: checked_gun_uid("x"), lambda: checked_code("r", "A b")):
        with pytest.raises(UsageError, match="refused"):
            refused()


def test_a_listing_needs_ingredients_for_the_check_against_allergies():
    with pytest.raises(UsageError, match="--ingredient"):
        Listing(product="p", lot="L1", expiry_day=1, ingredients=()).checked()
    checked = Listing(product=" p  q", lot="L1 ", expiry_day=1, ingredients=("HA ", "HA", "b")).checked()
    assert (checked.product, checked.lot, checked.ingredients) == ("p q", "L1", ("HA", "b"))


def test_the_last_day_is_the_one_on_the_package():
    rng = random.Random(3)
    for _ in range(200):
        day = date.fromordinal(rng.randrange(date(1971, 1, 1).toordinal(), date(2200, 1, 1).toordinal()))
        assert day_text(expiry_day(day.isoformat())) == day.isoformat()
        last = date.fromisoformat(day_text(expiry_day(f"{day:%Y-%m}")))
        assert (last.year, last.month) == (day.year, day.month)
        assert date.fromordinal(last.toordinal() + 1).day == 1
    assert day_of(BY.utc_us) == expiry_day("2023-11-14")


@pytest.mark.parametrize(
    "text",
    ["", "2027", "2027-13", "2027-02-30", "1969-12-31", "27-01-01", "2027-1-1", "\N{ARABIC-INDIC DIGIT TWO}027-01"],
)
def test_a_date_in_another_form_is_refused(text):
    with pytest.raises(UsageError, match="YYYY-MM-DD"):
        expiry_day(text)


def test_keys_of_other_texts_are_other_keys():
    rng = random.Random(5)
    letters = string.printable + "éµ✓"
    texts = {"".join(rng.choices(letters, k=rng.randrange(1, 90))) for _ in range(2_000)}
    keys = {key_part(text) for text in texts}
    assert len(keys) == len(texts)
    assert all(key.isascii() and "/" not in key and " " not in key and len(key) <= 60 for key in keys)


def entries():
    cartridge = Cartridge(
        cartridge="ca" * 16, syringe="bd_5ml", geometry_id=7, product="p", lot="L1", loaded_nl=10, patient_lo_nl=0,
        patient_hi_nl=0, prime_nl=0, waste_nl=0,
    )  # fmt: skip
    filling = Filling(
        cartridge="ca" * 16, syringe="bd_5ml", geometry_id=7, product="p" * 400, lot="L1", loaded_nl=4_000_000
    )
    return [
        lot_listed(LISTING, BY),
        lot_listed(LISTING, BY, correction="misread"),
        lot_blocked("é" * 400, "L1", "recalled", BY),
        lot_unblocked("p", "L1", "tested", BY),
        cartridge_fitted(filling, UID, BY),
        cartridge_removed("ca" * 16, 0, balance_at_change(cartridge, 10), UID, BY, reason="leak"),
        wasted("ca" * 16, 5, "spill", BY),
        part_fitted("needle", "N 1", 5, session="5e" * 16, alias="a1" * 16, by=BY),
        part_fitted("head", "H 1", 5, session="5e" * 16, alias="a1" * 16, by=BY),
        reprocessed(UID, part=GunPart.GUN, agent="a", lot="A 1", medium=RinseMedium.SALINE, method="wiped", by=BY),
    ]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.kind)
def test_each_of_them_is_a_record(entry):
    stamp = Stamp(ts_us=1, mono_us=1, boot="b", clock="synced")
    record = build(entry, seq=1, prev=bytes(32), stamp=stamp, nonce=bytes(16), origin="meso/x", software="1")
    assert (record.fields["op"], record.fields["role"]) == (BY.op, BY.role)


def test_a_listing_comes_once_and_a_correction_again():
    plain, corrected = lot_listed(LISTING, BY), lot_listed(LISTING, BY, correction="misread")
    assert plain.key == lot_listed(LISTING, Actor(op="02" * 16, role="technician", utc_us=5)).key
    assert plain.key != corrected.key
    assert "reason" not in plain.payload
