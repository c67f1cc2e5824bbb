"""What the gun's body tells the firmware, each with the gun time at which it physically happened."""

from dataclasses import dataclass
from typing import Final, Literal

HAND: Final = 1
PEDAL: Final = 2


@dataclass(frozen=True, slots=True)
class TriggerEdge:
    """The trigger's contact opened or closed, bounces included."""

    at_us: int
    level: bool
    source: int = HAND


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """A button on the gun was pressed: its own stop, or the technician's service button."""

    at_us: int
    button: Literal["STOP", "SERVICE"]


@dataclass(frozen=True, slots=True)
class NeedleAtDepth:
    """The needle has reached the ordered travel."""

    at_us: int


@dataclass(frozen=True, slots=True)
class DoseDelivered:
    """The plunger motor has made all the steps of the dose."""

    at_us: int


@dataclass(frozen=True, slots=True)
class NeedleHome:
    """The needle is back home."""

    at_us: int


@dataclass(frozen=True, slots=True)
class PressureAbove:
    """The measured pressure rose above the stroke's limit. Flow goes on until the firmware stops it."""

    at_us: int


@dataclass(frozen=True, slots=True)
class ContactLost:
    """The head left the skin."""

    at_us: int


@dataclass(frozen=True, slots=True)
class ContactMade:
    """The head touched the skin."""

    at_us: int


@dataclass(frozen=True, slots=True)
class SuctionReached:
    """Suction rose to the watched threshold."""

    at_us: int


@dataclass(frozen=True, slots=True)
class SuctionLost:
    """Suction fell below the watched threshold."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """The plunger motor stands still under load. The needle stays until the firmware stops the stroke."""

    at_us: int


@dataclass(frozen=True, slots=True)
class ReservoirEmpty:
    """The plunger reached the end of the syringe. The needle stays until the firmware stops the stroke."""

    at_us: int


@dataclass(frozen=True, slots=True)
class CartridgeChanged:
    """The cartridge switch opened (taken out) or closed (fitted)."""

    at_us: int
    present: bool


@dataclass(frozen=True, slots=True)
class HeadChanged:
    """Another head or needle was fitted."""

    at_us: int


@dataclass(frozen=True, slots=True)
class StrokeEnded:
    """All motion of a stroke is over and the needle is home.

    Attributes:
        measured_depth_um: Deepest travel that the depth encoder counted.
        encoder_nl: Dose by the plunger encoder and the geometry the stroke was ordered with.
        encoder_valid: False when the encoder's own check failed.
        duration_ms: From the order to this end, rounded up.
        peak_pressure_kpa: As the sensor measured it, rounded down.
        cause: COMPLETE, or STOPPED by the firmware.
    """

    at_us: int
    measured_depth_um: int
    encoder_nl: int
    encoder_valid: bool
    duration_ms: int
    peak_pressure_kpa: int
    cause: Literal["COMPLETE", "STOPPED"]


BodyEvent = (
    TriggerEdge
    | ButtonPressed
    | NeedleAtDepth
    | DoseDelivered
    | NeedleHome
    | PressureAbove
    | ContactLost
    | ContactMade
    | SuctionReached
    | SuctionLost
    | Stalled
    | ReservoirEmpty
    | CartridgeChanged
    | HeadChanged
    | StrokeEnded
)


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the gun measures of itself. Each reading may lie when a fault says so.

    Attributes:
        needle_um: Needle travel from home, by its encoder.
        plunger_um: Plunger position from the empty end of its way, by its encoder.
        pressure_pa: Above ambient, never below 0.
        suction_pa: Below ambient.
        plunger_force_dn: Tenths of a newton.
    """

    needle_um: int
    plunger_um: int
    pressure_pa: int
    suction_pa: int
    plunger_force_dn: int
    contact: bool
    trigger: bool
    cartridge_present: bool
    needle_type_id: int
    head_type_id: int
    head_instance: int
    battery_mv: int
    temp_cdegc: int
    encoder_valid: bool
