"""What every port can do, and the one way to open one."""

from pathlib import Path
from typing import Final, Protocol

from drivers.stream_port import SCHEME, connect
from drivers.tty_port import TtyPort
from protocols.errors import UsageError

BAUD_DEFAULT: Final = 115_200
CONNECT_S: Final = 2.0


class Port(Protocol):
    """An open way to a gun. One thread owns it; no call blocks; whatever goes wrong is `LinkLost`."""

    name: str

    def fileno(self) -> int:
        """Return the descriptor to poll; -1 once closed."""
        ...

    def read(self) -> bytes:
        """Return what is there; empty if nothing is. Raises `LinkLost`."""
        ...

    def write(self, data: bytes) -> int:
        """Hand over as many bytes as fit now and return their number. Raises `LinkLost`."""
        ...

    def flush_output(self) -> None:
        """Throw away what is not sent yet, as far as the port can. Raises `LinkLost`."""
        ...

    def close(self) -> None:
        """Close and let others have it. Never raises."""
        ...


def open_port(
    name: str, baud: int = BAUD_DEFAULT, *, lock_dir: Path | None = None, connect_s: float = CONNECT_S
) -> Port:
    """Open a port to a gun for this process alone.

    Args:
        name: Device such as ``/dev/ttyUSB0``, or ``socket://host:port``.
        baud: Baud rate, 8N1, no flow control; sockets have none.
        lock_dir: Directory of the lock files; the user's runtime directory if None.
        connect_s: How long a socket may take to connect; 0 returns one that may still be connecting.

    Raises:
        UsageError: one line that says why it cannot be and what to do.
    """
    if not name:
        raise UsageError("no port named; list the ports with 'meso guns'")
    if name.startswith(SCHEME):
        return connect(name, connect_s)
    if "://" in name:
        raise UsageError(f"{name}: ports are devices such as /dev/ttyUSB0, or {SCHEME}HOST:PORT")
    return TtyPort(name, baud, lock_dir)
