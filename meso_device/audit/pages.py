"""Pages of the history, newest first, and single records with their proof. Reads only, bounded each time.

A page looks at a bounded part of the log whatever it is filtered by: commits wait behind it.
"""

import json
from typing import Any, Final, TypeAlias

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Json
from meso_device.audit import canonical
from meso_device.audit.amendments import amendments_on, is_over, lots_amended
from meso_device.audit.keys import VerifyKey
from meso_device.audit.proof import prove
from meso_device.audit.sql import run

PAGE_ROWS_MAX: Final = 200
LOOKED_AT_MAX: Final = 20_000
"""Shots that one page looks through; a rare one is found by asking for the next page."""
RECORDS_LOOKED_AT_MAX: Final = 2_000
"""Records of every kind that one page looks through: each has to be decoded."""
ROW: Final = (
    *("shot_seq", "at_us", "area_code", "planned_depth_um", "dose_lo_nl", "dose_hi_nl", "phase", "reason", "lot"),
)


class PageQuery(Struct, frozen=True, kw_only=True):
    """Which shots, or which records of every kind.

    Attributes:
        before: Only records before this seq; None for the newest.
        limit: Rows at most, 1 to `PAGE_ROWS_MAX`.
        session: Only of this session; empty for all.
        area_code: Only of this area; 0 for all.
        deviations: Only those that did not end as planned; of shots alone.
        alias: Only of the patient whose pseudonym begins so; empty for all.
        lot: Only of this lot; empty for all, and of shots alone.
        since_us: Only from this time on; None from the first.
        until_us: Only before this time; None to the last.
        every_kind: Records of every kind, not only shots.
    """

    before: int | None = None
    limit: int = PAGE_ROWS_MAX
    session: str = ""
    area_code: int = 0
    deviations: bool = False
    alias: str = ""
    lot: str = ""
    since_us: int | None = None
    until_us: int | None = None
    every_kind: bool = False


class RecordQuery(Struct, frozen=True):
    """One record, by its place in the log."""

    seq: int


Query: TypeAlias = PageQuery | RecordQuery


class Page(Struct, frozen=True, kw_only=True):
    """Shots, newest first.

    Attributes:
        rows: One object a shot.
        next: Cursor of the page behind; None when there is none.
        head: Seq of the newest record of the log; -1 for none.
    """

    rows: tuple[dict[str, Json], ...]
    next: int | None
    head: int


class Looked(Struct, frozen=True):
    """The answer to a query.

    Attributes:
        no: Number of the query.
        found: A page, the fields of a record, or None where there is no such record.
        problem: Why nothing could be read; empty if it could.
    """

    no: int
    found: Page | dict[str, Any] | None
    problem: str = ""


def look(db: apsw.Connection, no: int, query: Query, key: VerifyKey) -> Looked:
    """Answer a query; whatever goes wrong is the answer."""
    try:
        return Looked(no, page_of(db, query) if isinstance(query, PageQuery) else record_of(db, query.seq, key))
    except (apsw.Error, ValueError, LookupError, TypeError) as error:
        return Looked(no, None, f"the log cannot be read: {error}; run: meso audit verify")


def page_of(db: apsw.Connection, query: PageQuery) -> Page:
    """Return a page; fewer rows than asked for do not mean the end, ``next`` does."""
    head = _number(db, "SELECT coalesce(max(seq), -1) FROM record")
    below = head + 1 if query.before is None else query.before
    if query.every_kind:
        return _records(db, query, below, head)
    lowest = _lowest(db, below)
    amended = [filling for filling, lot in lots_amended(db).items() if lot == query.lot] if query.lot else []
    conditions, bindings = _conditions(query, amended)
    found = run(
        db,
        "SELECT shot.seq, given.sess, record.body FROM shot CROSS JOIN given ON given.id = shot.given "  # noqa: S608  # our own words
        f"CROSS JOIN record ON record.seq = shot.seq WHERE shot.seq < ? AND shot.seq >= ?{conditions} "
        "ORDER BY shot.seq DESC LIMIT ?",
        (below, lowest, *bindings, query.limit),
    )
    rows = tuple(_row(seq, session, canonical.decode(body)) for seq, session, body in found)
    reached = found[-1][0] if len(found) == query.limit else lowest
    more = bool(run(db, "SELECT 1 FROM shot WHERE seq < ? LIMIT 1", (reached,)))
    return Page(rows=rows, next=reached if more else None, head=head)


def _records(db: apsw.Connection, query: PageQuery, below: int, head: int) -> Page:
    lowest = max(0, below - RECORDS_LOOKED_AT_MAX)
    rows: list[dict[str, Json]] = []
    reached = lowest
    found = db.execute(
        "SELECT seq, kind, body FROM record WHERE seq < ? AND seq >= ? ORDER BY seq DESC", (below, lowest)
    )
    for seq, kind, body in found:
        record = canonical.decode(body)
        if _fits(record, query):
            rows.append(_record_row(seq, kind, record))
        if len(rows) == query.limit:
            reached = seq
            break
    more = bool(run(db, "SELECT 1 FROM record WHERE seq < ? LIMIT 1", (reached,)))
    return Page(rows=tuple(rows), next=reached if more else None, head=head)


def _fits(record: dict[str, Any], query: PageQuery) -> bool:
    return (
        (not query.session or record.get("sess", "") == query.session)
        and str(record.get("alias", "")).startswith(query.alias)
        and (query.since_us is None or record["ts_us"] >= query.since_us)
        and (query.until_us is None or record["ts_us"] < query.until_us)
    )


def _record_row(seq: int, kind: str, record: dict[str, Any]) -> dict[str, Json]:
    return {
        "seq": seq,
        "kind": kind,
        "at_us": record["ts_us"],
        "op": record["op"],
        "role": record["role"],
        "session8": record.get("sess", "")[:8],
        "alias8": record.get("alias", "")[:8],
        "simulated": bool(record.get("simulated", False)),
    }


def record_of(db: apsw.Connection, seq: int, key: VerifyKey) -> dict[str, Any] | None:
    """Return kind, fields, corrections, leaf hash and checked proof of a record, or None where there is none.

    ``over`` says whether its session is closed, or its filling out of the gun; it is true where it has none.
    """
    rows = run(db, "SELECT kind, leaf, body FROM record WHERE seq = ?", (seq,))
    if not rows:
        return None
    kind, leaf, body = rows[0]
    fields = canonical.decode(body)
    proof = prove(db, seq, key)
    return {
        "seq": seq,
        "kind": kind,
        "fields": fields,
        "over": is_over(db, fields),
        "amendments": [
            {"seq": one.seq, "field": one.field, "new": one.new, "reason": one.reason, "at_us": one.at_us}
            for one in amendments_on(db, (seq,))
        ],
        "leaf": bytes(leaf).hex(),
        "proof": None
        if proof is None
        else {
            "size": proof.size,
            "root": proof.root.hex(),
            "path": [step.hex() for step in proof.path],
            "problem": proof.problem,
        },
    }


def _lowest(db: apsw.Connection, below: int) -> int:
    """Return the seq down to which a page looks."""
    rows = run(db, "SELECT seq FROM shot WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?", (below, LOOKED_AT_MAX))
    return int(rows[0][0]) if rows else 0


def _conditions(query: PageQuery, fillings: list[int]) -> tuple[str, tuple[int | str, ...]]:
    conditions = ""
    bindings: list[int | str] = []
    if query.session:
        conditions += " AND given.sess = ?"
        bindings.append(query.session)
    if query.area_code:
        conditions += " AND given.area_code = ?"
        bindings.append(query.area_code)
    if query.alias:
        conditions += " AND substr(given.alias, 1, ?) = ?"
        bindings += [len(query.alias), query.alias]
    if query.lot:
        conditions += " AND (given.lot = ? OR given.cartridge IN (SELECT value FROM json_each(?)))"
        bindings += [query.lot, json.dumps(fillings)]
    if query.since_us is not None:
        conditions += " AND shot.latest_us >= ?"
        bindings.append(query.since_us)
    if query.until_us is not None:
        conditions += " AND shot.latest_us < ?"
        bindings.append(query.until_us)
    if query.deviations:
        conditions += " AND shot.phase <> 'DONE'"
    return conditions, tuple(bindings)


def _row(seq: int, session: str, body: dict[str, Any]) -> dict[str, Json]:
    return {
        "seq": seq,
        **{name: body[name] for name in ROW},
        "depth_um": body["measured_depth_um"],
        "area": body["area"],
        "session8": session[:8],
        "alias8": body.get("alias", "")[:8],
        "simulated": body["simulated"],
    }


def _number(db: apsw.Connection, statement: str) -> int:
    return int(run(db, statement)[0][0])
