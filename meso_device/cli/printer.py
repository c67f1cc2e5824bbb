"""Prints from a thread of its own, so that a terminal or pipe that takes no output never holds up the host's loop."""

import contextlib
import os
import threading
from collections import deque
from typing import Final

LINES_MAX: Final = 2_000
"""Lines kept for a reader that does not read; older ones are dropped, because they only tell of progress."""
CLOSE_S: Final = 1.0
COLUMNS: Final = 80
"""Where a terminal does not say how wide it is."""


class Printer:
    """Takes lines and pictures, and writes them to a descriptor in order.

    A picture is the newest state of a few lines that stay in place: a newer one replaces it.
    """

    def __init__(self, fd: int, *, pictures: bool) -> None:
        """Start; without ``pictures`` only lines are written."""
        self._fd = fd
        self._pictures = pictures
        self._awake = threading.Condition()
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._picture: tuple[str, ...] | None = None
        self._drawn = 0
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="printer", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Write a line above the picture."""
        with self._awake:
            self._lines.append(text)
            self._awake.notify()

    def picture(self, lines: tuple[str, ...]) -> None:
        """Show these lines in place of the last picture."""
        if self._pictures:
            with self._awake:
                columns = self._columns()
                self._picture = tuple(line[:columns] for line in lines)
                self._awake.notify()

    def close(self) -> None:
        """Write what is left, leave the last picture standing, and end; a reader that does not read is left alone."""
        with self._awake:
            self._ending = True
            self._awake.notify()
        self._thread.join(CLOSE_S)

    def _work(self) -> None:
        shown: tuple[str, ...] = ()
        with contextlib.suppress(OSError):
            while True:
                with self._awake:
                    while not self._lines and self._picture is None and not self._ending:
                        self._awake.wait()
                    lines, picture, ending = [*self._lines], self._picture, self._ending
                    self._lines.clear()
                    self._picture = None
                shown = shown if picture is None else picture
                self._write(self._frame(lines, shown))
                if ending:
                    return

    def _frame(self, lines: list[str], shown: tuple[str, ...]) -> str:
        """Return the bytes that erase the old picture, write the lines, and draw the new one."""
        erase = f"\x1b[{self._drawn}A\x1b[J" if self._drawn else ""
        self._drawn = len(shown)
        return erase + "".join(f"{line}\n" for line in (*lines, *shown))

    def _columns(self) -> int:
        """Return how much of a line stays in one row: a wrapped one would not be erased whole."""
        try:
            columns = os.get_terminal_size(self._fd).columns
        except OSError:
            columns = 0
        return (columns or COLUMNS) - 1

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._fd, data) :]
