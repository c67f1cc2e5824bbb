"""What the screen is told of the plan: ``area``, ``areas``, ``left_out``, ``caps`` and ``limits`` of a snapshot."""

from meso_device.accounting.coverage import cell_name
from meso_device.accounting.entries import AreaGiven
from meso_device.host.console_facts import ConsoleFacts
from meso_device.screen_messages import Body
from meso_device.session.contract import View
from protocols.treatment.plan import AreaPlan, TreatmentPlan


def area_named(plan: TreatmentPlan | None, view: View) -> Body | None:
    """Return the area selected or armed; None if none."""
    area = next((area for area in plan.areas if area.area == view.area_id), None) if plan is not None else None
    return None if area is None else {"id": area.area, "code": area.area_code, "short": area.short}


def area_body(area: AreaPlan, facts: ConsoleFacts, view: View) -> Body:
    """Return an area: planned, given, read back, and its cells."""
    nothing = AreaGiven(area_code=area.area_code, shots=0, dose_lo_nl=0, dose_hi_nl=0, interrupted=0)
    given = next((given for given in view.given if given.area_code == area.area_code), nothing)
    back = facts.read_back.get(area.area_code)
    here = view.area_id == area.area
    filed = next((one for one in view.file.areas if one.area == area.area), area) if view.file is not None else area
    return {
        "id": area.area,
        "code": area.area_code,
        "short": area.short,
        "depth_um": area.depth_um,
        "dose_nl": area.dose_nl,
        "read_back_depth_um": None if back is None else back.depth_um,
        "read_back_dose_nl": None if back is None else back.dose_nl,
        "points": area.points,
        "passes": area.passes,
        "planned": area.shots,
        "given": given.shots,
        "unknown": view.held_shots if here and facts.unknown_us is not None else 0,
        "interrupted": given.interrupted,
        "dose_lo_nl": given.dose_lo_nl,
        "dose_hi_nl": given.dose_hi_nl,
        "held_nl": view.held_nl if here else 0,
        "cap_nl": area.cap_nl,
        "skipped": view.skipped.get(area.area_code, 0),
        "file_depth_um": filed.depth_um,
        "file_dose_nl": filed.dose_nl,
        "file_points": filed.points,
        **_cells(area, given.shots, view),
    }


def _cells(area: AreaPlan, given_shots: int, view: View) -> Body:
    cells = view.cells.get(area.area_code)
    if cells is None:
        return {"cell": None, "cells": []}
    done = cells.done(given_shots + view.skipped.get(area.area_code, 0))
    rows: list[Body] = [
        {"name": f"{area.short}{cell_name(no)}", "planned": planned, "done": done[no], "again": cells.is_again(no)}
        for no, planned in enumerate(cells.planned)
    ]
    return {"cell": cells.current, "cells": rows}


def left_out(view: View) -> list[Body]:
    """Return the areas of the file that are not in the plan."""
    if view.plan is None or view.file is None:
        return []
    planned = {area.area for area in view.plan.areas}
    left = (area for area in view.file.areas if area.area not in planned)
    return [{"id": area.area, "code": area.area_code, "short": area.short} for area in left]


def cap_bodies(plan: TreatmentPlan, view: View) -> list[Body]:
    """Return the session's cap, then that of the area selected."""
    given_nl = {given.area_code: given.dose_hi_nl for given in view.given}
    session = {
        "name": "session",
        "given_nl": view.dose_hi_nl,
        "held_nl": view.held_nl,
        "limit_nl": plan.session_cap_nl,
    }
    area = next((area for area in plan.areas if area.area == view.area_id), None)
    if area is None:
        return [session]
    return [
        session,
        {
            "name": f"area {area.short}",
            "given_nl": given_nl.get(area.area_code, 0),
            "held_nl": view.held_nl,
            "limit_nl": area.cap_nl,
        },
    ]


def file_limits(plan: TreatmentPlan) -> Body:
    """Return the other caps that the file and this build set."""
    return {
        "per_point_nl": plan.per_point_cap_nl,
        "per_cm2_nl": plan.per_cm2_cap_nl,
        "per_day_nl": plan.per_day_cap_nl,
        "per_interval_nl": plan.per_course_interval_cap_nl,
        "per_lot_nl": plan.per_lot_cap_nl,
    }
