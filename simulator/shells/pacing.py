"""A serial line's speed: bytes come out of it no faster than its baud rate, and not before they went in."""

from collections import deque
from typing import Final

from protocols.errors import UsageError

BITS_PER_BYTE: Final = 10  # 8N1
BAUD_RATES: Final = (9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600)


class Pacer:
    """One direction of a line. Pure; bounded by its owner, who asks for `backlog` before putting more in."""

    __slots__ = ("_baud", "_free_us", "_waiting", "backlog")

    def __init__(self, baud: int | None) -> None:
        """Make a line of one of `BAUD_RATES`, or of any speed (None)."""
        if baud is not None and baud not in BAUD_RATES:
            raise UsageError(f"baud rate {baud} refused: one of {', '.join(map(str, BAUD_RATES))}")
        self._baud = baud
        self._free_us = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self.backlog = 0

    def put(self, now_us: int, data: bytes) -> None:
        """Bytes go into the line, behind those already in it."""
        if data:
            self._waiting.append((max(now_us, self._free_us), data))
            self._free_us = max(now_us, self._free_us) + self._us(len(data))
            self.backlog += len(data)

    def take(self, now_us: int) -> bytes:
        """Bytes that have come out by now."""
        out = []
        while self._waiting:
            start_us, data = self._waiting[0]
            count = len(data) if self._baud is None else (now_us - start_us) * self._baud // (BITS_PER_BYTE * 1_000_000)
            if count <= 0:
                break
            if count < len(data):
                out.append(data[:count])
                self._waiting[0] = (start_us + self._us(count), data[count:])
                break
            out.append(data)
            self._waiting.popleft()
        taken = b"".join(out)
        self.backlog -= len(taken)
        return taken

    def next_us(self, burst: int) -> int | None:
        """When the next ``burst`` bytes, or the end of the first piece, will be out; None when nothing is in."""
        if not self._waiting:
            return None
        start_us, data = self._waiting[0]
        return start_us + self._us(min(burst, len(data)))

    def clear(self) -> None:
        """Lose what is in the line: the cable was pulled."""
        self._waiting.clear()
        self._free_us = self.backlog = 0

    def _us(self, count: int) -> int:
        return 0 if self._baud is None else -(-count * BITS_PER_BYTE * 1_000_000 // self._baud)
