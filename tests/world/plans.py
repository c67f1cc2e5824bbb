"""The treatment of a simulated session: the practice treatment, spread to any number of injections."""

from functools import cache

from msgspec.structs import replace

from protocols.treatment.library import load_library
from protocols.treatment.plan import TreatmentPlan

AREAS = 4


@cache
def plan_of(shots: int) -> TreatmentPlan:
    """Return a plan of that many injections over four areas; caps are the treatment's own, raised by the points."""
    plan = load_library("practice").plan()
    areas = []
    for index, area in enumerate(plan.areas):
        points = (shots + AREAS - 1 - index) // AREAS
        if points:
            dose_nl = min(area.dose_nl, 6_000)
            areas.append(replace(area, points=points, dose_nl=dose_nl, cap_nl=2 * points * dose_nl))
    return replace(plan, areas=tuple(areas), session_cap_nl=4_000_000, per_day_cap_nl=4_000_000)
