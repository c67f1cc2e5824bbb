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
FILLING: Final = "lot.loaded"
"""The record of a filling: its lot may be corrected once the syringe is out of the gun."""
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
    """Return the corrections of a session's records and of what its injections came out of, in the order of the log."""
    rows = run(
        db,
        "SELECT body FROM record WHERE sess = ? AND kind <> 'shot' AND kind = ? ORDER BY seq",
        (bytes.fromhex(session), AMEND),
    )
    fillings = run(db, "SELECT DISTINCT cartridge FROM given WHERE sess = ? AND cartridge <> 0", (session,))
    found = [
        *(amendment_of(canonical.decode(body)) for (body,) in rows),
        *amendments_on(db, (seq for (seq,) in fillings)),
    ]
    return tuple(sorted(found, key=lambda one: one.seq))


def amendments(db: apsw.Connection) -> Iterator[tuple[Amendment, dict[str, Any]]]:
    """Yield every correction in a log with its whole record, in the order of the log."""
    rows = run(db, "SELECT body FROM record WHERE key > ? AND key < ?", (f"{AMEND}/", f"{AMEND}0"))
    for body in sorted((canonical.decode(body) for (body,) in rows), key=lambda body: body["seq"]):
        yield amendment_of(body), body


def is_over(db: apsw.Connection, fields: Mapping[str, Any]) -> bool:
    """Return whether what a record tells of is over, so that it can be corrected: its session, or its filling."""
    if fields["kind"] == FILLING:
        return not run(db, "SELECT 1 FROM cartridge WHERE seq = ? AND removed_seq IS NULL", (fields["seq"],))
    session = fields.get("sess", "")
    return not session or bool(run(db, "SELECT 1 FROM record WHERE key = ?", (f"session/{session}/closed",)))


def lots_amended(db: apsw.Connection) -> dict[int, str]:
    """Return what the lots of fillings were corrected to last, by the place of the filling's record."""
    return lots_in(one for one, _ in amendments(db))


def lots_in(amendments: Iterable[Amendment]) -> dict[int, str]:
    """Return the same out of some corrections, given in the order of the log."""
    return {one.target_seq: str(one.new) for one in amendments if (one.target_kind, one.field) == (FILLING, "lot")}


def lots_by_shot(db: apsw.Connection, lots: Mapping[int, str], session: str = "") -> dict[int, str]:
    """Return the corrected lot of each injection whose filling's was, by the injection's place.

    Args:
        db: The log.
        lots: Corrected lots by the place of the filling's record.
        session: Only injections of this session; empty for all.
    """
    return {
        seq: lot
        for filling, lot in lots.items()
        for (seq,) in run(
            db,
            "SELECT shot.seq FROM given INDEXED BY given_cartridge JOIN shot ON shot.given = given.id AND shot.seq "
            "BETWEEN given.first_seq AND given.last_seq WHERE given.cartridge = ? AND given.cartridge <> 0 "
            "AND ? IN ('', given.sess)",
            (filling, session),
        )
    }


def said_last(amendments: Iterable[Amendment], seq: int, field: str, recorded: Json) -> Json:
    """Return what a field of a record says after its corrections, given in the order of the log."""
    for one in amendments:
        if (one.target_seq, one.field) == (seq, field):
            recorded = one.new
    return recorded


def _begin(target_seq: int) -> str:
    return f"{AMEND}/{target_seq}/"
