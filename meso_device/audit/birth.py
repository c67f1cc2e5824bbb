"""Beginning a log: its key and its first record come into being together, or neither counts.

The key waits under a provisional name until the database holds its first records. A power cut in between
leaves either a usable log or what a new start takes for an empty directory.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
from msgspec import Struct

from meso_device.audit.database import abandon
from meso_device.audit.filesystem import check_filesystem, sync_directory, sync_names_above
from meso_device.audit.keys import SEED_BYTES, SigningKey, read_secret, write_secret
from meso_device.audit.sql import run
from protocols.errors import AuditWriteFailed, UsageError

DATABASE_NAME: Final = "audit.db"
KEY_NAME: Final = "audit.key"
VKEY_NAME: Final = "audit.vkey"
_PROVISIONAL_NAME: Final = "audit.key.new"


class Identity(Struct, frozen=True):
    """An open database and the key that signs for it; ``fresh`` while the log holds no record."""

    db: apsw.Connection
    key: SigningKey
    fresh: bool


def settle_identity(
    home: Path, randomness: Callable[[int], bytes], connect: Callable[[Path], apsw.Connection]
) -> Identity:
    """Open the log of a directory with its key, or prepare a new one; call `keep_key` after its first commit.

    Raises:
        UsageError: the log is there without its key, or the key without its log.
        AuditWriteFailed: the directory or the database cannot be written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_filesystem(home)
        has_key, has_log = (home / KEY_NAME).exists(), (home / DATABASE_NAME).exists()
        if has_key and not has_log:
            raise UsageError(
                f"{home / DATABASE_NAME} is missing but its key is there: restore the log from a backup, "
                f"or move {KEY_NAME} away to begin a new log"
            )
        db = connect(home / DATABASE_NAME)
        try:
            return _identify(home, db, randomness, has_key)
        except apsw.Error as error:
            abandon(db)
            raise AuditWriteFailed(
                f"the audit log cannot be read: {error}; nothing is written to it, run: meso audit verify"
            ) from error
        except BaseException:
            abandon(db)
            raise
    except OSError as error:
        raise AuditWriteFailed(f"the data directory {home} cannot be used: {error.strerror or error}") from error


def _identify(home: Path, db: apsw.Connection, randomness: Callable[[int], bytes], has_key: bool) -> Identity:
    first = run(db, "SELECT body FROM record WHERE seq = 0")
    provisional = home / _PROVISIONAL_NAME
    if has_key:
        if not first:
            raise UsageError(f"{home / DATABASE_NAME} is empty but its key is there: restore the log from a backup")
        key = read_secret(home / KEY_NAME)
    elif first:
        if not provisional.exists():
            raise UsageError(f"{home / KEY_NAME} is missing: restore it from a backup; without it the log cannot go on")
        key = read_secret(provisional)
        if json.loads(first[0][0]).get("vkey") != str(key.verify_key):
            raise UsageError(f"{provisional} is not the key of this log: restore {KEY_NAME} from a backup")
        keep_key(home, key)
    else:
        provisional.unlink(missing_ok=True)
        key = SigningKey(f"meso/{randomness(8).hex()}", randomness(SEED_BYTES))
        write_secret(provisional, key)
        sync_directory(home)
        sync_names_above(home)
    return Identity(db, key, fresh=not first)


def keep_key(home: Path, key: SigningKey) -> None:
    """Give the key its final name and write its public half beside it: the first records are durable.

    The public half is durable before the key has its name: afterwards nobody would write it again.
    """
    with (home / VKEY_NAME).open("w") as file:
        file.write(f"{key.verify_key}\n")
        file.flush()
        os.fsync(file.fileno())
    sync_directory(home)
    (home / _PROVISIONAL_NAME).rename(home / KEY_NAME)
    sync_directory(home)
