"""Unix sockets of the running host in its data directory: for their owner only, and gone with the host."""

import socket
from pathlib import Path

from meso_device.unix_address import short_name
from protocols.errors import UsageError


def listen_private(path: Path, *, backlog: int, purpose: str) -> socket.socket:
    """Return a listening, non-blocking Unix socket of mode 0600.

    Args:
        path: Where; the caller holds the lock of the data directory, so an old socket file is a dead host's.
        backlog: Peers that may wait.
        purpose: What listens, for the refusal.

    Raises:
        UsageError: it cannot be bound.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_name(path) as name:
            Path(name).unlink(missing_ok=True)
            listener.bind(name)
            Path(name).chmod(0o600)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen for {purpose} at {path}: {error.strerror}") from None
    listener.setblocking(False)
    return listener
