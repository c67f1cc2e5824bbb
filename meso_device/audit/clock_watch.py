"""Whether somebody set the clock, told by the one that nobody can set."""

from typing import Final

from meso_device.audit.records import Stamp

CLOCK_STEP_US: Final = 2_000_000
"""What UTC may gain or lose on the monotonic clock before it counts as a step (I-38)."""


class ClockWatch:
    """Compares each stamp with the one before, over the ends of processes too.

    Within one boot of the computer UTC must advance as the monotonic clock does. From one boot to the next only a clock
    that stands before the last record is known to be wrong; a clock set ahead while the computer is off is not noticed.

    Args:
        ts_us: UTC of the newest record; 0 in an empty log.
        mono_us: Monotonic clock of the same moment, time asleep included.
        boot: The computer's boot; empty in an empty log.
    """

    def __init__(self, ts_us: int = 0, mono_us: int = 0, boot: str = "") -> None:
        self._ts_us = ts_us
        self._offset_us = ts_us - mono_us
        self._boot = boot

    def step_us(self, stamp: Stamp) -> int:
        """Return how far the clock was set since the last stamp, negative for back; 0 if it was not."""
        offset_us = stamp.ts_us - stamp.mono_us
        step_us = offset_us - self._offset_us if stamp.boot == self._boot else min(0, stamp.ts_us - self._ts_us)
        stepped = abs(step_us) > CLOCK_STEP_US
        if stepped or stamp.boot != self._boot:  # else the small differences add up until they are a step
            self._offset_us, self._boot = offset_us, stamp.boot
        self._ts_us = stamp.ts_us
        return step_us if stepped else 0
