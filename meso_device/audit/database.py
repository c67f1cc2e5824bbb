"""Opening the SQLite file so that a commit is durable, and proving it: every setting is read back.

Never `open()` the database file elsewhere in a process that has it open here: closing that drops SQLite's
locks.
"""

import contextlib
from pathlib import Path
from typing import Final, TypeAlias

import apsw

from meso_device.audit.filesystem import sync_directory
from meso_device.audit.schema import APPLICATION_ID, SCHEMA, USER_VERSION
from meso_device.audit.sql import run
from meso_device.sqlite_path import sqlite_path
from protocols.errors import AuditWriteFailed, UsageError

Log: TypeAlias = apsw.Connection
"""The log, open: for those that read it through functions of this package and never speak to SQLite themselves."""

WAL_BYTES: Final = 4 * 1024 * 1024
BUSY_TIMEOUT_MS: Final = 5_000

# What each setting must read back as. Its own statement may swallow an I/O error, so the result is always
# fetched.
_SETTINGS: Final = (
    ("synchronous", "FULL", 2),
    ("fullfsync", "ON", 1),
    ("checkpoint_fullfsync", "ON", 1),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
    ("busy_timeout", str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS),
    ("wal_autocheckpoint", "1000", 1000),
)


def check_sqlite_version(version: str) -> None:
    """Refuse with AuditWriteFailed an SQLite that may corrupt a write-ahead log when it is reset."""
    numbers = tuple(int(part) for part in version.split(".")[:3])
    fixed = (
        (numbers >= (3, 51, 3) and numbers != (3, 52, 0))
        or (3, 50, 7) <= numbers < (3, 51, 0)
        or (3, 44, 6) <= numbers < (3, 45, 0)
    )
    if not fixed:
        raise AuditWriteFailed(f"SQLite {version} can corrupt a write-ahead log; install apsw 3.51.3 or later")


def open_for_writing(path: Path) -> apsw.Connection:
    """Open or create the database: every setting proven, write-ahead log pre-grown, tables there.

    Raises:
        AuditWriteFailed: a setting does not hold, or the file cannot be read or written.
        UsageError: the file is of another program or of a newer version.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    fresh = not path.exists()
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOFOLLOW
    try:
        db = apsw.Connection(sqlite_path(path), flags=flags)
        # Before the first look: somebody who reads may be taking up what a killed host left, or leaving.
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
    except apsw.Error as error:
        raise AuditWriteFailed(f"cannot open {path}: {error}") from error
    try:
        if fresh:
            path.chmod(0o600)
        check_owner(db, path)
        _expect(db, "journal_mode", "WAL", "wal")
        configure(db)
        create_tables(db)
        _pre_grow(db)
        sync_directory(path.parent)
    except apsw.Error as error:
        abandon(db)
        raise AuditWriteFailed(f"cannot use {path}: {error}") from error
    except BaseException:
        abandon(db)
        raise
    return db


def open_in_memory() -> apsw.Connection:
    """Open a database that lives with the process: for the simulated world."""
    check_sqlite_version(apsw.sqlite_lib_version())
    db = apsw.Connection(":memory:")
    configure(db)
    create_tables(db)
    return db


def open_for_reading(path: Path) -> apsw.Connection:
    """Open the database without any right to change it; a host may be writing at the same time.

    Raises:
        UsageError: there is none, or it is of another program or of a newer version.
    """
    if not path.is_file():
        raise UsageError(f"no audit log at {path}; check --home")
    uri = path.resolve().as_uri()
    # Without a write-ahead log beside it the file is complete; in a directory that cannot be written SQLite
    # could not make its shared memory, and needs to be told so.
    alone = not path.with_name(path.name + "-wal").exists()
    errors: list[str] = []
    for query in ("mode=ro", "mode=ro&immutable=1")[: 1 + alone]:
        db = apsw.Connection(f"{uri}?{query}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        try:
            check_owner(db, path)
            for pragma, value, back in (
                ("trusted_schema", "OFF", 0),
                ("cell_size_check", "ON", 1),
                ("query_only", "ON", 1),
            ):
                _expect(db, pragma, value, back)
            _expect(db, "busy_timeout", str(BUSY_TIMEOUT_MS), BUSY_TIMEOUT_MS)
        except apsw.Error as error:
            db.close()
            errors.append(str(error))
        except BaseException:
            db.close()
            raise
        else:
            return db
    raise UsageError(f"cannot read {path}: {errors[-1]}")


def abandon(db: apsw.Connection) -> None:
    """Close a connection after an error without another write: closing would copy the write-ahead log over."""
    with contextlib.suppress(apsw.Error):
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    with contextlib.suppress(apsw.Error):
        db.close()


def remove_database(path: Path) -> None:
    """Remove a database that nobody has open, with what SQLite keeps beside it; OSError where it cannot be."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def configure(db: apsw.Connection) -> None:
    """Set and read back what makes a commit durable; AuditWriteFailed names what does not hold."""
    for pragma, value, back in _SETTINGS:
        _expect(db, pragma, value, back)


def check_owner(db: apsw.Connection, path: Path) -> None:
    """Refuse with UsageError a database that is not an audit log, or one of a newer version."""
    application_id, version = db.pragma("application_id"), db.pragma("user_version")
    empty = run(db, "SELECT count(*) FROM sqlite_schema") == [(0,)]
    if application_id != APPLICATION_ID and not (application_id == 0 and empty):
        raise UsageError(f"{path} is not an audit log")
    if version > USER_VERSION:
        raise UsageError(f"{path} is of schema version {version}, newer than {USER_VERSION}; update meso-device")
    if 0 < version < USER_VERSION:
        raise UsageError(
            f"{path} is of schema version {version}, this program writes {USER_VERSION}: keep it for its records, read "
            "it with the program that made it, and begin another with --home"
        )
    if version < 0 or (version == 0 and not empty):
        raise UsageError(f"{path} is of schema version {version}, which there never was: it is damaged")


def create_tables(db: apsw.Connection) -> None:
    """Create what is missing, in one transaction."""
    with db:
        for statement in SCHEMA:
            run(db, statement)
        run(db, f"PRAGMA application_id={APPLICATION_ID}")
        run(db, f"PRAGMA user_version={USER_VERSION}")


def _expect(db: apsw.Connection, pragma: str, value: str, back: int | str) -> None:
    run(db, f"PRAGMA {pragma}={value}")
    got = run(db, f"PRAGMA {pragma}")
    if got != [(back,)]:
        raise AuditWriteFailed(f"the audit database refuses {pragma}={value}: it reads back {got}")


def _pre_grow(db: apsw.Connection) -> None:
    """Write the log file to its working size once, so that commits overwrite it and need no new file size.

    The filler is rolled back after it has spilled into the log file: nothing of it reaches the database.
    """
    cache_size = db.pragma("cache_size")
    run(db, "PRAGMA cache_size=16")
    run(db, "BEGIN IMMEDIATE")
    try:
        run(db, "CREATE TABLE filler(bytes BLOB)")
        run(db, "INSERT INTO filler VALUES(zeroblob(?))", (WAL_BYTES,))
    finally:
        run(db, "ROLLBACK")
        run(db, f"PRAGMA cache_size={cache_size}")
