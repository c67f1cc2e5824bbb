"""Syringe, tubing and needle as one elastic volume that empties through one narrow tube.

Between two changes the pressure follows a closed form, so any moment and any crossing is computed at once:
``C dP/dt = Q - (P - P_back) / R`` while the needle is open and P above the back-pressure, otherwise
``C dP/dt = Q``.
Volumes balance exactly: what the plunger displaced = what came out + C P - what was drawn back from the tip.
"""

from math import exp, log

from simulator.physics.figures import (
    TUBE_DIAMETER_M,
    TUBE_LENGTH_M,
    Needle,
    compliance_nl_per_kpa,
    resistance_kpa_s_per_nl,
)


class Line:
    """The fluid's side of the gun; its owner says what the plunger displaced.

    Attributes:
        pressure_kpa: Above ambient, at the last change.
        out_nl: Came out of the needle so far; the owner subtracts earlier readings.
        retreat_nl: Empty part of the needle and tubing behind the tip, after a back-step.
    """

    __slots__ = (
        "_back_kpa", "_base_compliance", "_base_resistance", "_blocked", "_compliance", "_flow_nl_per_s",
        "_resistance", "_since_us", "out_nl", "pressure_kpa", "retreat_nl",
    )  # fmt: skip

    def __init__(self, *, size_nl: int, needle: Needle, pins: int, viscosity_upa_s: int) -> None:
        self.pressure_kpa = 0.0
        self.out_nl = 0.0
        self.retreat_nl = 0.0
        self._since_us = 0
        self._flow_nl_per_s = 0.0
        self._back_kpa = 0.0
        self._blocked = False
        needle_part = resistance_kpa_s_per_nl(needle.length_m, needle.bore_m, viscosity_upa_s) / pins
        tube_part = resistance_kpa_s_per_nl(TUBE_LENGTH_M, TUBE_DIAMETER_M, viscosity_upa_s)
        self._base_resistance = self._resistance = needle_part + tube_part
        self._base_compliance = self._compliance = compliance_nl_per_kpa(size_nl)

    @property
    def stored_nl(self) -> float:
        """Volume that the pressure has stretched into syringe and tubing, at the last change."""
        return self._compliance * self.pressure_kpa

    def change(
        self,
        now_us: int,
        displaced_nl: float,
        *,
        flow_nl_per_s: float | None = None,
        back_kpa: float | None = None,
        blocked: bool | None = None,
    ) -> None:
        """Account for the time since the last change, then change what is given."""
        refill = min(self.retreat_nl, displaced_nl)
        if self._blocked:  # by volume, not by time: whole microsteps are what is squeezed
            pressure = self.pressure_kpa + (displaced_nl - refill) / self._compliance
        else:
            pressure = self.pressure_at(now_us)
        self.out_nl += displaced_nl - refill - self._compliance * (pressure - self.pressure_kpa)
        self.retreat_nl -= refill
        self.pressure_kpa = pressure
        if flow_nl_per_s is not None:
            self._flow_nl_per_s = flow_nl_per_s
        if back_kpa is not None:
            self._back_kpa = back_kpa
        if blocked is not None:
            self._blocked = blocked
        # An empty tip fills without pressure, so the pressure's clock starts when it is full.
        flow = self._flow_nl_per_s
        self._since_us = now_us + (int(self.retreat_nl * 1e6 / flow) if flow > 0 else 0)

    def distort(self, *, resistance_factor: int, compliance_factor: int) -> None:
        """Set the faults' factors. Call right after `change`; the stretched volume stays what it is."""
        stored_nl = self.stored_nl
        self._resistance = self._base_resistance * resistance_factor
        self._compliance = self._base_compliance * compliance_factor
        self.pressure_kpa = stored_nl / self._compliance

    def draw_back(self, volume_nl: float) -> None:
        """Take volume back at once, first out of the pressure, then out of the tip. Comes after `change`."""
        relieved_nl = min(volume_nl, self.stored_nl)
        self.pressure_kpa -= relieved_nl / self._compliance
        self.retreat_nl += volume_nl - relieved_nl

    def pressure_at(self, now_us: int) -> float:
        """Pressure in kPa at a moment not before the last change."""
        time_s = (now_us - self._since_us) * 1e-6
        pressure = self.pressure_kpa
        flow = self._flow_nl_per_s
        if time_s <= 0 or (flow == 0 and (self._blocked or pressure <= self._back_kpa)):
            return pressure
        if self._blocked:
            return pressure + flow * time_s / self._compliance
        if pressure < self._back_kpa:
            rise_s = (self._back_kpa - pressure) * self._compliance / flow
            if time_s <= rise_s:
                return pressure + flow * time_s / self._compliance
            time_s -= rise_s
            pressure = self._back_kpa
        limit = self._back_kpa + self._resistance * flow
        return limit + (pressure - limit) * exp(-time_s / (self._resistance * self._compliance))

    def crossing_us(self, threshold_kpa: float) -> int | None:
        """When the pressure, going on like this, rises to a threshold; at once if it is there already."""
        pressure = self.pressure_kpa
        if pressure >= threshold_kpa:
            return self._since_us
        flow = self._flow_nl_per_s
        if flow <= 0:
            return None
        ramp_to = threshold_kpa if self._blocked else min(threshold_kpa, self._back_kpa)
        time_s = 0.0
        if pressure < ramp_to:
            time_s = (ramp_to - pressure) * self._compliance / flow
            pressure = ramp_to
        if pressure < threshold_kpa:
            limit = self._back_kpa + self._resistance * flow
            if limit <= threshold_kpa:
                return None
            constant_s = self._resistance * self._compliance
            time_s += constant_s * log((limit - pressure) / (limit - threshold_kpa))
        return self._since_us + int(time_s * 1e6) + 1

    def restore(self, *, pressure_kpa: float, retreat_nl: float) -> None:
        """Take over what a snapshot kept, with nothing flowing."""
        self.pressure_kpa = pressure_kpa
        self.retreat_nl = retreat_nl
