"""STOP: recognised by its bytes before any decoding, latched in memory, cleared in two steps."""

from struct import Struct
from typing import Final

from protocols.wire.codes import Code, EstopSource
from protocols.wire.frame import STOP_FRAME
from simulator.firmware.draw import NumberSource
from simulator.firmware.nvm import Nvm
from simulator.firmware.refusal import Refusal

NONCE_US: Final = 10_000_000
_LATCH: Final = Struct("<IIB3x")
_U32_MAX: Final = 0xFFFFFFFF
_SIZE: Final = len(STOP_FRAME)


class StopRecogniser:
    """Finds the frozen frame in the stream as an interrupt handler does: split anywhere, amid anything."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    def count(self, data: bytes) -> int:
        """How often the frame is completed by these bytes."""
        stream = self._tail + data
        found, at = 0, stream.find(STOP_FRAME)
        while at >= 0:
            found += 1
            # The closing delimiter may open the next frame.
            at = stream.find(STOP_FRAME, at + _SIZE - 1)
        self._tail = stream[1 - _SIZE :]
        return found


class StopLatch:
    """The latch in memory, and the nonce of a reset that was prepared.

    Attributes:
        latch_id: 0 while clear.
        source: Who latched.
    """

    __slots__ = ("_draw", "_last_id", "_nonce", "_nonce_until_us", "_nvm", "latch_id", "source")

    def __init__(self, nvm: Nvm, draw: NumberSource) -> None:
        self._nvm = nvm
        self._draw = draw
        self.latch_id = self._last_id = 0
        self.source = EstopSource.NONE
        self._nonce = self._nonce_until_us = 0

    def load(self) -> None:
        """Read the latch at boot."""
        item = self._nvm.latch.load()
        self.latch_id, self._last_id, source = _LATCH.unpack(item) if item else (0, 0, 0)
        self.source = EstopSource(source)
        self._nonce = 0

    def set(self, source: EstopSource) -> bool:
        """Latch; False when it is latched already: then only a reset that was begun is void, for this STOP is newer."""
        self._nonce = 0
        if self.latch_id:
            return False
        self.latch_id = self._last_id = self._last_id % _U32_MAX + 1
        self.source = source
        self._save()
        return True

    def prepare(self, ticks_us: int) -> int:
        """First step: a nonce for the second."""
        self._nonce = self._draw.draw_u32()
        self._nonce_until_us = ticks_us + NONCE_US
        return self._nonce

    def check(self, ticks_us: int, *, nonce: int, latch_id: int) -> None:
        """Refuse a second step without a fitting first.

        Raises:
            Refusal: E_NONCE.
        """
        if not self._nonce or nonce != self._nonce or ticks_us > self._nonce_until_us:
            raise Refusal(Code.E_NONCE)
        if latch_id != self.latch_id:
            raise Refusal(Code.E_NONCE, field_offset=4)

    def clear(self) -> None:
        """Second step, checked before."""
        self._nonce = 0
        self.latch_id = 0
        self.source = EstopSource.NONE
        self._save()

    def _save(self) -> None:
        self._nvm.latch.save(_LATCH.pack(self.latch_id, self._last_id, self.source))
