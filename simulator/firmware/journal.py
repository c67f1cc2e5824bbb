"""The gun's event list in memory: boots, latches, lapses, changes. It may overwrite its oldest and counts the lost."""

from struct import Struct
from typing import Final
from zlib import crc32

from protocols.wire.codes import EventKind
from protocols.wire.messages import EventRecord
from simulator.firmware.nvm import Layout, Nvm

_CRC: Final = Struct("<I")


class Journal:
    """Entries from 1, each with a CRC of its own; a torn one is skipped."""

    __slots__ = ("_boot_id", "_last_no", "_nvm")

    def __init__(self, nvm: Nvm) -> None:
        self._nvm = nvm
        self._last_no = 0
        self._boot_id = 0

    def restart(self, boot_id: int) -> None:
        """Find the newest entry at boot."""
        self._boot_id = boot_id
        self._last_no = 0
        for entry in range(Layout.EVENT_ENTRIES):
            record = self._read(entry)
            if record is not None:
                self._last_no = max(self._last_no, int.from_bytes(record[:4], "little"))

    def note(self, ticks_us: int, kind: EventKind, *, detail: int = 0, arg: int = 0, arg2: int = 0) -> None:
        """Add an entry."""
        self._last_no += 1
        record = EventRecord(self._last_no, self._boot_id, ticks_us, kind, detail, arg, arg2).pack()
        offset = Layout.EVENTS + self._last_no % Layout.EVENT_ENTRIES * Layout.EVENT_SIZE
        self._nvm.store.write(offset, record + _CRC.pack(crc32(record)))

    def read(self, from_no: int, room: int) -> tuple[int, bytes]:
        """How many entries are lost, and as many entries from a number on as ``room`` bytes hold."""
        lost = max(0, self._last_no - Layout.EVENT_ENTRIES)
        found: list[bytes] = []
        for number in range(max(from_no, lost + 1), self._last_no + 1):
            record = self._read(number % Layout.EVENT_ENTRIES)
            if record is not None and int.from_bytes(record[:4], "little") == number:
                found.append(record)
            if (len(found) + 1) * EventRecord.SIZE > room:
                break
        return lost, b"".join(found)

    def _read(self, entry: int) -> bytes | None:
        raw = self._nvm.store.read(Layout.EVENTS + entry * Layout.EVENT_SIZE, Layout.EVENT_SIZE)
        record = raw[: EventRecord.SIZE]
        return record if _CRC.unpack_from(raw, EventRecord.SIZE)[0] == crc32(record) else None
