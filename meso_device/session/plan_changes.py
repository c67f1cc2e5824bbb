"""What changes in a session after its opening: setpoints, areas, skipped points, cells.

Each change is a record first and takes effect when that is durable; a session taken up again makes the same changes
from the same records. Nothing here reaches the gun: the next arming sets and reads back.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.coverage import CELLS_MAX, MOVES_MAX, SPLIT_AREAS_MAX, Cells, cell_name, split
from meso_device.accounting.entries import CELL_CHOSEN, PLAN_EDITED, POINT_SKIPPED, Json
from meso_device.session.contract import NoticeKind
from meso_device.session.desk import Desk, SessionState
from meso_device.session.flow import Flow, FlowEnded, LinkTrouble, Until, record
from meso_device.session.plan_commands import ChooseCell, EditPlan, PlanArea, PlanCommand, Setpoint, SkipPoint
from meso_device.session.plan_edit import PlanLimits, area_of
from protocols.errors import UsageError
from protocols.treatment.plan import AreaPlan, TreatmentPlan

PLANNED: Final = "planned"
"""In the place of a setpoint: whether the area is in the plan at all, 1 or 0."""


class Change(Struct, frozen=True):
    """One change as it is recorded, and the line that says so."""

    kind: str
    payload: dict[str, Json]
    text: str


def change_plan(desk: Desk, command: PlanCommand) -> Flow:
    """Check a change, record it with whoever made it, then let it take effect.

    Raises:
        FlowEnded: it is refused, with the reason; nothing has changed.
    """
    yield Until(lambda: desk.gun().synced)  # so that the places counted are those given
    try:
        change = _change(desk, command)
    except UsageError as refused:
        raise FlowEnded(str(refused)) from None
    entry = desk.entry(change.kind, desk.event_key(change.kind), change.payload)
    yield from record(replace(entry, op=command.op, role=command.role))
    apply_change(desk.treatment(), change.kind, change.payload)
    desk.tell(NoticeKind.INFO, change.text)


def apply_change(session: SessionState, kind: str, payload: Mapping[str, Json]) -> None:
    """Make a change that a record tells of.

    Raises:
        UsageError: the record does not fit the session.
    """
    try:
        _APPLY[kind](session, payload)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"session {session.session} cannot be resumed: a {kind} record does not fit it") from error


# --- checks -------------------------------------------------------------------------------------


def _change(desk: Desk, command: PlanCommand) -> Change:
    session = desk.treatment()
    match command:
        case EditPlan():
            return _edit(desk, session, command)
        case PlanArea():
            return _plan_area(session, command)
        case SkipPoint():
            return _skip(session, command)
        case ChooseCell():
            return _choose(session, command)


def _edit(desk: Desk, session: SessionState, command: EditPlan) -> Change:
    area, setpoint = _planned(session, command.area_id), command.setpoint
    if desk.limits is None:
        raise LinkTrouble("the gun did not give its limits")
    if setpoint is Setpoint.POINTS and area.area_code in session.cells:
        raise UsageError(f"points of {area.short} refused: it is split into cells; make it whole first")
    PlanLimits(file=session.file, plan=session.plan, gun=desk.limits).check(
        area.area, setpoint, command.value, session.places(area)
    )
    old = int(getattr(area, setpoint.value))
    filed = _area(session.file, area.area)
    payload = _about(area, setpoint=setpoint.value, old=old, new=command.value, file=getattr(filed, setpoint.value))
    was, now = setpoint.written(old), setpoint.written(command.value)
    return Change(PLAN_EDITED, payload, f"plan of {area.short}: {setpoint.word} {now}, was {was}; set when next armed")


def _plan_area(session: SessionState, command: PlanArea) -> Change:
    area = area_of(session.file, command.area_id)
    if area is None:
        raise UsageError(f"{command.area_id} refused: the treatment protocol {session.file.id} does not have it")
    is_planned = area_of(session.plan, area.area) is not None
    if is_planned is command.planned:
        raise UsageError(f"{area.short} is {'in' if is_planned else 'not in'} the plan already")
    if not command.planned and session.places(area):
        raise UsageError(f"{area.short} was begun and stays in the plan: give it fewer points instead")
    if not command.planned and len(session.plan.areas) == 1:
        raise UsageError(f"{area.short} is the last area of the plan: close the session instead")
    if command.planned and session.plan.volume_nl + area.volume_nl > session.plan.session_cap_nl:
        raise UsageError(f"{area.short} refused: with it the plan would be over the session's cap")
    payload = _about(area, setpoint=PLANNED, old=int(is_planned), new=int(command.planned), file=1)
    text = f"{area.short} is in the plan again, as the file has it" if command.planned else f"{area.short} is left out"
    return Change(PLAN_EDITED, payload, text)


def _skip(session: SessionState, command: SkipPoint) -> Change:
    area = _planned(session, command.area_id)
    places = session.places(area)
    if places >= area.shots:
        raise UsageError(f"{area.short}: no point is left to skip")
    cells = session.cells.get(area.area_code)
    if cells is not None and cells.left(places) <= 0:
        raise UsageError(f"{area.short}{cell_name(cells.current)}: no point is left to skip; N goes on")
    payload = _about(area, point=places + 1, reason=command.reason)
    return Change(POINT_SKIPPED, payload, f"{area.short}: point {places + 1} skipped ({command.reason})")


def _choose(session: SessionState, command: ChooseCell) -> Change:
    area = _planned(session, command.area_id)
    places, was = session.places(area), session.cells.get(area.area_code)
    if not 1 <= command.cells <= min(CELLS_MAX, area.points) or not 0 <= command.cell < command.cells:
        raise UsageError(f"{area.short} takes 1 to {min(CELLS_MAX, area.points)} cells")
    if area.passes != 1:
        raise UsageError(f"{area.short} is planned in {area.passes} passes over the whole: it is not split")
    again = False
    if command.cells != (len(was.planned) if was is not None else 1):
        if places:
            raise UsageError(f"{area.short} was begun: cells are made before its first point")
        if was is None and len(session.cells) >= SPLIT_AREAS_MAX:
            raise UsageError(f"{area.short}: {SPLIT_AREAS_MAX} areas are in cells already; make one of them whole")
    elif was is None:
        raise UsageError(f"{area.short} is in one cell")
    else:
        again = was.done(places)[command.cell] >= was.allowed()[command.cell]
        if len(was.moves) >= MOVES_MAX:
            raise UsageError(f"{area.short}: cells were chosen {MOVES_MAX} times; finish the area")
    name = f"{area.short}{cell_name(command.cell)}" if command.cells > 1 else area.short
    if again and not command.reason:
        raise UsageError(f"SECOND PASS {name}: its points are done; say why it is gone over again")
    payload = _about(area, cells=command.cells, cell=command.cell, places=places, reason=command.reason, again=again)
    text = f"SECOND PASS {name} ({command.reason})" if again else f"{name} is chosen"
    return Change(CELL_CHOSEN, payload, f"{text}; counted, position is not measured")


def _planned(session: SessionState, area_id: str) -> AreaPlan:
    area = session.area(area_id)
    if area is None:
        raise UsageError(f"{area_id} is not in the plan")
    return area


def _about(area: AreaPlan, **fields: Json) -> dict[str, Json]:
    return {"area": area.area, "area_code": area.area_code, **fields}


# --- taking effect ------------------------------------------------------------------------------


def _apply_edit(session: SessionState, payload: Mapping[str, Json]) -> None:
    area_id, value = str(payload["area"]), _integer(payload["new"])
    if payload["setpoint"] == PLANNED:
        kept = {area.area for area in session.plan.areas} - {area_id} | ({area_id} if value else set())
        now = {area.area: area for area in session.plan.areas}
        areas = tuple(now.get(area.area, area) for area in session.file.areas if area.area in kept)
        session.cells.pop(_area(session.file, area_id).area_code, None)
    else:
        setpoint = Setpoint(str(payload["setpoint"]))
        changed = _with(_area(session.plan, area_id), setpoint, value)
        areas = tuple(changed if area.area == area_id else area for area in session.plan.areas)
    session.plan = replace(session.plan, areas=areas)


def _with(area: AreaPlan, setpoint: Setpoint, value: int) -> AreaPlan:
    match setpoint:
        case Setpoint.DEPTH:
            return replace(area, depth_um=value)
        case Setpoint.DOSE:
            return replace(area, dose_nl=value)
        case Setpoint.POINTS:
            return replace(area, points=value)


def _apply_skip(session: SessionState, payload: Mapping[str, Json]) -> None:
    code = _integer(payload["area_code"])
    session.skipped[code] = session.skipped.get(code, 0) + 1


def _apply_cell(session: SessionState, payload: Mapping[str, Json]) -> None:
    code, cells, cell, places = (_integer(payload[name]) for name in ("area_code", "cells", "cell", "places"))
    was = session.cells.get(code)
    if was is None or len(was.planned) != cells:
        session.cells.pop(code, None)
        if cells > 1:
            area = _area(session.plan, str(payload["area"]))
            made = split(area.shots, cells)
            session.cells[code] = Cells(made.planned, ((cell, places),))
    else:
        session.cells[code] = was.moved(cell, places)


def _area(plan: TreatmentPlan, area_id: str) -> AreaPlan:
    found = area_of(plan, area_id)
    if found is None:
        raise KeyError(area_id)
    return found


def _integer(value: Json) -> int:
    if type(value) is not int:
        raise TypeError("not a count")
    return value


_APPLY: Final[Mapping[str, Callable[[SessionState, Mapping[str, Json]], None]]] = {
    PLAN_EDITED: _apply_edit,
    POINT_SKIPPED: _apply_skip,
    CELL_CHOSEN: _apply_cell,
}
