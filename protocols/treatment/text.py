"""From the bytes of a treatment protocol file to text that is safe to parse: bounded and in one form."""

import re
from typing import Final

from protocols.treatment.problems import Problem, TreatmentFileError, foreign_letter

# Every area of the catalogue with every key written out takes about 30 KiB.
FILE_BYTES_MAX: Final = 64 * 1024
# tomllib copies a dotted key once for each of its parts: short lines keep that linear.
LINE_CHARS_MAX: Final = 1_000

_NUL: Final = "NUL byte: this is not a text file in UTF-8"
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_LONG_LINE: Final = re.compile(f"[^\n]{{{LINE_CHARS_MAX + 1}}}")


def decode(data: bytes, name: str) -> str:
    """Return the text of a treatment protocol file.

    Line ends are LF only: a file is approved by its digest, which a tool that changes line ends would void.

    Raises:
        TreatmentFileError: empty or too large; not UTF-8; a byte order mark, NUL, carriage return,
            other control character or invisible character; a line that is too long.
    """
    if not data:
        raise TreatmentFileError(name, [Problem(1, 1, "the file is empty")])
    if len(data) > FILE_BYTES_MAX:
        raise TreatmentFileError(name, [Problem(1, 1, too_large(len(data)))])
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise TreatmentFileError(name, [_at_byte(data, error.start)]) from None
    found = _FORBIDDEN.search(text)
    if found is not None:
        raise TreatmentFileError(name, [_at(text, found.start(), _forbidden(found.group()))])
    found = _LONG_LINE.search(text)
    if found is not None:
        what = f"the line is longer than {LINE_CHARS_MAX} characters"
        raise TreatmentFileError(name, [_at(text, found.start(), what)])
    return text


def too_large(size_bytes: int) -> str:
    """Say that a file of this size is refused."""
    return f"the file has {size_bytes} bytes; at most {FILE_BYTES_MAX} are allowed"


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return the line and the column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def _at(text: str, offset: int, what: str) -> Problem:
    line, column = line_and_column(text, offset)
    return Problem(line, column, what)


def _at_byte(data: bytes, offset: int) -> Problem:
    """Say what is wrong with a byte that is not UTF-8; a NUL before it means another encoding altogether."""
    nul = data.find(0, 0, offset)
    before = data[: offset if nul < 0 else nul]
    what = f"byte 0x{data[offset]:02x} is not UTF-8: save the file as UTF-8" if nul < 0 else _NUL
    return Problem(before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1, what)


def _forbidden(char: str) -> str:
    if char == "\r":
        return "carriage return: save the file with LF line ends"
    if char == "\ufeff":
        return "byte order mark: save the file as UTF-8 without one"
    if char == "\x00":
        return _NUL
    return foreign_letter(char) or f"control character 0x{ord(char):02x}"
