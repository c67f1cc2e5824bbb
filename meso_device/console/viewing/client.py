"""A viewer's end of the view socket. It reads and has no way to send: the host takes nothing there."""

import socket
from typing import Final

from meso_device.console.client import READ_BYTES, Body, HostGone
from meso_device.screen_messages import BrokenPeer, Deframer, Message, ToScreen

READS_MAX: Final = 16
"""Of one turn: a host that tells more than these hold is heard in the next."""


class ViewClient:
    """Listens on a connected socket.

    Attributes:
        snapshot: The newest state; None until one came.
        tail: The newest page of the history; None until one came.
        goodbye: Why the host ends the view; None while it does not.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._deframer = Deframer(ToScreen)
        self.snapshot: Body | None = None
        self.tail: Body | None = None
        self.goodbye: Body | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._connection.fileno()

    def take(self) -> None:
        """Read what has come, and keep the newest of each kind.

        Raises:
            HostGone: the host closed the socket or broke the rules.
        """
        for _ in range(READS_MAX):
            if self.goodbye is not None:
                return  # nothing comes after it but the end
            try:
                data = self._connection.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise HostGone(f"the host's end is gone: {error.strerror}") from None
            if not data:
                raise HostGone("the host has ended")
            try:
                for message in self._deframer.feed(data):
                    self._note(message)
            except BrokenPeer as error:
                raise HostGone(f"the host sent what is no message: {error}") from None

    def _note(self, message: Message) -> None:
        match message.kind:
            case ToScreen.SNAPSHOT:
                self.snapshot = message.body
            case ToScreen.PAGE:
                self.tail = message.body
            case ToScreen.BYE:
                self.goodbye = message.body
            case _:
                pass
