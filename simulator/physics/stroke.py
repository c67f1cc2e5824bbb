"""What the firmware orders from the gun's body, and what the body says physically happened."""

from typing import Final, Literal

from msgspec import Struct

StrokeKind = Literal["TREAT", "DRY", "PRIME", "BENCH", "SERVICE"]
StrokeOutcome = Literal["DONE", "ABORTED", "INTERRUPTED"]

STROKE_KINDS: Final[tuple[StrokeKind, ...]] = ("TREAT", "DRY", "PRIME", "BENCH", "SERVICE")


class StrokeLabel(Struct, frozen=True, kw_only=True):
    """Whose stroke it is: copied into the truth, never looked at by the physics.

    Attributes:
        gun_uid: As the truth shall spell it; at most 32 ASCII characters.
    """

    kind: StrokeKind
    gun_uid: str
    log_epoch: int
    shot_seq: int
    grant_no: int
    area_code: int


class Stroke(Struct, frozen=True, kw_only=True):
    """One motion of needle and plunger: in, flow, dwell, out.

    A dry puncture has ``dose_nl`` 0. Homing the needle is a stroke with depth and dose 0. Drawing the plunger
    back is one with depth and dose 0 and the volume in ``antidrip_nl``.

    Attributes:
        label: None for homing after a reset: no log slot, not reported, depth and dose 0.
        depth_um: Needle travel ordered; 0 draws the needle home.
        dose_nl: Plunger displacement ordered; the body gives the most whole microsteps within it.
        pl_per_um: Syringe geometry as the gun's table has it; turns encoder steps into volume.
        needle_speed_um_per_s: Above 0.
        flow_nl_per_s: Above 0 where a dose or back-step is ordered.
        dwell_ms: Wait between the end of the flow and drawing the needle.
        antidrip_nl: Back-step of the plunger while the needle is drawn, measured from its furthest position,
            so that repeating it moves nothing. The next stroke takes it up first; it is never dose.
        needle_locked: The needle stays where it is (priming).
        max_pressure_pa: Raises `PressureAbove` once when crossed; 0 watches nothing.
        contact_needed_throughout: Skin contact must last; its loss raises `ContactLost` in any case.
    """

    label: StrokeLabel | None
    depth_um: int
    needle_speed_um_per_s: int
    dose_nl: int
    flow_nl_per_s: int
    pl_per_um: int
    dwell_ms: int = 0
    antidrip_nl: int = 0
    needle_locked: bool = False
    max_pressure_pa: int = 0
    contact_needed_throughout: bool = False


class Injection(Struct, frozen=True, kw_only=True):
    """What one stroke physically did. Reported exactly once, at its physical end or at power loss.

    Attributes:
        at_us: Gun time of the end.
        depth_um: Deepest true needle travel.
        dose_nl: True volume that the plunger displaced forward beyond its furthest earlier position.
        outcome: DONE: whole dose and needle home. ABORTED: stopped, needle home. INTERRUPTED: power lost.
        skin_nl: Of what came out of the needle, the part that stayed in the skin.
        leaked_nl: The part that ran out of the puncture or missed it.
        drop_ug: Mass that left the needle between the end of the stroke before and the end of this one.
        hanging_ug: Of that, what still hangs at the tip and falls within seconds.
    """

    label: StrokeLabel
    at_us: int
    depth_um: int
    dose_nl: int
    outcome: StrokeOutcome
    skin_nl: int
    leaked_nl: int
    drop_ug: int
    hanging_ug: int = 0
