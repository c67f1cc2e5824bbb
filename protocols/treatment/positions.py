"""Where each key of a TOML text stands, for error messages.

``tomllib`` decides what a file means but gives no positions. This scanner gives them and decides nothing:
it reads only as much TOML as it takes to find headers and keys, never fails, and takes time linear in the
text. It runs after something was found wrong, so a good file does not pay for it.
"""

import re
import tomllib
from typing import Final, TypeAlias

from msgspec import Struct, field

from protocols.treatment.text import line_and_column

Path: TypeAlias = tuple[str | int, ...]

_BLANK: Final = re.compile(r"[ \t\n]*")
_SPACE: Final = re.compile(r"[ \t]*")
_PART: Final = re.compile(r"""([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'""")
_ESCAPED: Final = 2  # the group of _PART in which a backslash means something
_WRITTEN: Final = re.compile(r"\[[^\n#]*|[^=\n]*")
_LINE_END: Final = re.compile(r"[^\n]*")
# The first of these in a value decides what comes next; strings are swallowed whole, also unclosed ones.
_IN_VALUE: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:""")?|\'\'\'(?:[^\']|\'(?!\'\'))*(?:\'\'\')?|'
    r'"(?:[^"\\\n]|\\.)*"?|\'[^\'\n]*\'?|#[^\n]*|[\[{]|[\]}]|\n',
    re.DOTALL,
)


class Positions(Struct):
    """Offsets of the keys and values of one text; see `scan`.

    Attributes:
        duplicates: Offset of each key or table that was written a second time, with the offset of the first.
        deepest: Nesting of brackets at its highest and the offset of that bracket.
    """

    text: str
    keys: dict[Path, int] = field(default_factory=dict)
    values: dict[Path, int] = field(default_factory=dict)
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    deepest: tuple[int, int] = (0, 0)

    def of_key(self, path: Path) -> tuple[int, int]:
        """Return line and column of a key, or of the nearest table around it."""
        return self._nearest(self.keys, path)

    def of_value(self, path: Path) -> tuple[int, int]:
        """Return line and column of the value of a key, or of the nearest table around it."""
        if path in self.values:
            return line_and_column(self.text, self.values[path])
        # An element of an array has no position of its own, but its array has.
        parent = path[:-1]
        return self.of_value(parent) if parent in self.values else self.of_key(path)

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character."""
        return line_and_column(self.text, offset)

    def written(self, offset: int) -> str:
        """Return the key or header that starts at a character, as it was written."""
        found = _WRITTEN.match(self.text, offset)
        return found.group().rstrip() if found is not None else ""

    def _nearest(self, where: dict[Path, int], path: Path) -> tuple[int, int]:
        for length in range(len(path), 0, -1):
            offset = where.get(path[:length])
            if offset is not None:
                return line_and_column(self.text, offset)
        return 1, 1


def scan(text: str) -> Positions:
    """Find the headers, keys and values of a TOML text, well-formed or not."""
    positions = Positions(text)
    arrays: dict[Path, int] = {}
    table: Path = ()
    at = _end(_BLANK, text, 0)
    while at < len(text):
        if text[at] == "[":
            table, at = _header(positions, arrays, at)
        elif text[at] == "#":
            at = _end(_LINE_END, text, at)
        else:
            at = _assignment(positions, table, at)
        at = _end(_BLANK, text, at)
    return positions


def _header(positions: Positions, arrays: dict[Path, int], start: int) -> tuple[Path, int]:
    text = positions.text
    is_array = text.startswith("[[", start)
    parts, end = _dotted(text, start + (2 if is_array else 1))
    path: Path = ()
    for part in parts[:-1]:
        path += (part,)
        if path in arrays:
            path += (arrays[path],)
    path += tuple(parts[-1:])
    if is_array:
        arrays[path] = arrays.get(path, -1) + 1
        path += (arrays[path],)
    _note(positions, path, start)
    return path, _end(_LINE_END, text, end)


def _assignment(positions: Positions, table: Path, start: int) -> int:
    text = positions.text
    parts, at = _dotted(text, start)
    if not parts or not text.startswith("=", at):
        return max(_end(_LINE_END, text, at), start + 1)
    path = table + tuple(parts)
    _note(positions, path, start)
    at = _end(_SPACE, text, at + 1)
    positions.values.setdefault(path, at)
    return _after_value(positions, at)


def _after_value(positions: Positions, start: int) -> int:
    depth = 0
    for found in _IN_VALUE.finditer(positions.text, start):
        piece = found.group()
        if piece in "[{":
            depth += 1
            if depth > positions.deepest[0]:
                positions.deepest = (depth, found.start())
        elif piece in "]}":
            depth -= 1
        elif piece == "\n" and depth <= 0:
            return found.start()
    return len(positions.text)


def _dotted(text: str, at: int) -> tuple[list[str], int]:
    """Read ``a."b".c`` and the blanks around it; return the parts and the offset behind."""
    parts: list[str] = []
    while True:
        at = _end(_SPACE, text, at)
        found = _PART.match(text, at)
        if found is None:
            return parts, at
        parts.append(_plain(found))
        at = _end(_SPACE, text, found.end())
        if not text.startswith(".", at):
            return parts, at
        at += 1


def _plain(part: re.Match[str]) -> str:
    """Return a part of a key without quotes and escapes."""
    written = part.group(part.lastindex or 0)
    if "\\" not in written or part.lastindex != _ESCAPED:
        return written
    try:
        (plain,) = tomllib.loads(f"{part.group()} = 0")
    except tomllib.TOMLDecodeError:
        return written
    return plain


def _note(positions: Positions, path: Path, offset: int) -> None:
    if path in positions.keys:
        positions.duplicates.append((offset, positions.keys[path]))
    else:
        positions.keys[path] = offset


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found is not None else at
