"""The gun in a file: its non-volatile memory and where its parts are, mapped so that they survive SIGKILL.

Layout: one page for the body (two slots, written in turn, the newest whole one counts), then the firmware's
memory. A kill at any moment leaves every byte that was written before it; a power cut of the computer may not, and
need not: the simulated gun has its own power.
"""

import fcntl
import mmap
import os
import struct
from pathlib import Path
from typing import Final
from zlib import crc32

from protocols.errors import UsageError

_MAGIC: Final = b"mesogun1"
_PAGE: Final = 4_096
_SLOTS: Final = (512, 2_048)
_SLOT_HEAD: Final = struct.Struct("<QHI")  # number, length, CRC-32 over number and bytes
_NUMBER: Final = struct.Struct("<Q")
_STARTS: Final = struct.Struct("<I")
_BIRTH: Final = slice(16, 24)


def new_birth() -> str:
    """What makes a new gun differ from every other, of the same seed too: hosts must never take two for one."""
    return os.urandom(8).hex()


class GunFile:
    """One gun's file, held by one process.

    It is the firmware's memory: a `ByteStore` of the size it was opened with.

    Attributes:
        body: The body's snapshot found at the start; None for a new gun.
        starts: How often the file was opened, this time included: makes each start's random numbers new.
        birth: Drawn when the file was made, see `new_birth`.
    """

    def __init__(self, path: Path, memory_size: int) -> None:
        """Open or make the file and lock it.

        Raises:
            UsageError: another simulator holds it, it is not such a file, or it cannot be written.
        """
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"gun file {path} refused: {error.strerror}; name a file that can be written") from error
        try:
            self._lock(path)
            self._check(path, memory_size)
            self._map = mmap.mmap(self._file, _PAGE + memory_size)
        except BaseException:
            os.close(self._file)
            raise
        self._number, self.body = self._newest()
        self.starts = _STARTS.unpack_from(self._map, len(_MAGIC))[0] + 1
        _STARTS.pack_into(self._map, len(_MAGIC), self.starts)
        self.birth = self._map[_BIRTH].hex()

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the firmware's memory."""
        return self._map[_PAGE + offset : _PAGE + offset + size]

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes of the firmware's memory; they outlive this process from here on."""
        self._map[_PAGE + offset : _PAGE + offset + len(data)] = data

    def keep_body(self, snapshot: bytes) -> None:
        """Keep the body's snapshot; the one before stays whole until this one is."""
        self._number += 1
        number = _NUMBER.pack(self._number)
        start = _SLOTS[self._number % 2]
        end = start + _SLOT_HEAD.size + len(snapshot)
        self._map[start:end] = _SLOT_HEAD.pack(self._number, len(snapshot), crc32(number + snapshot)) + snapshot

    def close(self) -> None:
        """Give the file free."""
        self._map.close()
        os.close(self._file)

    def _lock(self, path: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"gun file {path} refused: another simulator runs on it; stop that one first") from error

    def _check(self, path: Path, memory_size: int) -> None:
        size = os.fstat(self._file).st_size
        magic = os.pread(self._file, len(_MAGIC), 0)
        if magic == _MAGIC and size == _PAGE + memory_size:
            return
        if magic.strip(b"\0") or size > _PAGE + memory_size:
            raise UsageError(f"gun file {path} refused: not a simulated gun of this version; name another")
        # Empty, or a kill came before the mark. Written out, not only sized: a disk that is full says so here
        # and not in the middle of a stroke.
        try:
            page = bytearray(_PAGE)
            page[_BIRTH] = bytes.fromhex(new_birth())
            written = os.pwrite(self._file, page + bytes(memory_size), 0)
            os.pwrite(self._file, _MAGIC, 0)
        except OSError as error:
            raise UsageError(f"gun file {path} refused: {error.strerror}") from error
        if written != _PAGE + memory_size:
            raise UsageError(f"gun file {path} refused: disk full")

    def _newest(self) -> tuple[int, bytes | None]:
        newest: tuple[int, bytes | None] = (0, None)
        for start in _SLOTS:
            number, length, crc = _SLOT_HEAD.unpack_from(self._map, start)
            snapshot = self._map[start + _SLOT_HEAD.size : start + _SLOT_HEAD.size + length]
            if number > newest[0] and crc32(_NUMBER.pack(number) + snapshot) == crc:
                newest = (number, snapshot)
        return newest
