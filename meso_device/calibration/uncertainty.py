"""The uncertainty of a mean: contributions, their effective degrees of freedom, and the expanded uncertainty.

JCGM 100 (GUM), 5.1.2 for the sum and G.4.1 (Welch and Satterthwaite) for the degrees of freedom. The coverage is
95.45 %: two standard deviations where nothing limits the degrees of freedom.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from meso_device.calibration.distributions import student_quantile
from meso_device.calibration.gravimetry import Delivered
from meso_device.calibration.water import Conditions, nl_per_ug, nl_per_ug_per_kelvin

QUANTILE: Final = 0.97725
"""One-sided: 95.45 % lie within plus and minus."""


class Contribution(Struct, frozen=True):
    """One line of a budget.

    Attributes:
        name: What it comes from.
        u: Standard uncertainty, in the unit of the result.
        degrees: Degrees of freedom; infinite where it was not estimated from readings.
    """

    name: str
    u: float
    degrees: float = math.inf


class Budget(Struct, frozen=True):
    """A whole budget, in the unit of the result.

    Attributes:
        contributions: Its lines; none is zero without having been stated as zero.
        combined: Standard uncertainty of the result.
        degrees: Effective degrees of freedom; infinite if no line has few.
        k: Coverage factor.
        expanded: k times combined.
    """

    contributions: tuple[Contribution, ...]
    combined: float
    degrees: float
    k: float
    expanded: float


class Instruments(Struct, frozen=True, kw_only=True):
    """How well the references know what they say; standard uncertainties, from their certificates.

    Attributes:
        mass_ug: Of the difference of two readings of the balance.
        water_mk: Of the water's temperature, in thousandths of a kelvin.
        evaporation_ug: Of the loss a cycle.
        further: Lines of the method beside these, in nanolitres, such as the liquid or the air.
    """

    mass_ug: float
    water_mk: int
    evaporation_ug: float
    further: tuple[Contribution, ...] = ()


def combine(contributions: Sequence[Contribution]) -> Budget:
    """Add up independent contributions, each in the unit of the result with sensitivity 1.

    Raises:
        ValueError: there is none above zero.
    """
    combined = math.sqrt(math.fsum(one.u**2 for one in contributions))
    if not combined > 0:
        raise ValueError("no contribution is above zero")
    limited = math.fsum(one.u**4 / one.degrees for one in contributions)
    degrees = combined**4 / limited if limited else math.inf
    k = student_quantile(QUANTILE, min(degrees, 1e9))
    return Budget(tuple(contributions), combined, degrees, k, k * combined)


def of_mean_dose(result: Delivered, conditions: Conditions, instruments: Instruments, *, shots_each: int) -> Budget:
    """Return the budget of the mean of one dose, in nanolitres a shot.

    Args:
        result: The volumes and their spread.
        conditions: Water and room.
        instruments: The references.
        shots_each: Shots between two readings: errors of the balance are spread over them.
    """
    z = nl_per_ug(conditions)
    readings = len(result.volumes_nl)
    mean_ug = result.mean_nl / z
    return combine(
        (
            Contribution("repeatability", result.s_nl / math.sqrt(readings), readings - 1),
            Contribution("mass", instruments.mass_ug * z / shots_each),
            Contribution(
                "water temperature", abs(mean_ug * nl_per_ug_per_kelvin(conditions)) * instruments.water_mk / 1000
            ),
            Contribution("evaporation", instruments.evaporation_ug * z / shots_each),
            *instruments.further,
        )
    )
