import threading

import apsw
import pytest

from meso_device.audit import database
from protocols.errors import AuditWriteFailed, UsageError
from tests.unit.audit.faulty import faulty_disk


@pytest.mark.parametrize("version", ["3.51.3", "3.51.4", "3.53.0", "3.54.1", "4.0.0", "3.50.7", "3.50.9", "3.44.6"])
def test_a_repaired_sqlite_is_taken(version):
    database.check_sqlite_version(version)


@pytest.mark.parametrize(
    "version", ["3.40.1", "3.44.5", "3.45.0", "3.49.2", "3.50.0", "3.50.6", "3.51.0", "3.51.2", "3.52.0", "3.7.17"]
)
def test_an_sqlite_that_can_corrupt_its_log_is_refused(version):
    with pytest.raises(AuditWriteFailed, match="install apsw"):
        database.check_sqlite_version(version)


def test_every_setting_reads_back(tmp_path):
    db = database.open_for_writing(tmp_path / "a.db")
    got = {name: db.pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")}
    assert got == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    assert [db.pragma(name) for name in ("fullfsync", "checkpoint_fullfsync", "cell_size_check")] == [1, 1, 1]
    assert (db.pragma("busy_timeout"), db.pragma("wal_autocheckpoint")) == (5000, 1000)
    db.close()


@pytest.mark.parametrize("opened", [database.open_for_writing, database.open_for_reading])
def test_a_moment_in_which_somebody_else_has_the_file_is_waited_for_from_the_first_look_on(tmp_path, opened):
    """Whoever reads takes up what a killed host left, and copies it over when leaving: each has the file alone."""
    path = tmp_path / "a.db"
    database.open_for_writing(path).close()
    other = apsw.Connection(str(path))
    other.pragma("locking_mode", "EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE; PRAGMA user_version; COMMIT")
    with pytest.raises(apsw.BusyError):
        apsw.Connection(str(path)).pragma("user_version")
    gone = threading.Timer(0.3, other.close)
    gone.start()
    opened(path).close()
    gone.join()


def test_a_setting_that_does_not_hold_is_an_error():
    """The trap: inside a transaction some settings do nothing, and say nothing."""
    db = apsw.Connection(":memory:")
    db.execute("BEGIN")
    with pytest.raises(AuditWriteFailed, match="foreign_keys"):
        database._expect(db, "foreign_keys", "ON", 1)
    db.execute("ROLLBACK")
    database._expect(db, "foreign_keys", "ON", 1)
    db.close()


@pytest.mark.invariant("I-48")
def test_a_journal_that_cannot_become_a_wal_is_an_error(tmp_path):
    """The trap: with a failing disk the statement alone may be swallowed and leave the mode at `delete`."""
    with faulty_disk() as disk:
        disk.fail_at, disk.once = 1, False
        with pytest.raises(AuditWriteFailed):
            database.open_for_writing(tmp_path / "a.db")


def test_the_write_ahead_log_has_its_working_size_before_the_first_record(tmp_path):
    db = database.open_for_writing(tmp_path / "a.db")
    size = (tmp_path / "a.db-wal").stat().st_size
    assert size >= database.WAL_BYTES
    db.execute("INSERT INTO house VALUES(1, 1)")
    assert (tmp_path / "a.db-wal").stat().st_size == size
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'filler'").fetchall() == [(0,)]
    db.close()
    assert (tmp_path / "a.db").stat().st_size < 256 * 1024


def test_a_reader_reads_beside_a_writer_and_changes_nothing(tmp_path):
    writer = database.open_for_writing(tmp_path / "a.db")
    reader = database.open_for_reading(tmp_path / "a.db")
    writer.execute("INSERT INTO house VALUES(1, 1)")
    assert reader.execute("SELECT simulated FROM house").fetchall() == [(1,)]
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM house")
    reader.close()
    writer.close()


def test_a_reader_reads_from_a_directory_that_cannot_be_written(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    database.open_for_writing(home / "a.db").close()
    home.chmod(0o500)
    try:
        reader = database.open_for_reading(home / "a.db")
        assert reader.execute("SELECT count(*) FROM record").fetchall() == [(0,)]
        reader.close()
    finally:
        home.chmod(0o700)


def test_reading_what_is_not_there_or_not_a_log_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no audit log"):
        database.open_for_reading(tmp_path / "a.db")
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(UsageError):
        database.open_for_reading(tmp_path / "a.db")
    (tmp_path / "b.db").mkdir()
    with pytest.raises(UsageError, match="no audit log"):
        database.open_for_reading(tmp_path / "b.db")
    with pytest.raises(AuditWriteFailed):
        database.open_for_writing(tmp_path / "b.db")
    with pytest.raises(AuditWriteFailed):
        database.open_for_writing(tmp_path / "none" / "a.db")
