"""Audit records that belong to a change of the vault: kept with it in one transaction until the log has them.

Two files cannot commit together. So the change and the record it wants commit here first; the record then goes to
the log under its exactly-once key, and only then leaves this table. A crash anywhere means sending it again.
"""

import json

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.people.database import run, transaction
from protocols.errors import require

DUE_MAX = 64
"""Records handed out at once: as many as the log takes in one transaction."""


class Due(Struct, frozen=True):
    """Records for the log, oldest first; tell `settled` once they are durable there."""

    last_no: int
    entries: tuple[Entry, ...]


def put(db: apsw.Connection, entry: Entry) -> None:
    """Keep a record for the log; only inside the transaction of the change it tells of."""
    require(db.in_transaction, "a record was kept outside of the transaction of its change")
    fields = {
        "kind": entry.kind,
        "key": entry.key,
        "payload": dict(entry.payload),
        "op": entry.op,
        "role": entry.role,
        "session": entry.session,
        "alias": entry.alias,
    }
    run(db, "INSERT INTO due(entry) VALUES(?)", (json.dumps(fields),))


def due(db: apsw.Connection) -> Due:
    """Return what the log does not have yet, at most `DUE_MAX` records; none when it has all."""
    rows = run(db, "SELECT no, entry FROM due ORDER BY no LIMIT ?", (DUE_MAX,))
    return Due(rows[-1][0] if rows else 0, tuple(Entry(**json.loads(text)) for _, text in rows))


def settled(db: apsw.Connection, done: Due) -> None:
    """Forget records that are durable in the log."""
    with transaction(db):
        run(db, "DELETE FROM due WHERE no <= ?", (done.last_no,))
