"""What an operator may change of a plan while its session goes on: the commands, each with whoever gives it."""

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from protocols.units import LENGTH, VOLUME, format_depth, format_dose, parse_count, parse_entry


class Setpoint(Enum):
    """What can be edited of an area; the value is its name in an `AreaPlan`."""

    DEPTH = "depth_um"
    DOSE = "dose_nl"
    POINTS = "points"

    @property
    def word(self) -> str:
        """Return its name for people."""
        return self.name.lower()

    def written(self, value: int) -> str:
        """Write a value of it for people."""
        match self:
            case Setpoint.DEPTH:
                return format_depth(value)
            case Setpoint.DOSE:
                return format_dose(value)
            case Setpoint.POINTS:
                return str(value)

    def parse(self, text: str) -> int:
        """Read what was typed for it; UsageError says how it is written."""
        if self is Setpoint.POINTS:
            return parse_count(text.strip(), self.word)
        return parse_entry(text, LENGTH if self is Setpoint.DEPTH else VOLUME)


class EditPlan(Struct, frozen=True, kw_only=True):
    """Give a setpoint of an area another value, within what the treatment protocol file allows."""

    area_id: str
    setpoint: Setpoint
    value: int
    op: str
    role: str


class PlanArea(Struct, frozen=True, kw_only=True):
    """Take an untouched area out of the plan, or put one of the file back in."""

    area_id: str
    planned: bool
    op: str
    role: str


class SkipPoint(Struct, frozen=True, kw_only=True):
    """Leave the next point of an area out; `reason` is a word and no name."""

    area_id: str
    reason: str
    op: str
    role: str


class ChooseCell(Struct, frozen=True, kw_only=True):
    """Say which cell of an area the hand is at.

    Attributes:
        area_id: The area.
        cells: Cells that it is in; another number than before splits it anew, 1 makes it whole again.
        cell: Index of the cell.
        reason: Why a full cell is gone over again; a word and no name, empty for a cell that is not full.
        op, role: Whoever says so.
    """

    area_id: str
    cells: int
    cell: int
    reason: str
    op: str
    role: str


PlanCommand: TypeAlias = EditPlan | PlanArea | SkipPoint | ChooseCell
