"""What a bad cable does to bytes, by name and seed. Pure: bytes in, bytes out."""

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct

from protocols.errors import UsageError
from simulator.physics import Chance

PPM: Final = 1_000_000
_GARBAGE_MAX: Final = 40
_STALL_US: Final = 120_000
_KEPT_MAX: Final = 65_536  # bytes held back by a stall; a line that holds more is a broken line and loses them


class WireFault(Struct, frozen=True, kw_only=True):
    """One named fault: how often a byte (flip) or a chunk (the others) meets it when no strength is given."""

    name: str
    rate_ppm: int
    what: str


WIRE_FAULTS: Final[Mapping[str, WireFault]] = {
    name: WireFault(name=name, rate_ppm=rate_ppm, what=what)
    for name, rate_ppm, what in (
        ("drop", 20_000, "ppm of chunks that vanish"),
        ("flip", 10_000, "ppm of bytes with one bit changed"),
        ("dup", 20_000, "ppm of chunks that come twice"),
        ("trunc", 20_000, "ppm of chunks that lose their end"),
        ("split", 200_000, "ppm of chunks that come in two pieces, 5 ms apart"),
        ("stall", 5_000, "ppm of chunks that hold up the line for 120 ms"),
        ("garbage", 20_000, "ppm of chunks with up to 40 random bytes before them"),
    )
}


class _Draw(Chance, Protocol):
    def randrange(self, stop: int, /) -> int: ...
    def randbytes(self, n: int, /) -> bytes: ...


class Mangler:
    """One direction of a cable. A chunk is what was written at once: a frame, as a rule."""

    __slots__ = ("_chance", "_held", "_held_bytes", "_hold_until_us", "_rates", "met")

    def __init__(self, chance: _Draw) -> None:
        self._chance = chance
        self._rates: dict[str, int] = {}
        self._held: list[tuple[int, bytes]] = []
        self._held_bytes = 0
        self._hold_until_us = 0
        self.met = dict.fromkeys(WIRE_FAULTS, 0)

    @property
    def holds(self) -> bool:
        """Whether anything is in it."""
        return bool(self._held)

    def set_rate(self, name: str, rate_ppm: int | None) -> None:
        """Let a fault of `WIRE_FAULTS` come that often; None for its usual rate, 0 for never.

        Raises:
            UsageError: unknown name, or a rate outside 0 to 1,000,000.
        """
        if name not in WIRE_FAULTS:
            raise UsageError(f"fault {name!r} refused: the cable knows {', '.join(WIRE_FAULTS)}")
        if rate_ppm is None:
            rate_ppm = WIRE_FAULTS[name].rate_ppm
        if not 0 <= rate_ppm <= PPM:
            raise UsageError(f"strength {rate_ppm} of fault {name} refused: 0 to {PPM} ({WIRE_FAULTS[name].what})")
        self._rates[name] = rate_ppm
        if not rate_ppm:
            del self._rates[name]

    def put(self, now_us: int, chunk: bytes) -> None:
        """A chunk goes in."""
        if not self._rates and not self._held:
            self._keep(now_us, chunk)
            return
        if self._meets("garbage"):
            self._keep(now_us, self._chance.randbytes(1 + self._chance.randrange(_GARBAGE_MAX)))
        if self._meets("stall"):
            self._hold_until_us = max(self._hold_until_us, now_us + _STALL_US)
        if self._meets("drop"):
            return
        if self._meets("trunc"):
            chunk = chunk[: self._chance.randrange(len(chunk))]
        chunk = self._flip(chunk)
        for _ in range(2 if self._meets("dup") else 1):
            if len(chunk) > 1 and self._meets("split"):
                cut = 1 + self._chance.randrange(len(chunk) - 1)
                self._keep(now_us, chunk[:cut])
                self._hold_until_us = max(self._hold_until_us, now_us + 5_000)
                self._keep(now_us, chunk[cut:])
            else:
                self._keep(now_us, chunk)

    def take(self, now_us: int) -> bytes:
        """What has come out by now, in order."""
        out = []
        while self._held and self._held[0][0] <= now_us:
            out.append(self._held.pop(0)[1])
        taken = b"".join(out)
        self._held_bytes -= len(taken)
        return taken

    def next_us(self) -> int | None:
        """When something held back comes out."""
        return self._held[0][0] if self._held else None

    def clear(self) -> None:
        """Lose what is held back."""
        self._held.clear()
        self._held_bytes = 0

    def _keep(self, now_us: int, piece: bytes) -> None:
        if piece and self._held_bytes + len(piece) <= _KEPT_MAX:
            self._held.append((max(now_us, self._hold_until_us), piece))
            self._held_bytes += len(piece)

    def _meets(self, name: str) -> bool:
        rate = self._rates.get(name)
        if rate is None or self._chance.random() * PPM >= rate:
            return False
        self.met[name] += 1
        return True

    def _flip(self, chunk: bytes) -> bytes:
        rate = self._rates.get("flip")
        if rate is None:
            return chunk
        flipped = bytearray(chunk)
        for index in range(len(flipped)):
            if self._chance.random() * PPM < rate:
                flipped[index] ^= 1 << self._chance.randrange(8)
                self.met["flip"] += 1
        return bytes(flipped)
