"""What is fitted to the gun by hand: a cartridge with its plunger, and a head with its needle."""

from msgspec import Struct

from protocols.errors import UsageError
from simulator.physics.figures import (
    DEFAULT_NEEDLE,
    DEFAULT_SYRINGE,
    LEAD_UM,
    NEEDLES,
    STEPS_PER_TURN,
    Needle,
    Syringe,
    plunger_nl,
    steps_within,
)


class Cartridge(Struct, frozen=True, kw_only=True):
    """A filled syringe.

    Attributes:
        content_nl: 0 to the syringe's size.
        viscosity_upa_s: 1,000 is water; vitamin mixes up to 5,000, gels far more.
    """

    syringe: Syringe = DEFAULT_SYRINGE
    content_nl: int = DEFAULT_SYRINGE.size_nl
    viscosity_upa_s: int = 1_000

    def __post_init__(self) -> None:
        if not 0 <= self.content_nl <= self.syringe.size_nl:
            raise UsageError(
                f"content {self.content_nl} nl refused: "
                f"syringe {self.syringe.name} holds 0 to {self.syringe.size_nl} nl"
            )
        if not 1 <= self.viscosity_upa_s <= 100_000_000:
            raise UsageError(f"viscosity {self.viscosity_upa_s} uPa s refused: 1 to 100000000 uPa s")


class Head(Struct, frozen=True, kw_only=True):
    """What touches the skin.

    Attributes:
        head_type_id: Row in the gun's head table.
        head_instance: Hash of its serial number; tells one head from the next.
        needle: Its needle.
        pins: Number of needles, side by side.
    """

    head_type_id: int = 1
    head_instance: int = 1
    needle: Needle = DEFAULT_NEEDLE
    pins: int = 1

    def __post_init__(self) -> None:
        if self.pins not in {1, 5, 9}:
            raise UsageError(f"{self.pins} pins refused: heads have 1, 5 or 9")
        if self.needle not in NEEDLES:
            raise UsageError(f"needle {self.needle.name} refused: not in the table")


class Plunger:
    """The plunger of one cartridge, in whole microsteps from the empty end of the gun's way.

    Attributes:
        steps: Where it is.
        furthest: The furthest it has been: what a dose is counted from.
        end: Where the syringe is empty.
        slipped: Steps that the encoder reads too little.
    """

    __slots__ = ("_table_pl_per_um", "end", "furthest", "pl_per_um", "slipped", "steps")

    def __init__(self, cartridge: Cartridge) -> None:
        syringe = cartridge.syringe
        self.pl_per_um = self._table_pl_per_um = syringe.pl_per_um
        self.steps = self.furthest = steps_within(syringe.size_nl - cartridge.content_nl, self.pl_per_um)
        self.end = steps_within(syringe.size_nl, self.pl_per_um)
        self.slipped = 0

    def widen(self, ppm: int) -> None:
        """Let the barrel hold so much more than its table says; what was given before is not given anew."""
        self.pl_per_um = self._table_pl_per_um * (1_000_000 + ppm) // 1_000_000

    @property
    def furthest_nl(self) -> int:
        """True volume given so far, with a constant offset: differences are doses."""
        return plunger_nl(self.furthest, self.pl_per_um)

    def believed_nl(self, pl_per_um: int) -> int:
        """The same in the geometry that the gun believes."""
        return plunger_nl(self.furthest, pl_per_um)

    def volume_nl(self, steps: int) -> float:
        """True volume of a number of steps."""
        return steps * (LEAD_UM * self.pl_per_um) / (STEPS_PER_TURN * 1_000)

    def encoder_um(self, steps: int) -> int:
        """What the encoder reads at a position."""
        return (steps - self.slipped) * LEAD_UM // STEPS_PER_TURN
