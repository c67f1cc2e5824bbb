"""A view at one size: two equal grids of characters, the art that is seen and the mask that says which area a cell is.

Beside each other in a file: the art, a line of three dashes, the mask. Left and right are the patient's.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Final

from msgspec import Struct

from meso_device.bodymap.views import VIEWS

SMALL: Final = "small"
LARGE: Final = "large"
LARGE_MIN: Final = (58, 33)
_CELL_ASPECT: Final = 2
"""A cell of a terminal is about twice as high as wide."""


class Run(Struct, frozen=True):
    """Neighbouring cells of a row that are drawn alike.

    Attributes:
        text: Their art.
        area: Area that they belong to; empty outside of all.
    """

    text: str
    area: str


class Grid(Struct, frozen=True):
    """One view at one size.

    Attributes:
        art: Rows of equal length; blank in an area where nothing but its pattern is drawn.
        zones: Area of each cell, in rows as long; empty strings outside.
        centres: Row and column of the middle of each area, in tenths of a cell.
    """

    art: tuple[str, ...]
    zones: tuple[tuple[str, ...], ...]
    centres: Mapping[str, tuple[int, int]]

    @property
    def width(self) -> int:
        """Cells of a row."""
        return len(self.art[0])

    def area_at(self, x: int, y: int) -> str:
        """Return the area at a cell; empty where there is none."""
        return self.zones[y][x] if 0 <= y < len(self.zones) and 0 <= x < self.width else ""

    def runs(self, y: int) -> list[Run]:
        """Return a row in pieces that are drawn alike."""
        art, row = self.art[y], []
        at = 0
        for area, cells in groupby(self.zones[y]):
            size = len(list(cells))
            row.append(Run(art[at : at + size], area))
            at += size
        return row

    def towards(self, area: str, dx: int, dy: int) -> str:
        """Return the nearest area in a direction, or the same one where there is none.

        Args:
            area: Where one is; an area of another view begins in the middle of this one.
            dx: -1 left, 1 right, else 0.
            dy: -1 up, 1 down, else 0.
        """
        middle = (5 * len(self.art), 5 * self.width)
        row, column = self.centres.get(area, middle)
        best, least = area if area in self.centres else "", -1
        for other, (other_row, other_column) in self.centres.items():
            right, down = other_column - column, (other_row - row) * _CELL_ASPECT
            along, aside = (right * dx, abs(down)) if dx else (down * dy, abs(right))
            if other == area or along <= 0:
                continue
            # What lies aside counts double: an arrow goes on in its line where it can.
            cost = along * along + 4 * aside * aside
            if least < 0 or cost < least:
                best, least = other, cost
        return best


@cache
def grid(view: str, size: str) -> Grid:
    """Return a view of `VIEWS` at ``small`` (34 by 17 cells) or ``large`` (58 by 33)."""
    text = (files(__package__) / f"{view}_{size}.txt").read_text("utf-8")
    art_text, mask_text = text.split("\n---\n")
    art, mask = art_text.split("\n"), mask_text.rstrip("\n").split("\n")
    height, width = max(len(art), len(mask)), max(map(len, [*art, *mask]))
    art = [row.ljust(width) for row in art + [""] * (height - len(art))]
    mask = [row.ljust(width) for row in mask + [""] * (height - len(mask))]
    letters = VIEWS[view]
    zones = tuple(tuple(letters[letter] if letter != " " else "" for letter in row) for row in mask)
    cells: dict[str, list[tuple[int, int]]] = {}
    for y, row in enumerate(zones):
        for x, area in enumerate(row):
            if area:
                cells.setdefault(area, []).append((y, x))
    centres = {
        area: (10 * sum(y for y, _ in found) // len(found), 10 * sum(x for _, x in found) // len(found))
        for area, found in cells.items()
    }
    return Grid(tuple(art), zones, centres)


def size_for(width: int, height: int) -> str:
    """Return the largest size that fits."""
    return LARGE if width >= LARGE_MIN[0] and height >= LARGE_MIN[1] else SMALL
