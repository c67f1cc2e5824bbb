"""The socket on which the running host hears ``meso stop``.

The host binds a Unix socket (mode 0600) in the data directory; whoever may write to it may stop the gun and can do
nothing else. No session, person or confirmation is asked for.
"""

import contextlib
import socket
from collections.abc import Sequence
from typing import Final

from meso_device.host.home import Home
from meso_device.host.private_socket import listen_private
from meso_device.host.stop_call import HEARD, WORD
from meso_device.session.contract import Command, Instant, Stop

PEERS_MAX: Final = 8
"""A peer sends five bytes and leaves; more than this at once is not a person."""


class Stopper:
    """The host's end of the socket: a member of the loop that turns the word into `Stop`."""

    def __init__(self, home: Home) -> None:
        """Bind the socket; the caller holds the lock of ``home``, so an old socket file is a dead host's.

        Raises:
            UsageError: it cannot be bound.
        """
        self._path = home.stop_socket
        self._peers: dict[int, socket.socket] = {}
        self._socket = listen_private(self._path, backlog=PEERS_MAX, purpose="meso stop")

    def close(self) -> None:
        """Stop listening and remove the socket."""
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def reads(self) -> Sequence[int]:
        """Wait for peers and for their word."""
        return (self._socket.fileno(), *self._peers)

    def writes(self) -> Sequence[int]:
        """Never wait to write: an answer of six bytes fits, or its reader is not there."""
        return ()

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[Command]:  # noqa: ARG002  # a member's surface
        """Return one `Stop` for each peer that has said the word."""
        commands: list[Command] = []
        for fd in [fd for fd in self._peers if fd in readable]:
            peer = self._peers.pop(fd)
            with peer, contextlib.suppress(OSError):
                if peer.recv(len(WORD)) == WORD:
                    commands.append(Stop(source="meso stop"))
                    peer.send(HEARD)
        if self._socket.fileno() in readable:
            with contextlib.suppress(OSError):
                peer, _ = self._socket.accept()
                peer.setblocking(False)
                self._admit(peer)
        return commands

    def _admit(self, peer: socket.socket) -> None:
        if len(self._peers) >= PEERS_MAX:
            self._peers.pop(next(iter(self._peers))).close()
        self._peers[peer.fileno()] = peer
