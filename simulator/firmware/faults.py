"""What can be wrong with the gun's memory, clock and firmware, by name.

A lasting fault is on with a strength until it is cleared. A one-shot fault happens at its next chance and is then gone.
"""

from typing import Final

from msgspec import Struct

from protocols.errors import UsageError


class FirmwareFault(Struct, frozen=True, kw_only=True):
    """One named fault.

    Attributes:
        name: As scenario files and recorded runs spell it.
        strength: Used when none is given.
        lowest: Smallest strength.
        highest: Largest strength.
        what: What the fault does, and what the strength counts.
    """

    name: str
    strength: int
    lowest: int
    highest: int
    what: str


_TABLE: Final = (
    ("nvm_before_intent", 1, 1, 1, "power is lost before the next INTENT is written"),
    ("nvm_torn_intent", 20, 0, 51, "power is lost when this many bytes of the next INTENT are written"),
    ("nvm_after_intent", 1, 1, 1, "power is lost after the next INTENT, before the first motor step"),
    ("after_motion_before_outcome", 1, 1, 1, "power is lost after the next stroke, before its OUTCOME"),
    ("torn_outcome", 9, 0, 19, "power is lost when this many bytes of the next OUTCOME are written"),
    ("brownout_no_latch", 1, 1, 1, "lasting: the supply does not hold up long enough to keep the encoder's value"),
    ("log_slot_bitflip", 1, 1, 4_096, "at the next boot one bit of the n-th newest record is flipped"),
    ("nvm_erased", 1, 1, 1, "at the next boot the whole memory is erased"),
    ("seq_regress", 1, 1, 4_096, "at the next boot the newest n records are forgotten in the same epoch"),
    ("epoch_change", 1, 1, 1, "at the next boot the ring is formatted with a new epoch"),
    ("uid_change", 1, 1, 1, "lasting: from the next boot on the board has another uid"),
    ("ring_full", 4, 1, 4_096, "lasting: the ring has only this many usable slots"),
    ("lease_ignored", 1, 1, 1, "lasting: credit outlives its lease"),
    ("lease_timer_stuck", 1, 1, 1, "lasting: the lease stands still while it is on"),
    ("tick_jump", 1_000, 1, 3_600_000, "the gun's ticks jump forward once by this many ms"),
    ("tick_drift", 200, -100_000, 100_000, "lasting: the gun's ticks run fast by this many ppm"),
    ("setting_not_taken", 1, 1, 1, "the next SETTINGS_SET is acknowledged and changes nothing"),
    ("cal_expired", 20_454, 1, 65_535, "at the next boot the calibration was due on this day, counted from 1970-01-01"),
    ("cal_foreign", 1, 1, 1_000, "lasting: HELLO names a calibration this many numbers above the one in memory"),
    ("readback_lies", 1, 1, 1, "lasting: SETTINGS_GET answers with the block last sent, taken or not"),
)  # fmt: skip

FIRMWARE_FAULTS: Final = {
    name: FirmwareFault(name=name, strength=strength, lowest=lowest, highest=highest, what=what)
    for name, strength, lowest, highest, what in _TABLE
}


class FirmwareFaults:
    """The faults that are on. Set from outside, asked by the firmware."""

    __slots__ = ("_on",)

    def __init__(self) -> None:
        self._on: dict[str, int] = {}

    def set(self, name: str, strength: int | None = None) -> None:
        """Switch a fault on.

        Raises:
            UsageError: unknown name, or a strength outside the fault's range.
        """
        fault = FIRMWARE_FAULTS.get(name)
        if fault is None:
            raise UsageError(f"fault {name!r} refused: the firmware knows {', '.join(FIRMWARE_FAULTS)}")
        strength = fault.strength if strength is None else strength
        if not fault.lowest <= strength <= fault.highest:
            raise UsageError(
                f"strength {strength} of fault {name} refused: {fault.lowest} to {fault.highest} ({fault.what})"
            )
        self._on[name] = strength

    def clear(self, name: str) -> None:
        """Switch a fault off; nothing if it is off."""
        self._on.pop(name, None)

    def is_on(self, name: str) -> bool:
        """Whether a fault is on."""
        return bool(self._on) and name in self._on

    def strength(self, name: str, otherwise: int = 0) -> int:
        """Strength of a lasting fault, or ``otherwise`` when it is off."""
        return self._on.get(name, otherwise) if self._on else otherwise

    def take(self, name: str) -> int | None:
        """Let a one-shot fault happen: its strength, or None when it is off."""
        return self._on.pop(name, None) if self._on else None
