"""Ports over a stream socket: a gun behind ``socket://host:port``, and both ends of a cable in one process."""

import errno
import os
import select
import socket
from contextlib import suppress
from typing import Final

from drivers.port_errors import PORT_ERRORS, hung_up, link_lost
from protocols.errors import UsageError

SCHEME: Final = "socket://"
_READ_SIZE: Final = 4096
# A connection under way: it may still come to be.
_NOT_YET: Final = frozenset({errno.EAGAIN, errno.ENOTCONN, errno.EINPROGRESS})


class StreamPort:
    """A connected, or connecting, stream socket.

    Attributes:
        name: The name it was opened by.
    """

    __slots__ = ("_fd", "_socket", "name")

    def __init__(self, name: str, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.name = name
        self._socket = connection
        self._fd = connection.fileno()

    def fileno(self) -> int:
        """Return the descriptor to poll; -1 once closed."""
        return self._fd

    def read(self) -> bytes:
        """Return what is there, at most 4,096 bytes; empty if nothing is.

        Raises:
            LinkLost: the connection is gone, or never came to be.
        """
        try:
            data = os.read(self._fd, _READ_SIZE)
        except PORT_ERRORS as error:
            if self._not_yet(error):
                return b""
            raise link_lost(self.name, error) from None
        if not data:
            raise hung_up(self.name)
        return data

    def write(self, data: bytes) -> int:
        """Hand over as many bytes as the kernel takes now; 0 if none.

        Raises:
            LinkLost: the connection is gone, or never came to be.
        """
        try:
            return self._socket.send(data)
        except PORT_ERRORS as error:
            if self._not_yet(error):
                return 0
            raise link_lost(self.name, error) from None

    def flush_output(self) -> None:
        """Do nothing: what a socket has taken cannot be taken back."""

    def close(self) -> None:
        """Close; never raises, once is enough."""
        self._fd = -1
        with suppress(*PORT_ERRORS):
            self._socket.close()

    def _not_yet(self, error: BaseException) -> bool:
        return self._fd >= 0 and isinstance(error, OSError) and error.errno in _NOT_YET


def port_pair(name: str = "pair") -> tuple[StreamPort, StreamPort]:
    """Return both ends of a cable inside this process."""
    one, other = socket.socketpair()
    return StreamPort(name, one), StreamPort(name, other)


def connect(name: str, wait_s: float) -> StreamPort:
    """Connect to ``socket://host:port``.

    Args:
        name: Where to.
        wait_s: How long to wait for the connection; 0 returns a port that may still be connecting.

    Raises:
        UsageError: not of that form, unknown host, refused, or not connected in time.
    """
    family, address = _resolve(name)
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _finish(name, connection, connection.connect_ex(address), wait_s)
    except BaseException:
        connection.close()
        raise
    return StreamPort(name, connection)


def _finish(name: str, connection: socket.socket, started: int, wait_s: float) -> None:
    if started == errno.EINPROGRESS and wait_s > 0:
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        if not poll.poll(wait_s * 1000):
            raise UsageError(f"{name}: no connection within {wait_s:g} s")
        started = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if started not in (0, errno.EINPROGRESS):
        raise UsageError(f"{name} cannot be opened: {os.strerror(started)}")


def _resolve(name: str) -> tuple[int, tuple[str, int]]:
    host, colon, port = name.removeprefix(SCHEME).rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise UsageError(f"{name} is not of the form {SCHEME}HOST:PORT")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"{name}: host {host} is not known ({error.strerror})") from None
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))
