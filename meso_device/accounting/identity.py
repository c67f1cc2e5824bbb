"""Who a gun is, as a technician registered it: what no run of the gun changes, and a repair or an update does."""

from msgspec import Struct

from protocols.treatment.problems import printable
from protocols.wire.messages import HelloReply


class Identity(Struct, frozen=True, kw_only=True):
    """What a gun says of itself that stays the same until somebody works on it.

    The epoch of its log and its calibration have rules of their own.

    Attributes:
        serial: Serial number.
        model: Model.
        hw_rev: Hardware revision.
        firmware: Major, minor and patch, with points between.
        fw_hash8: Hash of the firmware image, in hex.
    """

    serial: str
    model: str
    hw_rev: int
    firmware: str
    fw_hash8: str

    def changed_to(self, now: "Identity") -> str:
        """Return what is another than registered, in words; empty where nothing is."""
        return ", ".join(
            f"{name} {_shown(getattr(self, field))} -> {_shown(getattr(now, field))}"
            for field, name in _NAMES.items()
            if getattr(self, field) != getattr(now, field)
        )


_NAMES = {
    "serial": "serial number",
    "model": "model",
    "hw_rev": "hardware revision",
    "firmware": "firmware",
    "fw_hash8": "hash of the firmware",
}


def firmware_of(hello: HelloReply) -> str:
    """Return the version of a gun's firmware, as it is written everywhere."""
    return f"{hello.fw_major}.{hello.fw_minor}.{hello.fw_patch}"


def identity_of(hello: HelloReply) -> Identity:
    """Return who a gun says it is."""
    return Identity(
        serial=hello.serial,
        model=hello.model,
        hw_rev=hello.hw_rev,
        firmware=firmware_of(hello),
        fw_hash8=hello.fw_hash8.hex(),
    )


def _shown(value: str | int) -> str:
    return printable(str(value)) or "none"
