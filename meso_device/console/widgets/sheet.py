"""A widget that draws toned rows, and only those that changed."""

from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from meso_device.console.ascii import to_ascii
from meso_device.console.lines import Line, Span, Tone, cells, cut


class Drawn(Protocol):
    """What a sheet needs of the application."""

    only_ascii: bool

    @property
    def colourless(self) -> bool:
        """Whether nothing is coloured."""

    def style_of(self, tone: Tone) -> Style:
        """Return how a tone looks now."""


class Painted(Protocol):
    """What a sheet needs when its size changes."""

    def paint(self) -> None:
        """Make the rows anew."""


class Sheet(Widget):
    """Rows of text. A click on a piece that names an action runs it on the screen."""

    def __init__(self, *, id: str, classes: str = "") -> None:  # noqa: A002  # Textual's name for it
        super().__init__(id=id, classes=classes)
        self._rows: tuple[Line, ...] = ()
        self._base = Style()

    def show(self, rows: Sequence[Line]) -> None:
        """Draw these rows from now on."""
        before, self._rows = self._rows, tuple(rows)
        if len(before) != len(rows) and self.styles.is_auto_height:
            self.refresh(layout=True)
        width = self.size.width
        for y in range(min(self.size.height, max(len(before), len(rows)))):
            if _row(before, y) != _row(self._rows, y):
                self.refresh(Region(0, y, width, 1))

    def on_resize(self) -> None:
        """Have the rows made anew for the new size."""
        self.call_later(cast("Painted", self.app).paint)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  # Textual's
        """Return the rows there are, for a sheet that grows with its text."""
        return len(self._rows)

    def text(self) -> str:
        """Return what is shown, for tests and for copying."""
        return "\n".join("".join(span.text for span in row) for row in self._rows)

    def render_line(self, y: int) -> Strip:
        """Return one row as Textual draws it."""
        width, base = self.size.width, self._base
        row = cut(_row(self._rows, y), width)
        drawn, left = [*self._segments(row, base)], width - cells(row)
        if left > 0:
            drawn.append(Segment(" " * left, base))
        return Strip(drawn, width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return some rows; what all of them stand on is asked for once."""
        # Without colour the terminal's own is left alone, not painted over with black.
        self._base = Style() if cast("Drawn", self.app).colourless else self.rich_style
        return super().render_lines(crop)

    def _segments(self, row: Line, base: Style) -> Iterator[Segment]:
        app = cast("Drawn", self.app)
        for span in row:
            text = to_ascii(span.text) if app.only_ascii else span.text
            yield Segment(printable(text), base + app.style_of(span.tone))

    def span_at(self, x: int, y: int) -> Span | None:
        """Return the piece of text at a cell."""
        for span in cut(_row(self._rows, y), self.size.width):
            x -= Segment(span.text).cell_length
            if x < 0:
                return span
        return None

    async def on_mouse_down(self, event: events.MouseDown) -> None:
        """Run what the piece under the mouse names; at the press, for STOP waits for no release."""
        span = self.span_at(event.x, event.y)
        if span is not None and span.act:
            event.stop()
            await self.screen.run_action(span.act)


def printable(text: str) -> str:
    """Return the text with nothing in it that a terminal would obey."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


class Room(Vertical):
    """The empty room round a dialog's box."""

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  # every row is alike
        """Return a blank row, in no colour where there is to be none."""
        style = Style() if cast("Drawn", self.app).colourless else self.rich_style
        return Strip.blank(self.size.width, style)


def _row(rows: Sequence[Line], y: int) -> Line:
    return rows[y] if y < len(rows) else ()
