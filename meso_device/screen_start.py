"""How a screen begins: as a child of the host process, on a terminal of its own, with a socket to the host.

The host starts it as the leader of a new session, with the inner terminal as its standard streams. The first thing
that a screen does is `begin`.
"""

import ctypes
import fcntl
import os
import signal
import socket
import sys
import termios
from typing import Final

from protocols.errors import UsageError

SOCKET_VARIABLE: Final = "MESO_SCREEN_SOCKET"
HOST_VARIABLE: Final = "MESO_SCREEN_HOST"
_PR_SET_PDEATHSIG: Final = 1


def begin() -> socket.socket:
    """Take the inner terminal as controlling terminal, end with the host however that ends, return the socket to it.

    Raises:
        UsageError: this process was not started by a host.
    """
    try:
        fd, host = int(os.environ.pop(SOCKET_VARIABLE)), int(os.environ.pop(HOST_VARIABLE))
        peer = socket.socket(fileno=fd)
    except (KeyError, ValueError, OSError):
        raise UsageError("the screen is started by its host: run meso console") from None
    end_with_parent(host)
    fcntl.ioctl(sys.stdin.fileno(), termios.TIOCSCTTY, 0)
    return peer


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the parent of this process id dies, however it does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before it could be asked
            os._exit(1)
