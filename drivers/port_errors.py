"""One funnel for all that a port can raise: whatever it was, the owner hears `LinkLost`."""

import errno
import termios
from typing import Final

from protocols.errors import LinkLost

# A port that goes away raises all of these, depending on the call and the driver: OSError (serial.SerialException
# is one), termios.error from tcflush, TypeError and ValueError where a descriptor has become None or -1.
PORT_ERRORS: Final = (OSError, termios.error, TypeError, ValueError)

_GONE: Final = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBADF, errno.EPIPE, errno.ECONNRESET})


def link_lost(name: str, error: BaseException) -> LinkLost:
    """Say in one line that the port is gone and why, as far as the error tells."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and isinstance(error, termios.error) and error.args:
        number = error.args[0]
    if number in _GONE:
        return LinkLost(f"{name}: hung up or unplugged")
    return LinkLost(f"{name}: {getattr(error, 'strerror', None) or error}")


def hung_up(name: str) -> LinkLost:
    """Say that the other end closed."""
    return LinkLost(f"{name}: hung up or unplugged")
