"""What is wrong with a treatment protocol file, and where."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from protocols.errors import UsageError

# A file that is wrong everywhere must not fill the screen.
PROBLEMS_MAX: Final = 20
_QUOTED_MAX: Final = 40


class Problem(Struct, frozen=True):
    """One thing wrong, at a line and column that count from 1."""

    line: int
    column: int
    what: str


class TreatmentFileError(UsageError):
    """A treatment protocol file was refused; its text has one line per problem, ``name:line:column: what``.

    Attributes:
        name: The file, as the user named it.
        problems: At most `PROBLEMS_MAX`, in the order of the file.
    """

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        """Keep the first problems; ``problems`` is not empty."""
        ordered = sorted(problems, key=lambda problem: (problem.line, problem.column))
        self.name = name
        self.problems = tuple(ordered[:PROBLEMS_MAX])
        shown = printable(name)
        lines = [f"{shown}:{at.line}:{at.column}: {at.what}" for at in self.problems]
        if len(ordered) > PROBLEMS_MAX:
            lines.append(f"{shown}: and {len(ordered) - PROBLEMS_MAX} more")
        super().__init__("\n".join(lines))


def printable(text: str) -> str:
    """Return text that cannot move the cursor or change the reading direction."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def quoted(text: str) -> str:
    """Return foreign text for a message: quoted, escaped and cut short."""
    return repr(text if len(text) <= _QUOTED_MAX else text[:_QUOTED_MAX] + "...")


def foreign_letter(text: str) -> str:
    """Name the first letter outside ASCII, which may look like another; empty if there is none."""
    for char in text[:_QUOTED_MAX]:
        if not char.isascii():
            return f"{char!r} is {unicodedata.name(char, 'a letter without a name')}"
    return ""
