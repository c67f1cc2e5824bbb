"""The self-test: run at boot and on request. It moves nothing."""

from typing import Final

from protocols.wire.codes import SelfTestItem
from simulator.firmware.ring import LogRing
from simulator.physics.events import Sensors

ALL_ITEMS: Final = (1 << len(SelfTestItem)) - 1
BATTERY_CRITICAL_MV: Final = 3_200
_PRESSURE_AT_REST_PA: Final = 5_000_000


def failed_items(mask: int, ring: LogRing, sensors: Sensors) -> int:
    """Run items and return those that do not pass.

    Memory, signals and stop input of a simulated gun always pass; so do its motor drivers.
    """
    failed = 0
    if not ring.check():
        failed |= SelfTestItem.RING
    if sensors.battery_mv < BATTERY_CRITICAL_MV:
        failed |= SelfTestItem.SUPPLY
    if not sensors.encoder_valid:
        failed |= SelfTestItem.ENCODERS
    if sensors.pressure_pa > _PRESSURE_AT_REST_PA:
        failed |= SelfTestItem.PRESSURE
    return failed & mask
