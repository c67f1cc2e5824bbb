"""Whether a product passes through a needle at a flow, before a gun is asked to try.

Hagen-Poiseuille for a Newtonian liquid, dP = 128 mu L Q / (pi d^4): an upper bound, since hyaluronic acid
thins with shear. Exact in integers; pi is taken a little too small, so that the pressure comes out no lower
than it is.
"""

from typing import Final

from msgspec import Struct

from protocols.treatment.needles import Needle

_PI_BELOW: Final = (333, 106)


class Feasibility(Struct, frozen=True, kw_only=True):
    """What pushing at this flow takes.

    Attributes:
        pressure_pa: At the needle, rounded up.
        plunger_force_mn: On the plunger without friction, rounded up; friction adds 1 to 15 N.
        flow_nl_per_s_max: Fastest flow, down to whole nanolitres, that stays within the pressure allowed.
        feasible: Whether the pressure is at or below what is allowed.
    """

    pressure_pa: int
    plunger_force_mn: int
    flow_nl_per_s_max: int
    feasible: bool


def judge(
    *,
    needle: Needle,
    pins: int,
    viscosity_upas: int,
    flow_nl_per_s: int,
    pl_per_um: int,
    pressure_pa_max: int,
) -> Feasibility:
    """Return what a liquid takes through a needle and a syringe; the flow divides over the pins."""
    above = 128 * viscosity_upas * needle.length_um * _PI_BELOW[1]
    below = pins * needle.inner_diameter_um**4 * _PI_BELOW[0]
    pressure_pa = _ceil_div(above * flow_nl_per_s, below)
    return Feasibility(
        pressure_pa=pressure_pa,
        # pl/um is 1e-9 m2, and 1 N is 1e3 mN.
        plunger_force_mn=_ceil_div(pressure_pa * pl_per_um, 1_000_000),
        flow_nl_per_s_max=pressure_pa_max * below // above,
        feasible=pressure_pa <= pressure_pa_max,
    )


def _ceil_div(above: int, below: int) -> int:
    return -(-above // below)
