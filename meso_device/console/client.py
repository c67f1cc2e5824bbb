"""The screen's end of the socket to the host: sends without waiting, keeps the newest snapshot, hands out answers."""

import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from meso_device.screen_messages import VERSION, BrokenPeer, Deframer, Message, ToHost, ToScreen, encode

READ_BYTES: Final = 65_536
UNSENT_BYTES_MAX: Final = 65_536
"""Far more than a person types while the host takes a breath; beyond it the host is gone."""
WAITING_MAX: Final = 256

Body = Mapping[str, Any]
OnAnswer = Callable[[Body], object]


class HostGone(Exception):  # noqa: N818  # an event: the screen has nothing left to show
    """The host has closed the socket, or sent what is no message."""


class Client:
    """Speaks to the host over a connected, non-blocking socket.

    Attributes:
        welcome: What the host said first; None until then.
        snapshot: The newest state; None until one came.
        goodbye: Why the host ends; None while it does not.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._deframer = Deframer(ToScreen)
        self._unsent = bytearray()
        self._ids = 0
        self._alive = 0
        self._waiting: dict[int, OnAnswer] = {}
        self._answered: deque[tuple[OnAnswer, Body]] = deque()
        self.welcome: Body | None = None
        self.snapshot: Body | None = None
        self.goodbye: Body | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._connection.fileno()

    def wants_write(self) -> bool:
        """Return whether something waits for the socket to take it."""
        return bool(self._unsent)

    def hello(self) -> None:
        """Say the version; the first message."""
        self.ask(ToHost.HELLO, version=VERSION)

    def alive(self) -> None:
        """Say that the screen's own loop turns."""
        self._alive += 1
        self._send(Message(ToHost.ALIVE, 0, {"count": self._alive}))

    def ask(self, kind: ToHost, on_answer: OnAnswer | None = None, **fields: Any) -> int:
        """Send a command and return its id.

        Args:
            kind: What is asked for.
            on_answer: Called once by `deliver` with the answer's or the page's fields.
            fields: As `kind` takes them.

        Raises:
            HostGone: the host takes nothing any more.
        """
        self._ids += 1
        if on_answer is not None:
            if len(self._waiting) >= WAITING_MAX:
                raise HostGone("the host answers nothing any more")
            self._waiting[self._ids] = on_answer
        self._send(Message(kind, self._ids, fields))
        return self._ids

    def take(self) -> bool:
        """Read what has come, and keep it; return whether there was anything.

        Raises:
            HostGone: the host closed the socket or broke the rules.
        """
        try:
            data = self._connection.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise HostGone(f"the host's end is gone: {error.strerror}") from None
        if not data:
            raise HostGone("the host has ended")
        try:
            for message in self._deframer.feed(data):
                self._note(message)
        except BrokenPeer as error:
            raise HostGone(f"the host sent what is no message: {error}") from None
        return True

    def deliver(self) -> None:
        """Hand out the answers that have come."""
        while self._answered:
            on_answer, body = self._answered.popleft()
            on_answer(body)

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it.

        Raises:
            HostGone: nobody reads there any more.
        """
        while self._unsent:
            try:
                sent = self._connection.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise HostGone(f"the host's end is gone: {error.strerror}") from None
            del self._unsent[:sent]

    def _send(self, message: Message) -> None:
        self._unsent += encode(message)
        self.flush()
        if len(self._unsent) > UNSENT_BYTES_MAX:
            raise HostGone("the host reads nothing any more")

    def _note(self, message: Message) -> None:
        match message.kind:
            case ToScreen.WELCOME:
                self.welcome = message.body
            case ToScreen.SNAPSHOT:
                self.snapshot = message.body
            case ToScreen.BYE:
                self.goodbye = message.body
            case _:
                on_answer = self._waiting.pop(message.id, None)
                if on_answer is not None:
                    self._answered.append((on_answer, message.body))
