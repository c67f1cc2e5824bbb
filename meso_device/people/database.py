"""The vault's file: operators and patients by name, apart from the log, readable by its owner alone.

A rollback journal and not a write-ahead log: the file is small and rarely written, a finished transaction leaves no
second file behind, and what is erased has nowhere else to remain.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from meso_device.people.refusals import VaultBroken
from meso_device.sqlite_path import sqlite_path
from protocols.errors import UsageError

VAULT_NAME: Final = "vault.db"
APPLICATION_ID: Final = 0x6D657376  # "mesv"
USER_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 5_000

_SETTINGS: Final = (
    ("journal_mode", "DELETE", "delete"),
    ("synchronous", "EXTRA", 3),
    ("fullfsync", "ON", 1),
    ("secure_delete", "ON", 1),
    # What a VACUUM copies never goes to a file of another directory.
    ("temp_store", "MEMORY", 2),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cell_size_check", "ON", 1),
)
_READING: Final = (("query_only", "ON", 1), ("trusted_schema", "OFF", 0), ("temp_store", "MEMORY", 2))

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS operator(
        op TEXT PRIMARY KEY, login TEXT NOT NULL, name TEXT NOT NULL, roles TEXT NOT NULL,
        active INTEGER NOT NULL, kept TEXT NOT NULL, enrolled_us INTEGER NOT NULL, changes INTEGER NOT NULL,
        failures INTEGER NOT NULL, pause_us INTEGER NOT NULL, since_boot TEXT, since_mono_us INTEGER,
        since_utc_us INTEGER) STRICT""",
    # Somebody who left keeps the pseudonym; the login name is free again.
    "CREATE UNIQUE INDEX IF NOT EXISTS operator_login ON operator(login) WHERE active",
    """CREATE TABLE IF NOT EXISTS patient(
        alias TEXT PRIMARY KEY, chart_key TEXT NOT NULL UNIQUE, chart TEXT NOT NULL, name TEXT NOT NULL,
        born TEXT NOT NULL, sex TEXT NOT NULL, allergies TEXT NOT NULL, salt BLOB NOT NULL,
        enrolled_us INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS note(
        id TEXT PRIMARY KEY, alias TEXT NOT NULL REFERENCES patient(alias), text TEXT NOT NULL,
        salt BLOB NOT NULL, noted_us INTEGER NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS note_alias ON note(alias)",
    # Audit records that belong to what was changed here, until the log has them.
    "CREATE TABLE IF NOT EXISTS due(no INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL) STRICT",
    # There while an erasure has not rewritten the file yet.
    "CREATE TABLE IF NOT EXISTS chore(name TEXT PRIMARY KEY) STRICT",
)


def open_for_writing(home: Path) -> apsw.Connection:
    """Open or create the vault of a data directory, every setting read back.

    Raises:
        UsageError: the file is of another program or a newer version.
        VaultBroken: it cannot be read or written.
    """
    path = home / VAULT_NAME
    with _broken(path):
        # Made by hand first: SQLite would create it readable by others until the mode is changed.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            _sync_directory(home)
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
        db = apsw.Connection(sqlite_path(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW)
        try:
            _check_owner(db, path)
            _configure(db, path, _SETTINGS)
            with _immediate(db):
                for statement in _SCHEMA:
                    _run(db, statement)
                _run(db, f"PRAGMA application_id={APPLICATION_ID}")
                _run(db, f"PRAGMA user_version={USER_VERSION}")
            finish_erasure(db)
        except BaseException:
            db.close()
            raise
        return db


def open_for_reading(home: Path) -> apsw.Connection | None:
    """Open the vault without any right to change it; None where there is none.

    Raises:
        UsageError: the file is of another program or a newer version.
        VaultBroken: it cannot be read.
    """
    path = home / VAULT_NAME
    with _broken(path):
        if not path.exists() or not path.stat().st_size:
            return None
        # Not opened read-only: after a crash somebody has to roll the journal back before anything is read.
        db = apsw.Connection(sqlite_path(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW)
        try:
            _check_owner(db, path)
            _configure(db, path, _READING)
        except BaseException:
            db.close()
            raise
        return db


def run(db: apsw.Connection, statement: str, bindings: Sequence[int | str | bytes | None] = ()) -> list[Any]:
    """Run one statement to its end and return its rows; VaultBroken on any error of the file."""
    with _broken(Path(VAULT_NAME)):
        return _run(db, statement, bindings)


@contextlib.contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """All or nothing, and durable once left; VaultBroken when it could not be made so."""
    with _broken(Path(VAULT_NAME)), _immediate(db):
        yield


def finish_erasure(db: apsw.Connection) -> None:
    """Rewrite the file if an erasure asked for it, so that no page keeps a trace in its unused part.

    Called again at every opening: what a crash interrupted is done then.
    """
    if not run(db, "SELECT 1 FROM chore WHERE name = 'vacuum'"):
        return
    run(db, "VACUUM")
    with transaction(db):
        run(db, "DELETE FROM chore WHERE name = 'vacuum'")


def _run(db: apsw.Connection, statement: str, bindings: Sequence[int | str | bytes | None] = ()) -> list[Any]:
    return db.execute(statement, bindings).fetchall()


@contextlib.contextmanager
def _immediate(db: apsw.Connection) -> Iterator[None]:
    _run(db, "BEGIN IMMEDIATE")
    try:
        yield
        _run(db, "COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(apsw.Error):
                _run(db, "ROLLBACK")
        raise


@contextlib.contextmanager
def _broken(path: Path) -> Iterator[None]:
    """Turn an error of the file into one line."""
    try:
        yield
    except apsw.BusyError:
        raise VaultBroken(f"{path} is in use by another process for more than {BUSY_TIMEOUT_MS // 1000} s") from None
    except apsw.ConstraintError:
        raise
    except apsw.Error as error:
        raise VaultBroken(f"{path} cannot be used: {error}") from error
    except OSError as error:
        raise VaultBroken(f"{path} cannot be used: {error.strerror or error}") from error


def _check_owner(db: apsw.Connection, path: Path) -> None:
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    application_id, version = db.pragma("application_id"), db.pragma("user_version")
    empty = _run(db, "SELECT count(*) FROM sqlite_schema") == [(0,)]
    if application_id != APPLICATION_ID and not (application_id == 0 and empty):
        raise UsageError(f"{path} is not a vault")
    if version > USER_VERSION:
        raise UsageError(f"{path} is of version {version}, newer than {USER_VERSION}; update meso-device")


def _configure(db: apsw.Connection, path: Path, settings: Sequence[tuple[str, str, int | str]]) -> None:
    for pragma, value, back in settings:
        _run(db, f"PRAGMA {pragma}={value}")
        got = _run(db, f"PRAGMA {pragma}")
        if got != [(back,)]:
            raise VaultBroken(f"{path} refuses {pragma}={value}: it reads back {got}")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
