"""The gun on a network socket, as a serial-to-network adapter offers it: one host at a time."""

import socket
from typing import Final

from protocols.errors import UsageError
from simulator.shells.endpoint import READ_MAX, Outlet

_PORT_MAX: Final = 65_535


class TcpEndpoint:
    """The gun's end of one TCP connection; see `Endpoint`. A second host is hung up on at once."""

    def __init__(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            UsageError: the address cannot be listened on.
        """
        self._outlet = Outlet()
        self._peer: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._host, self._port = host, port
        self.plug()

    @property
    def address(self) -> str:
        """What a host opens."""
        return f"socket://{self._host}:{self._port}"

    @property
    def dropped(self) -> int:
        """Writes lost because the host did not read."""
        return self._outlet.dropped

    def readers(self) -> list[int]:
        """Listener and connection."""
        return [each.fileno() for each in (self._listener, self._peer) if each is not None]

    def writers(self) -> list[int]:
        """The connection, while bytes wait for it."""
        return [self._peer.fileno()] if self._peer is not None and self._outlet.waiting else []

    def read(self) -> bytes:
        """Bytes from the host; takes new connections."""
        self._accept()
        if self._peer is None:
            return b""
        try:
            data = self._peer.recv(READ_MAX)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def write(self, frames: bytes) -> None:
        """Send bytes behind those that still wait, or drop them all when the host does not read."""
        if self._peer is not None:
            self._outlet.put(frames)
            try:
                self._outlet.flush(self._peer.fileno())
            except OSError:
                self._hang_up()

    def unplug(self) -> None:
        """Pull the cable."""
        self._hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def plug(self) -> None:
        """Put the cable back, on the same port."""
        if self._listener is not None:
            return
        if not 0 <= self._port <= _PORT_MAX:
            raise UsageError(f"address {self._host}:{self._port} refused: ports are 0 to {_PORT_MAX}")
        try:
            family = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((self._host, self._port), family=family, backlog=4)
        except OSError as error:
            raise UsageError(f"address {self._host}:{self._port} refused: {error.strerror}; name a free one") from error
        listener.setblocking(False)
        self._listener = listener
        self._port = listener.getsockname()[1]

    def close(self) -> None:
        """Take connection and listener away."""
        self.unplug()

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            peer, _ = self._listener.accept()
        except OSError:  # none waiting, or gone before it was taken
            return
        if self._peer is not None:
            peer.close()
            return
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peer = peer

    def _hang_up(self) -> None:
        self._outlet.clear()
        if self._peer is not None:
            self._peer.close()
            self._peer = None
