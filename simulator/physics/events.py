"""What the gun's body tells the firmware, each with the gun time at which it physically happened."""

from typing import Final, Literal

from msgspec import Struct

HAND: Final = 1
PEDAL: Final = 2


class TriggerEdge(Struct, frozen=True):
    """The trigger's contact opened or closed, bounces included."""

    at_us: int
    level: bool
    source: int = HAND


class ButtonPressed(Struct, frozen=True):
    """A button on the gun was pressed: its own stop, or the technician's service button."""

    at_us: int
    button: Literal["STOP", "SERVICE"]


class NeedleAtDepth(Struct, frozen=True):
    """The needle has reached the ordered travel."""

    at_us: int


class DoseDelivered(Struct, frozen=True):
    """The plunger motor has made all the steps of the dose."""

    at_us: int


class NeedleHome(Struct, frozen=True):
    """The needle is back home."""

    at_us: int


class PressureAbove(Struct, frozen=True):
    """The measured pressure rose above the stroke's limit. Flow goes on until the firmware stops it."""

    at_us: int


class ContactLost(Struct, frozen=True):
    """The head left the skin."""

    at_us: int


class ContactMade(Struct, frozen=True):
    """The head touched the skin."""

    at_us: int


class SuctionReached(Struct, frozen=True):
    """Suction rose to the watched threshold."""

    at_us: int


class SuctionLost(Struct, frozen=True):
    """Suction fell below the watched threshold."""

    at_us: int


class Stalled(Struct, frozen=True):
    """The plunger motor stands still under load. The needle stays until the firmware stops the stroke."""

    at_us: int


class ReservoirEmpty(Struct, frozen=True):
    """The plunger reached the end of the syringe. The needle stays until the firmware stops the stroke."""

    at_us: int


class CartridgeChanged(Struct, frozen=True):
    """The cartridge switch opened (taken out) or closed (fitted)."""

    at_us: int
    present: bool


class HeadChanged(Struct, frozen=True):
    """Another head or needle was fitted."""

    at_us: int


class StrokeEnded(Struct, frozen=True):
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


class Sensors(Struct, frozen=True):
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
