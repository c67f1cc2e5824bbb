"""Which edits of a plan stay within the treatment protocol file that it came from. Pure.

What was approved is the file, by the digest of its bytes, and an edited plan still runs under that approval. So an edit
can only take away from what the file says, and a dose may rise to the caps that the file itself states; whatever goes
beyond needs another file. See docs/decisions/0016-what-an-edited-plan-may-change.md.
"""

from math import lcm
from typing import Final

from msgspec import Struct

from meso_device.accounting.caps import cm2_cap_nl, point_cap_nl
from meso_device.session.interlocks.case import needle_of, syringe_of
from meso_device.session.plan_commands import Setpoint
from protocols.errors import UsageError
from protocols.treatment.areas import catalogue
from protocols.treatment.limits import BUILD_LIMITS, DEPTH_GRID_UM, DOSE_NL_MIN, HostLimits
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.treatment.syringes import dose_grid_nl, smallest_dose_nl
from protocols.units import format_dose
from protocols.wire.codes import Mode
from protocols.wire.messages import LimitsGetReply

TENFOLD: Final = 10


class EditLimits(Struct, frozen=True, kw_only=True):
    """What a setpoint of an area may be.

    Attributes:
        low, high: Lowest and highest value; ``high`` below ``low`` where nothing is allowed.
        grid: Values are multiples of this.
        bound: What sets the highest value, for people.
    """

    low: int
    high: int
    grid: int
    bound: str


class PlanLimits(Struct, frozen=True, kw_only=True):
    """Everything that an edit is judged by.

    Attributes:
        file: The plan as the file has it.
        plan: The plan in force.
        gun: The gun's LIMITS_GET reply.
        host: Limits of build and clinic.
    """

    file: TreatmentPlan
    plan: TreatmentPlan
    gun: LimitsGetReply
    host: HostLimits = BUILD_LIMITS

    def of(self, area_id: str, setpoint: Setpoint, places: int) -> EditLimits:
        """Return what a setpoint of an area may be, with the other setpoints as they stand.

        Args:
            area_id: An area of the file.
            setpoint: Depth, dose or points.
            places: Points of the area that were given or skipped.

        Raises:
            UsageError: the file has no such area, or the area has no dose.
        """
        filed = area_of(self.file, area_id)
        if filed is None:
            raise UsageError(f"{area_id} refused: the treatment protocol {self.file.id} does not have it")
        now = area_of(self.plan, area_id) or filed
        match setpoint:
            case Setpoint.DEPTH:
                return self._depth(filed)
            case Setpoint.DOSE:
                return self._dose(filed, now)
            case Setpoint.POINTS:
                return self._points(filed, now, places)

    def check(self, area_id: str, setpoint: Setpoint, value: int, places: int) -> None:
        """Refuse with UsageError a value that is out of its limits or off the grid; nothing is clamped or rounded."""
        limits = self.of(area_id, setpoint, places)
        said = f"{setpoint.word} {setpoint.written(value)} refused"
        low, high, grid = (setpoint.written(edge) for edge in (limits.low, limits.high, limits.grid))
        if limits.high < limits.low:
            raise UsageError(f"{said}: nothing is allowed here, {limits.bound} is {high}")
        if not limits.low <= value <= limits.high:
            raise UsageError(f"{said}: {low} to {high} in steps of {grid} is allowed ({limits.bound})")
        if value % limits.grid:
            raise UsageError(f"{said}: off the grid; {low} to {high} in steps of {grid} is allowed")

    def retype(self, area_id: str, setpoint: Setpoint, value: int) -> bool:
        """Whether a value is so far from what the file says that it has to be typed a second time (HZ-07)."""
        filed = area_of(self.file, area_id)
        if filed is None:
            return True
        was = getattr(filed, setpoint.value)
        return bool(value > was or value * TENFOLD <= was)

    def _depth(self, filed: AreaPlan) -> EditLimits:
        known, needle = catalogue().get(filed.area), needle_of(self.file)
        highest = [(filed.depth_um, "the file's depth"), (self.gun.depth_um_max, "this gun")]
        if known is not None and known.depth_max_um is not None:
            highest.append((known.depth_max_um, "the area"))
        if needle is not None:
            highest.append((needle.length_um, "the needle"))
        high, bound = min(highest)
        grid = lcm(DEPTH_GRID_UM, self.gun.depth_grid_um or 1)
        return EditLimits(low=grid, high=high, grid=grid, bound=f"limit of {bound}")

    def _dose(self, filed: AreaPlan, now: AreaPlan) -> EditLimits:
        syringe = syringe_of(self.file)
        if filed.mode == Mode.DRY or syringe is None or syringe.pl_per_um is None:
            raise UsageError(f"dose of {filed.area} refused: nothing is injected here")
        lowest = max(smallest_dose_nl(syringe.pl_per_um), self.gun.dose_nl_min, DOSE_NL_MIN)
        grid = lcm(dose_grid_nl(syringe.pl_per_um), self.gun.dose_grid_nl or 1)
        area_nl, bound = self._area_cap(filed)
        per_cm2_nl = cm2_cap_nl(min(self.file.per_cm2_cap_nl, self.host.per_cm2_nl), now)
        highest = [
            (point_cap_nl(self.file, filed, self.host, self.gun.dose_nl_max), "the cap of a point"),
            (area_nl // now.shots, f"{bound} over {now.shots} points"),
            (per_cm2_nl // now.shots, "the cap per cm2"),
        ]
        # A file that states no cap for a point says with its dose what was approved.
        if self.file.per_point_cap_nl >= self.host.per_point_nl:
            highest.append((filed.dose_nl, "the file's dose"))
        high, bound = min(highest)
        return EditLimits(low=-(-lowest // grid) * grid, high=high, grid=grid, bound=f"limit of {bound}")

    def _points(self, filed: AreaPlan, now: AreaPlan, places: int) -> EditLimits:
        area_nl, bound = self._area_cap(filed)
        highest = [(filed.points, "the file's points")]
        if now.dose_nl:
            highest.append((area_nl // (now.dose_nl * now.passes), f"{bound} at {format_dose(now.dose_nl)}"))
        high, bound = min(highest)
        return EditLimits(low=max(1, -(-places // now.passes)), high=high, grid=1, bound=f"limit of {bound}")

    def _area_cap(self, filed: AreaPlan) -> tuple[int, str]:
        """Return the most that the whole area may be planned, and what says so."""
        known = catalogue().get(filed.area)
        others_nl = sum(area.volume_nl for area in self.plan.areas if area.area != filed.area)
        caps = [
            (min(filed.cap_nl, self.host.per_area_nl), "the area's cap"),
            (self.file.session_cap_nl - others_nl, "the session's cap"),
        ]
        if known is not None and known.session_total_max_nl is not None:
            caps.append((known.session_total_max_nl, "the area"))
        return min(caps)


def area_of(plan: TreatmentPlan, area_id: str) -> AreaPlan | None:
    """Return an area of a plan; None where it has none of that id."""
    return next((area for area in plan.areas if area.area == area_id), None)
