"""The view: one screen with three pages. It has a socket that it reads, and no command to send."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import ClassVar, Final, cast

from rich.style import Style
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen

from meso_device.console.client import Body, HostGone
from meso_device.console.history import History
from meso_device.console.lines import Pane, Span, Tone, line
from meso_device.console.presenters.frame import alarm_row
from meso_device.console.presenters.live import context_rows
from meso_device.console.presenters.viewing import PAGES, view_body_rows, view_footer_row, view_status_rows
from meso_device.console.screens.base import HEIGHT_MIN, WIDE, WIDTH_MIN
from meso_device.console.settings import GREY, MONO
from meso_device.console.state import Known
from meso_device.console.text import say
from meso_device.console.theme import THEMES, tones
from meso_device.console.viewing.client import ViewClient
from meso_device.console.widgets.sheet import Sheet

FRAME_S: Final = 0.125
"""Half of the shortest flash: no change of it is missed."""
TERMINATED: Final = 128 + signal.SIGTERM


class ViewScreen(Screen[None]):
    """The frame and one page of it."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # annotated by Textual

    def compose(self) -> ComposeResult:
        """Build the frame round the page."""
        yield Sheet(id="status")
        yield Sheet(id="too_small")
        with Horizontal(id="middle"):
            yield Sheet(id="main")
            yield Sheet(id="context")
        yield Sheet(id="alarm")
        yield Sheet(id="footer")

    def on_resize(self, event: events.Resize) -> None:
        """Below the smallest size there is one line."""
        small = event.size.width < WIDTH_MIN or event.size.height < HEIGHT_MIN
        self.set_class(small, "-small")
        self.query_one("#too_small", Sheet).show([line(Span(say("view.too_small"), Tone.STATE_SERVICE))])
        self.call_after_refresh(cast("ViewApp", self.app).paint)


class ViewApp(App[int]):
    """A view of one host.

    Args:
        client: Connected to the host's view socket.
        only_ascii: Draw nothing outside ASCII.
        now_ms: The screen's monotonic clock.
        offset_s: Local time minus UTC.

    Attributes:
        ended: Why the host ended the view; empty while it has not.
    """

    CSS_PATH = "../styles.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"page('{name}')", show=False) for name, key in PAGES.items()),
        Binding("tab", "next_page", show=False, priority=True),
        Binding("q,f10,ctrl+c,ctrl+q", "leave", show=False, priority=True),
    ]

    def __init__(
        self,
        client: ViewClient,
        *,
        only_ascii: bool = False,
        now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        offset_s: int = 0,
    ) -> None:
        super().__init__()
        for known_theme in THEMES:
            self.register_theme(known_theme)
        self.theme = MONO if self.no_color else GREY
        self.client = client
        self.known = Known()
        self.history = History()
        self.only_ascii = only_ascii
        self.now_ms = now_ms
        self.page = next(iter(PAGES))
        self.ended = ""
        self._offset_s = offset_s
        self._shown: Body | None = None
        self._tail: Body | None = None

    # --- life -----------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Begin to listen; what has come already is part of the first paint."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.client.fileno(), self._readable)
        loop.add_signal_handler(signal.SIGTERM, self.exit, TERMINATED)
        await self.push_screen(ViewScreen())
        self._readable()
        self.set_interval(FRAME_S, self.paint)

    def _readable(self) -> None:
        try:
            self.client.take()
        except HostGone as gone:
            self._end(str(gone), 1)
            return
        client = self.client
        if client.goodbye is not None:
            self._end(str(client.goodbye["reason"]), int(client.goodbye["status"]))
            return
        if client.snapshot is not None and client.snapshot is not self._shown:
            self._shown = client.snapshot
            self.known.take(client.snapshot, self.now_ms())
        if client.tail is not None and client.tail is not self._tail:
            self._tail = client.tail
            self.history.take({**client.tail, "next": None})
        self.call_next(self.paint)

    def _end(self, why: str, status: int) -> None:
        asyncio.get_running_loop().remove_reader(self.client.fileno())
        self.ended = why
        self.exit(status)

    # --- drawing --------------------------------------------------------------------------------

    def paint(self) -> None:
        """Draw everything from what is known now; only rows that differ are drawn."""
        screen = self.screen
        if not isinstance(screen, ViewScreen) or screen.has_class("-small"):
            return
        if screen.query_one_optional("#footer") is None:
            return
        known = self.known
        status, main, context, alarm, footer = (
            screen.query_one(f"#{name}", Sheet) for name in ("status", "main", "context", "alarm", "footer")
        )
        status.show(view_status_rows(known, self._pane(status)))
        main.show(view_body_rows(self.page, known, self.history, self._pane(main)))
        if context.display:
            context.show(context_rows(known, self._pane(context)))
        alarm.show([alarm_row(known, self._pane(alarm))])
        footer.show([view_footer_row(self.page, leaving=not self.is_web)])

    def _pane(self, sheet: Sheet) -> Pane:
        size = sheet.size
        return Pane(width=size.width, height=size.height, offset_s=self._offset_s, now_ms=self.now_ms())

    @property
    def colourless(self) -> bool:
        """Whether the theme has no colour."""
        return self.theme == MONO

    def style_of(self, tone: Tone) -> Style:
        """Return how a tone looks in the theme chosen."""
        return tones(self.theme)[tone]

    # --- keys -----------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Move the cursor of the page."""
        steps = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -1_000, "end": 1_000}
        if event.key in steps:
            event.stop()
            self.history.move(steps[event.key])
            self.paint()

    def action_page(self, name: str) -> None:
        """Look at another page."""
        if name in PAGES:
            self.page = name
            self.paint()

    def action_next_page(self) -> None:
        """Look at the page after this one."""
        names = list(PAGES)
        self.action_page(names[(names.index(self.page) + 1) % len(names)])

    def action_leave(self) -> None:
        """End the view; in a browser closing the page does that."""
        if not self.is_web:
            self.exit(0)

    async def action_quit(self) -> None:
        """Textual's own way out is none of ours."""
