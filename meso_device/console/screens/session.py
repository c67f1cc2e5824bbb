"""The session screen: take up what was left open, or begin a practice session."""

from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType

from meso_device.console import keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.places import meanwhile_rows, notes, session_rows
from meso_device.console.screens.base import Page
from meso_device.console.screens.signature import open_signature
from meso_device.console.state import may
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

SHOTS_MAX: Final = 40


class SessionScreen(Page):
    """Which session is treated."""

    PAGE = "session"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("session")]

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._asked = ("", -1)
        self._shots: list[Body] = []
        self._problem = ""

    def paint_body(self) -> None:
        """Draw the session or the choice."""
        known = self.console.known
        rows = session_rows(known, self.pane(), self._at)
        if known.said:
            rows = [*rows, (), *notes(self.pane(), [known.said])[:-1]]
        self.sheet("main").show(rows)

    def context(self, pane: Pane) -> list[Line]:
        """Return what the gun of a session left open did, row by row; else what the screen is for."""
        snapshot = self.console.known.snapshot
        left = snapshot.get("resume")
        if left is None or snapshot["session"] is not None:
            return notes(pane, [say("session.note")])
        self._ask_shots(left["id"], snapshot["log"]["committed_seq"])
        return meanwhile_rows(left, self._shots, self._problem, pane)

    def _ask_shots(self, session: str, committed_seq: int) -> None:
        """Read the newest shots of a session, once for each head of the gun's log."""
        wanted = (session, committed_seq)
        if self._asked != wanted and may(self.console.known.snapshot, "page"):
            self._asked = wanted
            question = {"cursor": None, "limit": SHOTS_MAX, "session": session, "area": None, "deviations": False}
            self.console.ask(ToHost.PAGE, self._shots_came, **question)

    def _shots_came(self, answer: Body) -> None:
        self._shots = list(answer["rows"]) if "rows" in answer else self._shots
        self._problem = "" if "rows" in answer else str(answer["text"])
        if self.is_mounted:
            self.paint()

    def on_key(self, event: events.Key) -> None:
        """Move the cursor."""
        count = len(self.console.known.welcome.get("treatments", ()))
        steps = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -1_000, "end": 1_000}
        if event.key in steps and count:
            event.stop()
            self._at = min(max(self._at + steps[event.key], 0), count - 1)
            self.paint()

    def action_point(self, number: int) -> None:
        """Move the cursor by mouse."""
        self._at = number
        self.paint()

    def action_open(self) -> None:
        """Open a practice session of the chosen treatment."""
        known = self.console.known
        treatments = known.welcome.get("treatments", ())
        if treatments and may(known.snapshot, "open"):
            self.console.ask(ToHost.OPEN, self._opened, treatment=treatments[self._at]["name"])
        elif may(known.snapshot, "confirm"):
            self.console.ask(ToHost.CONFIRM, self._opened)

    async def action_patient(self) -> None:
        """Choose a patient."""
        await self.console.show_page("patient")

    def action_signature(self) -> None:
        """Sign for a session that was closed and left unsigned."""
        open_signature(self.console)

    def action_resume(self) -> None:
        """Go on with the session that was left open."""
        self.console.ask(ToHost.RESUME, self._opened)

    def action_abandon(self) -> None:
        """Close the session that was left open as interrupted."""
        self.console.ask(ToHost.ABANDON)

    def _opened(self, answer: Body) -> None:
        if answer["outcome"] == "done":
            self.console.call_next(self.console.show_page, "live")
        else:
            self.console.tell(answer["text"])
