"""The figures of the simulated gun's body: syringes, needles, and what the parts stand up to.

Examples for a simulated gun, not the specification of a real one. Values that no public source was seen
for are marked *(to be checked)*.
"""

from math import pi
from typing import Final

from msgspec import Struct

STEPS_PER_TURN: Final = 3_200  # 200 full steps of 1.8 degrees, 1/16 microsteps
LEAD_UM: Final = 1_000  # plunger screw: one turn moves it 1 mm
MOTOR_FORCE_N: Final = 120.0  # the plunger motor stalls above
GLIDE_FORCE_N: Final = 4.0  # friction of a moving plunger, 1-10 N (to be checked)

TUBE_LENGTH_M: Final = 0.15
TUBE_DIAMETER_M: Final = 1.0e-3

TISSUE_PRESSURE_KPA: Final = 40.0  # what skin pushes back with, up to a few hundred microlitres
LEAK_FRACTION: Final = 0.02  # of what enters the skin, the part that runs out of the puncture (to be checked)
DENSITY_UG_PER_NL: Final = 0.998_2  # water at 20 degrees

AMBIENT_CDEGC: Final = 2_500
BATTERY_MV: Final = 3_900
BATTERY_SAG_MV: Final = 150  # while a motor runs
SUCTION_PA: Final = 30_000  # reached below ambient with the cup on skin
SUCTION_OPEN_PA: Final = 2_000  # reached with the cup in air


class Syringe(Struct, frozen=True, kw_only=True):
    """A syringe that can be fitted.

    Attributes:
        geometry_id: Number on the wire; 5 is that of a 2.5 mL syringe, whose diameter nobody was seen to say.
        name: Brand or type.
        size_nl: Nominal volume.
        pl_per_um: Volume per plunger travel; equal to 1e3 times nanolitres per micrometre.
        confirmed: Whether a public source was seen for the diameter; False means to be checked.
    """

    geometry_id: int
    name: str
    size_nl: int
    pl_per_um: int
    confirmed: bool


SYRINGES: Final = tuple(
    Syringe(geometry_id=row, name=name, size_nl=size_nl, pl_per_um=pl_per_um, confirmed=confirmed)
    for row, name, size_nl, pl_per_um, confirmed in (
        (1, "Hamilton 1 mL", 1_000_000, 16_691, True),
        (2, "Norm-Ject 1 mL", 1_000_000, 17_349, True),
        (3, "BD 1 mL", 1_000_000, 17_945, False),
        (4, "2 mL, plunger diameter", 2_000_000, 63_617, True),
        (6, "BD 3 mL", 3_000_000, 58_901, False),
        (7, "BD 5 mL", 5_000_000, 114_231, False),
        (8, "Chip Quik 5 mL", 5_000_000, 125_681, True),
        (9, "Luer 10 mL", 10_000_000, 162_860, True),
        (10, "BD 10 mL", 10_000_000, 165_130, False),
        (11, "10 mL, plunger diameter", 10_000_000, 188_692, True),
    )
)
DEFAULT_SYRINGE: Final = SYRINGES[5]


class Needle(Struct, frozen=True, kw_only=True):
    """A needle that can be fitted; ``needle_type_id`` is its number on the wire."""

    needle_type_id: int
    name: str
    bore_m: float
    length_m: float


NEEDLES: Final = tuple(
    Needle(
        needle_type_id=row, name=f"{gauge}G {length_um // 1_000} mm", bore_m=bore_um * 1e-6, length_m=length_um * 1e-6
    )
    for row, gauge, bore_um, length_um in (  # bores to be checked
        (1, 27, 210, 4_000),
        (2, 27, 210, 6_000),
        (3, 27, 210, 13_000),
        (4, 30, 159, 4_000),
        (5, 30, 159, 6_000),
        (6, 30, 159, 13_000),
        (7, 32, 108, 4_000),
        (8, 33, 108, 4_000),
        (9, 34, 80, 4_000),
    )
)
DEFAULT_NEEDLE: Final = NEEDLES[3]


def resistance_kpa_s_per_nl(length_m: float, bore_m: float, viscosity_upa_s: int) -> float:
    """Pressure per flow through a round tube (Hagen-Poiseuille): an upper bound for gels, which thin."""
    pa_s_per_m3 = 128 * viscosity_upa_s * 1e-6 * length_m / (pi * bore_m**4)
    return pa_s_per_m3 * 1e-15  # 1 nl is 1e-12 m3, 1 kPa is 1e3 Pa


def compliance_nl_per_kpa(size_nl: int) -> float:
    """Volume that syringe and tubing take up per pressure: 10 for 1 mL to 50 for 10 mL (to be checked)."""
    return 10.0 + 40.0 * (size_nl - 1_000_000) / 9_000_000


def plunger_nl(steps: int, pl_per_um: int) -> int:
    """Volume below a plunger position, rounded down.

    The dose of a stroke is a difference of two of these, so doses add up to the travel without a remainder.
    """
    return steps * LEAD_UM * pl_per_um // (STEPS_PER_TURN * 1_000)


def steps_within(volume_nl: int, pl_per_um: int) -> int:
    """Most microsteps that displace no more than a volume: the gun never gives more than ordered."""
    return volume_nl * STEPS_PER_TURN * 1_000 // (LEAD_UM * pl_per_um)
