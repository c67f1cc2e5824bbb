"""What commands print: lines for people, and one JSON document as the last line for programs."""

import json
import sys
from collections.abc import Mapping


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def say_json(document: Mapping[str, object]) -> None:
    """Print the one JSON document of a command, in one line."""
    say(json.dumps(document, ensure_ascii=False))


def is_terminal() -> bool:
    """Return whether a person watches the output and the terminal can be drawn on."""
    import os

    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
