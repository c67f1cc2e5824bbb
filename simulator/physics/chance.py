"""The randomness that is handed in, so that a seed decides everything."""

from typing import Protocol


class Chance(Protocol):
    """The part of `random.Random` that the simulated body uses."""

    def random(self) -> float:
        """Next number in [0, 1)."""
        ...

    def gauss(self, mu: float, sigma: float, /) -> float:
        """Next normally distributed number."""
        ...
