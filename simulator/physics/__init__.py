"""The simulated gun's body: needle, plunger, fluid, skin and switches. Pure and deterministic."""

from simulator.physics.body import GunBody
from simulator.physics.chance import Chance
from simulator.physics.events import (
    HAND,
    PEDAL,
    BodyEvent,
    ButtonPressed,
    CartridgeChanged,
    ContactLost,
    ContactMade,
    DoseDelivered,
    HeadChanged,
    NeedleAtDepth,
    NeedleHome,
    PressureAbove,
    ReservoirEmpty,
    Sensors,
    Stalled,
    StrokeEnded,
    SuctionLost,
    SuctionReached,
    TriggerEdge,
)
from simulator.physics.faults import BODY_FAULTS, BodyFault
from simulator.physics.figures import NEEDLES, SYRINGES, Needle, Syringe
from simulator.physics.parts import Cartridge, Head
from simulator.physics.snapshot import SNAPSHOT_SIZE
from simulator.physics.stroke import Injection, Stroke, StrokeKind, StrokeLabel, StrokeOutcome

__all__ = [
    "BODY_FAULTS",
    "HAND",
    "NEEDLES",
    "PEDAL",
    "SNAPSHOT_SIZE",
    "SYRINGES",
    "BodyEvent",
    "BodyFault",
    "ButtonPressed",
    "Cartridge",
    "CartridgeChanged",
    "Chance",
    "ContactLost",
    "ContactMade",
    "DoseDelivered",
    "GunBody",
    "Head",
    "HeadChanged",
    "Injection",
    "Needle",
    "NeedleAtDepth",
    "NeedleHome",
    "PressureAbove",
    "ReservoirEmpty",
    "Sensors",
    "Stalled",
    "Stroke",
    "StrokeEnded",
    "StrokeKind",
    "StrokeLabel",
    "StrokeOutcome",
    "SuctionLost",
    "SuctionReached",
    "Syringe",
    "TriggerEdge",
]
