"""Giving a log another key: drawn, recorded and signed by both, and only then put in the place of the old one.

The new secret waits under a name of its own until its record is durable. A crash before that leaves the old key in
force, a crash after it the new one: `settle` sees to it at the next start.
"""

import os
from pathlib import Path
from typing import Final

import apsw

from meso_device.accounting.entries import Entry
from meso_device.audit import canonical
from meso_device.audit.birth import KEY_NAME, VKEY_NAME
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import SigningKey, VerifyKey, read_secret, write_secret
from meso_device.audit.log_keys import ROTATED
from meso_device.audit.sql import run
from protocols.errors import UsageError

NEXT_NAME: Final = "audit.key.next"
_VKEY_NEXT_NAME: Final = "audit.vkey.next"


def rotated_entry(old: VerifyKey, new: VerifyKey, reason: str, *, op: str, role: str) -> Entry:
    """Return the record that a log goes on under another key; ``reason`` is a code."""
    return Entry(
        kind=ROTATED,
        key=f"key/{new.key_id.hex()}",
        payload={"old_vkey": str(old), "vkey": str(new), "reason": reason},
        op=op,
        role=role,
    )


def keep_waiting(home: Path, key: SigningKey) -> None:
    """Write the new secret durably under its name of waiting.

    Raises:
        OSError: it cannot be written.
    """
    (home / NEXT_NAME).unlink(missing_ok=True)
    write_secret(home / NEXT_NAME, key)
    sync_directory(home)


def take_over(home: Path, key: VerifyKey) -> None:
    """Put the new secret in the place of the old one, which is gone then; its record is durable.

    Raises:
        OSError: it cannot be written; the next start does it.
    """
    with (home / _VKEY_NEXT_NAME).open("w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    (home / _VKEY_NEXT_NAME).rename(home / VKEY_NAME)
    sync_directory(home)
    (home / NEXT_NAME).rename(home / KEY_NAME)
    sync_directory(home)


def settle(home: Path, db: apsw.Connection, key: SigningKey) -> SigningKey:
    """Return the key that signs now: a rotation that was cut off is finished if it was recorded, else forgotten.

    Raises:
        OSError: the directory cannot be written.
    """
    waiting = home / NEXT_NAME
    if not waiting.exists():
        return key
    try:
        new = read_secret(waiting)
    except UsageError:  # it was being written
        new = None
    if new is not None and str(new.verify_key) == _newest(db):
        take_over(home, new.verify_key)
        return new
    waiting.unlink()
    sync_directory(home)
    return key


def _newest(db: apsw.Connection) -> str:
    bodies = sorted(run(db, "SELECT seq, body FROM record WHERE key > 'key/' AND key < 'key0'"))
    return str(canonical.decode(bodies[-1][1]).get("vkey", "")) if bodies else ""
