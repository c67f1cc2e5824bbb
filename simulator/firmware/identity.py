"""Who a gun is: fixed at manufacture."""

from msgspec import Struct, field

from protocols.errors import UsageError
from protocols.wire.codes import Capability
from protocols.wire.hashes import hash8
from protocols.wire.messages import LimitsGetReply
from simulator.firmware.calibration import factory_calibration
from simulator.firmware.limits import DEFAULT_LIMITS

_FITTED = Capability.SUCTION | Capability.PEDAL | Capability.ENCODER | Capability.OWN_STOP


class GunIdentity(Struct, frozen=True, kw_only=True):
    """What HELLO says about a simulated gun, and what its factory has set.

    Attributes:
        uid: 12 bytes, the board's.
        serial: At most 16 printable ASCII characters.
        model: At most 12 printable ASCII characters.
        hw_rev: Hardware revision.
        firmware: Major, minor, patch.
        capabilities: What is fitted.
        limits: Hard limits; no message writes them.
        calibration: The factory's block, used while memory holds none.
        drift_ppm: How fast the gun's crystal runs, -1,000 to 1,000.
        entropy: What the gun's random source gives, fresh for each start of the simulation: a part of new epochs,
            session numbers and nonces, so that an erased gun never takes an old epoch again.
    """

    uid: bytes
    serial: str
    model: str = "SIM-GUN"
    hw_rev: int = 1
    firmware: tuple[int, int, int] = (1, 0, 0)
    capabilities: Capability = _FITTED
    limits: LimitsGetReply = DEFAULT_LIMITS
    calibration: bytes = field(default_factory=factory_calibration)
    drift_ppm: int = 0
    entropy: bytes = b""

    def __post_init__(self) -> None:
        if len(self.uid) != 12:
            raise UsageError(f"gun uid of {len(self.uid)} bytes refused: 12 bytes")
        for name, text, longest in (("serial", self.serial, 16), ("model", self.model, 12)):
            if not (0 < len(text) <= longest and text.isascii() and text.isprintable()):
                raise UsageError(f"{name} {text!r} refused: 1 to {longest} printable ASCII characters")
        if not -1_000 <= self.drift_ppm <= 1_000:
            raise UsageError(f"drift {self.drift_ppm} ppm refused: -1000 to 1000 ppm")

    @property
    def fw_hash8(self) -> bytes:
        """What stands for the hash of the firmware image."""
        return hash8(b"meso simulated gun %d.%d.%d" % self.firmware)
