"""A slot of the ring as a record and as an entry."""

from base64 import b64decode

import pytest

from meso_device.accounting import shots
from meso_device.accounting.clockmap import Label
from meso_device.accounting.entries import GunStamp
from meso_device.accounting.shots import ShotContext, read_slot, shot_entry
from tests.world.slots import EPOCH, UID, SlotMaker

GUN = GunStamp(gun_uid=UID.hex(), log_epoch=EPOCH, boot_id=1, firmware="1.0.0", cal_id=1, simulated=True)


def entry(raw, **context):
    return shot_entry(read_slot(UID, EPOCH, raw), GUN, Label(5, 1), ShotContext(**context))


@pytest.mark.invariant("I-05")
@pytest.mark.hazard("HZ-03")
def test_two_identical_shots_differ_by_their_number_alone():
    maker = SlotMaker()
    first, second = entry(maker.make(ticks_start_us=9)), entry(maker.make(ticks_start_us=9))
    assert first.key == f"shot/{UID.hex()}/{EPOCH}/1"
    assert second.key == f"shot/{UID.hex()}/{EPOCH}/2"


@pytest.mark.invariant("I-43")
def test_every_bit_flip_of_a_slot_is_refused():
    raw = SlotMaker().make()
    for bit in range(len(raw) * 8):
        damaged = bytearray(raw)
        damaged[bit // 8] ^= 1 << bit % 8
        assert read_slot(UID, EPOCH, bytes(damaged)) is None


def test_a_slot_of_an_older_epoch_is_no_record():
    assert read_slot(UID, EPOCH + 1, SlotMaker().make()) is None


@pytest.mark.invariant("I-19")
def test_a_dose_range_upside_down_is_no_record():
    assert read_slot(UID, EPOCH, SlotMaker().make(dose_lo_nl=2, dose_hi_nl=1)) is None


def test_the_entry_carries_the_slot_verbatim_and_its_grants_context():
    raw = SlotMaker().make(phase=3, reason=11, dose_lo_nl=0)
    made = entry(raw, session="ab" * 16, alias="cd" * 16, area_id="forehead", product="HYA", lot="7781")
    assert b64decode(made.payload["ring"]) == raw
    assert made.session == "ab" * 16
    assert made.payload["area"] == "forehead"
    assert (made.payload["phase"], made.payload["reason"]) == ("INTERRUPTED", "RESET")
    assert (made.payload["dose_lo_nl"], made.payload["dose_hi_nl"]) == (0, 20_000)


@pytest.mark.invariant("I-26")
@pytest.mark.hazard("HZ-23")
@pytest.mark.parametrize(("kind", "counts"), [(1, True), (2, True), (3, False), (4, False), (5, False)])
def test_only_treat_and_dry_count_against_the_patient(kind, counts):
    assert read_slot(UID, EPOCH, SlotMaker().make(kind=kind)).for_patient is counts


def test_a_reason_of_a_newer_firmware_is_kept_as_its_number():
    assert entry(SlotMaker().make(phase=2, reason=99)).payload["reason"] == "99"


@pytest.mark.invariant("I-05")
@pytest.mark.invariant("I-34")
def test_no_number_of_an_epoch_shares_its_key_with_another_at_any_width():
    numbers = [1, *(1 + (1 << bits) for bits in range(4, 32)), 0xFFFFFF00]
    assert len({shots.shot_key("00" * 12, 7, number) for number in numbers}) == len(numbers)
