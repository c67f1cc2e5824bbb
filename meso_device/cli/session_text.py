"""A session as the log knows it, for people and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.accounting.entries import AreaGiven, SessionRow
from meso_device.audit.amendments import Amendment
from meso_device.audit.export import amendment_row, planned_areas, rfc3339
from meso_device.records.amending import shown
from protocols.units import format_dose

_NOTHING: Final = AreaGiven(area_code=0, shots=0, dose_lo_nl=0, dose_hi_nl=0, interrupted=0)


def session_document(row: SessionRow, amendments: Sequence[Amendment] = ()) -> dict[str, object]:
    """Return the session as one JSON object: planned and given, in all and by area, and what was corrected."""
    areas = planned_areas(row)
    given = {area.area_code: area for area in row.given}
    return {
        "id": row.session,
        "state": row.state,
        "simulated": row.simulated,
        "title": str(row.opened.get("title", "")),
        "op": row.op,
        "gun_uid": row.gun_uid,
        "protocol_digest": row.protocol_digest,
        "opened_at": rfc3339(row.opened_at_us),
        "closed_at": rfc3339(row.closed_at_us) if row.closed_at_us else "",
        "planned": {
            "injections": sum(_shots(area) for area in areas),
            "dose_nl": sum(_shots(area) * area["dose_nl"] for area in areas),
        },
        "given": _given_document(_total(row)),
        "areas": [
            {
                "area": area["area"],
                "area_code": area["area_code"],
                "depth_um": area["depth_um"],
                "planned": {"injections": _shots(area), "dose_nl": _shots(area) * area["dose_nl"]},
                "given": _given_document(given.get(area["area_code"], _NOTHING)),
            }
            for area in areas
        ],
        "amendments": [amendment_row(one) for one in amendments],
    }


def session_line(row: SessionRow) -> str:
    """Return the session in one line."""
    planned = sum(_shots(area) for area in planned_areas(row))
    given = _total(row)
    mark = "  SIMULATED" if row.simulated else ""
    return (
        f"{row.session}  {rfc3339(row.opened_at_us)[:19].replace('T', ' ')}  {row.state:<11}  "
        f"{given.shots:>4} of {planned:<4}  {dose_range(given):>18}{mark}"
    )


def session_page(row: SessionRow, amendments: Sequence[Amendment] = ()) -> list[str]:
    """Return the session in lines: what was planned, what the log says was given, and what was corrected."""
    given = {area.area_code: area for area in row.given}
    lines = [
        f"session  {row.session}{'  SIMULATED' if row.simulated else ''}",
        f"state    {row.state}",
        f"plan     {row.opened.get('title', '')}",
        f"opened   {rfc3339(row.opened_at_us)} by {row.op}",
        *([f"closed   {rfc3339(row.closed_at_us)}"] if row.closed_at_us else []),
        f"gun      {row.gun_uid or 'none yet'}",
        "",
        f"{'area':<20} {'given':>6} {'planned':>8}   {'volume given':>20}   {'planned':>10}",
    ]
    for area in planned_areas(row):
        got = given.get(area["area_code"], _NOTHING)
        cut = f"   {got.interrupted} interrupted" if got.interrupted else ""
        lines.append(
            f"{area['area']:<20} {got.shots:>6} {_shots(area):>8}   {dose_range(got):>20}   "
            f"{format_dose(_shots(area) * area['dose_nl']):>10}{cut}"
        )
    if amendments:
        lines += ["", f"amended  {len(amendments)} times; the records stay as they are"]
    lines += [f"  {amendment_line(one)}" for one in amendments]
    return lines


def amendment_line(one: Amendment) -> str:
    """Return a correction in one line: what was recorded, and what it should say."""
    return (
        f"#{one.target_seq} {one.target_kind} {one.field}: {shown(one.old)} -> {shown(one.new)}  "
        f"({one.reason}, #{one.seq}, {rfc3339(one.at_us)[:19].replace('T', ' ')}, {one.op[:8]})"
    )


def dose_range(given: AreaGiven) -> str:
    """Return the volume given: one figure where it is exact, else the range."""
    low, high = format_dose(given.dose_lo_nl), format_dose(given.dose_hi_nl)
    return high if low == high else f"{low.removesuffix(' mL')}-{high}"


def _total(row: SessionRow) -> AreaGiven:
    return AreaGiven(
        area_code=0,
        shots=sum(area.shots for area in row.given),
        dose_lo_nl=sum(area.dose_lo_nl for area in row.given),
        dose_hi_nl=sum(area.dose_hi_nl for area in row.given),
        interrupted=sum(area.interrupted for area in row.given),
    )


def _given_document(given: AreaGiven) -> dict[str, int]:
    return {
        "injections": given.shots,
        "dose_lo_nl": given.dose_lo_nl,
        "dose_hi_nl": given.dose_hi_nl,
        "interrupted": given.interrupted,
    }


def _shots(area: Mapping[str, Any]) -> int:
    return int(area["points"]) * int(area["passes"])
