"""The socket to the screen: its messages in, snapshots and answers out, and whether it is still alive.

At most one snapshot waits to be sent and the newest wins: a slow screen sees less, and delays nothing. That something
is done is said behind a snapshot that shows it: whoever hears it finds nothing as it was before.
"""

import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from meso_device.screen_messages import BrokenPeer, Deframer, Message, ToHost, ToScreen, encode
from meso_device.session.contract import Command, Instant

READ_BYTES: Final = 65_536
ANSWERS_MAX: Final = 256
"""A screen that asks so much without reading an answer is broken."""
SILENT_ARMED_US: Final = 2_000_000
"""While armed a screen must be heard this often."""
SILENT_US_MAX: Final = 10_000_000
"""A screen that says nothing for so long is killed."""

Hear = Callable[[Message, Instant], Sequence[Command]]


class ScreenLink:
    """The host's end of the socket, as a member of the loop.

    Args:
        peer: The socket, not blocking.
        hear: Takes each message of the screen and returns the commands that follow at once; may raise `BrokenPeer`.
        now_us: When the screen was started: its first word has as long as any other.

    Attributes:
        gone: Why the screen is treated as gone; empty while it is not.
    """

    def __init__(self, peer: socket.socket, hear: Hear, now_us: int) -> None:
        self._peer = peer
        self._hear = hear
        self._deframer = Deframer(ToHost)
        self._answers: deque[bytes] = deque()
        self._to_be_shown: list[bytes] = []
        self._snapshot = b""
        self._sending = b""
        self._heard_us = now_us
        self.gone = ""

    # --- the loop's ---------------------------------------------------------------------------------

    def reads(self) -> Sequence[int]:
        """Wait for its messages."""
        return () if self.gone else (self._peer.fileno(),)

    def writes(self) -> Sequence[int]:
        """Wait to send while something is unsent."""
        return (self._peer.fileno(),) if not self.gone and (self._sending or self._answers or self._snapshot) else ()

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[Command]:
        """Take what came and send what can be."""
        if self.gone:
            return ()
        fd = self._peer.fileno()
        commands = self._receive(now) if fd in readable else []
        if fd in writable:
            self.push()
        return commands

    # --- the operator's -----------------------------------------------------------------------------

    def silent_us(self, now: Instant) -> int:
        """Return how long nothing came that proves that the screen's own loop turns."""
        return now.mono_us - self._heard_us

    def excuse(self, now: Instant) -> None:
        """Count its silence from now: it was not allowed to speak."""
        self._heard_us = now.mono_us

    @property
    def wants_snapshot(self) -> bool:
        """Whether an answer waits for the next snapshot."""
        return bool(self._to_be_shown)

    def show(self, body: dict[str, Any]) -> None:
        """Send this snapshot next, instead of one that is not sent yet, and what waits for it."""
        self._snapshot = encode(Message(ToScreen.SNAPSHOT, 0, body))
        if self._to_be_shown:
            self._answers += (self._snapshot, *self._to_be_shown)
            self._snapshot = b""
            self._to_be_shown.clear()
        self.push()

    def say(self, kind: ToScreen, number: int, body: dict[str, Any]) -> None:
        """Send a message that nothing replaces; an answer that something is done follows the next snapshot."""
        if len(self._answers) + len(self._to_be_shown) >= ANSWERS_MAX:
            self.gone = "it does not read its answers"
            return
        message = encode(Message(kind, number, body))
        if kind is ToScreen.ANSWER and body.get("outcome") == "done":
            self._to_be_shown.append(message)
        else:
            self._answers.append(message)
            self.push()

    def push(self) -> None:
        """Send what the socket takes now."""
        while not self.gone:
            if not self._sending:
                if self._answers:
                    self._sending = self._answers.popleft()
                else:
                    self._sending, self._snapshot = self._snapshot, b""
            if not self._sending:
                return
            try:
                self._sending = self._sending[self._peer.send(self._sending) :]
            except BlockingIOError:
                return
            except OSError:
                self.gone = "it closed its connection"

    def _receive(self, now: Instant) -> list[Command]:
        commands: list[Command] = []
        try:
            data = self._peer.recv(READ_BYTES)
        except BlockingIOError:
            return commands
        except OSError:
            data = b""
        if not data:
            self.gone = "it ended"
            return commands
        try:
            for message in self._deframer.feed(data):
                if message.kind == ToHost.ALIVE:
                    self._heard_us = now.mono_us
                commands.extend(self._hear(message, now))
        except BrokenPeer as broken:
            self.gone = f"it sent what it must not: {broken}"
        return commands
