"""The cable to the gun: one port, open or waiting to be opened again, and at most one frame not yet written.

All trouble of a port ends here as a reason for the link to be down; nothing raised by a port reaches the loop.
"""

from typing import Protocol


class Port(Protocol):
    """An open way to a gun. Every call returns at once and raises `LinkLost` when the port is gone."""

    @property
    def name(self) -> str:
        """What people call it."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""

    def read(self) -> bytes:
        """Return what has come, empty when nothing has."""

    def write(self, data: bytes) -> int:
        """Hand over as much as fits and return how many bytes that were."""

    def flush_output(self) -> None:
        """Drop what the kernel has not sent yet."""

    def close(self) -> None:
        """Close; may be called twice."""


class Opener(Protocol):
    """Finds the gun's port and opens it, again and again, at its own pace and without blocking."""

    def poll(self, now_us: int) -> Port | None:
        """Return the port just opened, or None; tries only when it is time to."""

    def next_deadline_us(self) -> int | None:
        """Return when the next try is due."""

    @property
    def trouble(self) -> str:
        """Why the newest try did not open a port; empty before the first."""


class Cable:
    """The one port to the gun."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
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

    @property
    def trouble(self) -> str:
        """Why there is no port; empty when there is one or none was tried."""
        return "" if self._port is not None else self._opener.trouble

    def open_if_due(self, now_us: int) -> Port | None:
        """Try to open the port when it is closed and time to; return it when it has just been opened."""
        if self._port is None:
            self._port = self._opener.poll(now_us)
            return self._port
        return None

    def next_deadline_us(self) -> int | None:
        """Return when to try to open again; None while open."""
        return None if self._port is not None else self._opener.next_deadline_us()

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
        """Drop everything that has not left: STOP goes first, and its leading delimiter ends a frame cut short.

        Raises:
            LinkLost: the port is gone.
        """
        self._unsent = b""
        if self._port is not None:
            self._port.flush_output()

    def drop(self) -> None:
        """Close the port; `open_if_due` opens it again."""
        self._unsent = b""
        if self._port is not None:
            self._port.close()
            self._port = None
