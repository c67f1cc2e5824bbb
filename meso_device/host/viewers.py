"""The socket on which the running host shows itself to ``meso view``: it tells, and takes nothing.

Every viewer gets WELCOME, then the newest state and the newest page of the history, as they change. No command exists
here: a viewer that sends anything is let go. Of state and page at most one of each waits to be sent and the newest
wins, so a slow viewer sees less and delays nothing; one that takes nothing at all is let go.
"""

import contextlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.audit.pages import Looked, Page, PageQuery
from meso_device.host.console_history import fitting
from meso_device.host.home import Home
from meso_device.host.members import Look
from meso_device.host.private_socket import listen_private
from meso_device.screen_messages import VERSION, Body, Message, ToScreen, encode
from meso_device.session.contract import Command, Instant, Phase, View

VIEWERS_MAX: Final = 8
"""More at once is not a ward that watches; the next one is told so."""
STALLED_US_MAX: Final = 10_000_000
"""A viewer that takes nothing for so long is not there."""
TAIL_ROWS: Final = 50
TAIL_LOOK_NO: Final = -1
"""Number of the page that is read for viewers; those that a screen asks for are numbered from 1."""
_LIVE: Final = frozenset({Phase.ARMED, Phase.ARMING})
_SHOWN: Final = frozenset(
    {
        *("v", "no", "mono_us", "utc_us", "simulated", "port", "link", "phase", "gun", "operator", "area", "areas"),
        *(
            "left_out",
            "credit",
            "held",
            "unknown",
            "caps",
            "log",
            "alarms",
            "silenced_s",
            "tail",
            "findings",
            "blocked",
            "stop",
        ),
        *("disarm_in_s", "notice", "notices"),
    }
)
_SHOWN_OF_SESSION: Final = frozenset(
    {
        *("id", "alias", "title", "version", "status", "practice", "state", "opened_us", "confirmed"),
        *("planned", "given", "dose_hi_nl"),
    }
)
_CAN: Final = ("arm_open", "page")
"""What a viewer is told of what may be asked for: the first makes SAFE to READY, the second says why a page is old."""


class Viewers:
    """The host's end of the view socket, as a member of the loop.

    Raises:
        UsageError: it cannot be bound.
    """

    def __init__(self, home: Home) -> None:
        self._path = home.view_socket
        self._peers: dict[int, _Peer] = {}
        self._socket = listen_private(self._path, backlog=VIEWERS_MAX, purpose="meso view")
        self._tail = b""
        self._tail_of: tuple[int, int] | None = None
        self._asked = False

    def close(self) -> None:
        """Say to those who look that it ends, stop listening and remove the socket."""
        for peer in self._peers.values():
            peer.tell_last("the host has ended", status=0)
            peer.close()
        self._peers.clear()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._peers)

    # --- the loop's ---------------------------------------------------------------------------------

    def reads(self) -> Sequence[int]:
        """Wait for viewers, and for their end."""
        return (self._socket.fileno(), *self._peers)

    def writes(self) -> Sequence[int]:
        """Wait to send to those that have something unsent."""
        return [fd for fd, peer in self._peers.items() if peer.unsent]

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[Command]:
        """Let viewers in and out, and send what can be; there is no command that could come of it."""
        for fd, peer in list(self._peers.items()):
            if fd in writable:
                peer.push(now.mono_us)
            if fd in readable or peer.gone:  # whatever it says, it is no viewer any more: there is nothing to say
                self._peers.pop(fd).close()
        if self._socket.fileno() in readable:
            with contextlib.suppress(OSError):
                self._admit(self._socket.accept()[0], now)
        return ()

    # --- what is shown ------------------------------------------------------------------------------

    def show(self, snapshot: Body, now: Instant) -> None:
        """Send this state next, instead of one that is not sent yet."""
        if not self._peers:
            return
        data = encode(Message(ToScreen.SNAPSHOT, 0, seen_from_outside(snapshot)))
        for peer in self._peers.values():
            peer.snapshot = data
            peer.push(now.mono_us)
            peer.gone = peer.gone or now.mono_us - peer.took_us > STALLED_US_MAX

    def next_look(self, view: View) -> Look | None:
        """Return the question for the newest page: when somebody looks, more was recorded, and nothing is armed."""
        now_of = (view.committed_seq, view.shots_given)
        if not self._peers or self._asked or view.phase in _LIVE or now_of == self._tail_of:
            return None
        self._asked, self._tail_of = True, now_of
        return Look(TAIL_LOOK_NO, PageQuery(limit=TAIL_ROWS))

    def looked(self, looked: Looked) -> None:
        """Send the page that was read; what cannot be read is told by the state of the log."""
        self._asked = False
        if isinstance(looked.found, Page):
            self._tail = encode(Message(ToScreen.PAGE, 0, fitting(looked.found)))
            for peer in self._peers.values():
                peer.tail = self._tail

    def _admit(self, connection: socket.socket, now: Instant) -> None:
        connection.setblocking(False)
        peer = _Peer(connection, now.mono_us)
        if len(self._peers) >= VIEWERS_MAX:
            peer.tell_last(f"{VIEWERS_MAX} views are open already: close one first", status=1)
            peer.close()
            return
        peer.tail = self._tail
        peer.push(now.mono_us)
        self._peers[connection.fileno()] = peer


class _Peer:
    """One viewer: what it is being sent, and what it gets next."""

    def __init__(self, connection: socket.socket, now_us: int) -> None:
        self._connection = connection
        self._sending = encode(Message(ToScreen.WELCOME, 0, {"version": VERSION}))
        self.snapshot = b""
        self.tail = b""
        self.took_us = now_us
        self.gone = False

    @property
    def unsent(self) -> bool:
        return bool(self._sending or self.snapshot or self.tail)

    def push(self, now_us: int) -> None:
        """Send what the socket takes now."""
        while not self.gone:
            if not self._sending:
                if self.snapshot:
                    self._sending, self.snapshot = self.snapshot, b""
                else:
                    self._sending, self.tail = self.tail, b""
            if not self._sending:
                self.took_us = now_us
                return
            try:
                self._sending = self._sending[self._connection.send(self._sending) :]
                self.took_us = now_us
            except BlockingIOError:
                return
            except OSError:
                self.gone = True

    def tell_last(self, reason: str, *, status: int) -> None:
        """Say why it ends, as far as there is room for it."""
        with contextlib.suppress(OSError):
            self._connection.send(
                self._sending + encode(Message(ToScreen.BYE, 0, {"reason": reason, "status": status}))
            )

    def close(self) -> None:
        self._connection.close()


def seen_from_outside(snapshot: Mapping[str, Any]) -> Body:
    """Return what a viewer is shown of a SNAPSHOT: named field by field, so that nothing new is shown by itself.

    Of the patient there is the alias alone.
    """
    session, can = snapshot["session"], snapshot["can"]
    return {
        **{name: value for name, value in snapshot.items() if name in _SHOWN},
        "resume": None,
        "session": None
        if session is None
        else {name: value for name, value in session.items() if name in _SHOWN_OF_SESSION},
        "can": {name: can[name] for name in _CAN if name in can},
    }
