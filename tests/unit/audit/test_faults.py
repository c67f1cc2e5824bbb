"""Every write, sync and truncate of the disk fails once: nothing acknowledged is lost, nothing follows the error."""

import errno
import os

import apsw
import pytest

from meso_device.accounting.entries import CommitFailed, Committed
from meso_device.audit import database
from meso_device.audit.keys import VerifyKey
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home, verify_log
from protocols.errors import AuditWriteFailed
from tests.unit.audit.clinic import GUN, Clinic, batch, stamp
from tests.unit.audit.faulty import faulty_disk

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SHOTS = 6


def run_until_failure(home, disk, clinic):
    """Return the shots acknowledged; stops at nothing, as an engine would that does not look at its answers."""
    try:
        store = Store.open(home, software="0.1.0", stamp=stamp())
    except AuditWriteFailed:
        return [], False
    acknowledged, failed = [], False
    store.commit([batch(clinic.link_up())], stamp())
    for _ in range(SHOTS):
        shot = clinic.shot()
        [result] = store.commit([batch(shot)], stamp())
        if isinstance(result, Committed):
            assert not failed, "a commit was acknowledged after one had failed"
            acknowledged.append(shot.key)
        else:
            assert isinstance(result, CommitFailed)
            failed = True
    operations = len(disk.operations)
    store.close(stamp())
    assert not failed or len(disk.operations) == operations, "something was written after the error"
    return acknowledged, failed


def count_operations(home):
    with faulty_disk() as disk:
        acknowledged, failed = run_until_failure(home, disk, Clinic())
    assert (len(acknowledged), failed) == (SHOTS, False)
    return len(disk.operations)


@pytest.mark.invariant("I-48")
@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
@pytest.mark.parametrize("once", [True, False])
def test_no_acknowledged_record_is_lost_wherever_the_disk_fails(tmp_path, monkeypatch, error, once):
    # The filler is a thousand like writes: some of them says as much.
    monkeypatch.setattr(database, "WAL_BYTES", 40 * 1024)
    operations = count_operations(tmp_path / "good")
    assert operations > 30
    seen_failing = 0
    for fail_at in range(1, operations + 1, 5 if once and error is apsw.IOError else 13):  # each: tests.storage errors
        home, clinic = tmp_path / f"{fail_at}", Clinic()
        with faulty_disk() as disk:
            disk.fail_at, disk.once, disk.error = fail_at, once, error
            acknowledged, failed = run_until_failure(home, disk, clinic)
        seen_failing += failed
        store = Store.open(home, software="0.1.0", stamp=stamp(9, boot="boot-2"))
        stored = {key for (key,) in store._db.execute("SELECT key FROM record WHERE kind = 'shot'")}
        assert set(acknowledged) <= stored
        # Without a hole: what is stored is a beginning of what was asked.
        assert len(stored) == store.load_gun(GUN.gun_uid, simulated=True).committed_seq
        assert verify_log(store._db, VerifyKey.parse(store.verify_key)).ok
        store.close(stamp(10, boot="boot-2"))
    assert seen_failing


def test_the_control_shows_that_sqlite_alone_would_go_on_after_a_failed_sync(tmp_path):
    """The reason for all this: after an error on the same connection, later rows follow as if nothing had been."""
    with faulty_disk() as disk:
        db = apsw.Connection(str(tmp_path / "plain.db"))
        db.execute("PRAGMA journal_mode=WAL").fetchall()
        db.execute("PRAGMA synchronous=FULL").fetchall()
        db.execute("CREATE TABLE t(x)")
        disk.fail_next = "sync"
        with pytest.raises(apsw.IOError):
            db.execute("INSERT INTO t VALUES(1)")
        db.execute("INSERT INTO t VALUES(2)")
        assert db.execute("SELECT x FROM t").fetchall() == [(2,)]
        db.close()


@pytest.mark.invariant("I-48")
@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_a_key_that_cannot_be_kept_is_one_line_and_the_next_start_keeps_it(tmp_path, monkeypatch, failing):
    real, calls = getattr(os, failing), []

    def fail_late(*args, **others):
        calls.append(args)
        # The fsync calls before belong to the first records; the last three and the rename keep the key.
        if failing == "rename" or len(calls) == wanted:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args, **others)

    wanted = 0
    monkeypatch.setattr(os, failing, fail_late)
    if failing == "fsync":
        Store.open(tmp_path / "count", software="0.1.0", stamp=stamp()).close(stamp())
        wanted, calls[:] = len(calls), []
    with pytest.raises(AuditWriteFailed, match="Input/output error"):
        Store.open(tmp_path / "home", software="0.1.0", stamp=stamp())
    monkeypatch.undo()
    store = Store.open(tmp_path / "home", software="0.1.0", stamp=stamp())
    store.close(stamp())
    assert verify_home(tmp_path / "home").ok


@pytest.mark.invariant("I-48")
@pytest.mark.parametrize("table", ["record", "house", "checkpoint"])
def test_a_log_with_an_unreadable_page_is_refused_in_one_line(tmp_path, table):
    store = Store.open(tmp_path, software="0.1.0", stamp=stamp())
    store.commit([batch(Clinic().link_up())], stamp())
    [(page,)] = store._db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchall()
    store.close(stamp())
    with (tmp_path / "audit.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 16)
    with pytest.raises(AuditWriteFailed, match="meso audit verify"):
        Store.open(tmp_path, software="0.1.0", stamp=stamp())
