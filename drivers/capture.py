"""Capture of a link as pcapng: the bytes on the wire, and what the owner asked of the link engine.

Interface 0 (LINKTYPE_USER0) holds the bytes in both directions, for any analyser. Interface 1 (LINKTYPE_USER1)
holds the calls into the engine, so that `drivers.replay` can run the same engine over the same history. The file
only grows, by whole blocks, so it can be read after the process was killed at any moment.
"""

import os
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Final

from drivers.link import LinkEngine
from drivers.link_events import LinkEvent
from protocols.errors import UsageError
from protocols.wire.messages import Heartbeat, Request

LINKTYPE_USER0: Final = 147
LINKTYPE_USER1: Final = 148
WIRE: Final = 0
CALLS: Final = 1
INBOUND: Final = 1
OUTBOUND: Final = 2

BLOCK_SECTION: Final = 0x0A0D0D0A
BLOCK_INTERFACE: Final = 1
BLOCK_PACKET: Final = 6
BYTE_ORDER: Final = 0x1A2B3C4D
OPTION_FLAGS: Final = 2

# What the owner called: the first byte of a packet on interface 1.
CALL_BEGIN: Final = 0
CALL_OPENED: Final = 1
CALL_CLOSED: Final = 2
CALL_ASK: Final = 3
CALL_BEAT: Final = 4
CALL_STOP: Final = 5
CALL_TICK: Final = 6
CALL_COMMITTED: Final = 7
TAGGED: Final = Struct("<BqB")  # CALL_ASK, tag, type; the payload follows
NUMBERED: Final = Struct("<BI")  # CALL_COMMITTED, shot_seq

# A disk that stands still must not fill the memory: about ten minutes of a busy link.
PENDING_MAX: Final = 2 * 1024 * 1024

_BLOCK: Final = Struct("<II")
PACKET: Final = Struct("<IIIII")  # interface, time high and low, length captured and on the wire
FLAGS: Final = Struct("<HHII")  # epb_flags, its length, the direction, end of options


class Capture:
    """A capture file. Nothing here ever raises once the file is open.

    `record` only appends to memory; `flush` writes, and is called by the owner when it has nothing better to do.

    Attributes:
        path: The file.
        ended: No more is captured.
    """

    __slots__ = ("_fd", "_offset_us", "_pending", "_pending_size", "_problem", "_size", "ended", "path")

    def __init__(self, path: Path, *, utc_offset_us: int = 0) -> None:
        """Begin a new section at the end of the file; one that does not exist is made.

        Args:
            path: The file; what a crash left unfinished at its end is cut off.
            utc_offset_us: UTC minus the monotonic times that will be recorded; time stamps are their sum.

        Raises:
            UsageError: it cannot be written, or is something else than a capture.
        """
        self.path = path
        self.ended = False
        self._problem = ""
        self._offset_us = utc_offset_us
        self._pending: list[bytes] = []
        self._pending_size = 0
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"capture {path} cannot be written: {error.strerror}") from None
        try:
            self._size = whole_size(path.read_bytes())
            os.ftruncate(self._fd, self._size)
        except OSError as error:
            os.close(self._fd)
            raise UsageError(f"capture {path} cannot be written: {error.strerror}") from None
        except ValueError:
            os.close(self._fd)
            raise UsageError(f"{path} is no pcapng file; name a new one for the capture") from None
        self._add(_section() + _interface(LINKTYPE_USER0) + _interface(LINKTYPE_USER1))
        self.flush()

    def record(self, now_us: int, interface: int, direction: int, data: bytes) -> None:
        """Note bytes at a monotonic time; `WIRE` or `CALLS`, `INBOUND` or `OUTBOUND`."""
        if not self.ended:
            self._add(_packet(now_us + self._offset_us, interface, direction, data))

    def flush(self) -> str:
        """Write what has gathered, in one write of whole blocks.

        Returns:
            Once, the line that says why the capture has ended, such as a full disk; else nothing.
        """
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        if data and not self.ended:
            self._write(data)
        problem, self._problem = self._problem, ""
        return problem

    def close(self) -> None:
        """Write the rest and close; once is enough."""
        self.flush()
        if not self.ended:
            self._end("")

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            self._end(error.strerror or str(error))
            return
        if written == len(data):
            self._size += written
        else:
            self._end("the disk is full")

    def _add(self, block: bytes) -> None:
        self._pending.append(block)
        self._pending_size += len(block)
        if self._pending_size > PENDING_MAX:
            self._pending.clear()
            self._end("it could not be written for too long")

    def _end(self, reason: str) -> None:
        self.ended = True
        self._problem = f"capture {self.path} has ended: {reason}; the session goes on without it" if reason else ""
        with suppress(OSError):
            # A block written in part would hide from readers what a later section appends.
            os.ftruncate(self._fd, self._size)
        with suppress(OSError):
            os.close(self._fd)


class CapturedLink(LinkEngine):
    """A link engine that captures all that goes in and out of it."""

    __slots__ = ("_capture", "_committed_told")

    def __init__(self, host_id: bytes, capture: Capture, now_us: int) -> None:
        """As `LinkEngine`, with the capture and the monotonic time at which it begins."""
        super().__init__(host_id)
        self._capture = capture
        self._committed_told = 0
        self._call(now_us, bytes([CALL_BEGIN]) + host_id)

    def opened(self, now_us: int, *, known_port: bool = False) -> None:
        """As `LinkEngine.opened`."""
        self._call(now_us, bytes([CALL_OPENED, known_port]))
        super().opened(now_us, known_port=known_port)

    def closed(self, now_us: int, reason: str) -> list[LinkEvent]:
        """As `LinkEngine.closed`."""
        self._call(now_us, bytes([CALL_CLOSED]) + reason.encode())
        return super().closed(now_us, reason)

    def ask(self, now_us: int, tag: int, request: Request) -> None:
        """As `LinkEngine.ask`."""
        super().ask(now_us, tag, request)  # a refusal has no effect and is not part of the history
        self._call(now_us, TAGGED.pack(CALL_ASK, tag, request.TYPE) + request.pack())

    def beat(self, now_us: int, heartbeat: Heartbeat) -> None:
        """As `LinkEngine.beat`."""
        self._call(now_us, bytes([CALL_BEAT]) + heartbeat.pack())
        super().beat(now_us, heartbeat)

    def press_stop(self, now_us: int) -> None:
        """As `LinkEngine.press_stop`."""
        self._call(now_us, bytes([CALL_STOP]))
        super().press_stop(now_us)

    def received(self, now_us: int, data: bytes) -> list[LinkEvent]:
        """As `LinkEngine.received`."""
        if data:
            self._capture.record(now_us, WIRE, INBOUND, data)
        return super().received(now_us, data)

    def transmit(self, now_us: int) -> bytes:
        """As `LinkEngine.transmit`."""
        if self.committed_seq != self._committed_told:
            self._committed_told = self.committed_seq
            self._call(now_us, NUMBERED.pack(CALL_COMMITTED, self.committed_seq & 0xFFFFFFFF))
        waiting = self._waiting_since_us is not None
        frame = super().transmit(now_us)
        if frame or waiting:
            self._capture.record(now_us, WIRE, OUTBOUND, frame)
        return frame

    def tick(self, now_us: int) -> list[LinkEvent]:
        """As `LinkEngine.tick`."""
        deadline_us = self.next_deadline_us()
        if deadline_us is not None and now_us >= deadline_us:
            self._call(now_us, bytes([CALL_TICK]))
        return super().tick(now_us)

    def _call(self, now_us: int, data: bytes) -> None:
        self._capture.record(now_us, CALLS, OUTBOUND, data)


def whole_size(content: bytes) -> int:
    """Return how many bytes of a capture are whole blocks.

    Raises:
        ValueError: it does not begin as a pcapng file of this byte order.
    """
    if content[:4] != BLOCK_SECTION.to_bytes(4, "little")[: len(content)]:
        raise ValueError("no pcapng")
    offset = 0
    while offset + 12 <= len(content):
        _, size = _BLOCK.unpack_from(content, offset)
        end = offset + size
        if size < 12 or size % 4 or end > len(content) or content[end - 4 : end] != content[offset + 4 : offset + 8]:
            break
        offset = end
    return offset


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return _BLOCK.pack(kind, size) + body + size.to_bytes(4, "little")


def _section() -> bytes:
    # Version 1.0, length of the section not given.
    return _block(BLOCK_SECTION, BYTE_ORDER.to_bytes(4, "little") + b"\x01\0\0\0" + b"\xff" * 8)


def _interface(link_type: int) -> bytes:
    # No limit on the length of a packet; time stamps in microseconds are the default.
    return _block(BLOCK_INTERFACE, link_type.to_bytes(2, "little") + bytes(6))


def _packet(at_us: int, interface: int, direction: int, data: bytes) -> bytes:
    at_us &= 0xFFFFFFFFFFFFFFFF
    head = PACKET.pack(interface, at_us >> 32, at_us & 0xFFFFFFFF, len(data), len(data))
    return _block(BLOCK_PACKET, head + data + bytes(-len(data) % 4) + FLAGS.pack(OPTION_FLAGS, 4, direction, 0))
