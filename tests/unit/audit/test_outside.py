"""What is kept outside of the computer, as the records say, and what the clinic asks for."""

from contextlib import closing

import pytest

from meso_device.accounting.clinic import Outside
from meso_device.accounting.entries import Entry
from meso_device.audit.checkpoint import read_unsigned
from meso_device.audit.database import open_for_reading
from meso_device.audit.outside import (
    Required,
    Where,
    kept_entry,
    newest_kept,
    outside_at_opening,
    required,
    required_entry,
)
from meso_device.audit.store import Store
from protocols.units import DAY_US
from tests.unit.audit.clinic import SESSION, START_US, Clinic, commit, stamp


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "home", software="0.1.0", stamp=stamp())
    yield store
    store.close(stamp())


@pytest.fixture
def db(store, tmp_path):
    with closing(open_for_reading(tmp_path / "home" / "audit.db")) as db:
        yield db


def ask(store, db, **most):
    commit(store, required_entry(db, Required(**most), op="ada", role="administrator"))


def keep(store, number, at_us, where=Where.COPY):
    head = read_unsigned(store.newest_checkpoint())
    commit(store, kept_entry(head, where, number, op="tom", role="technician"), at_us=at_us)
    return head.size


def test_nothing_is_looked_up_where_the_clinic_asks_for_nothing(store, db):
    assert (required(db), newest_kept(db)) == (Required(), None)
    assert outside_at_opening(db, "no such session") is None
    ask(store, db, records_max=5)
    ask(store, db)
    assert outside_at_opening(db, "no such session") is None


def test_the_newest_of_many_demands_holds(store, db):
    for days in range(1, 13):
        ask(store, db, days_max=days)
        assert required(db) == Required(days_max=days)


def notices(home, at_us):
    store = Store.open(home, software="0.1.0", stamp=stamp(at_us))
    store.close(stamp(at_us))
    return store.notices


@pytest.mark.hazard("HZ-25")
@pytest.mark.parametrize(("most", "says"), [({"records_max": 100}, "of 100 records"), ({"days_max": 10}, "of 10 days")])
def test_whoever_starts_is_told_before_the_rule_holds_a_session_up(tmp_path, most, says):
    home, days = tmp_path / "home", 0
    store = Store.open(home, software="0.1.0", stamp=stamp())
    ask(store, store._db, **most)
    keep(store, "1", 0)
    store.close(stamp())
    assert notices(home, 0) == ()
    told = held_up = None
    for days in range(1, 60):
        found = notices(home, days * DAY_US // 4)
        with closing(open_for_reading(home / "audit.db")) as db:
            outside = outside_at_opening(db, SESSION)
        told = told or (days if found else None)
        held_up = held_up or (days if outside.too_many or outside.too_old else None)
        assert not found or says in found[0]
    assert told < held_up
    store = Store.open(home, software="0.1.0", stamp=stamp(20 * DAY_US))
    keep(store, "2", 20 * DAY_US)
    store.close(stamp(20 * DAY_US))
    assert notices(home, 20 * DAY_US) == ()


@pytest.mark.hazard("HZ-25")
def test_records_and_age_are_those_at_the_opening_whatever_the_session_adds(store, db):
    clinic = Clinic()
    ask(store, db, records_max=9, days_max=7)
    commit(store, clinic.link_up())
    opened_at = store.size
    commit(store, clinic.opened(), at_us=3 * DAY_US)
    found = outside_at_opening(db, SESSION)
    assert found == Outside(records=opened_at, age_us=3 * DAY_US, records_max=9, days_max=7)
    for _ in range(20):
        commit(store, clinic.shot(), at_us=4 * DAY_US)
    assert outside_at_opening(db, SESSION) == found


def test_what_went_outside_counts_up_to_its_checkpoint_also_during_the_session(store, db):
    clinic = Clinic()
    ask(store, db, records_max=9)
    size = keep(store, "a", DAY_US)
    assert newest_kept(db).at_us == START_US + DAY_US
    commit(store, clinic.link_up())
    opened_at = store.size
    commit(store, clinic.opened(), at_us=3 * DAY_US)
    found = outside_at_opening(db, SESSION)
    assert (found.records, found.age_us) == (opened_at - size, 2 * DAY_US)
    assert keep(store, "b", 4 * DAY_US, Where.COLLECTOR) > opened_at
    assert newest_kept(db).where is Where.COLLECTOR
    assert outside_at_opening(db, SESSION).records < 0


def test_an_older_checkpoint_that_is_handed_out_later_takes_nothing_back(store, db):
    old = read_unsigned(store.newest_checkpoint())
    commit(store, Clinic().link_up(), Clinic().opened())
    newer = keep(store, "a", 0)
    commit(store, kept_entry(old, Where.FILE, "b"))
    assert old.size < newer == newest_kept(db).size


def test_a_clock_that_was_set_back_makes_no_checkpoint_younger(store, db):
    clinic = Clinic()
    ask(store, db, days_max=7)
    keep(store, "a", 0)
    commit(store, Entry(kind="clock.step", key="clock/1", payload={"step_us": -5 * DAY_US}))
    commit(store, clinic.link_up())
    commit(store, clinic.opened(), at_us=DAY_US)
    assert outside_at_opening(db, SESSION).age_us == 6 * DAY_US
