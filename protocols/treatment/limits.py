"""What no treatment protocol file may exceed, each with its reason.

Limits come in three layers: this build, the clinic's own, the file's. Each may only lower the one before
it, and a value beyond a limit is refused, never clamped. The gun keeps its own limits besides.
"""

from typing import Final

from msgspec import Struct, field

# The range of the wire protocol's settings block; real guns state 4 to 13 mm.
DEPTH_UM_MAX: Final = 13_000
# Finer than any gun was seen to move its stop, and well above the backlash of a depth axis.
DEPTH_GRID_UM: Final = 50
# The range of the wire protocol's settings block; 0 stands for no dose and is for dry punctures alone.
DOSE_NL_MIN: Final = 1_000
DOSE_NL_MAX: Final = 200_000
# Nine strokes a second is the fastest gun known.
INTERVAL_MS_MIN: Final = 111
RATE_PER_MIN_MAX: Final = 540
RATE_PER_S_MAX: Final = 9
# Closer points are one place to a hand that holds a gun; wider than the largest area is a slip.
SPACING_UM_MIN: Final = 1_000
SPACING_UM_MAX: Final = 50_000
# Worst session known: 1,000 droplets a millilitre, five millilitres.
POINTS_MAX: Final = 5_000
# More passes than this over one area were nowhere seen.
PASSES_MAX: Final = 4
BURST_SHOTS_MAX: Final = 50
# From the smallest dose in a second to five of the highest in a second (project rule).
FLOW_NL_PER_S_MIN: Final = 1_000
FLOW_NL_PER_S_MAX: Final = 1_000_000
NEEDLE_SPEED_UM_PER_S_MIN: Final = 1_000
NEEDLE_SPEED_UM_PER_S_MAX: Final = 500_000
# At 500 kPa the plunger of a 10 mL syringe already needs 81 to 94 N.
PRESSURE_PA_MIN: Final = 1_000
PRESSURE_PA_MAX: Final = 500_000
# Suction cannot exceed the pressure of the air, and a strong vacuum bruises.
SUCTION_PA_MAX: Final = 90_000
# A needle held longer than this is forgotten, not dwelling.
DWELL_MS_MAX: Final = 10_000
# Width of the field in the settings block.
ANTIDRIP_NL_MAX: Final = 65_535

# Ten days of the highest session: room for a product entry, and a bound on the arithmetic.
VOLUME_NL_MAX: Final = 200_000_000
# From far below water to hyaluronic acid at rest, which reaches 100 Pa s.
VISCOSITY_UPAS_MIN: Final = 100
VISCOSITY_UPAS_MAX: Final = 100_000_000


class HostLimits(Struct, frozen=True, kw_only=True):
    """Highest volumes and the heads that this host permits; the defaults are the build's.

    Attributes:
        per_point_nl: One injection, over all needles of a head; the wire protocol's highest dose.
        per_cm2_nl: On one square centimetre of skin: one highest dose (project rule).
        per_area_nl: In one area and session; the highest total seen for a body area is 20 mL.
        per_session_nl: In one session; as for an area.
        per_day_nl: In one day; as for a session.
        per_course_interval_nl: Between the due dates of two sessions; as for a session.
        per_lot_nl: Of one lot in one patient over a course: ten highest sessions (project rule).
        pins: Needles that a head may have. Only one: a society of physicians rejects multi-injectors, so that
            a clinic has to permit 5 or 9 for itself.
    """

    per_point_nl: int = DOSE_NL_MAX
    per_cm2_nl: int = DOSE_NL_MAX
    per_area_nl: int = 20_000_000
    per_session_nl: int = 20_000_000
    per_day_nl: int = 20_000_000
    per_course_interval_nl: int = 20_000_000
    per_lot_nl: int = 200_000_000
    pins: frozenset[int] = field(default_factory=lambda: frozenset({1}))


BUILD_LIMITS: Final = HostLimits()
