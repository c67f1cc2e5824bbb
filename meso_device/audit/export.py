"""What a log holds, as rows for people and programs that are not ours: one a shot, or one a session."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from meso_device.accounting.entries import Json, SessionRow
from meso_device.audit import canonical, queries
from meso_device.audit.amendments import Amendment, amendments, lots_amended, lots_by_shot
from meso_device.audit.reader import reading
from meso_device.audit.sql import run

ExportRow: TypeAlias = dict[str, int | str | bool]
SHOT_COLUMNS: Final = (
    *("gun_uid", "log_epoch", "shot_seq", "session", "area", "area_id", "kind", "depth_um", "planned_depth_um"),
    *("dose_lo_nl", "dose_hi_nl", "outcome", "at", "simulated", "product", "lot", "log", "seq"),
    "lot_amended",
)
SESSION_COLUMNS: Final = (
    *("session", "alias", "op", "state", "title", "gun_uid", "protocol_digest", "opened_at", "closed_at"),
    *("planned_injections", "planned_dose_nl", "injections", "interrupted", "dose_lo_nl", "dose_hi_nl"),
    *("simulated", "log", "seq"),
)
AMENDMENT_COLUMNS: Final = (
    *("target_seq", "target_kind", "field", "old", "new", "reason", "op", "role", "at", "session", "log", "seq"),
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def export_shots(home: Path) -> Iterator[str]:
    """Yield one line of JSON a shot, with its line end, in the order of the log; a host may be writing meanwhile.

    Raises:
        UsageError: there is no log, or it is damaged.
    """
    return json_lines(shot_rows(home))


def json_lines(rows: Iterable[ExportRow]) -> Iterator[str]:
    """Yield one line of JSON a row, with its line end."""
    for row in rows:
        yield json.dumps(row, separators=(", ", ": ")) + "\n"


def shot_rows(home: Path) -> Iterator[ExportRow]:
    """Yield the shots in the order of the log, see `export_shots`."""
    with reading(home) as db:
        lots = lots_by_shot(db, lots_amended(db))
        for (body,) in db.execute("SELECT body FROM record WHERE kind = 'shot' ORDER BY seq"):
            fields = canonical.decode(body)
            yield shot_row(fields, lots.get(fields["seq"], ""))


def session_rows(home: Path) -> Iterator[ExportRow]:
    """Yield the sessions in the order of the log, each with what was planned and given in all; see `export_shots`."""
    with reading(home) as db:
        for row in reversed(queries.sessions(db)):
            [(body,)] = run(db, "SELECT body FROM record WHERE key = ?", (f"session/{row.session}/opened",))
            yield session_row(row, canonical.decode(body))


def amendment_rows(home: Path) -> Iterator[ExportRow]:
    """Yield what was corrected, old and new beside each other, in the order of the log; see `export_shots`."""
    with reading(home) as db:
        for amendment, body in amendments(db):
            yield amendment_row(amendment) | {"session": body.get("sess", ""), "log": body["log"], "seq": body["seq"]}


def amendment_row(one: Amendment) -> ExportRow:
    """Return the exported form of a correction, without the log and session that it stands in."""
    return {
        "target_seq": one.target_seq,
        "target_kind": one.target_kind,
        "field": one.field,
        "old": _plain(one.old),
        "new": _plain(one.new),
        "reason": one.reason,
        "op": one.op,
        "role": one.role,
        "at": rfc3339(one.at_us),
        "seq": one.seq,
    }


def _plain(value: Json) -> int | str | bool:
    return value if isinstance(value, int | str) else json.dumps(value)


def shot_row(body: dict[str, Any], lot_amended: str = "") -> ExportRow:
    """Return the exported form of a shot's body; the order of the columns is frozen, `SHOT_COLUMNS`.

    Args:
        body: The shot.
        lot_amended: What the lot of its filling was corrected to last; empty where it was not.
    """
    return {
        "gun_uid": body["gun"]["gun_uid"],
        "log_epoch": body["gun"]["log_epoch"],
        "shot_seq": body["shot_seq"],
        "session": body.get("sess", ""),
        "area": body["area_code"],
        "area_id": body["area"],
        "kind": body["shot_kind"],
        "depth_um": body["measured_depth_um"],
        "planned_depth_um": body["planned_depth_um"],
        "dose_lo_nl": body["dose_lo_nl"],
        "dose_hi_nl": body["dose_hi_nl"],
        "outcome": body["phase"],
        "at": rfc3339(body["at_us"]),
        "simulated": body["simulated"],
        "product": body["product"],
        "lot": body["lot"],
        "log": body["log"],
        "seq": body["seq"],
        "lot_amended": lot_amended,
    }


def session_row(row: SessionRow, opened: dict[str, Any]) -> ExportRow:
    """Return the exported form of a session; the order of the columns is frozen, `SESSION_COLUMNS`."""
    planned = [(int(area["points"]) * int(area["passes"]), int(area["dose_nl"])) for area in planned_areas(row)]
    return {
        "session": row.session,
        "alias": row.alias,
        "op": row.op,
        "state": row.state,
        "title": str(row.opened.get("title", "")),
        "gun_uid": row.gun_uid,
        "protocol_digest": row.protocol_digest,
        "opened_at": rfc3339(row.opened_at_us),
        "closed_at": rfc3339(row.closed_at_us) if row.closed_at_us else "",
        "planned_injections": sum(shots for shots, _ in planned),
        "planned_dose_nl": sum(shots * dose_nl for shots, dose_nl in planned),
        "injections": sum(area.shots for area in row.given),
        "interrupted": sum(area.interrupted for area in row.given),
        "dose_lo_nl": sum(area.dose_lo_nl for area in row.given),
        "dose_hi_nl": sum(area.dose_hi_nl for area in row.given),
        "simulated": row.simulated,
        "log": opened["log"],
        "seq": opened["seq"],
    }


def planned_areas(row: SessionRow) -> list[Mapping[str, Any]]:
    """Return the areas of a session's plan."""
    plan = row.opened.get("plan")
    areas = plan.get("areas") if isinstance(plan, dict) else None
    return [area for area in areas if isinstance(area, dict)] if isinstance(areas, list) else []


def rfc3339(at_us: int) -> str:
    """Write a UTC time in microseconds since 1970 as RFC 3339, exactly."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
