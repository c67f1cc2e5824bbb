"""The settings screen: what is set, where that comes from, and what is locked. Alarms cannot be changed."""

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widget import Widget

from meso_device.console import keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.history import scrolled
from meso_device.console.presenters.places import notes
from meso_device.console.presenters.settings import DATA, TABS, settings_rows, tab_row
from meso_device.console.screens.base import Page
from meso_device.console.screens.quit import QuitDialog
from meso_device.console.state import may
from meso_device.console.text import say
from meso_device.console.widgets.sheet import Sheet
from meso_device.screen_messages import ToHost


class SettingsScreen(Page):
    """Tabs of settings; what is switched here holds until the end of this run, the file holds for good."""

    PAGE = "settings"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("settings")]

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._top = 0
        self._upkeep: Body | None = None

    def inside(self) -> Iterator[Widget]:
        """Yield the tabs and what one of them shows."""
        yield Sheet(id="tabs")
        yield Sheet(id="main")

    def paint_body(self) -> None:
        """Draw what is set."""
        console, pane = self.console, self.pane()
        rows = settings_rows(
            console.known,
            pane,
            self._at,
            theme=console.theme,
            only_ascii=console.only_ascii,
            no_colour=console.no_color,
            upkeep=self._upkeep,
        )
        shown, self._top = scrolled(rows, pane, self._top)
        self.sheet("tabs").show([tab_row(self._at), ()])
        self.sheet("main").show(shown)

    def context(self, pane: Pane) -> list[Line]:
        """Return how to move here."""
        return notes(pane, [say("settings.note_1"), say("settings.note_2")])

    def on_key(self, event: events.Key) -> None:
        """Go from tab to tab, or scroll one."""
        page = max(1, self.pane().height - 1)
        turns = {"left": -1, "shift+tab": -1, "right": 1, "tab": 1}
        steps = {"up": -1, "down": 1, "pageup": -page, "pagedown": page}
        if event.key in turns:
            event.stop()
            self.action_tab((self._at + turns[event.key]) % len(TABS))
        elif event.key in steps:
            event.stop()
            self._top += steps[event.key]
            self.paint()

    def action_tab(self, number: int) -> None:
        """Show a tab."""
        self._at, self._top = number, 0
        if TABS[number] == DATA and may(self.console.known.snapshot, "page"):
            self.console.ask(ToHost.UPKEEP, self._upkept)
        self.paint()

    def _upkept(self, answer: Body) -> None:
        if answer["outcome"] == "done":
            self._upkeep = answer
            self.paint()

    def action_theme(self) -> None:
        """Take the next theme."""
        self.console.action_theme()

    def action_bell(self) -> None:
        """Switch the terminal's bell on or off."""
        self.console.action_bell_switch()

    def action_see_to(self, what: str) -> None:
        """Ask whether the console is to be ended for this; only where it is told what is due."""
        if TABS[self._at] == DATA:
            self.console.open_dialog(QuitDialog(what))

    async def action_sign_in(self) -> None:
        """Sign in as somebody else."""
        await self.console.show_page("sign_in")
