"""Needle, plunger and fluid, and the one stroke that moves them.

A stroke is a chain of phases, each with a known start, end and straight-line motion; between two changes of
the world the fluid follows a closed form. So a stroke costs a handful of events, however long it lasts.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from protocols.errors import require
from simulator.physics.chance import Chance
from simulator.physics.events import (
    BodyEvent,
    DoseDelivered,
    NeedleAtDepth,
    NeedleHome,
    PressureAbove,
    ReservoirEmpty,
    Stalled,
    StrokeEnded,
)
from simulator.physics.figures import (
    DENSITY_UG_PER_NL,
    GLIDE_FORCE_N,
    LEAD_UM,
    LEAK_FRACTION,
    MOTOR_FORCE_N,
    STEPS_PER_TURN,
    TISSUE_PRESSURE_KPA,
    plunger_nl,
    steps_within,
)
from simulator.physics.line import Line
from simulator.physics.parts import Cartridge, Head, Plunger
from simulator.physics.snapshot import Snapshot
from simulator.physics.stroke import Injection, Stroke, StrokeOutcome

_STALL_NOTICED_US: Final = 20_000  # a motor that does not turn is noticed by its load after this time
_STICKS_AFTER_US: Final = 1_000_000
_DROP_SCATTER: Final = 0.004  # standard deviation of what a tip lets go, relative to the drop


class Phase(Enum):
    """Where a stroke is. Held: the plunger cannot go on, and the firmware has not stopped the stroke yet."""

    IDLE = auto()
    IN = auto()
    FLOW = auto()
    HELD = auto()
    DWELL = auto()
    OUT = auto()


class Mechanics:
    """The moving parts. Time never goes back; the owner calls `step` at ``due_us`` before anything later.

    Attributes:
        due_us: When the next thing happens by itself; None while nothing moves.
        phase: Where the stroke is.
        needle_um: Travel at the start of the phase.
        drift_um: How far the depth stop has drifted: true depth less measured depth.
        stroke: The one under way.
    """

    __slots__ = (
        "_accounted", "_believed_start_nl", "_blocked", "_chance", "_contact", "_deepest_um", "_faults",
        "_frozen_kpa", "_leak", "_moved_us", "_needle_to_um", "_out_start_nl", "_peak_kpa", "_phase_end_us",
        "_phase_us", "_pressure_told", "_pressure_us", "_report", "_skin_nl", "_slipped_start", "_stall_us",
        "_start_us", "_steps_to", "_stopped", "_true_start_nl", "cartridge", "drift_um", "due_us", "head", "line",
        "needle_um", "phase", "plunger", "stroke",
    )  # fmt: skip

    def __init__(
        self,
        *,
        chance: Chance,
        faults: dict[str, int],
        cartridge: Cartridge,
        head: Head,
        report: Callable[[Injection], None],
    ) -> None:
        self._chance = chance
        self._faults = faults
        self._report = report
        self._contact = False
        self._blocked = False
        self.drift_um = 0
        self._moved_us = 0
        self.stroke: Stroke | None = None
        self._start_us = self._phase_us = 0
        self._phase_end_us: int | None = None
        self._pressure_us: int | None = None
        self._stall_us: int | None = None
        self._needle_to_um = self._steps_to = 0
        self._deepest_um = self._believed_start_nl = self._slipped_start = self._true_start_nl = 0
        self._out_start_nl = self._skin_nl = self._peak_kpa = 0.0
        self._leak = LEAK_FRACTION
        self._stopped = self._pressure_told = False
        self._frozen_kpa: float | None = None
        self.due_us: int | None = None
        self.phase = Phase.IDLE
        self.needle_um = 0
        self.head = head
        self.fit_cartridge(0, cartridge)

    # what is fitted and what the world does

    def fit_cartridge(self, now_us: int, cartridge: Cartridge) -> None:
        """Fit a cartridge, its plunger touched by the gun's rod."""
        require(self.stroke is None, "cartridge changed during a stroke")
        self.cartridge = cartridge
        self.plunger = Plunger(cartridge)
        self.plunger.widen(self._faults.get("wide_barrel", 0))  # all of one lot are
        self._accounted = self._steps_to = self.plunger.steps
        self._fill_line(now_us)

    def fit_head(self, now_us: int, head: Head) -> None:
        """Fit a head with its needle."""
        require(self.stroke is None, "head changed during a stroke")
        self.head = head
        self._fill_line(now_us)

    def empty_line(self) -> None:
        """Let there be as much air before the tip as the fault says, where it is on."""
        self.line.retreat_nl = max(self.line.retreat_nl, float(self._faults.get("empty_line", 0)))

    def restore(self, now_us: int, state: Snapshot) -> None:
        """Take over what a snapshot kept; nothing moves."""
        self.head = state.head
        self.fit_cartridge(now_us, state.cartridge or self.cartridge)
        plunger = self.plunger
        plunger.steps, plunger.furthest, plunger.slipped = state.steps, state.furthest, state.slipped
        self._accounted = self._steps_to = state.steps
        self.line.restore(pressure_kpa=state.pressure_kpa, retreat_nl=state.retreat_nl)
        self.needle_um = self._needle_to_um = state.needle_um
        self.drift_um = state.drift_um

    def world_changed(self, now_us: int, *, contact: bool, blocked: bool) -> None:
        """Take note of contact, occlusion and faults from now on."""
        self._account(now_us)
        self._contact = contact
        self._blocked = blocked
        line = self.line
        if "sensor_stuck" not in self._faults:
            self._frozen_kpa = None
        elif self._frozen_kpa is None:
            self._frozen_kpa = line.pressure_kpa
        line.distort(
            resistance_factor=self._faults.get("partial_clog", 1),
            compliance_factor=self._faults.get("air_bubble", 1),
        )
        self.plunger.widen(self._faults.get("wide_barrel", 0))
        self._leak = self._faults.get("leak", 0) * 1e-6 or LEAK_FRACTION
        line.change(now_us, 0.0, back_kpa=self._back_kpa(), blocked=blocked)
        self._watch()

    # one stroke

    def start(self, now_us: int, stroke: Stroke) -> None:
        """Begin a stroke; the gun makes one at a time."""
        require(self.stroke is None, "stroke ordered while another is under way")
        require(stroke.depth_um >= 0 and stroke.dose_nl >= 0, "stroke ordered backwards")
        require(stroke.label is not None or stroke.depth_um == stroke.dose_nl == 0, "homing ordered forwards")
        self._account(now_us)
        plunger = self.plunger
        self.stroke = stroke
        self._start_us = now_us
        self._stopped = self._pressure_told = False
        self._deepest_um = 0
        self._skin_nl = 0.0
        self._peak_kpa = self.line.pressure_kpa
        self._true_start_nl = plunger.furthest_nl
        self._believed_start_nl = plunger.believed_nl(stroke.pl_per_um)
        self._slipped_start = plunger.slipped
        if stroke.needle_locked:
            self._begin_flow(now_us)
        else:
            way_us = _way_us(abs(stroke.depth_um - self.needle_um), stroke.needle_speed_um_per_s)
            self._begin(Phase.IN, now_us, now_us + way_us, needle_to_um=stroke.depth_um)

    def stop(self, now_us: int) -> None:
        """Stop the flow at once and draw the needle home. Without effect when it is being drawn already."""
        if self.phase not in {Phase.IDLE, Phase.OUT}:
            self._stand(now_us)
            self._stopped = True
            self._begin_out(now_us, back_nl=0)

    def cut_power(self, now_us: int) -> None:
        """Leave everything where it is; a stroke under way is INTERRUPTED."""
        if self.stroke is not None:
            self._stand(now_us)
            self._close(now_us, "INTERRUPTED")

    def step(self, events: list[BodyEvent]) -> None:
        """Do what happens at ``due_us``."""
        now_us = self.due_us
        require(now_us is not None, "stepped while nothing is due")
        if now_us is None:
            return
        if now_us == self._pressure_us:
            self._pressure_us = None
            self._pressure_told = True
            events.append(PressureAbove(now_us))
        elif now_us == self._stall_us:
            self._stand(now_us)
            self._hold(now_us)
            events.append(Stalled(now_us))
        else:
            self._end_phase(now_us, events)
        self._set_due()

    # readings

    def needle_at(self, now_us: int) -> int:
        """Needle travel, as the motor has stepped it."""
        return _between(self.needle_um, self._needle_to_um, now_us, self._phase_us, self._phase_end_us)

    def steps_at(self, now_us: int) -> int:
        """Plunger position in microsteps."""
        return _between(self.plunger.steps, self._steps_to, now_us, self._phase_us, self._phase_end_us)

    def pressure_kpa(self, now_us: int) -> float:
        """Pressure as the sensor has it."""
        return self.line.pressure_at(now_us) if self._frozen_kpa is None else self._frozen_kpa

    def force_n(self, now_us: int) -> float:
        """Force on the plunger."""
        glide_n = GLIDE_FORCE_N if self._steps_to != self.plunger.steps else 0.0
        return self.line.pressure_at(now_us) * self._area_mm2() * 1e-3 + glide_n

    def dose_at(self, now_us: int) -> int:
        """True volume displaced so far by the stroke under way."""
        plunger = self.plunger
        return plunger_nl(max(plunger.furthest, self.steps_at(now_us)), plunger.pl_per_um) - self._true_start_nl

    def deepest_at(self, now_us: int) -> int:
        """Deepest true travel so far of the stroke under way."""
        deepest_um = self._deepest_um
        if self.phase is Phase.IN and self._needle_to_um > self.needle_um:
            deepest_um = max(deepest_um, self.needle_at(now_us))
        return self._true_depth(deepest_um)

    # phases

    def _begin(self, phase: Phase, now_us: int, end_us: int | None, *, needle_to_um: int | None = None) -> None:
        self.phase = phase
        self._phase_us = now_us
        self._phase_end_us = end_us
        if needle_to_um is not None:
            self._needle_to_um = needle_to_um
        self._set_due()

    def _begin_flow(self, now_us: int) -> None:
        stroke = self._ordered()
        if stroke.dose_nl == 0:
            self._begin(Phase.DWELL, now_us, now_us + stroke.dwell_ms * 1_000)
            return
        if "stuck_motor" in self._faults or self._sticks(now_us):
            self._moved_us = now_us
            self._begin(Phase.FLOW, now_us, None)
            self._stall_us = now_us + _STALL_NOTICED_US
            self._set_due()
            return
        plunger = self.plunger
        take_up = plunger.furthest - plunger.steps
        steps = take_up + steps_within(stroke.dose_nl, stroke.pl_per_um)
        flow_nl_per_s = stroke.flow_nl_per_s * plunger.pl_per_um / stroke.pl_per_um
        lost = self._faults.get("lost_steps", 0)
        if take_up:
            lost += self._faults.get("backlash", 0) * STEPS_PER_TURN // LEAD_UM
        steps = min(max(0, steps - lost), plunger.end - plunger.steps)
        way_us = int(plunger.volume_nl(steps) * 1e6 / flow_nl_per_s) + 1
        self._steps_to = plunger.steps + steps
        self._begin(Phase.FLOW, now_us, now_us + way_us)
        self.line.change(now_us, 0.0, flow_nl_per_s=flow_nl_per_s, back_kpa=self._back_kpa())
        self._watch()

    def _begin_out(self, now_us: int, *, back_nl: int) -> None:
        stroke = self._ordered()
        self._account(now_us, back_kpa=0.0)
        way_us = 0
        if back_nl:
            plunger = self.plunger
            to = max(0, plunger.furthest - steps_within(back_nl, stroke.pl_per_um))
            if to < plunger.steps:
                volume_nl = plunger.volume_nl(plunger.steps - to)
                # As ordered, in the geometry of the order: a service movement's is a way, whatever syringe is in.
                way_us = int(plunger_nl(plunger.steps - to, stroke.pl_per_um) * 1e6 / stroke.flow_nl_per_s)
                plunger.steps = self._steps_to = self._accounted = to
                self.line.draw_back(volume_nl)
        if not stroke.needle_locked:
            way_us = max(way_us, _way_us(self.needle_um, stroke.needle_speed_um_per_s))
        self._begin(Phase.OUT, now_us, now_us + way_us, needle_to_um=self.needle_um if stroke.needle_locked else 0)

    def _end_phase(self, now_us: int, events: list[BodyEvent]) -> None:
        stroke = self._ordered()
        phase = self.phase
        self._stand(now_us)
        if phase is Phase.IN:
            if stroke.depth_um:
                events.append(NeedleAtDepth(now_us))
            self._begin_flow(now_us)
        elif phase is Phase.FLOW:
            if self.plunger.steps == self.plunger.end and self._short_of_order(stroke):
                self._hold(now_us)
                events.append(ReservoirEmpty(now_us))
            else:
                events.append(DoseDelivered(now_us))
                self._begin(Phase.DWELL, now_us, now_us + stroke.dwell_ms * 1_000)
        elif phase is Phase.DWELL:
            self._begin_out(now_us, back_nl=stroke.antidrip_nl)
        else:
            if not stroke.needle_locked:
                events.append(NeedleHome(now_us))
            events.append(self._close(now_us, "ABORTED" if self._stopped else "DONE"))

    def _stand(self, now_us: int) -> None:
        """Fix every position where it is now, with nothing moving."""
        needle_um, steps = self.needle_at(now_us), self.steps_at(now_us)
        if self.phase is Phase.IN and needle_um > self.needle_um:
            self._deepest_um = max(self._deepest_um, needle_um)
        self._account(now_us, flow_nl_per_s=0.0)
        plunger = self.plunger
        self.needle_um = self._needle_to_um = needle_um
        if steps > plunger.furthest:
            plunger.slipped += (steps - plunger.furthest) * self._faults.get("encoder_slip", 0) // 1_000_000
            plunger.furthest = steps
        if steps != plunger.steps:
            self._moved_us = now_us
        plunger.steps = self._steps_to = steps
        self._phase_us = now_us
        self._phase_end_us = self._pressure_us = self._stall_us = None

    def _hold(self, now_us: int) -> None:
        self._begin(Phase.HELD, now_us, None)

    def _close(self, now_us: int, outcome: StrokeOutcome) -> StrokeEnded:
        """End the stroke and report what physically happened."""
        stroke = self._ordered()
        plunger, line = self.plunger, self.line
        self._account(now_us)
        true_um = self._true_depth(self._deepest_um)
        if self._deepest_um:
            self.drift_um += self._faults.get("depth_stop_drift", 0)
        out_nl = line.out_nl - self._out_start_nl
        self._out_start_nl = line.out_nl
        in_skin = self._skin_nl > 0
        self.stroke = None
        self._begin(Phase.IDLE, now_us, None)
        if stroke.label is not None:
            scatter = self._chance.gauss(1.0, _DROP_SCATTER)
            drop_ug = max(0, int(out_nl * DENSITY_UG_PER_NL * scatter))
            self._report(
                Injection(
                    label=stroke.label,
                    at_us=now_us,
                    depth_um=true_um,
                    dose_nl=plunger.furthest_nl - self._true_start_nl,
                    outcome=outcome,
                    skin_nl=int(self._skin_nl),
                    leaked_nl=max(0, int(out_nl - self._skin_nl)) if in_skin else 0,
                    drop_ug=drop_ug,
                    hanging_ug=min(drop_ug, int(self._faults.get("drip", 0) * DENSITY_UG_PER_NL)),
                )
            )
        return StrokeEnded(
            at_us=now_us,
            measured_depth_um=self._deepest_um,
            encoder_nl=self._encoder_nl(stroke),
            encoder_valid="encoder_slip" not in self._faults,
            duration_ms=-((self._start_us - now_us) // 1_000),
            peak_pressure_kpa=int(self._peak_kpa if self._frozen_kpa is None else self._frozen_kpa),
            cause="STOPPED" if self._stopped else "COMPLETE",
        )

    # bookkeeping

    def _ordered(self) -> Stroke:
        stroke = self.stroke
        require(stroke is not None, "no stroke under way")
        return stroke  # type: ignore[return-value]  # required the line above

    def _fill_line(self, now_us: int) -> None:
        """Start with a full line without pressure."""
        self.line = Line(
            size_nl=self.cartridge.syringe.size_nl,
            needle=self.head.needle,
            pins=self.head.pins,
            viscosity_upa_s=self.cartridge.viscosity_upa_s,
        )
        self._out_start_nl = 0.0
        self.empty_line()
        self.world_changed(now_us, contact=self._contact, blocked=self._blocked)

    def _account(self, now_us: int, *, flow_nl_per_s: float | None = None, back_kpa: float | None = None) -> None:
        """Bring the fluid up to now, share out what left the needle, then change what is given."""
        line = self.line
        steps = self.steps_at(now_us)
        before_nl = line.out_nl
        displaced_nl = self.plunger.volume_nl(steps - self._accounted)
        line.change(now_us, displaced_nl, flow_nl_per_s=flow_nl_per_s, back_kpa=back_kpa)
        self._accounted = steps
        self._peak_kpa = max(self._peak_kpa, line.pressure_kpa)
        if self._in_skin():
            self._skin_nl += (line.out_nl - before_nl) * (1.0 - self._leak)

    def _in_skin(self) -> bool:
        return self._contact and self.needle_um > 0 and self.phase not in {Phase.IDLE, Phase.OUT}

    def _back_kpa(self) -> float:
        return TISSUE_PRESSURE_KPA if self._in_skin() else 0.0

    def _true_depth(self, deepest_um: int) -> int:
        return max(0, deepest_um + self.drift_um - self._faults.get("backlash", 0)) if deepest_um else 0

    def _sticks(self, now_us: int) -> bool:
        break_loose_n = self._faults.get("plunger_stick", 0)
        return break_loose_n > MOTOR_FORCE_N and now_us - self._moved_us > _STICKS_AFTER_US

    def _short_of_order(self, stroke: Stroke) -> bool:
        given_nl = self.plunger.believed_nl(stroke.pl_per_um) - self._believed_start_nl
        return steps_within(stroke.dose_nl - given_nl, stroke.pl_per_um) > 1

    def _encoder_nl(self, stroke: Stroke) -> int:
        # Rounded as the true dose is, and only what slipped in this stroke taken off: an encoder that slipped
        # once must not differ from the truth ever after.
        plunger = self.plunger
        slipped_nl = plunger_nl(plunger.slipped - self._slipped_start, stroke.pl_per_um)
        return max(0, plunger.believed_nl(stroke.pl_per_um) - self._believed_start_nl - slipped_nl)

    def _watch(self) -> None:
        """Find out when the pressure, going on like this, reaches the stroke's limit or stalls the motor."""
        if self.phase is Phase.FLOW and self._phase_end_us is not None:
            stroke = self._ordered()
            limit_kpa = stroke.max_pressure_pa / 1_000
            watched = limit_kpa > 0 and self._frozen_kpa is None and not self._pressure_told
            self._pressure_us = self.line.crossing_us(limit_kpa) if watched else None
            self._stall_us = self.line.crossing_us(self._stall_kpa())
        self._set_due()

    def _stall_kpa(self) -> float:
        return (MOTOR_FORCE_N - GLIDE_FORCE_N) / self._area_mm2() * 1e3

    def _area_mm2(self) -> float:
        return self.plunger.pl_per_um * 1e-3  # nanolitres per micrometre are square millimetres

    def _set_due(self) -> None:
        due = self._phase_end_us
        for other in (self._pressure_us, self._stall_us):
            if other is not None and (due is None or other < due):
                due = other
        self.due_us = due


def _way_us(way_um: int, speed_um_per_s: int) -> int:
    return -(-way_um * 1_000_000 // speed_um_per_s)


def _between(here: int, there: int, now_us: int, start_us: int, end_us: int | None) -> int:
    """Position on a straight way, in whole steps."""
    if end_us is None or now_us <= start_us or here == there:
        return here
    if now_us >= end_us:
        return there
    return here + (there - here) * (now_us - start_us) // (end_us - start_us)
