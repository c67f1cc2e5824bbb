"""Figures three rows high, of strokes that every terminal has."""

from typing import Final

from meso_device.console.lines import Line, Span, Tone

_STROKES: Final = {
    "0": (" _ ", "| |", "|_|"),
    "1": ("   ", "  |", "  |"),
    "2": (" _ ", " _|", "|_ "),
    "3": (" _ ", " _|", " _|"),
    "4": ("   ", "|_|", "  |"),
    "5": (" _ ", "|_ ", " _|"),
    "6": (" _ ", "|_ ", "|_|"),
    "7": (" _ ", "  |", "  |"),
    "8": (" _ ", "|_|", "|_|"),
    "9": (" _ ", "|_|", " _|"),
    ".": ("  ", "  ", ". "),
}


def high(text: str) -> list[str]:
    """Return digits and points as three rows; what else the text holds stands small in the last row."""
    parts = [_STROKES.get(letter, (" ", " ", letter)) for letter in text]
    return [" ".join(part[row] for part in parts) if parts else "" for row in range(3)]


def side_by_side(figures: list[tuple[str, str, str]], width: int) -> list[Line]:
    """Return figures with label and unit, beside each other in columns of ``width`` cells."""
    rows: list[list[Span]] = [[], [], []]
    for label, figure, unit in figures:
        for no, text in enumerate(high(figure)):
            before = f" {label:<7}" if no == 1 else " " * 8
            after = f" {unit}" if no == 2 else ""
            fill = " " * max(0, width - len(before) - len(text) - len(after))
            rows[no] += [Span(before, Tone.DIM), Span(text, Tone.STRONG), Span(after + fill, Tone.DIM)]
    return [tuple(row) for row in rows]
