"""Numbers that must not repeat: what a gun takes from its hardware's random source."""

from struct import Struct
from typing import Final

from protocols.wire.hashes import hash8

_U64: Final = Struct("<Q")


class NumberSource:
    """Hash of the start's entropy and a counter: as good as random to a host, and repeatable by seed."""

    __slots__ = ("_count", "_entropy")

    def __init__(self, entropy: bytes) -> None:
        self._entropy = entropy
        self._count = 0

    def stir(self, more: bytes) -> None:
        """Make what follows depend on this too."""
        self._entropy = hash8(self._entropy + more)

    def draw_u32(self, *, other_than: tuple[int, ...] = ()) -> int:
        """Return a number from 1 to 2^32 - 1 that is none of the given."""
        while True:
            self._count += 1
            number = int.from_bytes(hash8(self._entropy + _U64.pack(self._count))[:4], "little")
            if number and number not in other_than:
                return number

    def draw_nonce(self) -> bytes:
        """Return 16 bytes."""
        self._count += 2
        return b"".join(hash8(self._entropy + _U64.pack(count)) for count in (self._count - 1, self._count))
