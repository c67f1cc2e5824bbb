"""The suction cup around the needle: a pump, a leak to air, and a threshold that is watched."""

from math import exp, log
from typing import Final

from simulator.physics.figures import SUCTION_OPEN_PA, SUCTION_PA

_TIME_CONSTANT_S: Final = 0.04


class Cup:
    """Suction below ambient, following the pump and the contact with one time constant."""

    __slots__ = (
        "_divisor",
        "_on",
        "_pa",
        "_sealed",
        "_since_us",
        "_target_pa",
        "_threshold_pa",
        "above",
        "due_us",
    )

    def __init__(self) -> None:
        self._on = False
        self._sealed = False
        self._divisor = 1
        self._pa = 0.0
        self._target_pa = 0.0
        self._since_us = 0
        self._threshold_pa = 0
        self.above = False
        self.due_us: int | None = None

    def pump(self, now_us: int, *, on: bool, threshold_pa: int) -> None:
        """Run or stop the pump and say which suction shall be told of; 0 watches nothing."""
        self._on = on
        self._threshold_pa = threshold_pa
        self._follow(now_us)

    def seal(self, now_us: int, *, sealed: bool, divisor: int) -> None:
        """Take note of skin contact, and of a leak that divides the suction reached."""
        self._sealed = sealed
        self._divisor = divisor
        self._follow(now_us)

    def suction_at(self, now_us: int) -> float:
        """Pascals below ambient."""
        fade = exp((self._since_us - now_us) * 1e-6 / _TIME_CONSTANT_S)
        return self._target_pa + (self._pa - self._target_pa) * fade

    def cross(self) -> None:
        """Take note that the watched threshold is crossed now, at ``due_us``."""
        self.above = not self.above
        self.due_us = None

    def _follow(self, now_us: int) -> None:
        self._pa = self.suction_at(now_us)
        self._since_us = now_us
        reach_pa = SUCTION_PA if self._sealed else SUCTION_OPEN_PA
        self._target_pa = reach_pa / self._divisor if self._on else 0.0
        self.due_us = None
        threshold = self._threshold_pa
        if threshold and self.above != (self._target_pa > threshold):
            # Without a way to go it is crossed already: the threshold moved, not the suction.
            share = (self._pa - self._target_pa) / (threshold - self._target_pa) if self._target_pa != threshold else 1
            self.due_us = now_us + (int(_TIME_CONSTANT_S * 1e6 * log(share)) + 1 if share > 1 else 0)
