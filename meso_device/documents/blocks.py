"""What a document is made of, whatever it is written as: one list of blocks for PDF and HTML."""

from typing import Final, TypeAlias

from msgspec import Struct

SIMULATED: Final = "SIMULATED"
"""The mark across each page that tells of a simulated gun."""


class Heading(Struct, frozen=True, tag="heading"):
    """A heading of a part of the document."""

    text: str


class Text(Struct, frozen=True, tag="text"):
    """A paragraph."""

    text: str


class Notice(Struct, frozen=True, tag="notice"):
    """A paragraph that nobody may miss, in a frame."""

    text: str


class Items(Struct, frozen=True, tag="items"):
    """A list of short sentences."""

    items: tuple[str, ...]


class Facts(Struct, frozen=True, tag="facts"):
    """Names and what they are; a name stands beside its value, one pair a line."""

    rows: tuple[tuple[str, str], ...]


class Column(Struct, frozen=True):
    """A column of a table.

    Attributes:
        title: What stands in it, with the unit.
        number: Whether it holds numbers, which are set to the right.
        wide: Whether it takes the room that the others leave.
    """

    title: str
    number: bool = False
    wide: bool = False


class Table(Struct, frozen=True, tag="table"):
    """A table; its head is repeated on each page. Every row has as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


class Figure(Struct, frozen=True, tag="figure"):
    """A picture.

    Attributes:
        svg: The picture, an SVG document.
        alt: What can be seen in it, in words, for who does not see it.
        caption: The line below; empty for none.
        width_mm: How wide it is on paper.
    """

    svg: str
    alt: str
    caption: str = ""
    width_mm: int = 150


class NewPage(Struct, frozen=True, tag="page"):
    """What follows begins on a new page."""


Block: TypeAlias = Heading | Text | Notice | Items | Facts | Table | Figure | NewPage


class Document(Struct, frozen=True, kw_only=True):
    """A whole document.

    Attributes:
        title: What it is.
        number: Its own number, on every page.
        author: Who issues it.
        date: Year, month and day that it bears.
        mark: Stands across every page; empty for none.
        blocks: What it says.
        end: The last line: nothing may be added after it.
    """

    title: str
    number: str
    author: str
    date: tuple[int, int, int]
    mark: str
    blocks: tuple[Block, ...]
    end: str = "End of the document"

    @property
    def date_text(self) -> str:
        """The date as it is written."""
        year, month, day = self.date
        return f"{year:04}-{month:02}-{day:02}"
