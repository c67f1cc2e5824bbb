"""The cable to the gun: one port, open or waiting to be opened again, and at most one frame not yet written."""

from collections.abc import Callable
from typing import Protocol

from drivers.ports import Port


class Opener(Protocol):
    """Opens the gun's port again, at its own pace and without blocking; see `drivers.reopen.Reopener`."""

    problem: str
    """Why the known name could not be opened last; empty before the first try."""

    def step(self, now_us: int) -> Port | None:
        """Try one port if it is time; return it once one opens."""

    def rejected(self, now_us: int) -> None:
        """Go on: what was opened is closed again."""

    def next_deadline_us(self) -> int | None:
        """Return when the next try is due."""


class Cable:
    """The one port to the gun.

    Args:
        first: The port as the operator named it, open already.
        reopen: Makes what opens a port again, from the name it had and the time.
    """

    def __init__(self, first: Port, reopen: Callable[[str, int], Opener]) -> None:
        self._first: Port | None = first
        self._reopen = reopen
        self._opener: Opener | None = None
        self._port: Port | None = None
        self._unsent = b""

    @property
    def is_open(self) -> bool:
        """Whether there is a port to read from and write to."""
        return self._port is not None

    @property
    def is_ready(self) -> bool:
        """Whether the next frame may be handed over: the last one has left."""
        return self._port is not None and not self._unsent

    @property
    def port_name(self) -> str:
        """Name of the open port; empty while there is none."""
        return "" if self._port is None else self._port.name

    def open_if_due(self, now_us: int) -> Port | None:
        """Open the port when it is closed and time to; return it when it has just been opened."""
        if self._port is not None:
            return None
        if self._first is not None:
            self._port, self._first = self._first, None
        elif self._opener is not None:
            self._port = self._opener.step(now_us)
        return self._port

    def next_deadline_us(self) -> int | None:
        """Return when to try to open again; None while open."""
        if self._port is not None or self._opener is None:
            return 0 if self._first is not None else None
        return self._opener.next_deadline_us()

    def reads(self) -> tuple[int, ...]:
        """Return the descriptor to read."""
        return () if self._port is None else (self._port.fileno(),)

    def writes(self) -> tuple[int, ...]:
        """Return the descriptor to write while a frame is not yet written."""
        return (self._port.fileno(),) if self._port is not None and self._unsent else ()

    def read(self) -> bytes:
        """Return what has come.

        Raises:
            LinkLost: the port is gone.
        """
        return b"" if self._port is None else self._port.read()

    def send(self, frame: bytes) -> None:
        """Hand a frame to the port; what does not fit waits for `push`.

        Raises:
            LinkLost: the port is gone.
        """
        self._unsent += frame
        self.push()

    def push(self) -> None:
        """Write on where the port stopped taking bytes.

        Raises:
            LinkLost: the port is gone.
        """
        if self._port is not None and self._unsent:
            self._unsent = self._unsent[self._port.write(self._unsent) :]

    def flush(self) -> None:
        """Drop what has not left: STOP goes first, and its leading delimiter ends a frame that was cut short.

        Raises:
            LinkLost: the port is gone.
        """
        self._unsent = b""
        if self._port is not None:
            self._port.flush_output()

    def drop(self, now_us: int, *, was_gun: bool) -> None:
        """Close the port, and begin to look for the gun again.

        Args:
            now_us: Time.
            was_gun: A gun had answered on it: then the search starts over, at once and from its name.
        """
        self._unsent = b""
        if self._port is None:
            return
        name = self._port.name
        self._port.close()
        self._port = None
        if self._opener is None or was_gun:
            self._opener = self._reopen(name, now_us)
        else:
            self._opener.rejected(now_us)

    def rest(self) -> None:
        """Look for no gun any more until `plug`; an open port is not touched."""
        self._opener = None

    def plug(self, port: Port) -> None:
        """Take this port, open already, as if it had been the first; one that is still open is given up before it."""
        if self._first is not None:
            self._first.close()
        self._first, self._opener = port, None

    def close(self) -> None:
        """Close the port for good."""
        for port in (self._port, self._first):
            if port is not None:
                port.close()
        self._port = self._first = self._opener = None
