"""A clock that is set ahead opens no window early, and one that is set back keeps what was given inside."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Cap, CapExceeded
from meso_device.audit import canonical
from meso_device.audit.clock_watch import ClockWatch
from meso_device.audit.facts import clinic_facts, lot_of
from tests.unit.audit.clinic import ALIAS, SESSION, START_US, Clinic, batch, commit, stamp

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def at(real_us, *, ahead_us=0, boot="boot-1"):
    """A stamp at a moment of real time, by a clock that is so far ahead."""
    return replace(stamp(real_us, boot), ts_us=START_US + real_us + ahead_us)


def treated(store, clinic, real_us, *, ahead_us=0, label_ahead_us=None):
    """One injection of a grant of its own, labelled by the clock as it was when its map was made."""
    store.commit([clinic.grant(max_shots=1, max_nl=1_000)], at(real_us, ahead_us=ahead_us))
    label_us = START_US + real_us + (ahead_us if label_ahead_us is None else label_ahead_us)
    store.commit([batch(clinic.shot(1_000, at_us=label_us, at_err_us=0))], at(real_us, ahead_us=ahead_us))


def given_today(store, clinic, real_us, *, ahead_us, boot="boot-1"):
    """Injections that count in the last 24 hours, by what a cap for none more says; 0 if it lets one through."""
    now = at(real_us, ahead_us=ahead_us, boot=boot)
    cap = Cap(name="24 hours", alias=ALIAS, since_us=now.ts_us - DAY_US, limit_shots=1)
    [result] = store.commit([clinic.grant(max_shots=1, max_nl=1_000, caps=(cap,))], now)
    return result.used_shots if isinstance(result, CapExceeded) else 0


def steps(store):
    rows = store._db.execute("SELECT body FROM record WHERE kind = 'clock.step' ORDER BY seq")
    return [canonical.decode(body)["step_us"] for (body,) in rows]


@pytest.mark.hazard("HZ-14")
@pytest.mark.hazard("HZ-27")
@pytest.mark.invariant("I-35")
@pytest.mark.invariant("I-38")
@pytest.mark.parametrize("step_us", [DAY_US, -DAY_US, 366 * DAY_US])
@pytest.mark.parametrize("restart", [False, True])
def test_a_stepped_clock_frees_no_cap_and_a_day_that_has_passed_does(store, step_us, restart):
    clinic = Clinic()
    commit(store, clinic.link_up())
    treated(store, clinic, HOUR_US)
    if restart:
        store = store.restarted(at(2 * HOUR_US, ahead_us=step_us))
    assert given_today(store, clinic, 24 * HOUR_US, ahead_us=step_us) == 1
    assert steps(store) == [step_us]
    if step_us > 0:
        assert given_today(store, clinic, 26 * HOUR_US, ahead_us=step_us) == 0


@pytest.mark.hazard("HZ-34")
@pytest.mark.hazard("HZ-43")
@pytest.mark.invariant("I-38")
@pytest.mark.parametrize(("step_us", "set_back_us"), [(-40 * DAY_US, 40 * DAY_US), (40 * DAY_US, 0)])
def test_a_clock_set_back_makes_no_needle_younger_and_no_lot_fresh_until_it_is_listed_again(
    store, step_us, set_back_us
):
    clinic = Clinic()
    listing = {"product": "HA mix", "lot": "L1", "expiry_day": 1, "ingredients": [], "viscosity_upa_s": 0, "maker": ""}

    def lot(key, real_us, ahead_us=0):
        store.commit([batch(clinic.entry("lot.listed", key, listing))], at(real_us, ahead_us=ahead_us))
        return lot_of(store._db, "HA mix", "L1")

    assert lot("lot/1", HOUR_US).set_back_us == 0
    needle = clinic.entry("needle.changed", "needle/1", {"part": "needle", "serial": "N 1", "type_id": 5})
    store.commit([batch(needle)], at(HOUR_US))
    later_us = 2 * HOUR_US
    store.commit([batch(clinic.entry("alarm.raised", "alarm/1", {}))], at(later_us, ahead_us=step_us))
    assert lot_of(store._db, "HA mix", "L1").set_back_us == set_back_us
    facts = clinic_facts(
        store._db, session=SESSION, alias=ALIAS, gun_uid=clinic.gun.gun_uid, digest="", products=("HA mix",)
    )
    assert facts.needle.fitted_us == START_US + HOUR_US - set_back_us
    assert lot("lot/2", later_us, step_us).set_back_us == 0


@pytest.mark.hazard("HZ-14")
@pytest.mark.invariant("I-35")
def test_a_shot_that_is_labelled_by_a_map_from_before_the_step_counts_for_its_day(store):
    clinic = Clinic()
    commit(store, clinic.link_up())
    treated(store, clinic, HOUR_US, ahead_us=DAY_US, label_ahead_us=0)
    assert given_today(store, clinic, 2 * HOUR_US, ahead_us=DAY_US) == 1


@pytest.mark.hazard("HZ-14")
@pytest.mark.invariant("I-37")
def test_from_one_boot_to_the_next_only_a_clock_before_the_last_record_is_a_step(store):
    clinic = Clinic()
    commit(store, clinic.link_up())
    treated(store, clinic, HOUR_US)
    store = store.restarted(at(5, ahead_us=-DAY_US, boot="boot-2"))
    assert steps(store) == [5 - DAY_US - HOUR_US]
    assert given_today(store, clinic, 10, ahead_us=2 * HOUR_US, boot="boot-2") == 1
    assert len(steps(store)) == 2


def test_what_a_clock_gains_little_by_little_is_a_step_once_it_is_one():
    watch = ClockWatch(START_US, 0, "boot-1")
    assert [watch.step_us(at(second, ahead_us=second * 600_000)) for second in range(1, 9)] == [
        0, 0, 0, 2_400_000, 0, 0, 0, 2_400_000,
    ]  # fmt: skip
