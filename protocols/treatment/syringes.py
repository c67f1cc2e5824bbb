"""Syringes, and the smallest dose that a syringe and a lead screw can resolve."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from protocols.treatment.tables import figure, rows

# A motor under load can be off by half a full step: a twentieth of a dose of ten, the accuracy goal of 5 %.
FULL_STEPS_MIN: Final = 10


class Syringe(Struct, frozen=True, kw_only=True):
    """One row of the syringe table.

    Attributes:
        id: Name in treatment protocol files.
        geometry_id: Number on the wire; never given to another syringe.
        name: Brand or type.
        size_nl: Nominal content.
        pl_per_um: Picolitres for one micrometre of plunger travel; None where nobody was seen to say.
        status: ``seen``, ``to be checked`` or ``unknown``.
        source: Where the figure comes from.
    """

    id: str
    geometry_id: int
    name: str
    size_nl: int
    pl_per_um: int | None
    status: str
    source: str


class ScrewDrive(Struct, frozen=True, kw_only=True):
    """The motor and lead screw that push a plunger; usually 1.8 degrees, 1 mm lead, 1/16 steps."""

    lead_um: int = 1_000
    full_steps_per_turn: int = 200
    microsteps: int = 16

    def full_step_pl(self, pl_per_um: int) -> Fraction:
        """Return the exact volume of one full step, in picolitres."""
        return Fraction(pl_per_um * self.lead_um, self.full_steps_per_turn)

    def microstep_pl(self, pl_per_um: int) -> Fraction:
        """Return the exact volume of the smallest commanded step, in picolitres."""
        return self.full_step_pl(pl_per_um) / self.microsteps


DEFAULT_DRIVE: Final = ScrewDrive()


@cache
def syringes() -> Mapping[str, Syringe]:
    """Return all syringes by id."""
    found = (
        Syringe(
            id=row["id"],
            geometry_id=int(row["geometry_id"]),
            name=row["brand_or_type"],
            size_nl=int(row["size_nl"]),
            pl_per_um=figure(row["pl_per_um"]),
            status=row["status"],
            source=row["source"],
        )
        for row in rows("syringes")
    )
    return MappingProxyType({syringe.id: syringe for syringe in found})


def smallest_dose_nl(pl_per_um: int, drive: ScrewDrive = DEFAULT_DRIVE) -> int:
    """Return the smallest dose worth commanding: `FULL_STEPS_MIN` full steps, up to whole nanolitres."""
    return -(-FULL_STEPS_MIN * drive.full_step_pl(pl_per_um) // 1000)


def dose_grid_nl(pl_per_um: int, drive: ScrewDrive = DEFAULT_DRIVE) -> int:
    """Return the grid of doses: the first of 1, 2, 5, 10, 20 ... nL that is no finer than a microstep."""
    finest_pl = drive.microstep_pl(pl_per_um)
    decade_nl = 1
    while True:
        for step_nl in (decade_nl, 2 * decade_nl, 5 * decade_nl):
            if step_nl * 1000 >= finest_pl:
                return step_nl
        decade_nl *= 10
