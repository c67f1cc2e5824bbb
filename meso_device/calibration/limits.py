"""Which limits a bench judges by: those that two people released, known by the hash of their values."""

from hashlib import sha256
from typing import Final, cast

import msgspec
from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.materials import Actor, checked_code
from meso_device.calibration.record import Limits

RELEASED: Final = "limits.released"
RELEASE_KEYS: Final = "limits/"


class BenchLimits(Struct, frozen=True, kw_only=True):
    """All that a bench file says about what is allowed.

    Attributes:
        limits: What is allowed, and how it is decided.
        interval_days: Days from one calibration to the next, before the staircase.
    """

    limits: Limits
    interval_days: int

    @property
    def digest(self) -> str:
        """SHA-256 of all values, in hex: another value anywhere is another digest."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def release_entry(released: BenchLimits, by: Actor, *, reason: str) -> Entry:
    """Return the record by which these limits are the ones in force from now on.

    Raises:
        UsageError: the reason is no code.
    """
    values = cast("dict[str, Json]", msgspec.json.decode(msgspec.json.encode(released)))
    payload: dict[str, Json] = {"sha256": released.digest, "reason": checked_code("reason", reason), **values}
    return Entry(
        kind=RELEASED, key=f"{RELEASE_KEYS}{by.utc_us:020}/{released.digest}", payload=payload, op=by.op, role=by.role
    )
