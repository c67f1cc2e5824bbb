"""Backups of a data directory: made while a host writes, and verified before they count.

A backup is a directory: the log, its public key, the vault and the clinic's approved files, with a list of them and
their hashes. The two secrets, the log's signing key and the pepper of the PINs, are kept apart: who finds a backup can
then neither sign for the log nor try PINs.

The vault is copied before the log. What it owes the log then is at worst sent to the log again, which takes it once;
the other way round it could be owed to neither.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import msgspec
from msgspec import Struct

from meso_device.audit import database, standalone
from meso_device.audit.birth import DATABASE_NAME, KEY_NAME, VKEY_NAME
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import VerifyKey, read_secret
from meso_device.audit.sql import run
from meso_device.audit.verify import Report, verify_home
from meso_device.people.database import VAULT_NAME
from meso_device.people.pins import PEPPER_NAME
from meso_device.sqlite_path import sqlite_path
from protocols.errors import MesoError, UsageError

LIST_NAME: Final = "backup.json"
VERIFIER_NAME: Final = "meso_verify.py"
NAME_START: Final = "meso-backup-"
LIST_BYTES_MAX: Final = 1_000_000
_VERSION: Final = 1
PARTIAL: Final = ".partial-"
_PLAIN: Final = (VKEY_NAME, "host.id")
_DIRECTORIES: Final = ("treatments",)
_SECRETS: Final = (KEY_NAME, PEPPER_NAME)


class Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a backup, by its path inside."""

    path: str
    size: int
    sha256: str


class Backup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup says of itself.

    Attributes:
        v: Version of this list.
        made_at: UTC, RFC 3339.
        origin: Name of the log.
        records: Records in it.
        root: Root over them, in hex.
        files: All its files but this list.
        collectors: Addresses of the collectors that the console was enrolled with.
    """

    v: int
    made_at: str
    origin: str
    records: int
    root: str
    files: tuple[Kept, ...]
    collectors: tuple[str, ...] = ()


def create(home: Path, place: Path, made_at: str, collectors: tuple[str, ...] = ()) -> tuple[Path, Backup]:
    """Make a backup of a data directory, verify it, and only then give it its name.

    Args:
        home: The data directory; a host may be writing to it.
        place: Directory that gets the backup as a new directory of its own; made where it is missing.
        made_at: Now, in RFC 3339; part of the name.
        collectors: Addresses of the collectors that the console is enrolled with.

    Raises:
        UsageError: there is no log, or the place cannot be written.
        MesoError: the copy does not verify; nothing is left of it.
    """
    if not (home / DATABASE_NAME).is_file():
        raise UsageError(f"no audit log in {home}; check --home")
    name = NAME_START + made_at.partition(".")[0].replace("-", "").replace(":", "") + "Z"
    target, partial = place / name, place / f"{PARTIAL}{name}"
    with writing(place):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists():
            raise UsageError(f"{target} is there already; wait a second")
        partial.mkdir(mode=0o700)
        try:
            _copy(home, partial)
            backup = _described(partial, made_at, collectors)
            write_file(partial / LIST_NAME, msgspec.json.format(msgspec.json.encode(backup), indent=1))
            sync_directory(partial)
            partial.rename(target)
            sync_directory(place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target, backup


def copy_secrets(home: Path, keys: Path) -> tuple[str, ...]:
    """Copy the secrets of a data directory to a place of their own and return their names.

    Raises:
        UsageError: they cannot be read, or other ones are there already.
    """
    present = tuple(name for name in _SECRETS if (home / name).exists())
    with writing(keys):
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in present:
            content = (home / name).read_bytes()
            if not (keys / name).exists():
                write_file(keys / name, content)
            elif (keys / name).read_bytes() != content:
                if name != KEY_NAME or not _is_older_key(keys / name, home / name):
                    raise UsageError(f"{keys / name} is of another data directory: give another place with --keys")
                # Backups from before the key was changed are restored with the old one.
                (keys / name).rename(keys / older_name(read_secret(keys / name).verify_key))
                write_file(keys / name, content)
        sync_directory(keys)
    return present


def check(where: Path) -> tuple[Backup, Report]:
    """Verify a backup: every file by its hash, every byte of the log, the vault's file.

    Raises:
        UsageError: it is no backup.
        MesoError: it does not hold; the message says what.
    """
    backup = read_list(where)
    for kept in backup.files:
        _check_name(where, kept.path)
        try:
            found = _kept(where, where / kept.path)
        except OSError as error:
            raise MesoError(f"{where}: {kept.path} cannot be read: {error.strerror}") from None
        if found != kept:
            raise MesoError(f"{where}: {kept.path} is not as it was kept")
    report = _verified(where)
    if (report.records, report.root, report.origin) != (backup.records, backup.root, backup.origin):
        raise MesoError(f"{where}: the log is another one than the list says")
    return backup, report


def read_list(where: Path) -> Backup:
    """Return what a backup says of itself, unverified.

    Raises:
        UsageError: it is no backup.
    """
    try:
        with (where / LIST_NAME).open("rb") as file:
            backup = msgspec.json.decode(file.read(LIST_BYTES_MAX), type=Backup)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(f"{where} is no backup; 'meso backup list DIR' shows those of a directory") from None
    if backup.v != _VERSION:
        raise UsageError(f"{where} is a backup of version {backup.v}; this program reads version {_VERSION}")
    return backup


def all_in(place: Path) -> list[tuple[Path, Backup]]:
    """Return the backups of a directory, oldest first, unverified; UsageError where there is no such directory."""
    try:
        found = sorted(path for path in place.iterdir() if path.name.startswith(NAME_START))
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}") from None
    backups = []
    for path in found:
        with contextlib.suppress(UsageError):
            backups.append((path, read_list(path)))
    return backups


def _copy(home: Path, partial: Path) -> None:
    if (home / VAULT_NAME).exists():
        _copy_database(home / VAULT_NAME, partial / VAULT_NAME)
    _copy_database(home / DATABASE_NAME, partial / DATABASE_NAME)
    for name in _PLAIN:
        if (home / name).exists():
            write_file(partial / name, (home / name).read_bytes())
    for name in _DIRECTORIES:
        for path in sorted((home / name).glob("*")):
            if path.is_file():
                (partial / name).mkdir(mode=0o700, exist_ok=True)
                write_file(partial / name / path.name, path.read_bytes())
    write_file(partial / VERIFIER_NAME, Path(standalone.__file__).read_bytes())


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database that others may be writing, as it is at one moment, into one file that is complete alone."""
    write_file(target, b"")
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
    with (
        contextlib.closing(apsw.Connection(sqlite_path(source), flags=flags)) as held,
        contextlib.closing(apsw.Connection(sqlite_path(target), flags=flags)) as copy,
    ):
        held.set_busy_timeout(database.BUSY_TIMEOUT_MS)
        with copy.backup("main", held, "main") as work:
            # All in one step: between two the host could write, and it would begin anew for ever.
            while not work.done:
                work.step(-1)
        run(copy, "PRAGMA journal_mode=DELETE")
    _sync(target)


def _described(partial: Path, made_at: str, collectors: tuple[str, ...]) -> Backup:
    report = _verified(partial)
    paths = sorted(path for path in partial.rglob("*") if path.is_file())
    return Backup(
        v=_VERSION,
        made_at=made_at,
        origin=report.origin,
        records=report.records,
        root=report.root,
        files=tuple(_kept(partial, path) for path in paths),
        collectors=collectors,
    )


def _verified(where: Path) -> Report:
    report = verify_home(where)
    if not report.ok:
        raise MesoError(f"{where}: the log does not hold: {report.bad}")
    vault = where / VAULT_NAME
    if vault.exists():
        try:
            with contextlib.closing(apsw.Connection(sqlite_path(vault), flags=apsw.SQLITE_OPEN_READONLY)) as db:
                answers = run(db, "PRAGMA integrity_check(1)")
        except apsw.Error as error:
            answers = [(str(error),)]
        if answers != [("ok",)]:
            raise MesoError(f"{where}: the vault is damaged: {' '.join(str(answers[0][0]).split())}")
    return report


def _kept(where: Path, path: Path) -> Kept:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
            size += len(part)
    return Kept(path=path.relative_to(where).as_posix(), size=size, sha256=digest.hexdigest())


def _check_name(where: Path, path: str) -> None:
    """Refuse a name that leads out of the backup, or that a data directory has no place for."""
    parts = Path(path).parts
    known = {DATABASE_NAME, VAULT_NAME, VERIFIER_NAME, *_PLAIN}
    inside = len(parts) == 2 and parts[0] in _DIRECTORIES and parts[1] not in {"..", "."}
    if not (path in known or inside) or (where / path).is_symlink():
        raise MesoError(f"{where}: the list names {path!r}, which belongs to no backup")


def older_name(key: VerifyKey) -> str:
    """Return under which name the secret of a key lies among the others once the log has another one."""
    return f"{KEY_NAME}.{key.key_id.hex()}"


def _is_older_key(kept: Path, now: Path) -> bool:
    """Return whether a kept key is another one of the same log."""
    try:
        return read_secret(kept).name == read_secret(now).name
    except UsageError:
        return False


def write_file(path: Path, content: bytes) -> None:
    """Write a new file durably, readable by its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what goes wrong with files into a UsageError of one line."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{error.filename or place} cannot be written: {error.strerror or error}") from None
    except apsw.Error as error:
        raise UsageError(f"the copy into {place} failed: {error}") from None
