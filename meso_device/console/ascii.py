"""The ASCII set, for terminals and eyes that do without symbols: every character becomes one of the same width."""

import unicodedata
from functools import lru_cache
from typing import Final

from rich.cells import cell_len

_SYMBOLS: Final = str.maketrans(
    {
        "○": "o",
        "◇": "<",
        "◆": "#",
        "▶": ">",
        "◌": "(",
        "■": "#",
        "✕": "X",
        "…": "~",
        "µ": "u",
        "·": ".",
        "░": ".",
        "▒": ":",
        "▓": "#",
        "█": "@",
        "×": "x",  # noqa: RUF001  # a symbol is what stands here
        "─": "-",
        "│": "|",
        "┌": "+",
        "┐": "+",
        "└": "+",
        "┘": "+",
        "╱": "/",  # noqa: RUF001  # the same
        "╲": "\\",
        "→": ">",
        "↑": "^",
        "↓": "v",
        "²": "2",
        "°": "o",
        "±": "+",
        "–": "-",  # noqa: RUF001  # the same
        "•": "*",
        "√": "v",
        "▌": "|",
        "▐": "|",
        "▀": '"',
        "▄": "_",
    }
)
_BRAILLE: Final = range(0x2800, 0x2900)
# Dots of a braille cell from top to bottom, left column and right column.
_LEFT: Final = (0x01, 0x02, 0x04, 0x40)
_RIGHT: Final = (0x08, 0x10, 0x20, 0x80)


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """Return the text in ASCII alone, as many cells wide as before."""
    if text.isascii():
        return text
    return "".join(letter if letter.isascii() else _letter(letter) for letter in text.translate(_SYMBOLS))


def _letter(letter: str) -> str:
    if ord(letter) in _BRAILLE:
        return _stroke(ord(letter) - 0x2800)
    base, width = unicodedata.normalize("NFKD", letter)[0], cell_len(letter)
    return base if base.isascii() and base.isprintable() and width == 1 else "?" * width


def _stroke(dots: int) -> str:
    """Return the ASCII character that lies most like these dots."""
    left = [row for row, bit in enumerate(_LEFT) if dots & bit]
    right = [row for row, bit in enumerate(_RIGHT) if dots & bit]
    if not left and not right:
        return " "
    if left and right:
        rise = sum(left) * len(right) - sum(right) * len(left)
        if max(left + right) - min(left + right) >= 2 and abs(rise) >= len(left) * len(right):
            return "/" if rise > 0 else "\\"
    rows = left + right
    if max(rows) - min(rows) >= 2:
        return "|"
    return "'" if max(rows) <= 1 else "." if min(rows) <= 2 else "_"
