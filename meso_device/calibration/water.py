"""From the mass of water on a balance to its volume.

Water: Tanaka et al., Metrologia 38 (2001) 301, free of air, at 101 325 Pa. Air: the approximation of the CIPM formula
that OIML R 111-1 gives (E.3-1). Both agree with IAPWS-95 and CIPM-2007 within 2e-6 over the range that is
accepted here.
"""

import math
from typing import Final

from msgspec import Struct

from protocols.errors import UsageError

WEIGHTS_KG_M3: Final = 8_000
"""Density of the weights with which balances are adjusted, by convention (OIML D 28)."""

WATER_MDEGC: Final = (15_000, 30_000)
AIR_MDEGC: Final = (15_000, 30_000)
PRESSURE_PA: Final = (80_000, 105_000)
HUMIDITY_PERMILLE: Final = (200, 800)
DRIFT_MDEGC_MAX: Final = 500
"""Water may be so far from the room when a run begins, and so far at its end from where it was then."""


class Conditions(Struct, frozen=True, kw_only=True):
    """Water and room as measured.

    Attributes:
        water_mdegc: Temperature of the water, in thousandths of a degree Celsius.
        air_mdegc: Temperature of the air at the balance.
        pressure_pa: Air pressure, not reduced to sea level.
        humidity_permille: Relative humidity in thousandths.

    Raises:
        UsageError: one lies outside of what the formulas were checked over; nothing is extrapolated.
    """

    water_mdegc: int
    air_mdegc: int
    pressure_pa: int
    humidity_permille: int

    def __post_init__(self) -> None:
        for what, value, (low, high), scale, unit in (
            ("water", self.water_mdegc, WATER_MDEGC, 1000, "degC"),
            ("air", self.air_mdegc, AIR_MDEGC, 1000, "degC"),
            ("air pressure", self.pressure_pa, PRESSURE_PA, 1000, "kPa"),
            ("humidity", self.humidity_permille, HUMIDITY_PERMILLE, 10, "%"),
        ):
            if not low <= value <= high:
                raise UsageError(
                    f"{what} is {value / scale:g} {unit}; weighing is computed from {low / scale:g} to "
                    f"{high / scale:g} {unit}: bring the room there and measure again"
                )


def water_kg_m3(water_mdegc: float) -> float:
    """Return the density of air-free water at a temperature in thousandths of a degree Celsius."""
    celsius = water_mdegc / 1000
    return 999.974950 * (1 - (celsius - 3.983035) ** 2 * (celsius + 301.797) / (522528.9 * (celsius + 69.34881)))


def air_kg_m3(conditions: Conditions) -> float:
    """Return the density of the air in the room."""
    celsius = conditions.air_mdegc / 1000
    hectopascals = conditions.pressure_pa / 100
    percent = conditions.humidity_permille / 10
    return (0.34848 * hectopascals - 0.009 * percent * math.exp(0.061 * celsius)) / (celsius + 273.15)


def nl_per_ug(conditions: Conditions, *, warmer_mdegc: int = 0) -> float:
    """Return Z: the volume of water that shows as one microgram on the balance, buoyancy in air corrected.

    Args:
        conditions: Water and room.
        warmer_mdegc: By how much warmer the water is than they say; a few degrees.
    """
    return _nl_per_ug(conditions.water_mdegc + warmer_mdegc, air_kg_m3(conditions))


def nl_per_ug_per_kelvin(conditions: Conditions) -> float:
    """Return by how much Z changes for each kelvin of the water."""
    air, half = air_kg_m3(conditions), 500
    return _nl_per_ug(conditions.water_mdegc + half, air) - _nl_per_ug(conditions.water_mdegc - half, air)


def _nl_per_ug(water_mdegc: float, air: float) -> float:
    return 1000 / (water_kg_m3(water_mdegc) - air) * (1 - air / WEIGHTS_KG_M3)


def check_settled(here: Conditions) -> None:
    """Refuse water that has not come to the temperature of the room yet: it would change all through the run.

    Raises:
        UsageError: says by how much they are apart.
    """
    apart_mdegc = here.water_mdegc - here.air_mdegc
    if abs(apart_mdegc) > DRIFT_MDEGC_MAX:
        raise UsageError(
            f"TEMPERATURE_DRIFT: the water is {here.water_mdegc / 1000:g} degC and the air "
            f"{here.air_mdegc / 1000:g} degC, {DRIFT_MDEGC_MAX / 1000:g} degC apart are allowed: let the water stand "
            "in the room, then measure both again"
        )


def check_drift(start_mdegc: int, end_mdegc: int) -> None:
    """Refuse a run whose water became warmer or colder on the way: nobody can say by what its readings are volumes.

    Raises:
        UsageError: says by how much.
    """
    if abs(end_mdegc - start_mdegc) > DRIFT_MDEGC_MAX:
        raise UsageError(
            f"TEMPERATURE_DRIFT: the water went from {start_mdegc / 1000:g} to {end_mdegc / 1000:g} degC, "
            f"{DRIFT_MDEGC_MAX / 1000:g} degC are allowed: give this run up, let water and room settle, then begin a "
            "new one"
        )
