"""What two people can sign for, what it costs the caps, and what comes first."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.balance import Balance
from meso_device.accounting.book import stamp_of_hello
from meso_device.accounting.entries import GunLedger, OpenGrant
from meso_device.accounting.findings import LASTING, FindingCode, check_hello
from meso_device.accounting.materials import Actor
from meso_device.accounting.settlement import (
    Lost,
    OpenFinding,
    Settlement,
    closable,
    doubted,
    epoch_entry,
    gap_entry,
    kept_of,
    must_begin_anew,
    settled_entries,
    was_changed,
)
from protocols.errors import MesoError, UsageError
from tests.world.slots import EPOCH, UID, SlotMaker, hello

OLD = EPOCH - 1
BY = Actor(op="0a" * 16, role="technician", utc_us=5)
GRANT = OpenGrant(
    grant_no=1, kind=1, session="", area_code=3, max_shots=9, max_nl=90_000, state="unknown", log_epoch=EPOCH
)
AHEAD, BEHIND = Balance(900, 3, 700, 260), Balance(100, 3, -700, 260)


def found(code, log_epoch=EPOCH, seq=10):
    return OpenFinding(key=f"f/{code}/{seq}", code=FindingCode(code), log_epoch=log_epoch, seq=seq)


def ledger(**more):
    return GunLedger(gun_uid=UID.hex(), **({"log_epoch": EPOCH, "committed_seq": 3} | more))


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-28")
@pytest.mark.parametrize("code", ["conflict", "counter_regression"])
def test_a_log_that_contradicts_the_one_here_is_never_believed_again(code):
    assert must_begin_anew([found(code)], hello(), known_seq=1, newest=EPOCH)
    assert not must_begin_anew([found(code, OLD)], hello(), known_seq=None, newest=OLD)


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
def test_an_epoch_that_was_closed_does_not_come_back():
    change = found("epoch.changed", seq=10)
    assert must_begin_anew([change], hello(), known_seq=2, newest=EPOCH)
    assert must_begin_anew([change], hello(), known_seq=2, newest=OLD)
    # New, and met at a connection since.
    assert not must_begin_anew([change], hello(), known_seq=11, newest=EPOCH)
    assert not must_begin_anew([found("gap")], hello(), known_seq=2, newest=EPOCH)


def test_a_log_is_signed_for_once_it_is_another_than_the_newest_here():
    assert was_changed([], hello(), ledger(log_epoch=OLD))
    assert was_changed([found("epoch.changed")], hello(), ledger())
    assert not was_changed([found("gap")], hello(), ledger())


@pytest.mark.invariant("I-29")
def test_a_balance_begins_where_the_log_has_been_read():
    balance, gap = found("mass_balance"), found("gap")
    assert closable([balance], hello(head_seq=3), ledger()) == (balance,)
    assert closable([balance, gap], hello(head_seq=5), ledger()) == (gap,)
    with pytest.raises(MesoError, match="connect it first"):
        closable([balance], hello(head_seq=5), ledger())
    # Of a log that has ended there is nothing left to be read; of the new one all has to be.
    of_old = found("mass_balance", OLD)
    assert closable([of_old], hello(), ledger(log_epoch=OLD)) == (of_old,)
    with pytest.raises(MesoError, match="connect it first"):
        closable([of_old], hello(head_seq=1), ledger(log_epoch=OLD))


@pytest.mark.invariant("I-20")
@pytest.mark.invariant("I-24")
@pytest.mark.parametrize(
    ("code", "log_epoch", "balance", "counted"),
    [
        ("gap", EPOCH, None, ["open", "stranded"]),
        ("epoch.changed", EPOCH, None, ["stranded"]),
        ("mass_balance", EPOCH, AHEAD, ["stranded", "open", "closed"]),
        ("mass_balance", EPOCH, BEHIND, ["stranded"]),
        ("mass_balance", OLD, None, ["stranded", "closed_of_old"]),
        ("conflict", OLD, None, ["stranded", "closed_of_old"]),
        ("counter_regression", OLD, None, ["stranded", "closed_of_old"]),
    ],
)
def test_what_a_doubtful_log_may_have_given_counts_and_what_is_proven_does_not(code, log_epoch, balance, counted):
    rows = {
        "open": GRANT,
        "stranded": replace(GRANT, grant_no=2, log_epoch=OLD),
        "closed": replace(GRANT, grant_no=3, state="closed"),
        "closed_of_old": replace(GRANT, grant_no=4, state="closed", log_epoch=OLD),
        "used_up": replace(GRANT, grant_no=5, state="closed", used_shots=9, used_nl=90_000),
        "primed": replace(GRANT, grant_no=6, state="closed", kind=3),
        "written_off": replace(GRANT, grant_no=7, state="written_off"),
    }
    open_grants = [rows["open"], rows["stranded"]]
    since = [rows[name] for name in rows if name != "stranded"]
    got = doubted([found(code, log_epoch)], EPOCH, open_grants, since, balance)
    assert {row.grant_no for row in got} == {rows[name].grant_no for name in counted}


@pytest.mark.invariant("I-19")
def test_lost_records_are_booked_at_the_most_that_a_gun_can_give():
    lost = Lost(from_seq=4, to_seq=6)
    entry = gap_entry(lost, stamp_of_hello(hello()), BY, "memory")
    told = {name: entry.payload[name] for name in ("from_seq", "to_seq", "shots_hi", "dose_lo_nl", "dose_hi_nl")}
    assert told == {"from_seq": 4, "to_seq": 6, "shots_hi": 3, "dose_lo_nl": 0, "dose_hi_nl": 600_000}
    whole = SlotMaker().make()
    assert kept_of(UID, EPOCH, 1, whole).dose_hi_nl == 20_000
    for damaged in (
        kept_of(UID, EPOCH, 2, whole),
        kept_of(UID, EPOCH, 1, bytes([*whole[:28], whole[28] ^ 1, *whole[29:]])),
    ):
        assert damaged.dose_hi_nl == 200_000


@pytest.mark.invariant("I-34")
def test_the_next_connection_finds_the_gun_as_it_was_signed_for():
    seen = hello(odometer_nl=500)
    entry = epoch_entry(seen, ledger(log_epoch=OLD), (OLD, 3), stamp_of_hello(seen), BY)
    assert (entry.payload["old_epoch"], entry.payload["old_committed_seq"]) == (OLD, 3)
    after = ledger(committed_seq=entry.payload["base_seq"], chain_hash8=entry.payload["chain_hash8"])
    assert check_hello(seen, after, "") == []


def test_every_finding_that_is_signed_for_is_closed_by_its_key():
    findings = tuple(found(code, seq=seq) for seq, code in enumerate(sorted(LASTING)))
    settled, *closed = settled_entries(Settlement(findings=findings), UID.hex(), BY, "looked_at", orphans=(2, 3, 4))
    assert [one.payload["finding"] for one in closed] == settled.payload["findings"] == [one.key for one in findings]
    assert (settled.payload["shots"], settled.payload["dose_lo_nl"], settled.payload["dose_hi_nl"]) == (2, 3, 4)
    assert len({settled.key, *(one.key for one in closed)}) == len(findings) + 1
    with pytest.raises(UsageError):
        settled_entries(Settlement(findings=findings), UID.hex(), BY, "Not a code")
