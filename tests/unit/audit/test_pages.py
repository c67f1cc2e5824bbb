"""Pages of the history: every shot once, newest first, whatever the filter, and never in the way of a commit."""

import random

import pytest

from meso_device.accounting.entries import Committed, Entry
from meso_device.audit import pages
from meso_device.audit.keys import VerifyKey
from meso_device.audit.pages import Looked, Page, PageQuery, RecordQuery, page_of, record_of
from meso_device.audit.writer import Writer
from meso_device.session.contract import Instant
from tests.unit.audit.clinic import batch
from tests.unit.audit.history import NEVER_LISTED, History, said_lots
from tests.unit.audit.history import bodies as every_record
from tests.unit.audit.test_writer import SlowStore, collect

NOW = Instant(mono_us=1, utc_us=2)
KEY = VerifyKey("meso.test/any", bytes(32))


def all_pages(db, **filters):
    rows, cursor, turns = [], None, 0
    while True:
        page = page_of(db, PageQuery(before=cursor, **filters))
        rows += page.rows
        turns += 1
        if page.next is None:
            return rows, turns
        assert cursor is None or page.next < cursor
        cursor = page.next


def plainly(db):
    """Every shot by a look at each record."""
    for seq, kind in db.execute("SELECT seq, kind FROM record ORDER BY seq DESC"):
        if kind == "shot":
            yield seq, record_of(db, seq, KEY)["fields"]


def _latest_us(body):
    return body["at_us"] + body["at_err_us"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [1, 7, 200])
@pytest.mark.parametrize("looked_at", [3, 20_000])
def test_pages_are_every_shot_that_fits_once_and_newest_first(store, monkeypatch, seed, limit, looked_at):
    monkeypatch.setattr(pages, "LOOKED_AT_MAX", looked_at)
    history = History(store, random.Random(seed))
    history.run(120)
    history.amend_lots()
    db, said = store._db, said_lots(every_record(store))
    session = history.sessions[0][0]
    bodies = [body for _, body in plainly(db)]
    lot, alias = bodies[0]["lot"], max(body.get("alias", "") for body in bodies)
    times_us = sorted(map(_latest_us, bodies))
    middle_us, late_us = times_us[len(times_us) // 3], times_us[-2]
    for filters, fits in (
        ({}, lambda body: True),
        ({"session": session}, lambda body: body.get("sess", "") == session),
        ({"area_code": 4}, lambda body: body["area_code"] == 4),
        ({"deviations": True}, lambda body: body["phase"] != "DONE"),
        ({"lot": lot}, lambda body: lot in {body["lot"], said[body["seq"]]}),
        ({"lot": NEVER_LISTED}, lambda body: said[body["seq"]] == NEVER_LISTED),
        ({"alias": alias[:6]}, lambda body: body.get("alias", "").startswith(alias[:6])),
        ({"since_us": middle_us, "until_us": late_us}, lambda body: middle_us <= _latest_us(body) < late_us),
        ({"session": session, "area_code": 3, "deviations": True},
         lambda body: body.get("sess", "") == session and body["area_code"] == 3 and body["phase"] != "DONE"),
    ):  # fmt: skip
        rows, _ = all_pages(db, limit=limit, **filters)
        assert [row["seq"] for row in rows] == [seq for seq, body in plainly(db) if fits(body)]
    assert rows == [] or rows[0]["session8"] == session[:8]


@pytest.mark.parametrize("limit", [1, 7, 200])
@pytest.mark.parametrize("looked_at", [3, 2_000])
def test_pages_of_every_kind_are_every_record_once_and_newest_first(store, monkeypatch, limit, looked_at):
    monkeypatch.setattr(pages, "RECORDS_LOOKED_AT_MAX", looked_at)
    history = History(store, random.Random(5))
    history.run(40)
    db = store._db
    session = history.sessions[0][0]
    bodies = [
        (seq, record_of(db, seq, KEY)["fields"]) for (seq,) in db.execute("SELECT seq FROM record ORDER BY seq DESC")
    ]
    for filters, fits in (({}, lambda _: True), ({"session": session}, lambda body: body.get("sess", "") == session)):
        rows, _ = all_pages(db, limit=limit, every_kind=True, **filters)
        assert [row["seq"] for row in rows] == [seq for seq, body in bodies if fits(body)]
    assert rows
    assert {row["session8"] for row in rows} == {session[:8]}


def test_an_empty_log_has_an_empty_page(store):
    page = page_of(store._db, PageQuery())
    assert (page.rows, page.next) == ((), None)
    assert page.head == store.size - 1
    assert record_of(store._db, 10**9, KEY) is None


def test_a_record_comes_with_its_fields_its_leaf_and_its_proof(store):
    found = record_of(store._db, 0, VerifyKey.parse(store.verify_key))
    assert found["kind"] == found["fields"]["kind"]
    assert len(found["leaf"]) == 64
    assert (found["proof"]["size"], found["proof"]["problem"]) == (store.size, "")


def test_a_page_waits_for_every_commit_that_came_before_it_is_read(store):
    slow = SlowStore(store)
    slow.look = store.look
    writer = Writer(slow, boot="boot-1", clock="synced", queue_max=100)
    try:
        writer.submit(batch(Entry(kind="note", key="note/1"), no=1), NOW)
        writer.look(7, RecordQuery(0))
        writer.look(8, PageQuery())
        for no in (2, 3):
            writer.submit(batch(Entry(kind="note", key=f"note/{no}"), no=no), NOW)
        slow.go.set()
        results = collect(writer, 5)
        assert [result.no for result in results if isinstance(result, Committed)] == [1, 2, 3]
        assert [result.no for result in results[3:]] == [7, 8]
        assert isinstance(results[4].found, Page)
    finally:
        slow.go.set()
        writer.close(NOW)


def test_a_page_that_cannot_be_read_is_told_and_nothing_else_stops(store):
    store._db.execute("DROP TABLE shot")
    looked = store.look(3, PageQuery())
    assert (looked.no, looked.found) == (3, None)
    assert "meso audit verify" in looked.problem
    writer = Writer(store, boot="boot-1", clock="synced")
    try:
        writer.look(4, PageQuery())
        writer.submit(batch(Entry(kind="note", key="note/1"), no=1), NOW)
        results = collect(writer, 2)
    finally:
        writer.close(NOW)
    assert {type(result) for result in results} == {Looked, Committed}
