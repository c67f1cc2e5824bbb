"""The only place of the application that reads a clock.

Decisions use the monotonic clock alone; UTC is a label (I-35). Monotonic values mean something only beside the id of
the host's boot (I-37), so both are handed out here.
"""

import ctypes
import secrets
import time
from pathlib import Path
from typing import Final

from meso_device.session.contract import Instant

SUSPEND_US_MIN: Final = 1_000_000
"""A sleep shorter than this is within the gun's lease and a scheduler's bad day; longer, and a person confirms."""

_TIMEX_BYTES: Final = 1_024
_TIME_ERROR: Final = 5
_BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")

# Linux stops CLOCK_MONOTONIC in suspend and runs CLOCK_BOOTTIME on; macOS runs CLOCK_MONOTONIC on and stops
# CLOCK_UPTIME_RAW. The difference of the two is the time spent asleep on either.
_RUNS_ON: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_STANDS_STILL: Final[int] = (
    time.CLOCK_MONOTONIC if hasattr(time, "CLOCK_BOOTTIME") else getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC)
)


def read_host_boot() -> str:
    """Return the id of this boot of the computer in hex.

    Where the system has none, a fresh id is drawn for the process: values of two runs are then never compared,
    which is the safe side of I-37.
    """
    try:
        return _BOOT_ID_FILE.read_text("ascii").strip().replace("-", "")
    except (OSError, UnicodeDecodeError):
        return secrets.token_hex(16)


class Clock:
    """Reads the computer's clocks in whole microseconds."""

    def __init__(self) -> None:
        self._asleep_us = _asleep_us()

    def mono_us(self) -> int:
        """Return the monotonic clock alone."""
        return time.monotonic_ns() // 1_000

    def now(self) -> Instant:
        """Return now on the monotonic clock, with its UTC label."""
        return Instant(mono_us=self.mono_us(), utc_us=time.time_ns() // 1_000, asleep_us=max(0, _asleep_us()))

    def take_suspend_us(self) -> int:
        """Return how long the computer slept since the last call; 0 when less than `SUSPEND_US_MIN`."""
        asleep_us = _asleep_us()
        slept_us = asleep_us - self._asleep_us
        if slept_us <= SUSPEND_US_MIN:
            return 0
        self._asleep_us = asleep_us
        return slept_us


def _asleep_us() -> int:
    return (time.clock_gettime_ns(_RUNS_ON) - time.clock_gettime_ns(_STANDS_STILL)) // 1_000


def read_clock_state() -> str:
    """Return ``synced`` when the system says that its clock follows a reference, else ``unsynced``."""
    adjust = getattr(ctypes.CDLL(None), "ntp_adjtime", None)
    if adjust is None:
        return "unsynced"
    # All zero asks for the state and sets nothing; the buffer is larger than the structure on any system.
    return "synced" if adjust(ctypes.create_string_buffer(_TIMEX_BYTES)) in range(_TIME_ERROR) else "unsynced"
