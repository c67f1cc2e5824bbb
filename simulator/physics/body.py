"""The gun's body: what the firmware moves and senses, and what the clinician's hands do to it.

Pure: time comes in as ``now_us`` (gun time, never going back), randomness from the `Chance` handed in. The
truth about every stroke goes to ``on_injection``, written here and nowhere in the firmware.
"""

from bisect import insort
from collections.abc import Callable
from enum import Enum, auto
from math import exp
from typing import Final

from protocols.errors import require
from simulator.physics.chance import Chance
from simulator.physics.cup import Cup
from simulator.physics.events import (
    HAND,
    PEDAL,
    BodyEvent,
    ButtonPressed,
    CartridgeChanged,
    ContactLost,
    ContactMade,
    HeadChanged,
    Sensors,
    SuctionLost,
    SuctionReached,
    TriggerEdge,
)
from simulator.physics.faults import fault_strength
from simulator.physics.figures import AMBIENT_CDEGC, BATTERY_MV, BATTERY_SAG_MV, SYRINGES, Syringe, plunger_nl
from simulator.physics.mechanics import Mechanics
from simulator.physics.parts import Cartridge, Head
from simulator.physics.snapshot import Snapshot, pack, unpack
from simulator.physics.stroke import Injection, Stroke, StrokeLabel
from simulator.physics.trigger import Trigger

_LIFT_US: Final = 150_000  # the fault contact_lost lifts the head for this long
_WARMTH_PER_STROKE_CDEGC: Final = 4.0
_COOLING_S: Final = 60.0
_SAMPLES_AHEAD_MAX: Final = 4_096  # edges waiting: far beyond what hands can make between two looks at them
_SWAPS_MAX: Final = 64  # parts that hands hold ready while a stroke lasts


class _Later(Enum):
    """What can be waiting for its moment."""

    HAND_EDGE = auto()
    PEDAL_EDGE = auto()
    CONTACT = auto()


class GunBody:
    """One gun's body. What hands do may happen at any time; the firmware's calls need power.

    The firmware calls `advance` at `next_event_us` and gets every event with its own time. At boot it calls
    `advance` once and throws the answer away: what happened before is not sensed.

    Attributes:
        on_injection: Told what each stroke physically did.
        strokes_begun: Strokes ordered since this object was made, homing not counted.
    """

    __slots__ = (
        "_battery_mv", "_cartridge_in", "_chance", "_cup", "_events", "_faults", "_hand", "_label", "_later",
        "_later_no", "_mechanics", "_occluded", "_pedal", "_skin", "_swaps", "_touching", "_warm_cdegc",
        "_warm_us", "on_injection", "strokes_begun",
    )  # fmt: skip

    def __init__(
        self,
        *,
        chance: Chance,
        on_injection: Callable[[Injection], None],
        cartridge: Cartridge | None = None,
        head: Head | None = None,
    ) -> None:
        self.on_injection = on_injection
        self.strokes_begun = 0
        self._chance = chance
        self._faults: dict[str, int] = {}
        self._events: list[BodyEvent] = []
        self._later: list[tuple[int, int, _Later, bool]] = []
        self._later_no = 0
        self._hand = Trigger(chance)
        self._pedal = Trigger(chance)
        self._cup = Cup()
        self._skin = self._touching = self._occluded = False
        self._cartridge_in = True
        self._swaps: list[tuple[Cartridge | Head | None, bool]] = []
        self._battery_mv = BATTERY_MV
        self._warm_cdegc, self._warm_us = 0.0, 0
        self._label: StrokeLabel | None = None
        self._mechanics = Mechanics(
            chance=chance,
            faults=self._faults,
            cartridge=cartridge or Cartridge(),
            head=head or Head(),
            report=self._injected,
        )

    # what the firmware does

    def start_stroke(self, now_us: int, stroke: Stroke) -> None:
        """Begin a stroke. The firmware makes one at a time, and only with power."""
        self._run(now_us)
        self._mechanics.start(now_us, stroke)
        if stroke.label is not None:
            self._label = stroke.label
            self.strokes_begun += 1
        lift_ms = self._faults.get("contact_lost", 0)
        if lift_ms and self._skin:
            self._wait(now_us + lift_ms * 1_000, _Later.CONTACT, level=False)
            self._wait(now_us + lift_ms * 1_000 + _LIFT_US, _Later.CONTACT, level=True)

    def stop_stroke(self, now_us: int) -> None:
        """Stop the flow at once and draw the needle home; `StrokeEnded` follows when it is there.

        Changes nothing when no stroke is under way or the needle is already being drawn: such a stroke ends
        COMPLETE, for all of it has happened.
        """
        self._run(now_us)
        self._mechanics.stop(now_us)

    def set_suction(self, now_us: int, *, on: bool, threshold_pa: int = 0) -> None:
        """Run or stop the suction pump; crossing the threshold raises `SuctionReached` or `SuctionLost`."""
        self._run(now_us)
        self._cup.pump(now_us, on=on, threshold_pa=threshold_pa)

    def advance(self, now_us: int) -> list[BodyEvent]:
        """All that happened up to now, in order of time."""
        self._run(now_us)
        events = self._events
        self._events = []
        return events

    def next_event_us(self) -> int | None:
        """When the body has something to tell next; None while nothing goes on by itself."""
        if self._events:
            return self._events[0].at_us
        return self._due_us()

    def sensors(self, now_us: int) -> Sensors:
        """What the gun measures now. Call after `advance` for the same moment."""
        mechanics = self._mechanics
        moving = mechanics.stroke is not None
        head = mechanics.head
        return Sensors(
            mechanics.needle_at(now_us),
            mechanics.plunger.encoder_um(mechanics.steps_at(now_us)),
            max(0, int(mechanics.pressure_kpa(now_us) * 1_000)),
            max(0, int(self._cup.suction_at(now_us))),
            int(mechanics.force_n(now_us) * 10),
            self._skin,
            self._hand.level or self._pedal.level,
            self._cartridge_in,
            head.needle.needle_type_id,
            head.head_type_id,
            head.head_instance,
            self._battery_mv - self._faults.get("battery_low", 0) - (BATTERY_SAG_MV if moving else 0),
            AMBIENT_CDEGC + int(self._warmth(now_us)) + self._faults.get("overtemp", 0),
            "encoder_slip" not in self._faults,
        )

    @property
    def moving(self) -> bool:
        """Whether needle or plunger are under way."""
        return self._mechanics.stroke is not None

    @property
    def content_nl(self) -> int:
        """True volume left in the cartridge; 0 when none is fitted."""
        plunger = self._mechanics.plunger
        return plunger_nl(plunger.end, plunger.pl_per_um) - plunger.furthest_nl if self._cartridge_in else 0

    def power_off(self, now_us: int) -> None:
        """Brown-out: motion stops where it is; a stroke under way is INTERRUPTED with what it gave so far."""
        self._run(now_us)
        self._mechanics.cut_power(now_us)
        self._cup.pump(now_us, on=False, threshold_pa=0)
        self._events.clear()

    def never_started(self, now_us: int, label: StrokeLabel) -> None:
        """Report a stroke that the firmware promised in its log and never ordered: power was lost between.

        For the firmware's boot, about an INTENT without an OUTCOME. Such a stroke happened as an INTERRUPTED
        one with nothing given. Changes nothing if the body did begin that stroke: it has reported it.
        """
        if label != self._label:
            self._label = label
            self.on_injection(
                Injection(
                    label=label,
                    at_us=now_us,
                    depth_um=0,
                    dose_nl=0,
                    outcome="INTERRUPTED",
                    skin_nl=0,
                    leaked_nl=0,
                    drop_ug=0,
                )
            )

    # what hands do

    def press_trigger(self, now_us: int, *, source: int = HAND) -> None:
        """Close the hand trigger or the pedal; nothing if it is pressed already."""
        self._move_trigger(now_us, source, pressed=True)

    def release_trigger(self, now_us: int, *, source: int = HAND) -> None:
        """Open the hand trigger or the pedal; nothing if it is released already."""
        self._move_trigger(now_us, source, pressed=False)

    def press_stop_button(self, now_us: int) -> None:
        """Press the gun's own stop."""
        self._run(now_us)
        self._events.append(ButtonPressed(now_us, "STOP"))

    def press_service_button(self, now_us: int) -> None:
        """Press the technician's button."""
        self._run(now_us)
        self._events.append(ButtonPressed(now_us, "SERVICE"))

    def set_contact(self, now_us: int, contact: bool) -> None:
        """Put the head on the skin or lift it."""
        self._run(now_us)
        self._touching = contact
        self._set_contact(now_us, contact)

    def occlude(self, now_us: int, occluded: bool) -> None:
        """Block the needle or free it; freeing lets out what the pressure had stored."""
        self._run(now_us)
        self._occluded = occluded
        self._world_changed(now_us)

    def swap_cartridge(self, now_us: int, cartridge: Cartridge | None, *, noticed: bool = True) -> None:
        """Take the cartridge out (None) or fit another. During a stroke the hand waits until the gun stands.

        Args:
            now_us: Moment of the change.
            cartridge: What is fitted then.
            noticed: Whether the gun's switch sees it.
        """
        self._run(now_us)
        self._swap(now_us, cartridge, noticed=noticed)

    @property
    def syringe(self) -> Syringe | None:
        """What is fitted; None when it was taken out."""
        return self._mechanics.cartridge.syringe if self._cartridge_in else None

    def swap_head(self, now_us: int, head: Head) -> None:
        """Fit another head. During a stroke the hand waits until the gun stands."""
        self._run(now_us)
        self._swap(now_us, head, noticed=True)

    def set_battery_mv(self, now_us: int, battery_mv: int) -> None:
        """Set the battery's voltage at rest."""
        self._run(now_us)
        self._battery_mv = battery_mv

    # what goes wrong

    def set_fault(self, now_us: int, name: str, strength: int | None = None) -> None:
        """Switch a fault of `BODY_FAULTS` on, or change its strength.

        Raises:
            UsageError: unknown name, or a strength outside the fault's range.
        """
        strength = fault_strength(name, strength)
        self._run(now_us)
        self._faults[name] = strength
        if name == "empty_line":
            self._mechanics.empty_line()
        if name == "syringe_swapped":
            syringe = SYRINGES[strength - 1]
            content_nl = min(syringe.size_nl, self._mechanics.cartridge.content_nl)
            self.swap_cartridge(now_us, Cartridge(syringe=syringe, content_nl=content_nl), noticed=False)
        self._world_changed(now_us)

    def heal(self, now_us: int, name: str) -> None:
        """Switch a fault off. What it has done stays done: a drifted stop, a foreign syringe."""
        self._run(now_us)
        self._faults.pop(name, None)
        self._world_changed(now_us)

    # what outlives the process

    def state(self, now_us: int) -> bytes:
        """The physical state now, `SNAPSHOT_SIZE` bytes: what `restore` needs after a kill."""
        mechanics = self._mechanics
        plunger = mechanics.plunger
        steps = mechanics.steps_at(now_us)
        is_open = mechanics.stroke is not None and mechanics.stroke.label is not None
        return pack(
            Snapshot(
                cartridge=mechanics.cartridge if self._cartridge_in else None,
                head=mechanics.head,
                needle_um=mechanics.needle_at(now_us),
                drift_um=mechanics.drift_um,
                steps=steps,
                furthest=max(plunger.furthest, steps),
                slipped=plunger.slipped,
                pressure_kpa=mechanics.line.pressure_at(now_us),
                retreat_nl=mechanics.line.retreat_nl,
                battery_mv=self._battery_mv,
                label=self._label,
                open=is_open,
                dose_nl=mechanics.dose_at(now_us) if is_open else 0,
                deepest_um=mechanics.deepest_at(now_us) if is_open else 0,
            )
        )

    def restore(self, now_us: int, data: bytes) -> None:
        """Take over a state after a kill; call before anything else. A stroke then under way is INTERRUPTED.

        Raises:
            UsageError: the bytes are not a whole snapshot.
        """
        state = unpack(data)
        self._battery_mv = state.battery_mv
        self._cartridge_in = state.cartridge is not None
        self._mechanics.restore(now_us, state)
        self._label = state.label
        if state.open and state.label is not None:
            self.on_injection(
                Injection(
                    label=state.label,
                    at_us=now_us,
                    depth_um=state.deepest_um,
                    dose_nl=state.dose_nl,
                    outcome="INTERRUPTED",
                    skin_nl=0,
                    leaked_nl=0,
                    drop_ug=0,
                )
            )

    # inside

    def _run(self, now_us: int) -> None:
        """Let everything happen that is due, in order of time."""
        while True:
            due_us = self._due_us()
            if due_us is None or due_us > now_us:
                return
            if self._mechanics.due_us == due_us:
                self._mechanics.step(self._events)
                if self._swaps:
                    self._swap_if_still(due_us)
            elif self._later and self._later[0][0] == due_us:
                self._happen(self._later.pop(0))
            else:
                self._cup.cross()
                self._events.append(SuctionReached(due_us) if self._cup.above else SuctionLost(due_us))

    def _due_us(self) -> int | None:
        due_us = self._mechanics.due_us
        if self._later and (due_us is None or self._later[0][0] < due_us):
            due_us = self._later[0][0]
        cup_us = self._cup.due_us
        return cup_us if cup_us is not None and (due_us is None or cup_us < due_us) else due_us

    def _wait(self, at_us: int, what: _Later, *, level: bool) -> None:
        require(len(self._later) < _SAMPLES_AHEAD_MAX, "too many movements waiting")
        self._later_no += 1
        insort(self._later, (at_us, self._later_no, what, level))

    def _happen(self, what: tuple[int, int, _Later, bool]) -> None:
        at_us, _, kind, level = what
        if kind is _Later.CONTACT:
            self._set_contact(at_us, level and self._touching)  # the hand may have gone meanwhile
            return
        trigger, source = (self._hand, HAND) if kind is _Later.HAND_EDGE else (self._pedal, PEDAL)
        if trigger.level != level:
            trigger.level = level
            self._events.append(TriggerEdge(at_us, level, source))

    def _move_trigger(self, now_us: int, source: int, *, pressed: bool) -> None:
        self._run(now_us)
        trigger, kind = (self._hand, _Later.HAND_EDGE) if source == HAND else (self._pedal, _Later.PEDAL_EDGE)
        edges = trigger.move(
            now_us,
            pressed=pressed,
            bounces=self._faults.get("trigger_bounce"),
            again_ms=self._faults.get("double_trigger", 0),
        )
        for at_us, level in edges:
            self._wait(at_us, kind, level=level)
        self._run(now_us)

    def _set_contact(self, now_us: int, contact: bool) -> None:
        if contact != self._skin:
            self._skin = contact
            self._world_changed(now_us)
            self._events.append(ContactMade(now_us) if contact else ContactLost(now_us))

    def _world_changed(self, now_us: int) -> None:
        self._mechanics.world_changed(now_us, contact=self._skin, blocked=self._occluded or "clog" in self._faults)
        self._cup.seal(now_us, sealed=self._skin, divisor=self._faults.get("vacuum_low", 1))

    def _swap(self, now_us: int, part: Cartridge | Head | None, *, noticed: bool) -> None:
        require(len(self._swaps) < _SWAPS_MAX, "too many hands at one gun")
        self._swaps.append((part, noticed))
        self._swap_if_still(now_us)

    def _swap_if_still(self, now_us: int) -> None:
        while self._swaps and self._mechanics.stroke is None:
            part, noticed = self._swaps.pop(0)
            if isinstance(part, Head):
                self._mechanics.fit_head(now_us, part)
                self._events.append(HeadChanged(now_us))
            else:
                self._fit_cartridge(now_us, part, noticed=noticed)

    def _fit_cartridge(self, now_us: int, cartridge: Cartridge | None, *, noticed: bool) -> None:
        if noticed and self._cartridge_in:
            self._cartridge_in = False
            self._events.append(CartridgeChanged(now_us, present=False))
        if cartridge is not None:
            self._mechanics.fit_cartridge(now_us, cartridge)
            if not self._cartridge_in:
                self._cartridge_in = True
                self._events.append(CartridgeChanged(now_us, present=True))

    def _injected(self, injection: Injection) -> None:
        self._warm_cdegc = self._warmth(injection.at_us) + _WARMTH_PER_STROKE_CDEGC
        self._warm_us = injection.at_us
        self.on_injection(injection)

    def _warmth(self, now_us: int) -> float:
        return self._warm_cdegc * exp((self._warm_us - now_us) * 1e-6 / _COOLING_S)
