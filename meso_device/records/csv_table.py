"""Tables for spreadsheets: a header, quoted where needed, and no cell that a spreadsheet would run as a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

BYTE_ORDER_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Without it a spreadsheet does not take the file for UTF-8."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = Mapping[str, int | str | bool]


def csv_lines(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[str]:
    """Yield the table after RFC 4180, line by line, from the byte order mark on; each row has all columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def line(cells: Iterable[int | str | bool]) -> str:
        writer.writerow(map(_cell, cells))
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    yield BYTE_ORDER_MARK + line(columns)
    for row in rows:
        yield line(row[name] for name in columns)


def _cell(value: int | str | bool) -> int | str:
    """Return a cell; a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
