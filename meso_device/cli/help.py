"""What `meso` says of itself: its commands by name, without loading any of them."""

from textwrap import fill, wrap
from typing import Final

from meso_device.cli.registry import COMMANDS

WIDTH: Final = 79
ABOUT: Final = (
    "Host for motorised mesotherapy injectors: sets the gun, limits it, stops it, and logs every injection once."
)
OPTIONS: Final = {"--version": "Print the version and end.", "--help": "Show this message and end."}


def help_text() -> str:
    """Return the help of the whole command line."""
    about = fill(ABOUT, WIDTH, initial_indent="  ", subsequent_indent="  ")
    commands = {name: line.help for name, line in COMMANDS.items()}
    return "\n\n".join(
        (
            "Usage: meso [OPTIONS] COMMAND [ARGS]...",
            about,
            _table("Options", OPTIONS),
            _table("Commands", commands),
            "Each command has --help of its own.",
        )
    )


def _table(title: str, rows: dict[str, str]) -> str:
    column = 4 + max(map(len, rows))
    lines = [f"{title}:"]
    for name, text in rows.items():
        first, *rest = wrap(text, WIDTH - column)
        lines.append(f"  {name:<{column - 2}}{first}")
        lines += [" " * column + more for more in rest]
    return "\n".join(lines)
