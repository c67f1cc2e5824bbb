"""The body map of a session: areas by how far they were given, and a dot for each point that was."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from meso_device.bodymap.grid import LARGE, Grid, grid
from meso_device.bodymap.views import VIEWS
from meso_device.documents.svg import BLUE, MONO, SOFT, Canvas

_CELL: Final = (60, 120)
_BRAILLE: Final = range(0x2800, 0x2900)
# Column and row of each bit of a braille letter, which the outlines are drawn with.
_BITS: Final = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
_FILLS: Final = {"all": "#c9d9ea", "some": "#f3dcc0", "none": "#ececec"}
# Dots closer than this would run into one another; an area then shows as many as it has room for.
_SPACING_MAX, _SPACING_MIN = 240, 28


class Shown(Struct, frozen=True):
    """Points of one area: planned, and given."""

    planned: int
    given: int

    @property
    def state(self) -> str:
        """How far it was given: ``all``, ``some`` or ``none``."""
        if not self.given:
            return "none"
        return "all" if self.given >= self.planned else "some"


def views_of(areas: Mapping[str, Shown]) -> tuple[str, ...]:
    """Return the views that show any of these areas."""
    return tuple(view for view, named in VIEWS.items() if not areas.keys().isdisjoint(named.values()))


def body_picture(view: str, areas: Mapping[str, Shown]) -> str:
    """Return a view with these areas as SVG; left and right are the patient's."""
    drawn = grid(view, LARGE)
    width, height = _CELL
    canvas = Canvas(drawn.width * width, len(drawn.art) * height)
    for y, row in enumerate(drawn.zones):
        for x, area in enumerate(row):
            if area in areas:
                # A hair wider than the cell, or the grid would shine through.
                canvas.box(x * width, y * height, width + 4, height + 4, fill=_FILLS[areas[area].state])
    for area, shown in areas.items():
        for x, y in _dots(_cells(drawn, area), shown.given):
            canvas.ring(x, y, 9, fill=BLUE, ink=BLUE)
    canvas.specks(
        [
            place
            for y, line in enumerate(drawn.art)
            for x, letter in enumerate(line)
            if ord(letter) in _BRAILLE
            for place in _outline(x, y, ord(letter) - _BRAILLE.start)
        ],
        18,
        fill=SOFT,
    )
    for y, line in enumerate(drawn.art):
        for x, word in _words(line):
            canvas.text(x * width, y * height + 92, word, size=100, font=MONO)
    return canvas.done()


def _cells(drawn: Grid, area: str) -> list[tuple[int, int]]:
    return [(x, y) for y, row in enumerate(drawn.zones) for x, here in enumerate(row) if here == area]


def _dots(cells: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Return places for so many dots, spread evenly over the cells: a lattice as wide as still has room for all."""
    if not cells or not count:
        return []
    width, height = _CELL
    inside = set(cells)
    right, bottom = (max(column for column, _ in cells) + 1) * width, (max(row for _, row in cells) + 1) * height
    places: list[tuple[int, int]] = []
    for spacing in range(_SPACING_MAX, _SPACING_MIN - 1, -4):
        places = [
            (x, y)
            for no, y in enumerate(range(spacing // 2, bottom, spacing))
            for x in range(spacing // 2 * (1 + no % 2), right, spacing)
            if (x // width, y // height) in inside
        ]
        if len(places) >= count:
            break
    shown = min(count, len(places))
    return [places[no * len(places) // shown] for no in range(shown)]


def _outline(x: int, y: int, bits: int) -> list[tuple[int, int]]:
    """Return where the specks of a braille letter stand."""
    return [
        (x * _CELL[0] + column * 30 + 5, y * _CELL[1] + row * 30 + 5)
        for bit, (column, row) in enumerate(_BITS)
        if bits >> bit & 1
    ]


def _words(line: str) -> list[tuple[int, str]]:
    """Return the words of a row, such as the areas' names, with the column at which each begins."""
    found, word = [], ""
    for x, letter in enumerate(f"{line} "):
        if letter.isascii() and letter.isalnum():
            word += letter
        elif word:
            found.append((x - len(word), word))
            word = ""
    return found


def body_words(view: str, areas: Mapping[str, Shown], names: Mapping[str, str]) -> str:
    """Return in words what the picture of a view shows."""
    here = [area for area in VIEWS[view].values() if area in areas]
    told = ", ".join(f"{names[area]} {areas[area].given} of {areas[area].planned}" for area in here)
    return f"Body map, {view}: points given of points planned: {told}."
