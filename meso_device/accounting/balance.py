"""The mass balance of the gun: what its odometer pushed against what its records say (I-29)."""

from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Json

# Encoder resolution and rounding of each record, and a floor for the odometer's own.
TOLERANCE_NL_PER_RECORD: Final = 20
TOLERANCE_FLOOR_NL: Final = 200


class Balance(Struct, frozen=True):
    """Odometer against records.

    Attributes:
        odometer_nl: Odometer now.
        shot_seq: Newest record in the sum.
        difference_nl: How far the odometer's change lies outside [sum of lo, sum of hi]; 0 when inside.
        tolerance_nl: Largest difference that is accepted.
    """

    odometer_nl: int
    shot_seq: int
    difference_nl: int
    tolerance_nl: int

    @property
    def holds(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.difference_nl) <= self.tolerance_nl

    def payload(self) -> dict[str, Json]:
        """Return the payload of the ``mass_balance`` record."""
        return {
            "odometer_nl": self.odometer_nl,
            "shot_seq": self.shot_seq,
            "ok": self.holds,
            "difference_nl": self.difference_nl,
            "tolerance_nl": self.tolerance_nl,
        }


def mass_balance(
    *, odometer_nl: int, last_odometer_nl: int, last_seq: int, shot_seq: int, sum_lo_nl: int, sum_hi_nl: int
) -> Balance:
    """Compare the odometer's change since ``last_seq`` with the records up to ``shot_seq``.

    An interrupted record is a range, so anything between the sums of lo and hi is no difference.
    """
    change_nl = odometer_nl - last_odometer_nl
    difference_nl = min(change_nl - sum_lo_nl, 0) or max(change_nl - sum_hi_nl, 0)
    tolerance_nl = TOLERANCE_FLOOR_NL + TOLERANCE_NL_PER_RECORD * (shot_seq - last_seq)
    return Balance(odometer_nl, shot_seq, difference_nl, tolerance_nl)
