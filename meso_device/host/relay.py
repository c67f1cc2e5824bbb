"""Passes the bytes between the operator's terminal and the screen's, unchanged, and looks for STOP in them first.

The tap reads the terminal whatever the screen does. Output is bounded: while the terminal takes nothing, the screen
is not read, and a stalled connection ends as a silent screen, never as a stuck loop.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Final

from meso_device.host.stop_tap import StopTap
from meso_device.session.contract import Command, Instant, Stop

READ_BYTES: Final = 65_536
OUTPUT_BYTES_MAX: Final = 256 * 1024
INPUT_BYTES_MAX: Final = 4 * 1024 * 1024
"""A paste of a megabyte to a busy screen passes whole; beyond this the screen hangs, and its input is of no use."""


class Relay:
    """The member of the loop between the two terminals; goes first, so that STOP is found first.

    Args:
        outer: Descriptor of the operator's terminal, not blocking.
        inner: Descriptor of the screen's terminal, at the host's end, not blocking.
        stops: Numbers of further keys that stop.

    Attributes:
        armed: Whether Ctrl+C counts as STOP.
        hung_up: The operator's terminal is gone.
        heard_us: When something came from the operator's terminal last, on the monotonic clock.
    """

    def __init__(self, outer: int, inner: int, stops: Iterable[int] = ()) -> None:
        self._outer = outer
        self._inner = inner
        self._tap = StopTap(stops)
        self._to_screen = bytearray()
        self._to_terminal = bytearray()
        self._inner_open = True
        self.armed = False
        self.hung_up = False
        self.heard_us = 0

    def reads(self) -> Sequence[int]:
        """Wait for keys always, for the screen while there is room for its output."""
        fds = [] if self.hung_up else [self._outer]
        if self._inner_open and len(self._to_terminal) < OUTPUT_BYTES_MAX:
            fds.append(self._inner)
        return fds

    def writes(self) -> Sequence[int]:
        """Wait where something is unsent."""
        fds = [self._outer] if self._to_terminal and not self.hung_up else []
        if self._to_screen and self._inner_open:
            fds.append(self._inner)
        return fds

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[Command]:  # noqa: ARG002  # a member's surface
        """Pass on what can be; return one `Stop` where a STOP key was among it."""
        if self._outer in readable:
            self.heard_us = now.mono_us
            if self._hear_keys():
                return (Stop(source="terminal"),)  # and nothing else in this turn: the rest can wait, the gun cannot
        if self._inner in readable:
            self._hear_screen()
        self.push()
        return ()

    def push(self) -> None:
        """Write what either side takes now."""
        if self._to_terminal and not self.hung_up:
            self.hung_up = not _write(self._outer, self._to_terminal)
        if self._to_screen and self._inner_open:
            self._inner_open = _write(self._inner, self._to_screen)

    def drain(self) -> None:
        """Take the screen's last output, after its end."""
        while self._inner_open and len(self._to_terminal) < OUTPUT_BYTES_MAX and self._hear_screen():
            pass
        self.push()

    def _hear_keys(self) -> bool:
        data = _read(self._outer)
        if data is None:
            self.hung_up = True
            return False
        stopped = self._tap.feed(data, armed=self.armed)
        if self._inner_open and len(self._to_screen) + len(data) <= INPUT_BYTES_MAX:
            self._to_screen += data
        return stopped

    def _hear_screen(self) -> bool:
        data = _read(self._inner)
        self._inner_open = data is not None
        self._to_terminal += data or b""
        return bool(data)


def _read(fd: int) -> bytes | None:
    """Return what is there; None where the other end is gone."""
    try:
        return os.read(fd, READ_BYTES) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None


def _write(fd: int, data: bytearray) -> bool:
    """Write the beginning of the data and take it off; return whether the other end is there."""
    try:
        del data[: os.write(fd, data)]
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True
