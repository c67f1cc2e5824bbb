"""Planned against given injections, and when a place would be gone over again (I-56).

A gun does not know where on the skin it stands. The smallest place that a record names is the area, with its side;
that is the cell here, unless the operator splits the area and says which cell the hand is at. Points are taken as
spread evenly, so that a pass is complete when as many injections are in the area or cell as one pass has points, and
the next one goes over skin that was treated already.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import AreaGiven
from protocols.treatment.plan import AreaPlan, TreatmentPlan

CELLS_MAX: Final = 12
"""More cells than this in one area are not told apart by a hand that holds a gun; their letters are a to l."""
SPLIT_AREAS_MAX: Final = 8
"""Areas that are in cells at once: what a screen can take in, and what fits into what it is told."""
MOVES_MAX: Final = 200
"""Choices of a cell in one area and session; whoever needs more has lost the place."""


class Coverage(Struct, frozen=True, kw_only=True):
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
    """Return how far an area is after so many injections in this session; points that were skipped count as given."""
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


class Cells(Struct, frozen=True):
    """An area that is gone over cell by cell, and which cell the hand is at.

    Where the hand went is told by the operator, never measured: a shot belongs to the cell that was chosen when it was
    made. A *place* is a planned point that was given or skipped; places of the area are counted from its first.

    Attributes:
        planned: Points of each cell, in order; 1 to `CELLS_MAX` cells.
        moves: Each choice of a cell: its index, and the places that the area had by then, ascending.
    """

    planned: tuple[int, ...]
    moves: tuple[tuple[int, int], ...]

    @property
    def current(self) -> int:
        """Index of the cell chosen last."""
        return self.moves[-1][0]

    def moved(self, cell: int, places: int) -> "Cells":
        """Return the same with another cell chosen after so many places of the area."""
        return Cells(self.planned, (*self.moves, (cell, places)))

    def done(self, places: int) -> tuple[int, ...]:
        """Return the places of each cell after so many places of the area."""
        done = [0] * len(self.planned)
        ends = [since for _, since in self.moves[1:]] + [places]
        for (cell, since), until in zip(self.moves, ends, strict=True):
            done[cell] += until - since
        return tuple(done)

    def allowed(self) -> tuple[int, ...]:
        """Return the places that each cell may have: its plan, and as much again each time it was chosen when full."""
        allowed = list(self.planned)
        for no, (cell, since) in enumerate(self.moves):
            if Cells(self.planned, self.moves[: no + 1]).done(since)[cell] >= allowed[cell]:
                allowed[cell] += self.planned[cell]
        return tuple(allowed)

    def left(self, places: int) -> int:
        """Return the places that are left in the cell chosen, its confirmed passes included."""
        return self.allowed()[self.current] - self.done(places)[self.current]

    def is_again(self, cell: int) -> bool:
        """Whether a cell was chosen again when it was full: a second pass."""
        return self.allowed()[cell] > self.planned[cell]

    def next_open(self, places: int) -> int | None:
        """Return the next cell after the one chosen that is not full, or None when all are."""
        done, count = self.done(places), len(self.planned)
        order = ((self.current + step) % count for step in range(1, count + 1))
        return next((cell for cell in order if done[cell] < self.planned[cell]), None)


def split(points: int, cells: int) -> Cells:
    """Return an area of so many points in cells as equal as they can be, the first one chosen; ``cells`` >= 1."""
    each, over = divmod(points, cells)
    return Cells(tuple(each + (cell < over) for cell in range(cells)), ((0, 0),))


def cell_name(cell: int) -> str:
    """Return the letter of a cell."""
    return chr(ord("a") + cell)
