"""Questions of a command: PINs and personal data come from the terminal or a file, never from the command line.

Arguments of a process can be seen by everybody on the computer, and stay in the shell's history.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from io import FileIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Annotated, Final, TextIO, TypeAlias, TypeVar

import typer

from protocols.errors import UsageError

STDIN: Final = "-"
LINE_MAX: Final = 400
PIN_FILE_CHARS_MAX: Final = 4 * LINE_MAX
DOCUMENT_BYTES_MAX: Final = 64 * 1024
_TERMINAL: Final = "/dev/tty"

T = TypeVar("T")

AsOption: TypeAlias = Annotated[
    str,
    typer.Option("--as", metavar="NAME", help="Your login name; else asked on the terminal.", show_default=False),
]
PinFileOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--pin-file",
        metavar="FILE",
        help="Take the PINs from the lines of this file, in the order of asking; - for standard input.",
        show_default=False,
    ),
]


class Answers:
    """Where the answers of one command come from: the terminal, or lines of a file for scripts."""

    def __init__(self, pin_file: str) -> None:
        """Ask on the terminal for an empty ``pin_file``; UsageError for a file that cannot be used."""
        self._lines = _lines_of("--pin-file", pin_file) if pin_file else None

    def pin(self, who: str) -> str:
        """Return the PIN of somebody, typed without echo.

        Raises:
            UsageError: nobody can be asked, or there was no answer.
        """
        return self._secret(f"PIN of {who}")

    def new_pin(self, who: str) -> str:
        """Return a new PIN for somebody: from the terminal twice.

        Raises:
            UsageError: nobody can be asked, no answer, or two different ones.
        """
        pin = self._secret(f"New PIN of {who}, 6 to 12 digits")
        if self._lines is None and self._secret(f"New PIN of {who}, once more") != pin:
            raise UsageError("the two PINs are not the same; nothing was changed")
        return pin

    def _secret(self, prompt: str) -> str:
        if self._lines is not None:
            return _next(self._lines, prompt)
        if not has_terminal():
            raise UsageError("there is no terminal to ask for a PIN: give --pin-file FILE, or - for standard input")
        import getpass

        try:
            return getpass.getpass(f"{prompt}: ").strip()
        except EOFError:
            raise UsageError("no PIN was given") from None


def ask(question: str, otherwise: str) -> str:
    """Return one line typed on the terminal.

    Raises:
        UsageError: there is no terminal, ``otherwise`` says what to do then; or there was no answer.
    """
    with _terminal(question, otherwise) as terminal:
        terminal.write(f"{question}: ")
        terminal.flush()
        line = terminal.readline(LINE_MAX)
    if not line:
        raise UsageError(f"{question}: no answer was given")
    return line.strip()


def ask_until(question: str, check: Callable[[str], T], otherwise: str) -> T:
    """Ask on the terminal until the answer is one; say at once why another is not.

    Args:
        question: What is asked.
        check: Returns what the answer means; UsageError refuses it.
        otherwise: What to do where there is no terminal.

    Raises:
        UsageError: there is no terminal, or no further answer.
    """
    while True:
        said = ask(question, otherwise)
        try:
            return check(said)
        except UsageError as error:
            tell(str(error), otherwise)


def tell(line: str, otherwise: str) -> None:
    """Write one line to the terminal that is being asked on; UsageError where there is none."""
    with _terminal(line, otherwise) as terminal:
        terminal.write(f"{line}\n")


def has_terminal() -> bool:
    """Return whether somebody can be asked."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def secret_line(option: str, source: str) -> str:
    """Return the first line of a file that only its owner can read, or of standard input for ``-``.

    Raises:
        UsageError: it cannot be read, others can read it too, or it is empty; names the option.
    """
    return _next(_lines_of(option, source), option)


def stdin_line(what: str) -> str:
    """Return the next line of standard input; UsageError when there is none."""
    return _next(sys.stdin, what)


def read_document(source: str, what: str) -> bytes:
    """Return a small document from a file, or from standard input for ``-``.

    Raises:
        UsageError: it cannot be read or is too large.
    """
    try:
        if source == STDIN:
            content = sys.stdin.buffer.read(DOCUMENT_BYTES_MAX + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"{what} cannot be read: {error.strerror}") from None
    if len(content) > DOCUMENT_BYTES_MAX:
        raise UsageError(f"{what} is longer than {DOCUMENT_BYTES_MAX // 1024} KiB")
    return content


def _lines_of(option: str, source: str) -> TextIO:
    if source == STDIN:
        return sys.stdin
    try:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            status = os.fstat(file.fileno())
            if not (stat.S_ISREG(status.st_mode) and status.st_mode & 0o077):
                return StringIO(file.read(PIN_FILE_CHARS_MAX))
    except OSError as error:
        raise UsageError(f"{option} {source} cannot be read: {error.strerror}") from None
    raise UsageError(f"{option} {source} can be read by others; run: chmod 600 {source}")


def _next(lines: TextIO, what: str) -> str:
    try:
        line = lines.readline(LINE_MAX)
    except (OSError, UnicodeDecodeError):
        line = ""
    if not line:
        raise UsageError(f"there is no further line for {what}")
    return line.strip()


@contextlib.contextmanager
def _terminal(question: str, otherwise: str) -> Iterator[TextIO]:
    try:
        fd = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        raise UsageError(f"there is no terminal to ask for {question.lower()}: {otherwise}") from None
    with TextIOWrapper(FileIO(fd, "w+"), encoding="utf-8", errors="replace", line_buffering=True) as terminal:
        yield terminal
