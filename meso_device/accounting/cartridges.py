"""Where a syringe's content went: loaded = patient + prime + waste + left, checked at change and sign-off (I-29)."""

from typing import Final

from msgspec import Struct

from meso_device.accounting.clinic import Cartridge
from meso_device.accounting.entries import Json
from protocols.errors import UsageError
from protocols.treatment.syringes import Syringe, syringes
from protocols.units import format_dose

# What goes out is metered to 5 %, the accuracy goal; what was loaded and what is left is read off a printed scale,
# to half of its usual fiftieth each. Hub and needle keep some: 20 uL is room for both.
METERED_PERCENT: Final = 5
SCALE_PARTS: Final = 50
DEAD_SPACE_NL: Final = 20_000


class CartridgeBalance(Struct, frozen=True, kw_only=True):
    """What should be left against what was found.

    Attributes:
        left_lo_nl, left_hi_nl: Least and most that can be left by the records; negative when more is on record than
            was loaded.
        left_nl: What the operator read off.
        difference_nl: How far ``left_nl`` lies outside the range; 0 inside.
        tolerance_nl: Largest difference that is accepted.
    """

    left_lo_nl: int
    left_hi_nl: int
    left_nl: int
    difference_nl: int
    tolerance_nl: int

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.difference_nl) <= self.tolerance_nl

    @property
    def text(self) -> str:
        """One line for the operator."""
        expected = f"{format_dose(self.left_lo_nl)} to {format_dose(self.left_hi_nl)}"
        found = f"syringe: {format_dose(self.left_nl)} left, {expected} expected by the records"
        if self.holds:
            return f"{found}: balanced within {format_dose(self.tolerance_nl)}"
        more = "more" if self.difference_nl > 0 else "less"
        return (
            f"{found}: {format_dose(abs(self.difference_nl))} {more} than that, "
            f"{format_dose(self.tolerance_nl)} is allowed: look for a leak, air or another syringe, and have it "
            "explained before signing"
        )

    def payload(self, cartridge: str, waste_nl: int) -> dict[str, Json]:
        """Return the payload of the ``cartridge.changed`` record."""
        return {
            "cartridge": cartridge,
            "left_nl": self.left_nl,
            "waste_nl": waste_nl,
            "difference_nl": self.difference_nl,
            "tolerance_nl": self.tolerance_nl,
            "ok": self.holds,
        }


def left_range_nl(cartridge: Cartridge) -> tuple[int, int]:
    """Return least and most that can be left; a prime counts with the most that it can have taken."""
    fixed_nl = cartridge.loaded_nl - cartridge.prime_nl - cartridge.waste_nl
    return fixed_nl - cartridge.patient_hi_nl, fixed_nl - cartridge.patient_lo_nl


def tolerance_nl(cartridge: Cartridge) -> int:
    """Return the difference that metering, the printed scale and dead space explain."""
    metered_nl = cartridge.patient_hi_nl + cartridge.prime_nl
    return metered_nl * METERED_PERCENT // 100 + cartridge.loaded_nl // SCALE_PARTS + DEAD_SPACE_NL


def balance_at_change(cartridge: Cartridge, left_nl: int) -> CartridgeBalance:
    """Compare what is left in a syringe, as read off its scale, with what its records say.

    Raises:
        UsageError: ``left_nl`` is negative.
    """
    if left_nl < 0:
        raise UsageError(f"volume left {format_dose(left_nl)} refused: 0 mL or more is allowed")
    lo_nl, hi_nl = left_range_nl(cartridge)
    return CartridgeBalance(
        left_lo_nl=lo_nl,
        left_hi_nl=hi_nl,
        left_nl=left_nl,
        difference_nl=min(left_nl - lo_nl, 0) or max(left_nl - hi_nl, 0),
        tolerance_nl=tolerance_nl(cartridge),
    )


def overdrawn_nl(cartridge: Cartridge) -> int:
    """Return how much more the records took than was loaded, beyond the tolerance; 0 when that can be.

    It needs nobody to read the scale, so it holds at sign-off for a syringe that stays in the gun.
    """
    most_nl = left_range_nl(cartridge)[1]
    return max(-most_nl - tolerance_nl(cartridge), 0)


def material_totals(cartridge: Cartridge) -> dict[str, Json]:
    """Return where the content of the syringe in the gun went, for the totals of a session (I-29)."""
    left_lo_nl, left_hi_nl = left_range_nl(cartridge)
    over_nl = overdrawn_nl(cartridge)
    return {
        "cartridge": cartridge.cartridge,
        "product": cartridge.product,
        "lot": cartridge.lot,
        "loaded_nl": cartridge.loaded_nl,
        "patient_lo_nl": cartridge.patient_lo_nl,
        "patient_hi_nl": cartridge.patient_hi_nl,
        "prime_nl": cartridge.prime_nl,
        "waste_nl": cartridge.waste_nl,
        "left_lo_nl": left_lo_nl,
        "left_hi_nl": left_hi_nl,
        "difference_nl": -over_nl,
        "tolerance_nl": tolerance_nl(cartridge),
        "ok": not over_nl,
    }


def syringe_for_filling(syringe_id: str, loaded_nl: int) -> Syringe:
    """Return the syringe that a filling is said to be in.

    Raises:
        UsageError: no such syringe, its bore is not known, or the volume does not fit into it.
    """
    syringe = syringes().get(syringe_id)
    if syringe is None:
        raise UsageError(f"unknown syringe {syringe_id!r}: known are {', '.join(syringes())}")
    if syringe.pl_per_um is None:
        raise UsageError(f"syringe {syringe_id} refused: its bore is not known; measure it before it is used")
    if not 0 < loaded_nl <= syringe.size_nl:
        raise UsageError(
            f"{format_dose(loaded_nl)} in syringe {syringe_id} refused: more than 0 mL and at most "
            f"{format_dose(syringe.size_nl)} is allowed"
        )
    return syringe
