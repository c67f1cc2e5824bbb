"""The plan as a table, and each zone of the body map as the plan has it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from meso_device.console.lines import Line, Pane, Span, Tone, columns, cut, dim, flow, line, strong, warn, wrap
from meso_device.console.presenters.edit import setpoints_of
from meso_device.console.presenters.quantities import bare_depth, bare_dose, depth, dose
from meso_device.console.state import Known, area_of
from meso_device.console.text import say
from protocols.treatment.advisory import SHALLOW_UM, SOURCE, Sex, advise
from protocols.treatment.areas import Area, catalogue

BOTH_MIN: Final = 28
"""Rows from which the skin and the caps of an area are shown together."""


class ZoneState(StrEnum):
    """How a zone stands; the value is its pattern, so that colour says nothing alone."""

    BLANK = " "
    PLANNED = "░"
    DONE = "▓"
    SELECTED = "█"
    DEVIATING = "!"
    FORBIDDEN = "x"


ZONE_TONES: Final[Mapping[ZoneState, Tone]] = {
    ZoneState.BLANK: Tone.ZONE,
    ZoneState.PLANNED: Tone.ZONE_PLANNED,
    ZoneState.DONE: Tone.ZONE_DONE,
    ZoneState.SELECTED: Tone.ZONE_SELECTED,
    ZoneState.DEVIATING: Tone.ZONE_DEVIATING,
    ZoneState.FORBIDDEN: Tone.ZONE_FORBIDDEN,
}


def zone_states(known: Known, selected: str) -> dict[str, ZoneState]:
    """Return how each area of the catalogue is drawn; the selected one above all."""
    planned = {area["id"]: area for area in known.snapshot.get("areas", ())}
    return {area: _zone_state(entry, planned.get(area), selected) for area, entry in catalogue().items()}


def _zone_state(entry: Area, planned: Mapping[str, int] | None, selected: str) -> ZoneState:
    if entry.id == selected:
        return ZoneState.SELECTED
    if entry.no_go:
        return ZoneState.FORBIDDEN
    if planned is None:
        return ZoneState.BLANK
    if planned["unknown"] or planned["interrupted"] or planned["given"] > planned["planned"]:
        return ZoneState.DEVIATING
    done = planned["given"] + planned["skipped"] >= planned["planned"]
    return ZoneState.DONE if done else ZoneState.PLANNED


def plan_rows(known: Known, pane: Pane, selected: str, *, caps: bool) -> list[Line]:
    """Return the table of the plan, its sum, and what is known of the selected area.

    Args:
        known: The newest state.
        pane: Size of the table.
        selected: Area at the cursor.
        caps: Show its caps, in the place of its skin where there is no room for both.
    """
    snapshot = known.snapshot
    if not snapshot or snapshot["session"] is None:
        return [line(strong(f" {say('live.no_session')}")), (), *_zone_rows(known, pane, selected)]
    both = pane.height >= BOTH_MIN
    below = [] if caps and not both else _zone_rows(known, pane, selected)
    if caps or both:
        below += [*([()] if below else []), *cap_rows(known, pane, selected)]
    return [*_table(snapshot, pane, selected, max(3, pane.height - 3 - len(below))), *below]


def _table(snapshot: Mapping[str, Any], pane: Pane, selected: str, room: int) -> list[Line]:
    areas = snapshot["areas"]
    rows: list[Line] = [line(dim("  area depth   dose      points total"))]
    at = next((no for no, area in enumerate(areas) if area["id"] == selected), 0)
    first = max(0, min(at - room + 1, len(areas) - room))
    for area in areas[first : first + room]:
        here = area["id"] == selected
        state = _zone_state(catalogue()[area["id"]], area, "") if area["id"] in catalogue() else ZoneState.BLANK
        row = columns(
            [
                (">" if here else " ", 1),
                (Span(state.value, ZONE_TONES[state]), 1),
                (area["short"], 5),
                (Span(depth(area["depth_um"])), 8),
                (Span(dose(area["dose_nl"])), 10),
                (Span(f"{area['given'] + area['skipped']}/{area['planned']}"), 7),
                (Span(dose(area["planned"] * area["dose_nl"])), 9),
            ]
        )
        act = f"pick('{area['id']}')"
        rows.append(tuple(span._replace(tone=Tone.CURSOR if here else span.tone, act=act) for span in row))
    if len(areas) > room:
        rows.append(line(dim(f"  {say('plan.more', shown=f'{first + 1}-{first + room}', of=len(areas))}")))
    total_nl = sum(area["planned"] * area["dose_nl"] for area in areas)
    rows.append(line(dim("  "), say("plan.total", dose=dose(total_nl), points=sum(area["planned"] for area in areas))))
    left_out = ", ".join(area["short"] for area in snapshot["left_out"])
    rows.append(cut(line(dim(f"  {say('plan.left_out', shorts=left_out)}")), pane.width) if left_out else ())
    return rows


def _zone_rows(known: Known, pane: Pane, selected: str) -> list[Line]:
    entry = catalogue().get(selected)
    if entry is None:
        return [line(dim(f" {say('plan.pick')}"))]
    rows: list[Line] = [line(" ", strong(f"{entry.short} {entry.name}"))]
    area = area_of(known.snapshot, selected)
    if entry.no_go:
        rows.append(line(" ", warn(say("plan.no_go"))))
    elif area is None:
        out = any(row["id"] == selected for row in known.snapshot.get("left_out", ()))
        rows.append(line(" ", warn(say("plan.was_left_out")) if out else dim(say("plan.not_planned"))))
    else:
        limit = f" of {dose(area['cap_nl'])}" if area["cap_nl"] is not None else ""
        rows.append(
            line(
                " ",
                say("plan.area", given=bare_dose(area["dose_hi_nl"]), planned=dose(area["planned"] * area["dose_nl"])),
                dim(limit),
            )
        )
        if area["unknown"] or area["interrupted"]:
            rows.append(line(" ", warn(say("plan.deviates", unknown=area["unknown"], interrupted=area["interrupted"]))))
        rows += [(Span(" "), *row) for row in _changes(area, pane)]
        rows += _advice_rows(entry, area["depth_um"], pane)
    if entry.risk == "extra-confirmation":
        rows.append(line(" ", warn(say("plan.extra"))))
    return [part for row in rows for part in flow(row, pane.width, 3)]


def _changes(area: Mapping[str, Any], pane: Pane) -> list[Line]:
    """Return what was changed of an area since its file: setpoints, skipped points, and its cells."""
    rows: list[Line] = []
    changed = [f"{name} {filed}" for name, now, filed in setpoints_of(area) if now != filed]
    if changed:
        rows += wrap(say("plan.changed", file=", ".join(changed)), pane.width - 2, Tone.STRONG)
    if area["skipped"]:
        rows.append(line(warn(say("plan.skipped", skipped=area["skipped"]))))
    if area["cells"]:
        cells = "  ".join(
            f"{'>' if no == area['cell'] else ''}{cell['name']} {cell['done']}/{cell['planned']}"
            for no, cell in enumerate(area["cells"])
        )
        rows += [*wrap(cells, pane.width - 2), line(dim(say("cells.counted")))]
    return rows


def cap_rows(known: Known, pane: Pane, selected: str) -> list[Line]:
    """Return the caps of the selected area: given, held and free of each that is counted here, and the others."""
    snapshot, area = known.snapshot, area_of(known.snapshot, selected)
    limits = snapshot.get("limits")
    if area is None or limits is None:
        return []
    session = next((cap for cap in snapshot["caps"] if cap["name"] == "session"), None)
    counted = [(say("caps.area"), area["dose_hi_nl"], area["held_nl"], area["cap_nl"])]
    if session is not None:
        counted.append((say("caps.session"), session["given_nl"], session["held_nl"], session["limit_nl"]))
    rows: list[Line] = [line(" ", strong(say("caps.title", short=area["short"])), dim(f"   {say('caps.head')}"))]
    for name, given_nl, held_nl, limit_nl in counted:
        free_nl = max(0, limit_nl - given_nl - held_nl)
        figures = f"{bare_dose(given_nl)} + {bare_dose(held_nl)} + "
        rows.append(line(dim(f" {name:<9}"), figures, strong(bare_dose(free_nl)), f" of {dose(limit_nl)}"))
    rows += [
        line(dim(f" {say(f'caps.{name}'):<9}"), dose(limits[f"per_{name}_nl"]))
        for name in ("point", "cm2", "day", "interval", "lot")
    ]
    return [*rows, *[(Span(" "), *row) for row in wrap(say("caps.note"), pane.width - 2, Tone.DIM)]]


def _advice_rows(entry: Area, depth_um: int, pane: Pane) -> list[Line]:
    """What is known of the skin there, for both sexes: the screen does not know the patient's."""
    rows: list[Line] = []
    sexes: tuple[tuple[Sex, str], ...] = (("female", say("plan.women")), ("male", say("plan.men")))
    for sex, label in sexes:
        advice = advise(entry, sex, depth_um)
        if advice.mean_um is None:
            continue
        skin = say(
            "plan.skin", mean=depth(advice.mean_um), low=bare_depth(advice.low_um), high=bare_depth(advice.high_um)
        )
        likely = Span(advice.layer, Tone.WARN if advice.deeper_than_wanted else Tone.VALUE)
        rows += [line(dim(f" {label}: "), skin), line(dim(f"   {say('plan.likely', travel=depth(depth_um))} "), likely)]
    known = bool(rows)
    if not known:
        rows = [line(" ", dim(say("plan.no_data")))]
    if depth_um < SHALLOW_UM:
        rows += [(Span(" "), *row) for row in wrap(say("plan.shallow"), pane.width - 2, Tone.WARN)]
    source = f"{say('plan.commanded')}; {SOURCE}" if known else say("plan.commanded")
    return [*rows, *[(Span(" "), *row) for row in wrap(source, pane.width - 2, Tone.DIM)]]
