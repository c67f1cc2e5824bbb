"""Refuses a terminal that no screen can be shown on, in one line and before anything is begun."""

import os
from contextlib import closing
from typing import Final

from meso_device.host.terminal import COLUMNS_MIN, ROWS_MIN, STDIN, STDOUT, Terminal
from protocols.errors import UsageError

CANNOT_DRAW: Final = frozenset({"", "dumb", "unknown"})


def check_terminal(what: str, *, without: str, instead: str) -> None:
    """Refuse what is no terminal, cannot be drawn on or is too small.

    Args:
        what: What needs it, for the refusal.
        without: What to use where there is no terminal.
        instead: What to use on a terminal that can show lines alone.

    Raises:
        UsageError: it is refused.
    """
    check_is_terminal(what, without=without)
    name = os.environ.get("TERM", "")
    if name in CANNOT_DRAW:
        raise UsageError(f"{what} cannot draw on this terminal (TERM={name or 'is not set'}): use {instead}")
    with closing(Terminal.open()) as terminal:
        size = terminal.size()
    if not size.is_enough:
        raise UsageError(
            f"{what} needs {COLUMNS_MIN}x{ROWS_MIN}, this terminal has {size.columns}x{size.rows}: enlarge it, "
            f"or use {instead}"
        )


def check_is_terminal(what: str, *, without: str) -> None:
    """Refuse standard streams that are no terminal.

    Raises:
        UsageError: they are none.
    """
    if not (os.isatty(STDIN) and os.isatty(STDOUT)):
        raise UsageError(f"{what} needs a terminal; without one use: {without}")
