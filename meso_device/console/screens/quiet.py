"""The screens that mostly show: gun, help, settings, summary."""

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from meso_device.console import keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.live import notice_row
from meso_device.console.presenters.places import gun_rows, help_rows, notes, settings_rows, summary_rows
from meso_device.console.screens.base import Page
from meso_device.console.screens.reset import open_reset
from meso_device.console.text import say
from meso_device.console.theme import THEMES
from meso_device.screen_messages import ToHost


class GunScreen(Page):
    """What the gun says of itself."""

    PAGE = "gun"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("gun")]

    def paint_body(self) -> None:
        """Draw it."""
        self.sheet("main").show(gun_rows(self.console.known, self.pane()))

    def context(self, pane: Pane) -> list[Line]:
        """Return the host's newest words."""
        notices = self.console.known.snapshot.get("notices", ())
        return [notice_row(notice, pane) for notice in reversed(notices)]

    def action_clear_fault(self) -> None:
        """Acknowledge the gun's faults."""
        self.console.ask(ToHost.CLEAR_FAULT)

    def action_reset(self) -> None:
        """Begin the reset of a stop."""
        open_reset(self.console)


class HelpScreen(Page):
    """The keys."""

    PAGE = "help"

    def paint_body(self) -> None:
        """Draw them."""
        self.sheet("main").show(help_rows(self.pane()))

    def context(self, pane: Pane) -> list[Line]:
        """Return how a treatment goes."""
        return notes(pane, [say("help.flow_1"), say("help.flow_2"), say("help.flow_3"), say("help.flow_4")])


class SettingsScreen(Page):
    """Looks and bell of this console; alarms cannot be changed."""

    PAGE = "settings"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("settings")]

    def paint_body(self) -> None:
        """Draw what is set."""
        console = self.console
        rows = settings_rows(self.pane(), theme=console.theme, bell=console.bell_on, only_ascii=console.only_ascii)
        self.sheet("main").show(rows)

    def action_theme(self) -> None:
        """Take the next theme."""
        names = [theme.name for theme in THEMES]
        console = self.console
        console.theme = names[(names.index(console.theme) + 1) % len(names)]
        console.refresh_css()
        self.refresh(layout=True)
        self.call_after_refresh(self.paint)

    def action_bell(self) -> None:
        """Switch the terminal's bell on or off."""
        self.console.bell_on = not self.console.bell_on
        self.paint()

    async def action_sign_in(self) -> None:
        """Sign in as somebody else."""
        await self.console.show_page("sign_in")


class SummaryScreen(Page):
    """What was given, before the session is closed."""

    PAGE = "summary"

    def __init__(self) -> None:
        super().__init__()
        self._said = ""

    def paint_body(self) -> None:
        """Draw planned beside given."""
        self.sheet("main").show(summary_rows(self.console.known, self.pane(), self._said))

    def context(self, pane: Pane) -> list[Line]:
        """Return what closing means."""
        return notes(pane, [say("summary.note")])

    async def on_key(self, event: events.Key) -> None:
        """Close the session, or go back."""
        self._said = ""
        if event.key == "escape":
            event.stop()
            await self.action_back()
        elif event.key == "enter":
            event.stop()
            await self.action_sign()

    async def action_back(self) -> None:
        """Go back to treating."""
        await self.console.show_page("live")

    async def action_sign(self) -> None:
        """Close the session with its totals."""
        session = self.console.known.snapshot.get("session")
        if session is None or session["state"] != "open":
            await self.console.show_page("session")
            return
        self.console.ask(ToHost.FINISH, self._answered)

    def _answered(self, answer: Body) -> None:
        self._said = answer["text"]
        self.paint()
