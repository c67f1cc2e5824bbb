"""The gun's non-volatile memory: a flat store of bytes and what lies where.

A write can be cut at any byte. So each item of more than one field lives in a `Cell`: two copies, each with a
generation and a CRC-32; a write goes to the older copy and a read takes the newest valid one. Whatever byte the power
is lost at, the old or the new item is read back, never a mixture.
"""

from struct import Struct
from typing import Final, Protocol
from zlib import crc32

RING_SLOTS: Final = 4_096
SLOT_SIZE: Final = 72
_GENERATION: Final = Struct("<I")
_CRC: Final = Struct("<I")


class PowerCut(Exception):  # noqa: N818  # names the event: the processor has no power from here on
    """The supply is gone: nothing after this happens."""


class ByteStore(Protocol):
    """Memory that keeps its bytes without power."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes as they are."""
        ...

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes; a power cut may leave any prefix of them written.

        Raises:
            PowerCut: the supply was lost in the write.
        """
        ...


class MemoryStore:
    """A store in work memory, for a world that keeps the object over a reset."""

    __slots__ = ("data",)

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes as they are."""
        return bytes(self.data[offset : offset + size])

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes."""
        self.data[offset : offset + len(data)] = data


class Cell:
    """One item in two copies. `load` before `save`.

    Attributes:
        SPACE: Bytes needed beside twice the item's size.
    """

    __slots__ = ("_generation", "_newest", "_offset", "_size", "_store")

    SPACE: Final = 2 * (_GENERATION.size + _CRC.size)

    def __init__(self, store: ByteStore, offset: int, size: int) -> None:
        self._store = store
        self._offset = offset
        self._size = size
        self._generation = 0
        self._newest = 1

    def load(self) -> bytes | None:
        """The newest valid copy, or None when neither is valid."""
        found: bytes | None = None
        self._generation, self._newest = 0, 1
        for copy in (0, 1):
            raw = self._store.read(self._offset_of(copy), self._size + 8)
            generation = _GENERATION.unpack_from(raw)[0]
            if crc32(raw[:-4]) == _CRC.unpack_from(raw, self._size + 4)[0] and generation > self._generation:
                self._generation, self._newest = generation, copy
                found = raw[4:-4]
        return found

    def save(self, item: bytes) -> None:
        """Replace the item; cut at any byte the one before is still read."""
        older = 1 - self._newest
        head = _GENERATION.pack(self._generation + 1) + item
        self._store.write(self._offset_of(older), head + _CRC.pack(crc32(head)))
        self._generation += 1
        self._newest = older

    def _offset_of(self, copy: int) -> int:
        return self._offset + copy * (self._size + 8)


class Layout:
    """Where each item lies: offset and size, in the order of the memory.

    The cells and the event list come first, at fixed offsets; the ring takes the rest.
    """

    BOARD: Final = (0, 20)
    BOOT: Final = (64, 4)
    OWNER: Final = (96, 20)
    LATCH: Final = (160, 12)
    GRANT: Final = (224, 48)
    TALLY: Final = (352, 36)
    RELEASED: Final = (448, 8)
    HOLD_UP: Final = (512, 12)
    CALIBRATION: Final = (576, 320)
    LINK_KEY: Final = (1_232, 16)
    EVENTS: Final = 1_280
    EVENT_ENTRIES: Final = 72
    EVENT_SIZE: Final = 36
    RING: Final = 4_096


class Nvm:
    """The memory with its items by name.

    Attributes:
        store: The bytes.
        slots: Slots of the ring: 4,096 in a gun, fewer where a test wants to see it full.
    """

    __slots__ = (
        "board", "boot", "calibration", "grant", "hold_up", "latch", "link_key", "owner", "released", "slots", "store",
        "tally",
    )  # fmt: skip

    def __init__(self, store: ByteStore, *, slots: int = RING_SLOTS) -> None:
        self.store = store
        self.slots = slots
        self.board = Cell(store, *Layout.BOARD)
        self.boot = Cell(store, *Layout.BOOT)
        self.owner = Cell(store, *Layout.OWNER)
        self.latch = Cell(store, *Layout.LATCH)
        self.grant = Cell(store, *Layout.GRANT)
        self.tally = Cell(store, *Layout.TALLY)
        self.released = Cell(store, *Layout.RELEASED)
        self.hold_up = Cell(store, *Layout.HOLD_UP)
        self.calibration = Cell(store, *Layout.CALIBRATION)
        self.link_key = Cell(store, *Layout.LINK_KEY)

    def slot_offset(self, shot_seq: int) -> int:
        """Where the slot of a record lies."""
        return Layout.RING + (shot_seq - 1) % self.slots * SLOT_SIZE

    def erase(self) -> None:
        """Erase everything, as a foreign or new memory chip is."""
        self.store.write(0, b"\xff" * nvm_size(self.slots))


def nvm_size(slots: int = RING_SLOTS) -> int:
    """Bytes that a store must have."""
    return Layout.RING + slots * SLOT_SIZE


NVM_SIZE: Final = nvm_size()
