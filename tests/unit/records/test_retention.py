"""Who is past the period: never a day early, never while something is open, and a late reaction begins it anew."""

import random

import pytest

from meso_device.records.retention import YEARS, checked_years, expired, last_known
from protocols.errors import UsageError
from tests.unit.audit.clinic import ALIAS, START_US, Clinic, commit
from tests.unit.records.treated import treat

YEAR_US = 365 * 86_400_000_000
PERIOD_US = YEARS * 366 * 86_400_000_000


@pytest.mark.parametrize("seed", range(5))
def test_who_is_expired_was_silent_for_the_whole_period_and_nobody_else(seed):
    rng = random.Random(seed)
    enrolled = {f"{number:032x}": rng.randrange(30 * YEAR_US) for number in range(200)}
    last = {alias: rng.randrange(30 * YEAR_US) for alias in enrolled if rng.random() < 0.7}
    now = 30 * YEAR_US
    found = expired(enrolled, last, years=YEARS, now_utc_us=now)
    newest = {alias: max(at, last.get(alias, at)) for alias, at in enrolled.items()}
    assert {one.alias for one in found} == {alias for alias, at in newest.items() if now - at > PERIOD_US}
    assert [one.last_us for one in found] == sorted(one.last_us for one in found)
    assert all(now - one.last_us > YEARS * YEAR_US for one in found)


def test_a_late_reaction_keeps_a_name_and_an_open_session_keeps_it_for_ever(store):
    treat(store)
    closed = last_known(store._db)[ALIAS]
    assert START_US <= closed < START_US + YEAR_US
    commit(store, late(), at_us=5 * YEAR_US)
    assert last_known(store._db)[ALIAS] == START_US + 5 * YEAR_US
    enrolled = {ALIAS: START_US}
    for after_us, gone in ((PERIOD_US, False), (5 * YEAR_US + PERIOD_US, False), (5 * YEAR_US + PERIOD_US + 1, True)):
        found = expired(enrolled, last_known(store._db), years=YEARS, now_utc_us=START_US + after_us)
        assert bool(found) == gone


def test_while_a_session_is_open_nobody_is_expired(store):
    treat(store, closed=False)
    assert not expired({ALIAS: 0}, last_known(store._db), years=YEARS, now_utc_us=START_US + 100 * YEAR_US)


@pytest.mark.parametrize("years", [-1, 0, 9, 101])
def test_a_period_shorter_than_the_laws_is_refused(years):
    with pytest.raises(UsageError, match="meso patient erase"):
        checked_years(years)


def late():
    return Clinic().entry("adverse_event", "adverse_event/2", {"code": "nodule"}, gun=None, protocol_digest="")
