"""Just enough SVG: elements with integer coordinates, and one place that escapes what comes from outside."""

from collections.abc import Sequence
from html import escape
from typing import Final

INK: Final = "#1a1a1a"
SOFT: Final = "#8a8a8a"
GRID: Final = "#d9d9d9"
BLUE: Final = "#1f4e79"
AMBER: Final = "#b45309"
RED: Final = "#a11212"
WHITE: Final = "#ffffff"
FONT: Final = "Libertinus Serif, serif"
MONO: Final = "DejaVu Sans Mono, monospace"
# Enough to keep a mark and its neighbour apart; letters of the font are about half as wide as high.
_LETTER_TENTHS: Final = 5


class Canvas:
    """A picture in the making, in tenths of a point; everything is integer, so there is one way to write it."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def line(self, x1: int, y1: int, x2: int, y2: int, *, ink: str = INK, width: int = 8, dash: str = "") -> None:
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{ink}" stroke-width="{width}"{dashed}/>'
        )

    def path(self, points: Sequence[tuple[int, int]], *, ink: str = INK, width: int = 12, dash: str = "") -> None:
        """Draw a line through points."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        places = " ".join(f"{x},{y}" for x, y in points)
        self._parts.append(f'<polyline points="{places}" fill="none" stroke="{ink}" stroke-width="{width}"{dashed}/>')

    def box(self, x: int, y: int, width: int, height: int, *, fill: str = "none", ink: str = "none") -> None:
        """Draw a rectangle."""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{ink}" stroke-width="8"/>'
        )

    def specks(self, places: Sequence[tuple[int, int]], size: int, *, fill: str) -> None:
        """Draw many small squares as one, which costs a renderer far less."""
        squares = "".join(f"M{x} {y}h{size}v{size}h-{size}z" for x, y in places)
        self._parts.append(f'<path d="{squares}" fill="{fill}"/>')

    def ring(self, x: int, y: int, radius: int, *, fill: str = WHITE, ink: str = INK) -> None:
        """Draw a circle."""
        self._parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{ink}" stroke-width="12"/>')

    def text(
        self, x: int, y: int, text: str, *, size: int = 90, anchor: str = "start", ink: str = INK, font: str = FONT
    ) -> None:
        """Write text on the base line ``y``; ``anchor`` is ``start``, ``middle`` or ``end``."""
        self._parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{ink}" '
            f'font-family="{escape(font)}" xml:space="preserve">{escape(text, quote=False)}</text>'
        )

    def turned_text(self, x: int, y: int, text: str, *, size: int = 90) -> None:
        """Write text upwards, its middle at ``y``."""
        self._parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="middle" fill="{INK}" '
            f'font-family="{escape(FONT)}" transform="rotate(-90 {x} {y})">{escape(text, quote=False)}</text>'
        )

    def done(self) -> str:
        """Return the picture."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width // 10}" height="{self.height // 10}">{"".join(self._parts)}</svg>'
        )


def text_width(text: str, size: int) -> int:
    """Return about how wide a text is."""
    return len(text) * size * _LETTER_TENTHS // 10
