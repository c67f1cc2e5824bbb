"""The live screen: what is armed, what was given, and the way to arm, pause and finish."""

from typing import ClassVar

from msgspec.structs import replace
from textual.binding import BindingType

from meso_device.bodymap.grid import SMALL, grid
from meso_device.bodymap.views import VIEW_OF
from meso_device.console import forms, keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.map_rows import map_rows
from meso_device.console.presenters.live import context_rows, live_rows
from meso_device.console.presenters.plan import zone_states
from meso_device.console.screens.arm import ArmDialog
from meso_device.console.screens.ask import AskDialog
from meso_device.console.screens.base import Page
from meso_device.console.screens.reasons import NoteDialog, SkipDialog
from meso_device.console.screens.reset import open_reset
from meso_device.console.screens.unknown import UnknownDialog
from meso_device.console.state import area_of, may, next_cell, why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost


class LiveScreen(Page):
    """Treating. Every key that it does not list disarms; see `ConsoleApp`."""

    PAGE = "live"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("live")]

    def paint_body(self) -> None:
        """Draw the area, the caps and the shots."""
        self.sheet("main").show(live_rows(self.console.known, self.pane()))

    def context(self, pane: Pane) -> list[Line]:
        """Return the map where there is room, plan, what forbids arming, and the host's words."""
        known = self.console.known
        view = VIEW_OF.get(known.area)
        if view is None or known.snapshot.get("session") is None:
            return context_rows(known, pane)
        shown = map_rows(grid(view, SMALL), zone_states(known, known.area))
        return [*shown, (), *context_rows(known, replace(pane, height=pane.height - len(shown) - 1))]

    def action_arm(self) -> None:
        """Ask for the first step of arming; what is unknown comes first."""
        known = self.console.known
        if known.armed:
            self.console.disarm("pause")
        elif known.snapshot.get("unknown") is not None:
            self.console.open_dialog(UnknownDialog())
        elif known.chosen:
            self.console.ask(ToHost.ARM_OPEN, self._offered, area=known.chosen)
        else:
            self.console.tell(say("live.no_area"))

    def _offered(self, answer: Body) -> None:
        if answer["outcome"] == "done":
            self.console.open_dialog(ArmDialog(answer))
        else:
            self.console.tell(answer["text"])

    def action_pause(self) -> None:
        """Disarm."""
        self.console.disarm("pause")

    def action_next_area(self) -> None:
        """Go on to the next cell of the area, or to the next area that is not done."""
        known = self.console.known
        area = area_of(known.snapshot, known.chosen)
        cell = next_cell(area) if area is not None else None
        if area is not None and cell is not None:
            self.console.ask(ToHost.CELL, area=area["id"], cells=len(area["cells"]), cell=cell, reason="")
            return
        known.next_area()
        self.paint()

    def action_skip(self) -> None:
        """Leave the next point out; asks why."""
        known = self.console.known
        area = area_of(known.snapshot, known.chosen)
        if area is None or not may(known.snapshot, "plan"):
            self.console.tell(why_not(known.snapshot, "plan") if area is not None else say("live.no_area"))
            return
        self.console.open_dialog(SkipDialog(area))

    def action_note(self) -> None:
        """Write a note about the patient."""
        known = self.console.known
        session = known.snapshot.get("session")
        if session is None or session["practice"] or not may(known.snapshot, "note"):
            practice = session is not None and session["practice"]
            self.console.tell(say("note.practice") if practice else why_not(known.snapshot, "note"))
            return
        self.console.open_dialog(NoteDialog())

    def action_pick(self, area: str) -> None:
        """Choose an area by mouse; whatever was armed is not any more."""
        self.console.disarm("key")
        self.console.known.chosen = area
        self.paint()

    def action_confirm(self) -> None:
        """Say that the state was seen."""
        self.console.ask(ToHost.CONFIRM)

    def action_reset(self) -> None:
        """Begin the reset of a stop, or acknowledge the gun's faults."""
        if self.console.known.snapshot.get("phase") == "fault":
            self.console.ask(ToHost.CLEAR_FAULT)
        else:
            open_reset(self.console)

    def action_unknown(self) -> None:
        """Show again what is not proven."""
        if self.console.known.snapshot.get("unknown") is not None:
            self.console.open_dialog(UnknownDialog())

    def action_override(self) -> None:
        """Go over a soft rule that stood against the newest arming, with a reason and the PIN again."""
        codes = self.console.known.snapshot.get("overridable", ())
        if not codes:
            self.console.tell(say("override.none"))
            return
        two_people = self.console.known.welcome.get("two_people", ())
        self.console.open_dialog(AskDialog(forms.override(codes, two_people), self._overridden))

    def _overridden(self, _answer: Body) -> None:
        self.console.tell(say("override.done"))

    async def action_patient(self) -> None:
        """Look at the patient's checklist and material."""
        await self.console.show_page("patient")

    async def action_finish(self) -> None:
        """Go to the summary."""
        await self.console.show_page("summary")
