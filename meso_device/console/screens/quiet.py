"""The screens that mostly show: help and summary."""

from textual import events

from meso_device.bodymap.grid import SMALL, grid
from meso_device.bodymap.views import VIEW_OF
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane, Tone, wrap
from meso_device.console.map_rows import map_rows
from meso_device.console.presenters.history import scrolled
from meso_device.console.presenters.places import help_rows, notes, summary_rows
from meso_device.console.presenters.plan import zone_states
from meso_device.console.screens.base import Page
from meso_device.console.screens.signature import open_signature
from meso_device.console.text import say
from meso_device.screen_messages import ToHost


class HelpScreen(Page):
    """The keys."""

    PAGE = "help"

    def __init__(self) -> None:
        super().__init__()
        self._top = 0

    def on_screen_resume(self) -> None:
        """Begin at the top: another screen may be the one that help is wanted for."""
        self._top = 0

    def paint_body(self) -> None:
        """Draw them."""
        rows, self._top = scrolled(help_rows(self.console.known, self.pane()), self.pane(), self._top)
        self.sheet("main").show(rows)

    def on_key(self, event: events.Key) -> None:
        """Scroll."""
        page = max(1, self.pane().height - 1)
        steps = {"up": -1, "down": 1, "pageup": -page, "pagedown": page}
        if event.key in steps:
            event.stop()
            self._top += steps[event.key]
            self.paint()

    def context(self, pane: Pane) -> list[Line]:
        """Return how a treatment goes."""
        keys_ = self.console.known.keys
        texts = [
            say("help.flow_1", session=keys_["session"], confirm=keys_["live.confirm"]),
            say("help.flow_2", live=keys_["live"], arm=keys_["live.arm"]),
            say("help.flow_3"),
            say("help.flow_4", finish=keys_["live.finish"]),
        ]
        return notes(pane, texts)


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
        """Return what closing means, and the map as given, view by view as long as there is room."""
        known = self.console.known
        rows = notes(pane, [say("summary.note")])
        areas = (known.snapshot.get("areas") or ()) if known.snapshot.get("session") else ()
        views = dict.fromkeys(VIEW_OF[area["id"]] for area in areas if area["id"] in VIEW_OF)
        if views:
            rows += wrap(say("plan.legend"), pane.width, Tone.DIM)
        for view in views:
            shown = map_rows(grid(view, SMALL), zone_states(known, ""))
            if len(rows) + 1 + len(shown) > pane.height:
                break
            rows += [(), *shown]
        return rows

    async def on_key(self, event: events.Key) -> None:
        """Close the session, or go back."""
        self._said = ""
        if event.key == "escape":
            event.stop()
            await self.action_back()
        elif event.key == "enter":
            event.stop()
            await self.action_sign()
        elif event.key == "s":
            event.stop()
            self.action_signature()

    def action_signature(self) -> None:
        """Sign the totals of the closed session with the PIN again."""
        open_signature(self.console)

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
