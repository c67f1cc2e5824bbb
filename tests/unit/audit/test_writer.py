import gc
import select
import threading
from pathlib import Path

import pytest

from meso_device.accounting.entries import CommitFailed, Committed, Entry
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from meso_device.audit.writer import GROUP_RECORDS_MAX, Writer
from meso_device.session.contract import ClinicLoaded, Instant, LedgerLoaded, LoadClinic, LoadLedger
from tests.unit.audit.clinic import GUN, START_US, batch, commit, stamp

NOW = Instant(mono_us=1, utc_us=START_US + 1)


class SlowStore:
    """A store whose disk waits until it is told to go on."""

    def __init__(self, store):
        self.store, self.go, self.groups = store, threading.Event(), []

    def commit(self, batches, at):
        self.go.wait(10)
        self.groups.append([one.no for one in batches])
        return self.store.commit(batches, at)

    def load_gun(self, uid, *, simulated):
        return self.store.load_gun(uid, simulated=simulated)

    def load_clinic(self, **asked):
        return self.store.load_clinic(**asked)

    def close(self, at):
        self.store.close(at)


def collect(writer, count):
    results = []
    while len(results) < count:
        assert select.select([writer], [], [], 10)[0], f"only {results}"
        results += writer.take_results()
    return results


@pytest.fixture
def slow(store):
    return SlowStore(store)


@pytest.fixture
def writer(slow):
    running = Writer(slow, boot="boot-1", clock="synced", queue_max=100)
    yield running
    slow.go.set()
    running.close(NOW)


def note(number):
    return Entry(kind="note", key=f"note/{number}")


def test_an_answer_comes_through_the_pipe_after_the_commit(writer, slow, clinic):
    writer.submit(batch(clinic.link_up(), no=7), NOW)
    assert select.select([writer], [], [], 0)[0] == []
    slow.go.set()
    assert collect(writer, 1) == [Committed(no=7, appended=1)]
    assert select.select([writer], [], [], 0)[0] == []
    assert writer.take_results() == []


def test_what_is_queued_is_committed_together_and_answered_in_order(writer, slow):
    for number in range(1, 100):
        writer.submit(batch(note(number), no=number), NOW)
    slow.go.set()
    assert [result.no for result in collect(writer, 99)] == list(range(1, 100))
    assert max(map(len, slow.groups)) == GROUP_RECORDS_MAX
    assert len(slow.groups) <= 4


def test_a_batch_larger_than_a_group_is_still_one_transaction(writer, slow):
    slow.go.set()
    writer.submit(batch(*(note(number) for number in range(200)), no=1), NOW)
    assert collect(writer, 1) == [Committed(no=1, appended=200)]


def test_a_ledger_is_read_after_what_was_submitted_before_it(writer, slow, clinic):
    writer.submit(batch(clinic.link_up(), no=1), NOW)
    writer.submit(batch(clinic.shot(), no=2), NOW)
    writer.load_gun(LoadLedger(GUN.gun_uid, simulated=True), NOW)
    writer.submit(batch(clinic.shot(), no=3), NOW)
    slow.go.set()
    first, second, loaded, third = collect(writer, 4)
    assert [first.no, second.no, third.no] == [1, 2, 3]
    assert isinstance(loaded, LedgerLoaded)
    assert loaded.ledger.committed_seq == 1


def test_the_clinic_is_read_after_what_was_submitted_before_it(writer, slow, clinic):
    answer = {"item": "pregnancy", "answer": "no"}
    writer.submit(batch(clinic.entry("checklist", "checklist/1", answer), no=1), NOW)
    writer.load_clinic(LoadClinic(clinic.session, clinic.alias, GUN.gun_uid, "d1" * 32), NOW)
    writer.submit(batch(clinic.entry("checklist", "checklist/2", answer | {"answer": "yes"}), no=2), NOW)
    slow.go.set()
    first, loaded, second = collect(writer, 3)
    assert [first.no, second.no] == [1, 2]
    assert isinstance(loaded, ClinicLoaded)
    assert loaded.facts.checks == {"pregnancy": "no"}


@pytest.mark.invariant("I-48")
def test_whoever_asks_a_log_that_cannot_be_read_gets_an_answer(writer, slow, store):
    store._db.execute("DROP TABLE checklist")
    writer.load_clinic(LoadClinic("5e" * 16, "a1" * 16, GUN.gun_uid, "d1" * 32), NOW)
    slow.go.set()
    [answer] = collect(writer, 1)
    assert isinstance(answer, CommitFailed)
    assert "cannot be read" in answer.reason


@pytest.mark.invariant("I-48")
def test_a_full_queue_refuses_everything_from_then_on(writer, slow):
    for number in range(300):
        writer.submit(batch(note(number), no=number), NOW)
    slow.go.set()
    results = collect(writer, 300)
    assert sorted(result.no for result in results) == list(range(300))
    failed = [result for result in results if isinstance(result, CommitFailed)]
    assert len(failed) >= 300 - 100 - GROUP_RECORDS_MAX
    writer.submit(batch(note("late"), no=1), NOW)
    assert isinstance(collect(writer, 1)[0], CommitFailed)


@pytest.mark.invariant("I-48")
def test_after_the_first_failure_all_that_is_queued_fails_too(writer, slow):
    writer.submit(batch(Entry(kind="Not a kind", key="x"), no=1), NOW)
    for number in range(2, 9):
        writer.submit(batch(note(number), no=number), NOW)
    writer.load_gun(LoadLedger(GUN.gun_uid, simulated=True), NOW)
    slow.go.set()
    assert all(isinstance(result, CommitFailed) for result in collect(writer, 9))


def test_closing_finishes_the_queue_and_leaves_neither_thread_nor_descriptor(home):
    while gc.collect():  # what other tests left open is closed first
        pass
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    writer = Writer(Store.open(home, software="0.1.0", stamp=stamp()), boot="boot-1", clock="synced")
    for number in range(200):
        writer.submit(batch(note(number), no=number), NOW)
    results = writer.close(NOW)
    assert [result.no for result in results] == list(range(200))
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
    report = verify_home(home)
    assert (report.ok, report.records) == (True, 2 + 200 + 1)


def test_closing_after_a_failure_ends_too(home):
    store = Store.open(home, software="0.1.0", stamp=stamp())
    commit(store, note(1))
    writer = Writer(store, boot="boot-1", clock="synced")
    writer.submit(batch(Entry(kind="Not a kind", key="x")), NOW)
    assert isinstance(writer.close(NOW)[0], CommitFailed)
    assert verify_home(home).ok
