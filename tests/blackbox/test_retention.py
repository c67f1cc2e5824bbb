"""Names that were kept for the whole period, listed and forgotten by real commands; doses and proofs stay."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, OTHER, alias_of, copied

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.timeout(180), pytest.mark.invariant("I-63")]


@pytest.fixture
def clinic(bench, founding):
    """A clinic that enrolled one of its two patients long ago and never saw that one again."""
    clinic = copied(bench, founding)
    clinic.gun.kill()
    with closing(sqlite3.connect(bench.home / "vault.db")) as db:
        db.execute("UPDATE patient SET enrolled_us = 0 WHERE alias = ?", (alias_of(founding, OTHER),))
        db.commit()
    return clinic


def bodies(home):
    with closing(sqlite3.connect(f"file:{home / 'audit.db'}?mode=ro", uri=True)) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]


def enrolled(home):
    with closing(sqlite3.connect(f"file:{home / 'vault.db'}?mode=ro", uri=True)) as db:
        return {alias for (alias,) in db.execute("SELECT alias FROM patient")}


def test_who_is_past_the_period_is_listed_and_forgotten_by_two_people_and_nobody_else(clinic, founding):
    bench, home = clinic.bench, clinic.bench.home
    old, new = alias_of(founding, OTHER), alias_of(founding, CHART)
    listed = clinic.act("patient", "expired", "--json", by="ada").json()
    assert [one["alias"] for one in listed["expired"]] == [old]
    words = ("patient", "erase-expired", "--as", "ada", "--pin-file")
    for second, names in (("tom", ["second person"]), ("ada", ["two different people"])):
        process = bench.meso(*words, clinic.pins("ada", second), "--with", second, "--yes")
        process.wait()
        assert_one_clear_line(process, status=1, names=names)
    assert enrolled(home) == {old, new}
    done = bench.meso(*words, clinic.pins("ada", "dora"), "--with", "dora", "--yes", "--json").ok().json()
    assert done["erased"] == [old]
    assert enrolled(home) == {new}
    records = bodies(home)
    [erased] = [body for body in records if body["kind"] == "subject.erased"]
    assert (erased["alias"], erased["legal_basis"]) == (old, "retention_ended")
    signed = [body for body in records if body["kind"] == "sign" and body["target_seq"] == erased["seq"]]
    assert len({body["op"] for body in signed}) == 2
    assert clinic.act("patient", "expired", "--json", by="ada").json()["expired"] == []
    bench.meso("audit", "verify").ok()
