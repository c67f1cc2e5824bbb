"""The practice treatment with another number of injections: same areas, same volume at most."""

from typing import Final

from msgspec.structs import replace

from protocols.errors import UsageError
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.units import format_dose

DOSE_STEP_NL: Final = 1_000


def scaled_plan(plan: TreatmentPlan, shots: int, *, dose_nl_min: int) -> TreatmentPlan:
    """Return the plan with ``shots`` injections in all, spread over its areas as before.

    More injections than the plan has share its volume, so that no cap is touched; fewer leave areas out.

    Args:
        plan: What is scaled.
        shots: Injections in all, at least 1.
        dose_nl_min: Smallest dose of the plan's syringe.

    Raises:
        UsageError: the volume shared by so many would be under the smallest dose.
    """
    doses = [min(area.dose_nl, _shared_dose_nl(area, plan, shots)) for area in plan.areas]
    if min(doses) < dose_nl_min:
        most = max(plan.shots, min(area.dose_nl * plan.shots // _step_up(dose_nl_min) for area in plan.areas))
        raise UsageError(
            f"{shots} injections refused: the volume shared by so many is under {format_dose(dose_nl_min)} each, "
            f"the smallest dose of this syringe; at most {most}"
        )
    areas = tuple(
        replace(area, points=points, passes=1, dose_nl=dose_nl)
        for area, points, dose_nl in zip(plan.areas, _spread(plan, shots), doses, strict=True)
        if points
    )
    return replace(plan, areas=areas)


def _shared_dose_nl(area: AreaPlan, plan: TreatmentPlan, shots: int) -> int:
    return area.dose_nl * plan.shots // shots // DOSE_STEP_NL * DOSE_STEP_NL


def _step_up(dose_nl: int) -> int:
    return -(-dose_nl // DOSE_STEP_NL) * DOSE_STEP_NL


def _spread(plan: TreatmentPlan, shots: int) -> list[int]:
    """Share the injections out in proportion, the largest remainders first."""
    exact = [divmod(area.shots * shots, plan.shots) for area in plan.areas]
    points = [whole for whole, _ in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: -exact[at][1])
    for at in by_remainder[: shots - sum(points)]:
        points[at] += 1
    return points
