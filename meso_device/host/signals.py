"""Signals as bytes on a descriptor: the handlers do nothing, the loop reads what came in its own turn."""

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final, Self, TypeAlias

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STOPPING: Final = (signal.SIGUSR1,)
_READ_BYTES: Final = 64

_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class Signals:
    """Catches the signals that end a run or stop the gun, while used as a context manager in the main thread.

    Args:
        others: Signals to catch besides, for whoever shows a screen.

    Attributes:
        fd: Readable when a signal has come.
    """

    def __init__(self, others: Sequence[signal.Signals] = ()) -> None:
        self._caught = (*ENDING, *STOPPING, *others)
        self.fd, self._write_fd = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_fd, False)
        self._former: dict[signal.Signals, _Handler] = {}
        self._former_fd = -1
        self._ignored = False

    def __enter__(self) -> Self:
        """Begin to catch."""
        # A full pipe loses only repeats: every signal already in it is read before any decision.
        self._former_fd = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in self._caught:
            # Under nohup a closed terminal is not the end of the run.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._former[number] = signal.signal(number, _note)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._former.items():
            signal.signal(number, signal.SIG_IGN if self._ignored else handler)
        signal.set_wakeup_fd(self._former_fd)
        os.close(self.fd)
        os.close(self._write_fd)

    def ignore(self) -> None:
        """Let no later signal change how a process ends that a signal has ended already."""
        self._ignored = True

    def take(self) -> tuple[signal.Signals, ...]:
        """Return the signals that came since the last call.

        Of those that came together the lowest number is first: the kernel does not keep their order.
        """
        came = b""
        with contextlib.suppress(BlockingIOError):
            came = os.read(self.fd, _READ_BYTES)
        return tuple(signal.Signals(number) for number in sorted(came) if number in self._caught)


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the interpreter has written the number to the descriptor, and the loop acts on it."""
