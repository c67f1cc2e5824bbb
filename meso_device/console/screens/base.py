"""What every screen and every dialog is: the same first and last rows, STOP, and one way to be painted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from meso_device.console.lines import Line, Pane, Span, Tone, boxed, line
from meso_device.console.presenters import frame
from meso_device.console.text import say
from meso_device.console.widgets.sheet import Room, Sheet

if TYPE_CHECKING:
    from meso_device.console.app import ConsoleApp

WIDTH_MIN = 80
HEIGHT_MIN = 24
WIDE = 110
HATCH = "╱"  # noqa: RUF001  # a symbol is what stands here


class Framed(Screen[None]):
    """A screen between the rows that are everywhere."""

    PAGE: ClassVar[str] = ""
    """Name in the footer and in the table of keys."""
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # annotated by Textual

    def compose(self) -> ComposeResult:
        """Build the frame round what the screen holds."""
        yield Sheet(id="status")
        yield Sheet(id="too_small")
        with Horizontal(id="middle"):
            yield Sheet(id="nav")
            yield Sheet(id="hatch_left", classes="hatch")
            with Vertical(id="body"):
                yield from self.inside()
            yield Sheet(id="hatch_right", classes="hatch")
            yield Sheet(id="context")
        yield Sheet(id="alarm")
        yield Sheet(id="footer")

    def inside(self) -> Iterator[Widget]:
        """Yield the widgets of the body."""
        yield Sheet(id="main")

    @property
    def console(self) -> "ConsoleApp":
        """The application."""
        return cast("ConsoleApp", self.app)

    def sheet(self, name: str) -> Sheet:
        """Return one of this screen's sheets."""
        return self.query_one(f"#{name}", Sheet)

    def pane(self, name: str = "main") -> Pane:
        """Return size and time for the presenters of a sheet."""
        size = self.sheet(name).size
        return self.console.pane(size.width, size.height)

    @property
    def paintable(self) -> bool:
        """Whether there is something to draw on: not before the widgets are there, after they went, or too small."""
        return self.is_mounted and not self.has_class("-small") and self.query_one_optional("#footer") is not None

    def paint(self) -> None:
        """Draw everything from what is known now; only rows that differ are sent to the terminal."""
        if not self.paintable:
            return
        self.paint_frame()
        simulated = bool(self.console.known.snapshot.get("simulated"))
        if simulated is not self.has_class("-simulated"):
            self.set_class(simulated, "-simulated")
        if self.sheet("context").display:
            self.sheet("context").show(self.context(self.pane("context")))
        self.paint_body()

    def paint_frame(self) -> None:
        """Draw the rows that are everywhere; also called between snapshots, for clocks and flashing."""
        if not self.paintable:
            return
        known = self.console.known
        self.sheet("status").show(frame.status_rows(known, self.pane("status")))
        self.sheet("alarm").show([frame.alarm_row(known, self.pane("alarm"))])
        self.sheet("footer").show([frame.footer_row(self.PAGE, known, self.pane("footer"))])
        if self.sheet("nav").display:
            self.sheet("nav").show(frame.nav_rows(self.PAGE, known, self.pane("nav")))
        for name in ("hatch_left", "hatch_right"):
            hatch = self.sheet(name)
            if hatch.display:
                hatch.show([line(Span(HATCH, Tone.WARN))] * hatch.size.height)

    def paint_body(self) -> None:
        """Draw what is between the frame."""

    def context(self, pane: Pane) -> list[Line]:  # noqa: ARG002  # for those that have something to add
        """Return what a wide terminal shows at the right."""
        return []

    def on_mount(self) -> None:
        """Take the form that the gun asks for from the start."""
        self.set_class(bool(self.console.known.snapshot.get("simulated")), "-simulated")

    def on_resize(self, event: events.Resize) -> None:
        """Below the smallest size there is one line, and the gun is disarmed."""
        small = event.size.width < WIDTH_MIN or event.size.height < HEIGHT_MIN
        self.set_class(small, "-small")
        if small:
            self.console.disarm("size")
            self.sheet("too_small").show(
                [line(Span(say("frame.too_small", stop=self.console.known.keys["stop"]), Tone.STOP, frame.STOP_ACT))]
            )

    def on_screen_resume(self) -> None:
        """Draw what has changed while another screen was shown."""
        self.call_after_refresh(self.paint)

    async def action_stop(self, by: str) -> None:
        """Stop the gun."""
        await self.console.action_stop(by)

    async def action_page(self, name: str) -> None:
        """Go to another screen."""
        await self.console.action_page(name)

    def action_leave(self) -> None:
        """Ask whether to quit."""
        self.console.action_leave()


class Page(Framed):
    """One of the screens of the footer."""


class Dialog(Framed, ModalScreen[None]):
    """What has to be answered first. Opening one disarms; the frame with STOP stays."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def compose(self) -> ComposeResult:
        """Build the frame round a box."""
        yield Sheet(id="status")
        yield Sheet(id="too_small")
        with Room(id="box_room"), Vertical(id="box"):
            yield from self.inside()
        yield Sheet(id="alarm")
        yield Sheet(id="footer")

    def sheet(self, name: str) -> Sheet:
        """Return one of this dialog's sheets."""
        return self.query_one(f"#{name}", Sheet)

    def paint(self) -> None:
        """Draw frame and box."""
        if self.paintable:
            self.paint_frame()
            self.paint_body()

    def paint_frame(self) -> None:
        """Draw the rows that are everywhere."""
        if not self.paintable:
            return
        known = self.console.known
        self.sheet("status").show(frame.status_rows(known, self.pane("status")))
        self.sheet("alarm").show([frame.alarm_row(known, self.pane("alarm"))])
        self.sheet("footer").show([frame.footer_row(self.PAGE, known, self.pane("footer"))])

    def box(self, rows: list[Line]) -> None:
        """Draw these rows in the box."""
        self.sheet("main").show(boxed(rows, self.sheet("main").size.width))

    def box_pane(self) -> Pane:
        """Return the room for rows in the box."""
        pane = self.pane()
        return replace(pane, width=pane.width - 4)

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss()
