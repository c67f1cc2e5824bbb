"""Corrections of what people recorded: each a record of its own that names what it corrects. Reads only.

The record that is corrected stays as it is, and what rules and caps are judged by stays with it: a correction is for
whoever reads the log later, who sees both.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Json
from meso_device.audit import canonical
from meso_device.audit.sql import run

AMEND: Final = "amend"
AMENDMENTS_MAX: Final = 100
"""Corrections of one field: more is no correction any more."""


class Amendment(Struct, frozen=True, kw_only=True):
    """One correction.

    Attributes:
        seq: Place of the correction in the log.
        target_seq: Place of the record that it corrects.
        target_kind: Kind of that record.
        field: Field of it.
        old: What that field said until then: as recorded, or as corrected before.
        new: What it should say.
        reason: Code.
        op: Who corrected it.
        role: In which role.
        at_us: When, UTC, a label.
    """

    seq: int
    target_seq: int
    target_kind: str
    field: str
    old: Json
    new: Json
    reason: str
    op: str
    role: str
    at_us: int


def amendment_key(target_seq: int, field: str, number: int) -> str:
    """Return the key of a field's correction, numbered from 0."""
    return f"{_begin(target_seq)}{field}/{number:03d}"


def amendment_of(body: Mapping[str, Any]) -> Amendment:
    """Return the correction that a record of kind ``amend`` holds; LookupError where it holds none."""
    return Amendment(
        seq=body["seq"],
        target_seq=body["target_seq"],
        target_kind=body["target_kind"],
        field=body["field"],
        old=body["old"],
        new=body["new"],
        reason=body["reason"],
        op=body["op"],
        role=body["role"],
        at_us=body["ts_us"],
    )


def amendments_on(db: apsw.Connection, seqs: Iterable[int]) -> tuple[Amendment, ...]:
    """Return the corrections of these records, in the order of the log."""
    found = [
        amendment_of(canonical.decode(body))
        for seq in seqs
        for (body,) in run(
            db, "SELECT body FROM record WHERE key >= ? AND key < ?", (_begin(seq), f"{_begin(seq)[:-1]}0")
        )
    ]
    return tuple(sorted(found, key=lambda one: one.seq))


def amendments_in(db: apsw.Connection, session: str) -> tuple[Amendment, ...]:
    """Return the corrections of a session's records, in the order of the log."""
    rows = run(
        db,
        "SELECT body FROM record WHERE sess = ? AND kind <> 'shot' AND kind = ? ORDER BY seq",
        (bytes.fromhex(session), AMEND),
    )
    return tuple(amendment_of(canonical.decode(body)) for (body,) in rows)


def amendments(db: apsw.Connection) -> Iterator[tuple[Amendment, dict[str, Any]]]:
    """Yield every correction in a log with its whole record, in the order of the log."""
    rows = run(db, "SELECT body FROM record WHERE key > ? AND key < ?", (f"{AMEND}/", f"{AMEND}0"))
    for body in sorted((canonical.decode(body) for (body,) in rows), key=lambda body: body["seq"]):
        yield amendment_of(body), body


def is_over(db: apsw.Connection, session: str) -> bool:
    """Return whether a session is closed, so that what was recorded in it can be corrected; true for none."""
    return not session or bool(run(db, "SELECT 1 FROM record WHERE key = ?", (f"session/{session}/closed",)))


def said_last(amendments: Iterable[Amendment], seq: int, field: str, recorded: Json) -> Json:
    """Return what a field of a record says after its corrections, given in the order of the log."""
    for one in amendments:
        if (one.target_seq, one.field) == (seq, field):
            recorded = one.new
    return recorded


def _begin(target_seq: int) -> str:
    return f"{AMEND}/{target_seq}/"
