"""The patient's screen: choose who and what, go through the checklist, begin the session."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import BindingType

from meso_device.console import forms, keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.patient import (
    checklist_rows,
    context_rows,
    items,
    treatment_rows,
    who_rows,
)
from meso_device.console.presenters.places import notes
from meso_device.console.screens.ask import AskDialog
from meso_device.console.screens.base import Page
from meso_device.console.state import may
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

NAMES_MS: Final = 10_000
"""Names are shown for so long after they were asked for."""
NO_ANSWERS: Final = ("no", "none")


class PatientScreen(Page):
    """Who is treated with what, and what was asked before."""

    PAGE = "patient"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("patient")]

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Mapping[str, Any]] = []
        self._alias = ""
        self._at = 0
        self._names: dict[str, Mapping[str, str]] = {}
        self._names_until_ms = 0

    # --- drawing ------------------------------------------------------------------------------------

    @property
    def _clinic(self) -> Mapping[str, Any] | None:
        clinic: Mapping[str, Any] | None = self.console.known.snapshot.get("clinic")
        return clinic

    def _shown_names(self) -> Mapping[str, Mapping[str, str]]:
        if self.console.now_ms() >= self._names_until_ms:
            self._names.clear()
        return self._names

    def paint_frame(self) -> None:
        """Draw the frame; names that were shown long enough go."""
        if self._names and self.paintable:
            self.paint_body()
        super().paint_frame()

    def paint_body(self) -> None:
        """Draw where the choice stands."""
        known, pane, names = self.console.known, self.pane(), self._shown_names()
        if self._clinic is not None:
            self._found, self._alias = [], ""  # the next patient is chosen anew
            rows = checklist_rows(known, pane, self._at, names)
        elif self._alias:
            rows = treatment_rows(known, pane, self._alias, self._at)
        else:
            rows = who_rows(known, pane, self._found, self._at, names)
        if known.said:
            rows = [*rows, *notes(pane, [known.said])[:-1]]
        self.sheet("main").show(rows)

    def context(self, pane: Pane) -> list[Line]:
        """Return the question in full, or what the screen is for."""
        if self._clinic is not None:
            return context_rows(self.console.known, pane, self._at)
        return notes(pane, [say("patient.note")])

    # --- moving -------------------------------------------------------------------------------------

    def _count(self) -> int:
        if self._clinic is not None:
            return len(items(self.console.known))
        return len(self.console.known.welcome.get("treatments", ())) if self._alias else len(self._found)

    def on_key(self, event: events.Key) -> None:
        """Move the cursor."""
        steps = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -1_000, "end": 1_000}
        if event.key in steps and self._count():
            event.stop()
            self._at = min(max(self._at + steps[event.key], 0), self._count() - 1)
            self.paint()

    def action_point(self, number: int) -> None:
        """Move the cursor by mouse."""
        self._at = number
        self.paint()

    # --- who and what -------------------------------------------------------------------------------

    def action_find(self) -> None:
        """Look for a patient."""
        if may(self.console.known.snapshot, "patient") and self._clinic is None:
            self.console.open_dialog(AskDialog(forms.find_patient(), self._take))

    def _take(self, answer: Body) -> None:
        self._found, self._at, self._alias = list(answer["patients"]), 0, ""
        if not self._found:
            self.console.tell(say("patient.none_found"))
        self.paint()

    def action_add(self) -> None:
        """Enrol somebody new."""
        if may(self.console.known.snapshot, "patient") and self._clinic is None:
            self.console.open_dialog(AskDialog(forms.add_patient(), self._added))

    def _added(self, answer: Body) -> None:
        self._alias, self._at = answer["alias"], 0
        self.paint()

    def action_names(self) -> None:
        """Show names for a moment; that is recorded."""
        clinic = self._clinic
        aliases = [clinic["alias"]] if clinic is not None else [one["alias"] for one in self._found]
        if aliases:
            self.console.ask(ToHost.PATIENT_SHOW, self._named, aliases=aliases)

    def _named(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self.console.tell(answer["text"])
            return
        self._names = {one["alias"]: one for one in answer["patients"]}
        self._names_until_ms = self.console.now_ms() + NAMES_MS
        self.paint()

    def action_other(self) -> None:
        """Go back to the choice of the patient."""
        self._alias, self._at = "", 0
        self.paint()

    def action_choose(self) -> None:
        """Take what the cursor is at."""
        if self._clinic is not None:
            self._write(items(self.console.known)[min(self._at, self._count() - 1)])
        elif self._alias:
            treatment = self.console.known.welcome["treatments"][self._at]["name"]
            self.console.ask(ToHost.PREPARE, self._prepared, alias=self._alias, treatment=treatment)
        elif self._found:
            self._alias, self._at = self._found[self._at]["alias"], 0
            self.paint()

    def _prepared(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self.console.tell(answer["text"])
        self._at = 0
        self.paint()

    # --- the checklist ------------------------------------------------------------------------------

    def action_answer(self, word: str) -> None:
        """Answer the question at the cursor with yes or no, where that is an answer, and go on to the next."""
        if self._clinic is None:
            return
        item = items(self.console.known)[self._at]
        asked = next((row for row in self.console.known.welcome["checklist"] if row["item"] == item), None)
        if asked is None:
            return
        words = NO_ANSWERS if word == "no" else (word,)
        answer = next((one for one in words if one in asked["answers"]), "")
        if not answer:
            self._write(item)
            return
        self.console.ask(ToHost.CHECK, self._answered, item=item, answer=answer, note="")

    def _answered(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self.console.tell(answer["text"])
            return
        self._at = min(self._at + 1, self._count() - 1)
        self.paint()

    def _write(self, item: str) -> None:
        """Ask for what belongs in a row."""
        clinic = self._clinic
        if clinic is None:
            return
        self.console.open_dialog(AskDialog(forms.row(item, clinic, self.console.known.welcome)))

    def action_list_lot(self) -> None:
        """Put a lot on the clinic's list."""
        if self._clinic is not None:
            self.console.open_dialog(AskDialog(forms.list_lot(self._clinic)))

    def action_waste(self) -> None:
        """Note what left the syringe and reached nobody."""
        if self._clinic is not None:
            self.console.open_dialog(AskDialog(forms.waste()))

    def action_begin(self) -> None:
        """Open the session."""
        self.console.ask(ToHost.BEGIN, self._begun)

    def _begun(self, answer: Body) -> None:
        if answer["outcome"] == "done":
            self.console.call_next(self.console.show_page, "live")
        else:
            self.console.tell(answer["text"])
