"""Checkpoints that are kept outside of this computer: what was handed out, how long ago, and what the clinic asks for.

The log cannot know what becomes of a checkpoint: it records that somebody took one away, or that a collector has
cosigned it. Both kinds of record are found by their keys, newest last, so a long log costs no more than a short one.
"""

from enum import StrEnum
from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.accounting.clinic import Outside
from meso_device.accounting.entries import Entry
from meso_device.audit import canonical
from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.clock_steps import set_back_since
from meso_device.audit.sql import run
from protocols.units import DAY_US

KEPT: Final = "checkpoint.kept"
REQUIRED: Final = "outside.required"
RECORDS_MAX: Final = 10_000_000
"""More than this is no limit."""
DAYS_MAX: Final = 3_650


class Where(StrEnum):
    """Where a checkpoint went, as it is written into records."""

    COPY = "copy"
    """With a copy of the whole log, such as on a USB stick."""
    PAPER = "paper"
    FILE = "file"
    COLLECTOR = "collector"


class Kept(Struct, frozen=True, kw_only=True):
    """The newest checkpoint that went outside.

    Attributes:
        size: Records under it.
        where: Where it went.
        at_us: UTC when that was recorded.
        seq: Place of that record.
    """

    size: int
    where: Where
    at_us: int
    seq: int


class Required(Struct, frozen=True, kw_only=True):
    """What the clinic asks for before a session; 0 for nothing.

    Attributes:
        records_max: Records that may be newer than the last checkpoint kept outside.
        days_max: Days that it may be old.
    """

    records_max: int = 0
    days_max: int = 0


def kept_entry(checkpoint: Checkpoint, where: Where, number: str, *, op: str = "system", role: str = "system") -> Entry:
    """Return the record that a checkpoint went outside.

    Args:
        checkpoint: What went.
        where: Where to.
        number: Tells it from others of the same checkpoint.
        op: Pseudonym of who took it.
        role: Role that they acted in.
    """
    return Entry(
        kind=KEPT,
        key=f"kept/{checkpoint.size:016d}/{number}",
        payload={"size": checkpoint.size, "root": checkpoint.root.hex(), "where": where.value},
        op=op,
        role=role,
    )


def required_entry(db: apsw.Connection, required: Required, *, op: str, role: str) -> Entry:
    """Return the record of what the clinic asks for from now on; only for whoever has the log."""
    newest = _newest(db, "outside")
    number = 1 if newest is None else newest[1]["number"] + 1
    payload = {"number": number, "records_max": required.records_max, "days_max": required.days_max}
    return Entry(kind=REQUIRED, key=f"outside/{number:08d}", payload=payload, op=op, role=role)


def newest_kept(db: apsw.Connection) -> Kept | None:
    """Return the checkpoint kept outside that covers most records; None where none is."""
    newest = _newest(db, "kept")
    if newest is None:
        return None
    seq, body = newest
    return Kept(size=body["size"], where=Where(body["where"]), at_us=body["ts_us"], seq=seq)


def required(db: apsw.Connection) -> Required:
    """Return what the clinic asks for."""
    newest = _newest(db, "outside")
    if newest is None:
        return Required()
    return Required(records_max=newest[1]["records_max"], days_max=newest[1]["days_max"])


def outside_at_opening(db: apsw.Connection, session: str) -> Outside | None:
    """Return how far the log was, when a session was opened, beyond what is kept outside now.

    None where the clinic asks for nothing. A checkpoint that went outside during the session counts. For a session that
    was not opened yet it is as of the newest record.
    """
    asked = required(db)
    if asked == Required():
        return None
    opened = run(db, "SELECT opened_seq, opened_us FROM session WHERE sess = ?", (session,))
    if opened:
        return outside_at(db, asked, *opened[0])
    [(seq, body)] = run(db, "SELECT seq, body FROM record ORDER BY seq DESC LIMIT 1")
    return outside_at(db, asked, int(seq) + 1, int(canonical.decode(body)["ts_us"]))


def outside_at(db: apsw.Connection, asked: Required, records: int, at_us: int) -> Outside:
    """Return how far a log of so many records is at this time beyond what is kept outside now."""
    kept = newest_kept(db)
    if kept is None:
        [(body,)] = run(db, "SELECT body FROM record WHERE seq = 0")
        size, since_us, seq = 0, int(canonical.decode(body)["ts_us"]), 0
    else:
        size, since_us, seq = kept.size, kept.at_us, kept.seq
    return Outside(
        records=records - size,
        age_us=at_us - since_us + set_back_since(db, seq),
        records_max=asked.records_max,
        days_max=asked.days_max,
    )


def running_out(db: apsw.Connection, at_us: int) -> str:
    """Return a line for the operator once what the clinic asks for is nearly used up; empty before that."""
    asked = required(db)
    if asked == Required():
        return ""
    [(records,)] = run(db, "SELECT coalesce(max(seq) + 1, 0) FROM record")
    found = outside_at(db, asked, int(records), at_us)
    if not found.nearly:
        return ""
    of = [
        *([f"{max(found.records, 0)} of {asked.records_max} records"] if asked.records_max else []),
        *([f"{max(found.age_us, 0) // DAY_US} of {asked.days_max} days"] if asked.days_max else []),
    ]
    return (
        f"{' and '.join(of)} since a checkpoint went outside, and past that no session begins: "
        "carry a copy of the log away (meso audit copy DIR --as NAME)"
    )


def _newest(db: apsw.Connection, first: str) -> tuple[int, Any] | None:
    """Return place and body of the record with the last key under a first word."""
    rows = run(
        db,
        "SELECT seq, body FROM record WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 1",
        (f"{first}/", f"{first}0"),
    )
    return (int(rows[0][0]), canonical.decode(rows[0][1])) if rows else None
