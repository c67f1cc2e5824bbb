"""One end of a cable that a host can be connected to."""

import os
from typing import Final, Protocol

READ_MAX: Final = 4_096
_PENDING_MAX: Final = 4_096  # bytes for a host that does not read: about what a serial adapter holds


class Endpoint(Protocol):
    """A place where a host connects and disconnects as it likes. Nothing here blocks or raises because of a host."""

    @property
    def address(self) -> str:
        """What a host is told to open."""
        ...

    @property
    def dropped(self) -> int:
        """Writes lost because the host did not read."""
        ...

    def readers(self) -> list[int]:
        """Descriptors that mean news when readable."""
        ...

    def writers(self) -> list[int]:
        """Descriptors to be waited for until they can be written again."""
        ...

    def read(self) -> bytes:
        """Bytes from the host; empty when there are none or there is no host."""
        ...

    def write(self, frames: bytes) -> None:
        """Send bytes, perhaps none, behind those that still wait; all dropped and counted when too many do."""
        ...

    def unplug(self) -> None:
        """Pull the cable: the host sees a hang-up, and nothing to open."""
        ...

    def plug(self) -> None:
        """Put the cable back; nothing if it is in."""
        ...

    def close(self) -> None:
        """Take everything away."""
        ...


class Outlet:
    """Bytes on their way to one descriptor, without ever blocking on it.

    Attributes:
        dropped: Writes lost because too much was waiting.
    """

    __slots__ = ("_pending", "dropped")

    def __init__(self) -> None:
        self._pending = b""
        self.dropped = 0

    @property
    def waiting(self) -> bool:
        """Whether bytes are waiting for the descriptor."""
        return bool(self._pending)

    def put(self, frames: bytes) -> None:
        """Add all of the bytes or none."""
        if self._pending and len(self._pending) + len(frames) > _PENDING_MAX:
            self.dropped += 1
        else:
            self._pending += frames

    def flush(self, fd: int) -> None:
        """Write what the descriptor takes now.

        Raises:
            OSError: the other end is gone.
        """
        while self._pending:
            try:
                written = os.write(fd, self._pending)
            except BlockingIOError:
                return
            self._pending = self._pending[written:]

    def clear(self) -> None:
        """Forget what is waiting."""
        self._pending = b""
