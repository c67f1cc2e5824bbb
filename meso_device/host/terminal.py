"""The operator's terminal: raw while a screen is shown, and as it was before on every way out.

It is opened anew by its name: the shell's own descriptors share their state with whatever else runs there, and a
terminal that the shell finds non-blocking or raw is one that looks broken.
"""

import contextlib
import fcntl
import os
import select
import struct
import termios
import tty
from typing import Any, Final, Self

from msgspec import Struct

from protocols.errors import UsageError

STDIN: Final = 0
STDOUT: Final = 1
ROWS_MIN: Final = 24
COLUMNS_MIN: Final = 80
WRITE_S_MAX: Final = 0.2
"""A terminal that takes nothing for so long is stalled or gone: the end does not wait for it."""
_SIZE: Final = struct.Struct("HHHH")

_MODES_OFF: Final = b"".join(
    b"\x1b[?%dl" % mode for mode in (1000, 1002, 1003, 1015, 1006, 1016, 1004, 2004, 2048, 2026)
)
_KITTY_POP: Final = b"\x1b[<u"
_SHOW: Final = b"\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"
USABLE: Final = b"\x18" + _MODES_OFF + _KITTY_POP + _SHOW + b"\r"
"""After a screen that did not clean up: a sequence cut short cancelled, mouse, focus, paste and size reports off, the
keyboard's own protocol popped, line wrap on, colours reset, alternate screen left, cursor on."""


class Size(Struct, frozen=True):
    """Size of a terminal in characters and, where it knows, in pixels."""

    rows: int
    columns: int
    width_px: int = 0
    height_px: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether the screens fit."""
        return self.rows >= ROWS_MIN and self.columns >= COLUMNS_MIN


class Terminal:
    """A terminal that this process may read and write; `raw` until `restore`.

    Attributes:
        fd: Own descriptor, never blocking.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._before: list[Any] | None = None

    @classmethod
    def open(cls) -> Self:
        """Open the terminal of this process.

        Raises:
            UsageError: standard input and output are not one.
        """
        if not (os.isatty(STDIN) and os.isatty(STDOUT)):
            raise UsageError("the console needs a terminal; without one use: meso session run")
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        # After su the terminal's file is another user's, the controlling terminal is still ours.
        for name in (os.ttyname(STDIN), "/dev/tty"):
            with contextlib.suppress(OSError):
                return cls(os.open(name, flags))
        raise UsageError("the console cannot open its terminal: no permission")

    def raw(self) -> None:
        """Let every byte through as it comes; keys make no signals."""
        if self._before is None:
            self._before = termios.tcgetattr(self.fd)
        tty.setraw(self.fd, termios.TCSANOW)

    def restore(self, *, clean: bool) -> None:
        """Give the terminal back as it was; ``clean`` says that the screen has left it in order itself. Never raises.

        What was typed and not read yet is dropped: it was meant for the screen, not for the shell.
        """
        if self._before is None:
            return
        if not clean:
            self._write(USABLE)
        before, self._before = self._before, None
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(self.fd, termios.TCIFLUSH)
            termios.tcsetattr(self.fd, termios.TCSANOW, before)

    def size(self) -> Size:
        """Return its size; 80 by 24 where it does not know."""
        packed = bytes(_SIZE.size)
        with contextlib.suppress(OSError):
            packed = fcntl.ioctl(self.fd, termios.TIOCGWINSZ, packed)
        rows, columns, width_px, height_px = _SIZE.unpack(packed)
        return Size(rows or ROWS_MIN, columns or COLUMNS_MIN, width_px, height_px)

    @property
    def is_ours(self) -> bool:
        """Whether this process is in the foreground of it; true where job control does not apply."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.fd)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data and select.select([], [self.fd], [], WRITE_S_MAX)[1]:
                data = data[os.write(self.fd, data) :]


def set_size(fd: int, size: Size) -> None:
    """Give a terminal a size; its foreground processes hear of it by SIGWINCH."""
    with contextlib.suppress(OSError):
        packed = _SIZE.pack(size.rows, size.columns, size.width_px, size.height_px)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, packed)
