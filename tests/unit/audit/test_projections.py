"""The derived tables say what the bodies say, whatever happened: a rebuild gives the same rows."""

import random
from base64 import b64decode

import apsw
import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Cap, ClockMapRow, CommitFailed
from meso_device.accounting.grants import Signers, write_off_entry
from meso_device.audit.derived_check import check_derived
from meso_device.audit.projections import difference, rebuild
from meso_device.audit.queries import grants_since_balance
from meso_device.audit.schema import PROJECTION_STATEMENTS
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, START_US, Clinic, batch, commit, record_hash8, stamp


def ledger(store, uid=GUN.gun_uid):
    return store.load_gun(uid, simulated=True)


def rebuilt_difference(store):
    fresh = apsw.Connection(":memory:")
    for statement in PROJECTION_STATEMENTS:
        fresh.execute(statement)
    rebuild(store._db, fresh)
    return difference(store._db, fresh)


@pytest.mark.invariant("I-44")
@pytest.mark.parametrize("seed", range(12))
def test_a_rebuild_gives_the_same_rows(store, seed):
    """Two guns and three sessions in random order, holes in the guns' logs and refused grants included."""
    rng = random.Random(seed)
    clinics = [Clinic(), Clinic(gun=replace(GUN, gun_uid="ff" * 12), session="77" * 16, lot="L2", area_code=9)]
    for clinic in clinics:
        commit(store, clinic.link_up(base_seq=rng.choice([0, 4])), clinic.opened())
    withheld = []
    for step in range(120):
        clinic = rng.choice(clinics)
        what = rng.randrange(15)
        if what < 5:
            shot = clinic.shot(rng.choice([0, 5_000, 20_000]), phase=rng.choice(["DONE", "INTERRUPTED"]))
            (withheld.append if rng.random() < 0.2 else lambda entry: commit(store, entry))(shot)
        elif what == 5:
            caps = (Cap(name="c", alias=ALIAS, limit_nl=rng.choice([0, 900_000])),)
            store.commit([clinic.grant(max_shots=rng.randrange(1, 9), caps=caps)], stamp(step))
        elif what == 6 and withheld:
            commit(store, withheld.pop(rng.randrange(len(withheld))))
        elif (
            what == 7
            and clinic.grant_no
            and store._db.execute(
                "SELECT 1 FROM grant_row JOIN gun ON gun.id = gun WHERE grant_no = ? AND gun_uid = ?",
                (clinic.grant_no, clinic.gun.gun_uid),
            ).fetchall()
        ):
            commit(store, clinic.grant_state(rng.choice(["live", "unknown", "closed"])))
        elif what == 8:
            head = ledger(store, clinic.gun.gun_uid).committed_seq
            payload = {"ok": rng.random() < 0.8, "odometer_nl": step, "shot_seq": head, "difference_nl": 0}
            commit(store, clinic.entry("mass_balance", f"mb/{step}", payload))
        elif what == 9:
            commit(store, clinic.entry("stop", f"stop/{step}", {"source": "key", "stop_no": step, "heard": False}))
        elif what == 10:
            commit(store, clinic.entry("finding.orphan", f"f/{step}", {"code": "orphan", "detail": ""}))
        elif what == 11:
            head = ledger(store, clinic.gun.gun_uid).committed_seq
            lost = {"from_seq": head + 1, "to_seq": head + rng.randrange(1, 3), "dose_hi_nl": 400_000}
            commit(store, clinic.entry("gap", f"gap/{step}", lost))
        elif what == 12:
            payload = {"odometer_nl": step, "shot_seq": ledger(store, clinic.gun.gun_uid).committed_seq}
            commit(store, clinic.entry("mass_balance.settled", f"mb/{step}", payload))
        elif what == 13 and step > 60:
            anew = Clinic(gun=replace(clinic.gun, log_epoch=clinic.gun.log_epoch + step), session=clinic.session)
            payload = {"base_seq": 0, "chain_hash8": anew.prev.hex(), "odometer_nl": step}
            commit(store, anew.entry("epoch.opened", f"epoch/{step}", payload))
        else:
            payload = {"boot_id": rng.randrange(4), "ticks_us": step, "utc_us": step, "error_us": 1, "at_mono_us": 1}
            commit(store, clinic.entry("clock.map", f"map/{step}", payload))
    assert rebuilt_difference(store) == ""
    check_derived(store._db)


def test_a_changed_derived_row_is_a_difference(store, clinic):
    commit(store, clinic.link_up(), clinic.shot())
    store._db.execute("UPDATE given SET dose_hi_nl = dose_hi_nl - 1")
    assert "table given" in rebuilt_difference(store)


def test_a_rebuild_in_place_mends_derived_rows(store, clinic):
    commit(store, clinic.link_up(), clinic.shot())
    store._db.execute("DELETE FROM shot")
    with store._db:
        rebuild(store._db, store._db)
    assert rebuilt_difference(store) == ""


def test_a_gun_never_seen_has_an_empty_ledger(store):
    empty = ledger(store)
    assert (empty.log_epoch, empty.committed_seq, empty.chain_hash8, empty.open_grants) == (0, 0, "", ())


def test_the_first_contact_sets_where_the_log_begins(store, clinic):
    commit(store, clinic.link_up(base_seq=40))
    assert (ledger(store).committed_seq, ledger(store).odometer_nl, ledger(store).odometer_seq) == (40, 1_000, 40)
    commit(store, clinic.shot())
    commit(store, replace(clinic.link_up(base_seq=3), key="link/again"))
    assert ledger(store).committed_seq == 41


def test_the_committed_number_follows_without_holes(store, clinic):
    commit(store, clinic.link_up())
    shots = [clinic.shot() for _ in range(6)]
    for entry, committed in ((0, 1), (2, 1), (3, 1), (1, 4), (5, 4), (4, 6)):
        commit(store, shots[entry])
        assert ledger(store).committed_seq == committed
        assert ledger(store).chain_hash8 == record_hash8(b64decode(shots[committed - 1].payload["ring"])).hex()


def test_a_recorded_gap_lets_later_shots_join_on(store, clinic):
    commit(store, clinic.link_up(), clinic.shot())
    for _ in range(3):
        clinic.shot()
    commit(store, clinic.shot())
    assert ledger(store).committed_seq == 1
    before = ledger(store)
    commit(store, clinic.entry("gap", "gap/1", {"from_seq": 2, "to_seq": 4, "dose_hi_nl": 600_000}))
    after = ledger(store)
    assert (after.committed_seq, after.findings) == (5, ())
    # The odometer may have moved by as much as they gave at most.
    assert (after.since_lo_nl, after.since_hi_nl) == (before.since_lo_nl, before.since_hi_nl + 600_000)


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
def test_a_log_begun_anew_is_the_ledger_from_its_signature_on(store, clinic):
    commit(store, clinic.link_up(), clinic.shot())
    later = Clinic(gun=replace(GUN, log_epoch=8))
    payload = {"base_seq": 0, "chain_hash8": "5a" * 8, "odometer_nl": 70_000}
    commit(store, later.entry("epoch.opened", "epoch/8", payload))
    begun = ledger(store)
    assert (begun.log_epoch, begun.committed_seq, begun.chain_hash8) == (8, 0, "5a" * 8)
    assert (begun.odometer_nl, begun.odometer_seq, begun.findings) == (70_000, 0, ())


@pytest.mark.invariant("I-20")
@pytest.mark.invariant("I-24")
def test_a_closed_grant_that_is_doubted_counts_its_rest_for_good(store, clinic):
    """What comes behind, a proof of its end included, does not take that back."""
    commit(store, clinic.link_up())
    store.commit([clinic.grant(max_shots=4, max_nl=80_000)], stamp())
    commit(store, clinic.shot(20_000), clinic.grant_state("closed"))
    cap = Cap(name="patient", alias=ALIAS, limit_nl=80_000)
    [row] = grants_since_balance(store._db, GUN.gun_uid, GUN.log_epoch)
    assert (row.state, row.used_shots, row.used_nl) == ("closed", 1, 20_000)
    signers = Signers(first="a1" * 16, first_role="technician", second="b2" * 16, second_role="administrator")
    written_off = write_off_entry(row, GUN, signers, "looked_at")
    assert (written_off.payload["shots_hi"], written_off.payload["dose_hi_nl"]) == (3, 60_000)
    commit(store, written_off, replace(clinic.grant_state("closed"), key="again"))
    [result] = store.commit([clinic.grant(max_nl=1, caps=(cap,))], stamp())
    assert (result.used_nl, result.held_nl) == (20_000, 60_000)
    assert [grant.grant_no for grant in ledger(store).written_off] == [1]


@pytest.mark.invariant("I-29")
def test_only_grants_since_the_last_balance_that_held_are_doubted(store, clinic):
    commit(store, clinic.link_up())
    for shots in (2, 1):
        store.commit([clinic.grant()], stamp())
        commit(store, *[clinic.shot() for _ in range(shots)])
        payload = {"ok": shots == 2, "odometer_nl": 0, "shot_seq": clinic.shot_seq, "difference_nl": 0}
        commit(store, clinic.entry("mass_balance", f"mb/{shots}", payload))
    assert [row.grant_no for row in grants_since_balance(store._db, GUN.gun_uid, GUN.log_epoch)] == [2]
    commit(store, clinic.entry("mass_balance.settled", "mb/s", {"odometer_nl": 9, "shot_seq": clinic.shot_seq}))
    assert (ledger(store).odometer_nl, ledger(store).odometer_seq, ledger(store).since_hi_nl) == (9, 3, 0)
    assert grants_since_balance(store._db, GUN.gun_uid, GUN.log_epoch) == ()


def test_a_new_epoch_is_the_ledger_from_its_first_contact_on(store, clinic):
    commit(store, clinic.link_up(), clinic.shot())
    store.commit([clinic.grant()], stamp())
    later = Clinic(gun=replace(GUN, log_epoch=8))
    commit(store, later.link_up())
    assert (ledger(store).log_epoch, ledger(store).committed_seq, ledger(store).last_grant_no) == (8, 0, 0)
    assert [grant.grant_no for grant in ledger(store).open_grants] == [1]


def test_open_grants_tell_what_they_may_still_cost(store, clinic):
    commit(store, clinic.link_up())
    store.commit([clinic.grant(max_shots=4, max_nl=80_000)], stamp())
    commit(store, clinic.shot(), clinic.shot(7_000))
    [grant] = ledger(store).open_grants
    assert (grant.state, grant.used_shots, grant.used_nl) == ("prepared", 2, 27_000)
    assert (grant.session, grant.alias, grant.area, grant.op, grant.kind) == (SESSION, ALIAS, "forehead", "practice", 1)
    commit(store, clinic.grant_state("live"))
    assert ledger(store).open_grants[0].state == "live"
    commit(store, clinic.grant_state("closed"))
    assert (ledger(store).open_grants, ledger(store).last_grant_no) == ((), 1)
    commit(store, clinic.grant_state("unknown"))
    assert ledger(store).open_grants == ()


def test_a_written_off_grant_is_no_longer_open_but_holds_its_rest(store, clinic):
    commit(store, clinic.link_up())
    store.commit([clinic.grant(max_shots=4, max_nl=80_000)], stamp())
    commit(store, clinic.entry("write_off", "write_off/1", {"grant_no": 1, "reason": "gun lost"}))
    assert ledger(store).open_grants == ()
    cap = Cap(name="patient", alias=ALIAS, limit_nl=100_000)
    [result] = store.commit([clinic.grant(max_nl=20_001, caps=(cap,))], stamp())
    assert result.held_nl == 80_000


def test_a_finding_is_open_until_it_is_closed(store, clinic):
    commit(store, clinic.link_up())
    commit(store, clinic.entry("finding.gap", "f/1", {"code": "gap", "detail": "x"}))
    commit(store, clinic.entry("counter_regression", "f/2", {"code": "counter_regression", "detail": "x"}))
    assert ledger(store).findings == ("gap", "counter_regression")
    assert ledger(store, "ff" * 12).findings == ()
    commit(store, clinic.entry("finding.closed", "fc/1", {"finding": "f/1", "reason": "x"}))
    assert ledger(store).findings == ("counter_regression",)
    [result] = store.commit([batch(clinic.entry("finding.closed", "fc/2", {"finding": "none"}))], stamp())
    assert isinstance(result, CommitFailed)


@pytest.mark.invariant("I-46")
def test_a_stop_stays_unheard_until_the_gun_answers(store, clinic):
    commit(store, clinic.link_up())
    for number in (1, 2):
        commit(store, clinic.entry("stop", f"stop/{number}", {"source": "key", "stop_no": number, "heard": False}))
    assert ledger(store).unheard_stop
    assert not ledger(store, "ff" * 12).unheard_stop
    commit(store, clinic.entry("stop.heard", "heard/1", {"stop_no": 2}))
    assert not ledger(store).unheard_stop


@pytest.mark.invariant("I-46")
def test_a_stop_pressed_with_no_gun_is_for_the_next_gun(store, clinic):
    commit(store, clinic.entry("stop", "stop/1", {"source": "key", "stop_no": 1, "heard": False}, gun=None))
    assert ledger(store).unheard_stop
    commit(store, clinic.link_up(), clinic.entry("stop.heard", "heard/1", {"stop_no": 1}))
    assert not ledger(store).unheard_stop


def test_sums_since_the_last_balance_start_anew_with_it(store, clinic):
    commit(store, clinic.link_up(), clinic.shot(), clinic.shot(6_000, dose_lo_nl=0))
    assert (ledger(store).since_lo_nl, ledger(store).since_hi_nl) == (20_000, 26_000)
    payload = {"ok": True, "odometer_nl": 27_000, "shot_seq": 1, "difference_nl": 0}
    commit(store, clinic.entry("mass_balance", "mb/1", payload))
    assert (ledger(store).odometer_nl, ledger(store).odometer_seq) == (27_000, 1)
    assert (ledger(store).since_lo_nl, ledger(store).since_hi_nl) == (0, 6_000)
    commit(store, clinic.entry("mass_balance", "mb/2", {**payload, "shot_seq": 2}))
    commit(store, clinic.shot(1_000))
    assert ledger(store).since_hi_nl == 1_000
    commit(store, clinic.entry("mass_balance", "mb/3", {**payload, "shot_seq": 3, "ok": False}))
    assert ledger(store).odometer_seq == 2


@pytest.mark.invariant("I-36")
def test_the_newest_map_of_each_boot_is_kept(store, clinic):
    commit(store, clinic.link_up())
    for number, boot_id in enumerate([1, 2, 1, *range(3, 12)]):
        payload = {"boot_id": boot_id, "ticks_us": number, "utc_us": number, "error_us": 5, "at_mono_us": 1}
        commit(store, clinic.entry("clock.map", f"map/{number}", payload))
    maps = ledger(store).clock_maps
    assert [row.boot_id for row in maps] == list(range(4, 12))
    assert maps[-1] == ClockMapRow(boot_id=11, ticks_us=11, utc_us=11, error_us=5)


def test_the_last_contact_is_the_newest_sign_of_the_gun(store, clinic):
    commit(store, clinic.link_up(), at_us=100)
    assert ledger(store).last_contact_us == START_US + 100
    commit(store, clinic.shot(at_us=START_US + 700, at_err_us=50))
    assert ledger(store).last_contact_us == START_US + 650
    commit(store, clinic.entry("link.down", "down/1", {"cause": "x"}), at_us=900)
    assert ledger(store).last_contact_us == START_US + 900
