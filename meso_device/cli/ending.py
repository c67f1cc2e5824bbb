"""How a command that only waits ends when its process is told to."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Final

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end what is within as Ctrl+C does, with every ``finally`` on the way; status 128 + number.

    Under nohup a closed terminal ends nothing. Afterwards the signals are whose they were.

    Raises:
        SystemExit: Within, when a signal comes.
    """
    former = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in former.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
