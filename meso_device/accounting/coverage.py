"""Planned against given injections, and when a place would be gone over again (I-56).

A gun does not know where on the skin it stands. The smallest place that a record names is the area, with its side;
that is the cell here. Its points are taken as spread evenly, so that a pass is complete when as many injections are
in the area as one pass has points, and the next one goes over skin that was treated already.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from meso_device.accounting.entries import AreaGiven
from protocols.treatment.plan import AreaPlan, TreatmentPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far an area is; attempts and interrupted injections count as given.

    Attributes:
        area: Id in the area catalogue.
        planned: Injections over all planned passes.
        given: Injections given.
        pass_no: Pass that the next injection belongs to, from 1.
        left_in_pass: Injections until that pass is complete: the most that one grant may permit.
        passes: Passes planned.
    """

    area: str
    planned: int
    given: int
    pass_no: int
    left_in_pass: int
    passes: int

    @property
    def missing(self) -> int:
        """Planned injections that were not given."""
        return max(0, self.planned - self.given)

    @property
    def beyond_plan(self) -> bool:
        """Whether the next injection belongs to a pass that was not planned."""
        return self.given >= self.planned

    @property
    def warning(self) -> str:
        """What to show before the next injection is allowed; empty while the first pass is under way."""
        if self.pass_no == 1:
            return ""
        which = "not planned" if self.beyond_plan else f"pass {self.pass_no} of {self.passes} planned"
        done = f"{self.area} has {self.given} of {self.planned} injections"
        return f"SECOND PASS: {done}, the next go over it again: {which}"


def coverage_of(area: AreaPlan, given_shots: int) -> Coverage:
    """Return how far an area is after so many injections in this session."""
    return Coverage(
        area=area.area,
        planned=area.shots,
        given=given_shots,
        pass_no=given_shots // area.points + 1,
        left_in_pass=area.points - given_shots % area.points,
        passes=area.passes,
    )


def coverage(plan: TreatmentPlan, given: Mapping[int, AreaGiven]) -> tuple[Coverage, ...]:
    """Return how far every area of a plan is, in the order of the plan; ``given`` is by area code."""
    return tuple(
        coverage_of(area, given[area.area_code].shots if area.area_code in given else 0) for area in plan.areas
    )
