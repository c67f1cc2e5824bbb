"""Least squares over what was sampled: does it grow, and by more than it may?

The first third of the samples is warm-up and left out. A slope counts as growth only where it is more than three times
its own standard error, so that noise is no leak; a figure that has grown by more than its total is one however it grew.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

WARM_SHARE = 1 / 3
SAMPLES_MIN = 6
SURE = 3.0


@dataclass(frozen=True)
class Gate:
    """What a figure may grow by: per 1,000 shots unless it is less than `least` in all, and in all after warm-up."""

    per_thousand: float
    in_all: float
    least: float = 0


CONSTANT = Gate(0, 0)


@dataclass(frozen=True)
class Fit:
    """The line through the samples after warm-up; x in shots."""

    name: str
    slope: float
    error: float
    grown: float
    spread: float
    first: float
    last: float
    samples: int

    @property
    def per_thousand(self) -> float:
        return self.slope * 1_000

    @property
    def per_thousand_surely(self) -> float:
        """What it grows by at the very least."""
        return max(0.0, (self.slope - SURE * self.error) * 1_000)

    def leaks(self, gate: Gate) -> bool:
        if gate is CONSTANT:
            return self.spread != 0
        steep = self.per_thousand_surely > gate.per_thousand and self.grown > gate.least
        return steep or self.grown > gate.in_all


def fit(name: str, shots: Sequence[float], values: Sequence[float]) -> Fit:
    """Fit the samples after warm-up; raise ValueError where there are too few to tell."""
    begin = int(len(values) * WARM_SHARE)
    xs, ys = shots[begin:], values[begin:]
    count = len(xs)
    if count < SAMPLES_MIN:
        raise ValueError(f"{name}: {count} samples after warm-up cannot tell a leak, {SAMPLES_MIN} can")
    mean_x, mean_y = sum(xs) / count, sum(ys) / count
    spread_x = sum((x - mean_x) ** 2 for x in xs)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread_x
    left = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    error = sqrt(left / (count - 2) / spread_x)
    grown = slope * (xs[-1] - xs[0])
    return Fit(name, slope, error, grown, max(ys) - min(ys), ys[0], ys[-1], count)


class Samples:
    """Figures by name, each sampled at the same moments; one that appears later counts 0 before.

    Room for all samples is taken at once: a harness that grows would be seen as a leak of what it looks at.
    """

    def __init__(self, capacity: int = 1_024) -> None:
        self._capacity = capacity
        self._count = 0
        self._shots = self._row()
        self._values: dict[str, array[float]] = {}

    def add(self, shots: float, figures: dict[str, float]) -> None:
        self._shots[self._count] = shots
        for name, value in figures.items():
            row = self._values.get(name)
            if row is None:
                row = self._values[name] = self._row()
            row[self._count] = value
        self._count += 1

    @property
    def shots(self) -> list[float]:
        return self._shots[: self._count].tolist()

    @property
    def values(self) -> dict[str, list[float]]:
        return {name: row[: self._count].tolist() for name, row in self._values.items()}

    def fits(self) -> dict[str, Fit]:
        shots = self.shots
        return {name: fit(name, shots, values) for name, values in sorted(self.values.items())}

    def _row(self) -> "array[float]":
        return array("d", [0.0]) * self._capacity
