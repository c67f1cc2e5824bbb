"""The gun's own time: microseconds since boot, from a crystal that runs a little fast or slow."""

from typing import Final

from simulator.firmware.faults import FirmwareFaults

_MILLION: Final = 1_000_000


class GunClock:
    """Ticks since boot. The firmware decides by ticks alone and converts only what it asks of the world.

    Args:
        drift_ppm: How fast the crystal runs.
        faults: ``tick_drift`` adds to the drift, ``tick_jump`` moves the ticks forward once.
    """

    __slots__ = ("_base_now_us", "_base_ticks_us", "_drift_ppm", "_faults", "_rate_ppm")

    def __init__(self, *, drift_ppm: int, faults: FirmwareFaults) -> None:
        self._drift_ppm = drift_ppm
        self._faults = faults
        self._rate_ppm = _MILLION + drift_ppm
        self._base_now_us = 0
        self._base_ticks_us = 0

    def restart(self, now_us: int) -> None:
        """Start from zero at a boot."""
        self._base_now_us = now_us
        self._base_ticks_us = 0

    def ticks_us(self, now_us: int) -> int:
        """Gun time at a moment of the world's; never goes back."""
        rate_ppm = _MILLION + self._drift_ppm + self._faults.strength("tick_drift")
        if rate_ppm != self._rate_ppm:
            self._base_ticks_us = self._base_ticks_us + self._since(now_us)
            self._base_now_us = now_us
            self._rate_ppm = rate_ppm
        jump_ms = self._faults.take("tick_jump")
        if jump_ms is not None:
            self._base_ticks_us += jump_ms * 1_000
        return self._base_ticks_us + (now_us - self._base_now_us) * rate_ppm // _MILLION

    def world_us(self, ticks_us: int) -> int:
        """First moment of the world's at which these ticks have come."""
        left_us = ticks_us - self._base_ticks_us
        return self._base_now_us - (-left_us * _MILLION // self._rate_ppm)

    def _since(self, now_us: int) -> int:
        return (now_us - self._base_now_us) * self._rate_ppm // _MILLION
