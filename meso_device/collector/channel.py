"""Frames over a TLS connection, for both ends: with a limit on their length and on the time that they take."""

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Final

from meso_device.collector.wire import LENGTH_BYTES, Answer, Asked, First, frame
from protocols.errors import MesoError, UsageError

PORT: Final = 8743
FRAME_S: Final = 60
"""For one frame, from its length to its end."""
PIECE_BYTES: Final = 65_536
_PORT_MAX: Final = 65_535
_HOST_CHARS_MAX: Final = 255


class ChannelEnded(MesoError):  # noqa: N818  # names the event
    """The other end is gone, too slow, or sends more than it may."""


class Channel:
    """One connection."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection

    def send(self, message: First | Asked | Answer) -> None:
        """Send one frame; ChannelEnded when the other end does not take it in time."""
        end_s, left = time.monotonic() + FRAME_S, memoryview(frame(message))
        try:
            while left:
                self._wait_until(end_s)
                left = left[self._connection.send(left[:PIECE_BYTES]) :]
        except OSError as error:
            raise ChannelEnded(f"the connection ended: {_reason(error)}") from error

    def length(self, limit: int, within_s: float) -> int:
        """Return how long the next frame is; 0 when the other end has closed the connection.

        Raises:
            ChannelEnded: nothing came in time, half a length came, or the frame is longer than ``limit``.
        """
        head = b"".join(self._pieces(LENGTH_BYTES, within_s, may_end=True))
        length = int.from_bytes(head, "big")
        if head and not 0 < length <= limit:
            raise ChannelEnded(f"a frame of {length} bytes is refused: at most {limit}")
        return length

    def body(self, length: int, within_s: float) -> Iterator[bytes]:
        """Yield the frame of a length as it comes; ChannelEnded when it does not come in time."""
        return self._pieces(length, within_s, may_end=False)

    def receive(self, limit: int, within_s: float) -> bytes:
        """Return the next frame, whole.

        Raises:
            ChannelEnded: it does not begin in time, does not come in as much time again, or is longer than ``limit``.
        """
        length = self.length(limit, within_s)
        if not length:
            raise ChannelEnded("the connection was closed")
        return b"".join(self.body(length, within_s))

    def _pieces(self, count: int, within_s: float, *, may_end: bool) -> Iterator[bytes]:
        """Yield so many bytes; none if the connection was closed before the first of them and ``may_end``."""
        end_s, left = time.monotonic() + within_s, count
        while left:
            try:
                self._wait_until(end_s)
                piece = self._connection.recv(min(left, PIECE_BYTES))
            except OSError as error:
                raise ChannelEnded(f"the connection ended: {_reason(error)}") from error
            if not piece:
                if may_end and left == count:
                    return
                raise ChannelEnded("the connection was closed")
            left -= len(piece)
            yield piece

    def _wait_until(self, end_s: float) -> None:
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)


def parse_address(text: str, port: int = PORT) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``HOST`` or ``[IPv6]:PORT``; UsageError when it is none of these."""
    host, colon, digits = text.rpartition(":")
    if text.endswith("]") or not colon:
        host, digits = text, str(port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    known = 0 < len(host) <= _HOST_CHARS_MAX and host.isprintable() and not set(host) & set(" /\\[]")
    if not known or not (digits.isascii() and digits.isdigit() and 0 <= int(digits) <= _PORT_MAX):
        raise UsageError(f"address {text[:60]!r} refused: write HOST:PORT, the port at most {_PORT_MAX}")
    return host, int(digits)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; UsageError when the address cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise UsageError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None


def _reason(error: OSError) -> str:
    return "nothing came in time" if isinstance(error, TimeoutError) else (error.strerror or type(error).__name__)
