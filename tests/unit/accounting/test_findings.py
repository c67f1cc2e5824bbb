"""What HELLO alone gives away."""

import pytest

from meso_device.accounting.entries import GunLedger
from meso_device.accounting.findings import LASTING, FindingCode, check_hello, locked_line, open_findings
from meso_device.accounting.identity import identity_of
from tests.world.slots import EPOCH, UID, hello


def known(**more):
    base = {"log_epoch": EPOCH, "committed_seq": 10, "chain_hash8": "22" * 8}
    return GunLedger(gun_uid=UID.hex(), **(base | more))


HEALTHY = {"head_seq": 10, "released_seq": 10, "oldest_seq": 1, "chain_head8": b"\x22" * 8}


def codes(ledger, bound="", **changes):
    return [finding.code for finding in check_hello(hello(**(HEALTHY | changes)), ledger, bound)]


def test_a_healthy_gun_gives_no_finding():
    assert codes(known()) == []
    assert codes(GunLedger(gun_uid=UID.hex())) == []


@pytest.mark.invariant("I-32")
@pytest.mark.hazard("HZ-18")
def test_another_gun_than_the_bound_one_is_found():
    assert codes(known(), bound="ff" * 12) == [FindingCode.GUN_CHANGED]
    assert codes(known(), bound=UID.hex()) == []


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-28")
def test_a_head_below_what_is_committed_or_was_released_is_a_regression():
    assert codes(known(), head_seq=9, released_seq=9) == [FindingCode.COUNTER_REGRESSION]
    assert codes(GunLedger(gun_uid=UID.hex()), head_seq=9) == [FindingCode.COUNTER_REGRESSION]


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
def test_a_new_epoch_waits_for_a_signature():
    assert codes(known(), log_epoch=EPOCH + 1) == [FindingCode.EPOCH]


@pytest.mark.invariant("I-34")
def test_records_overwritten_before_they_were_read_are_a_gap():
    assert codes(known(), head_seq=30, oldest_seq=12) == [FindingCode.GAP]
    assert codes(known(), head_seq=30, oldest_seq=11) == []


@pytest.mark.invariant("I-06")
def test_the_same_number_with_another_hash_is_a_conflict():
    assert codes(known(), chain_head8=b"another!") == [FindingCode.CONFLICT]


@pytest.mark.hazard("HZ-32")
def test_a_firmware_that_describes_its_messages_otherwise_is_read_only():
    assert codes(known(), descriptor_hash8=bytes(8)) == [FindingCode.DESCRIPTOR]


def test_a_gun_that_cannot_account_exactly_is_refused():
    assert codes(known(), accounting_level=ord("B")) == [FindingCode.LEVEL]


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-36")
def test_real_and_simulated_records_do_not_share_a_directory():
    assert codes(known(other_simulated=True)) == [FindingCode.OTHER_KIND]


@pytest.mark.hazard("HZ-19")
@pytest.mark.hazard("HZ-32")
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("serial", "X-1", "serial number"),
        ("model", "OTHER", "model"),
        ("hw_rev", 9, "hardware revision"),
        ("fw_patch", 9, "firmware"),
        ("fw_hash8", b"another!", "hash of the firmware"),
    ],
)
def test_a_gun_that_is_another_than_was_registered_is_found_until_somebody_accepts_it(field, value, said):
    registered = known(identity=identity_of(hello(**HEALTHY)))
    assert codes(registered) == []
    [found] = check_hello(hello(**(HEALTHY | {field: value})), registered, "")
    assert found.code is FindingCode.IDENTITY
    assert found.code in LASTING
    assert f"registered: {said} " in found.text
    assert codes(known(), **{field: value}) == []


@pytest.mark.hazard("HZ-26")
@pytest.mark.parametrize("code", sorted(LASTING))
@pytest.mark.parametrize("told", [locked_line, lambda codes: open_findings(known(findings=codes))[0].line])
def test_whoever_meets_a_locked_gun_is_told_what_people_do_about_it(told, code):
    line = told((code.value,))
    assert code.value in line
    assert ("meso service check" if code is FindingCode.IDENTITY else "meso service settle") in line
    assert "\n" not in line


def test_two_findings_with_one_way_out_name_it_once():
    assert locked_line(("conflict", "counter_regression")).count("meso service settle") == 1
