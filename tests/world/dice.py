"""When each fault happens, and how: by names that keep their meaning when other faults are left out.

Each kind has its own stream, which gives the distance to its next fault in chances (geometric): adding a kind, or
leaving one out, moves no other. A fault that happens is named ``kind@object``; how it turns out (which bit, how long)
follows from seed and name alone, so a fault replayed by name is the same fault.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from math import log

NEVER = 1 << 62
# Two fifths of the kinds are absent from a seed: what they would have hidden shows.
RATES = (0.0, 0.0, 0.001, 0.01, 0.04)

RATE_MAX = 0.2
# A stroke can have many faults at once; a chunk that is lost cannot be flipped besides.
STROKE_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Aim:
    """Some faults are let happen beside what is drawn, at three of four chances at which they are wanted.

    Attributes:
        kinds: Kinds that may be wanted.
        wanted: Returns which of these kinds are wanted now.
    """

    kinds: frozenset[str]
    wanted: Callable[[tuple[str, ...]], list[str]]


def number(seed: int, name: str) -> int:
    """A number of 64 bits that depends on seed and name alone."""
    return int.from_bytes(sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


class Draw:
    """What one fault draws for itself."""

    __slots__ = ("_left", "_name", "_seed")

    def __init__(self, seed: int, name: str) -> None:
        self._seed = seed
        self._name = name
        self._left = number(seed, name)

    def below(self, end: int) -> int:
        """0 to end - 1."""
        self._left, value = divmod(self._left, end)
        if not self._left:
            self._name += "+"
            self._left = number(self._seed, self._name)
        return value

    def between(self, low: int, high: int) -> int:
        """low to high, both included."""
        return low + self.below(high - low + 1)

    def bytes(self, size: int) -> bytes:
        """Bytes, at most 32."""
        self._name += "+"
        return sha256(f"{self._seed}/{self._name}".encode()).digest()[:size]


class _Stream:
    """The chances of one kind at one place: a generator of its own, cheap and the same everywhere."""

    __slots__ = ("_inverse", "_state", "due", "kind")

    def __init__(self, seed: int, kind: str, place: str, rate: float) -> None:
        self.kind = kind
        self._state = number(seed, f"stream/{kind}/{place}")
        self._inverse = 1.0 / log(1.0 - rate)
        self.due = 0
        self.next()

    def next(self) -> None:
        # The step of a 64-bit linear congruential generator (Knuth's constants); its high bits are used.
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        self.due += 1 + int(log((self._state >> 11) * 2.0**-53 + 2.0**-54) * self._inverse)


class Place:
    """Somewhere faults can happen: each look at it is one chance for every kind that belongs there."""

    __slots__ = ("_streams", "count", "due")

    def __init__(self, streams: Iterable[_Stream]) -> None:
        self._streams = list(streams)
        self.count = 0
        self.due = min((stream.due for stream in self._streams), default=NEVER)

    def met(self) -> list[str]:
        """The kinds that happen at this chance; call when ``count`` has reached ``due``."""
        kinds = []
        for stream in self._streams:
            if stream.due <= self.count:
                kinds.append(stream.kind)
                stream.next()
        self.due = min((stream.due for stream in self._streams), default=NEVER)
        return kinds


class Dice:
    """All faults of one seed.

    Attributes:
        seed: The seed.
        rates: Rate of each kind in this seed; absent kinds are missing.
        happened: Names of the faults that happened, in order.
        on: False once faults have healed.
    """

    def __init__(
        self,
        seed: int,
        scales: dict[str, float],
        only: Collection[str] | None = None,
        intensity: int = 1,
        aim: Aim | None = None,
    ) -> None:
        self.seed = seed
        self._aim = aim
        self.only = None if only is None else frozenset(only)
        self.happened: list[str] = []
        self.on = True
        self.rates: dict[str, float] = {}
        for kind, scale in scales.items():
            rate = RATES[number(seed, f"mix/{kind}") % len(RATES)] * scale * intensity
            if rate:
                self.rates[kind] = min(rate, RATE_MAX)
        self._kinds_wanted = None if self.only is None else {name.split("@", 1)[0] for name in self.only}

    def place(self, place: str, kinds: Iterable[str]) -> Place:
        """Make a place for these kinds."""
        if self.only is not None:
            return _Named(kind for kind in kinds if kind in (self._kinds_wanted or ()))
        names = list(kinds)
        streams = [_Stream(self.seed, kind, place, self.rates[kind]) for kind in names if kind in self.rates]
        if self._aim is not None and not self._aim.kinds.isdisjoint(names):
            return _Aimed(streams, self.seed, place, names, self._aim)
        return Place(streams)

    def happens(self, kind: str, what: str) -> Draw | None:
        """Let a fault happen under its name, unless only others are wanted."""
        if not self.on:
            return None
        name = f"{kind}@{what}"
        if self.only is not None and name not in self.only:
            return None
        self.happened.append(name)
        return Draw(self.seed, name)


class _Aimed(Place):
    """A place that kinds are aimed at: at every chance, some of those that are wanted may happen."""

    __slots__ = ("_aim", "_at_once", "_drawn_due", "_kinds", "_name")

    def __init__(self, streams: Iterable[_Stream], seed: int, place: str, kinds: Iterable[str], aim: Aim) -> None:
        super().__init__(streams)
        self._aim, self._name = aim, f"aim/{seed}/{place}"
        self._kinds = tuple(kind for kind in kinds if kind in aim.kinds)
        self._at_once = STROKE_AT_ONCE if place == "shot" else 1
        self._drawn_due, self.due = self.due, 0

    def met(self) -> list[str]:
        kinds = []
        if self.count >= self._drawn_due:
            kinds = super().met()
            self._drawn_due, self.due = self.due, 0
        wanted = self._aim.wanted(self._kinds)
        if wanted:
            coin, first = divmod(number(self.count, self._name), len(wanted))
            if coin % 4:
                kinds += [kind for kind in (wanted + wanted)[first:][: self._at_once] if kind not in kinds]
        return kinds


class _Named(Place):
    """A place of a replay: every kind is asked at every chance, and its name decides."""

    __slots__ = ("_kinds",)

    def __init__(self, kinds: Iterable[str]) -> None:
        super().__init__(())
        self._kinds = list(kinds)
        self.due = 0 if self._kinds else NEVER

    def met(self) -> list[str]:
        return self._kinds
