"""What commands print: lines for people, and one JSON document as the last line for programs."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TextIO

from protocols.errors import UsageError

LINE_MAX: Final = 1_000
"""Longest line on standard error."""


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def say_json(document: Mapping[str, object]) -> None:
    """Print the one JSON document of a command, in one line."""
    say(json.dumps(document, ensure_ascii=False))


def is_terminal() -> bool:
    """Return whether a person watches the output and the terminal can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def tell(message: str) -> None:
    """Write one line to standard error, past all buffers, so that a full disk behind it changes no exit status."""
    with contextlib.suppress(OSError):
        os.write(2, f"meso: {one_line(message)}\n".encode("utf-8", "replace"))


def printable(text: str) -> str:
    """Return the text with a question mark for whatever a terminal would act upon."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def one_line(message: str) -> str:
    """Return the message without line breaks and control characters, which a device may have sent."""
    words = printable(" ".join(message.split()))
    return words if len(words) <= LINE_MAX else f"{words[:LINE_MAX]}…"


def check_output(path: Path) -> None:
    """Refuse with UsageError what a file must not take the place of: a device, a pipe, a directory, no name at all."""
    if not path.name:
        raise UsageError(f"{path} names no file; give one with --out")
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is not a file; give another with --out")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; give another with --out") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    check_output(path)
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise UsageError(f"{path} cannot be written: {error.strerror}; give another with --out") from None


@contextlib.contextmanager
def writing_to(path: Path | None) -> Iterator[TextIO]:
    """Open the file that was named, or standard output.

    Raises:
        UsageError: it cannot be written.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; give another with --out") from None
