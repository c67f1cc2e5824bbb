"""Rows of toned text: what presenters make and widgets draw. Pure."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from rich.cells import cell_len, set_cell_size

# A number stays with its unit.
_BEHIND_SPACES: Final = re.compile(r"(?<= )(?! |[µm]L\b|mm\b)")


class Tone(StrEnum):
    """What a piece of text means; a theme says how that looks."""

    VALUE = "value"
    DIM = "dim"
    STRONG = "strong"
    TITLE = "title"
    KEY = "key"
    WARN = "warn"
    CURSOR = "cursor"
    FIELD = "field"
    FIELD_ACTIVE = "field_active"
    BUTTON = "button"
    BUTTON_ACTIVE = "button_active"
    STOP = "stop"
    STATE_QUIET = "state_quiet"
    STATE_ARMED = "state_armed"
    STATE_MOVING = "state_moving"
    STATE_SERVICE = "state_service"
    STATE_FAULT = "state_fault"
    HIGH = "high"
    HIGH_FLASH = "high_flash"
    MEDIUM = "medium"
    MEDIUM_FLASH = "medium_flash"
    LOW = "low"
    ZONE = "zone"
    ZONE_PLANNED = "zone_planned"
    ZONE_DONE = "zone_done"
    ZONE_SELECTED = "zone_selected"
    ZONE_DEVIATING = "zone_deviating"
    ZONE_FORBIDDEN = "zone_forbidden"
    SKIN = "skin"


class Span(NamedTuple):
    """A piece of a row.

    Attributes:
        text: What is read.
        tone: What it means.
        act: Action of the screen that a click on it asks for; empty for none.
    """

    text: str
    tone: Tone = Tone.VALUE
    act: str = ""


Line: TypeAlias = tuple[Span, ...]


class Pane(Struct, frozen=True, kw_only=True):
    """Where rows are shown and when.

    Attributes:
        width: Cells.
        height: Rows.
        offset_s: Local time minus UTC.
        now_ms: Monotonic time of the screen: flashing and counting down.
    """

    width: int
    height: int
    offset_s: int = 0
    now_ms: int = 0


ELLIPSIS: Final = "…"


def line(*parts: Span | str) -> Line:
    """Return a row of these parts; bare text is a value."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts if part)


def dim(text: str) -> Span:
    """Return a label."""
    return Span(text, Tone.DIM)


def strong(text: str) -> Span:
    """Return what is read first."""
    return Span(text, Tone.STRONG)


def warn(text: str) -> Span:
    """Return what is not as it should be."""
    return Span(text, Tone.WARN)


def key(name: str, text: str, act: str = "") -> tuple[Span, Span, Span]:
    """Return a key with what it does, clickable where it names an action."""
    return Span(f"[{name}]", Tone.KEY, act), Span(f" {text}", Tone.VALUE, act), Span("  ")


def plain(row: Line) -> str:
    """Return the text of a row without tones."""
    return "".join(span.text for span in row)


def cells(row: Iterable[Span]) -> int:
    """Return how many cells of a terminal the row takes."""
    return sum(cell_len(span.text) for span in row)


def cut(row: Line, width: int) -> Line:
    """Return the row in at most ``width`` cells; what was cut off is said by an ellipsis."""
    if cells(row) <= width:
        return row
    while row and not row[-1].text.rstrip(" ") and cells(row[:-1]) >= width:
        row = row[:-1]
    if row and cells(row) - cell_len(row[-1].text) + cell_len(row[-1].text.rstrip(" ")) <= width:
        return (*row[:-1], row[-1]._replace(text=row[-1].text[: width - cells(row[:-1])]))
    kept: list[Span] = []
    left = max(0, width - 1)
    for span in row:
        size = cell_len(span.text)
        if size >= left:
            kept.append(span._replace(text=set_cell_size(span.text, left).rstrip() + ELLIPSIS))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


def apart(left: Line, right: Line, width: int) -> Line:
    """Return a row with one part at each end; where both do not fit, the left one is cut."""
    room = width - cells(right)
    left = cut(left, max(0, room - 1) if right else width)
    return (*left, Span(" " * max(0, room - cells(left))), *right)


def columns(parts: Iterable[tuple[Span | str, int]]) -> Line:
    """Return a row of parts, each filled or cut to its width; a negative width aligns to the right."""
    row: list[Span] = []
    for part, width in parts:
        span = part if isinstance(part, Span) else Span(part)
        size = cell_len(span.text)
        if size > abs(width):
            text = set_cell_size(span.text, abs(width) - 1) + ELLIPSIS
        else:
            fill = " " * (abs(width) - size)
            text = fill + span.text if width < 0 else span.text + fill
        row.append(span._replace(text=text))
    return tuple(row)


def flow(row: Line, width: int, indent: int) -> list[Line]:
    """Return the row in rows of at most ``width`` cells, broken at spaces; those after the first are indented."""
    if cells(row) <= width:
        return [row]
    rows: list[Line] = []
    current: list[Span] = []
    used = 0
    for span in row:
        for piece in _BEHIND_SPACES.split(span.text):
            size = cell_len(piece.rstrip(" "))
            if used > indent and size and used + size > width:
                rows.append(tuple(current))
                current, used = [Span(" " * indent)], indent
            current.append(span._replace(text=piece))
            used += cell_len(piece)
    return [*rows, tuple(current)]


def wrap(text: str, width: int, tone: Tone = Tone.VALUE) -> list[Line]:
    """Return the text in rows of at most ``width`` cells, broken at spaces."""
    rows: list[str] = []
    width = max(1, width)  # a sheet that is not laid out yet has none
    for word in text.split():
        piece = word
        if rows and cell_len(rows[-1]) + 1 + cell_len(piece) <= width:
            rows[-1] += f" {piece}"
            continue
        while cell_len(piece) > width:
            taken = max(1, len(set_cell_size(piece, width).rstrip()))
            rows.append(piece[:taken])
            piece = piece[taken:]
        rows.append(piece)
    return [line(Span(row, tone)) for row in rows]


def boxed(rows: list[Line], width: int) -> list[Line]:
    """Return the rows in a drawn box of ``width`` cells."""
    inside = max(1, width - 4)
    edge, side = "─" * (inside + 2), Span("│")
    body = [(side, Span(" "), *apart(cut(row, inside), (), inside), Span(" "), side) for row in rows]
    return [line(f"┌{edge}┐"), *body, line(f"└{edge}┘")]


def filled(rows: list[Line], height: int) -> list[Line]:
    """Return exactly ``height`` rows: empty ones are added, what does not fit is left out."""
    return rows[:height] + [()] * max(0, height - len(rows))
