"""Dialogs that ask for one thing: why a point is skipped or a cell gone over again, in how many cells, and a note."""

from typing import Any, ClassVar

from textual import events

from meso_device.console import forms
from meso_device.console.client import Body
from meso_device.console.entry import NumberEntry
from meso_device.console.form import Form, FormEvent
from meso_device.console.lines import Line, key, line, strong, wrap
from meso_device.console.presenters.edit import cells_rows, reason_rows, split_rows
from meso_device.console.presenters.places import form_rows
from meso_device.console.screens.base import Dialog
from meso_device.console.state import area_of
from meso_device.console.text import say
from meso_device.console.typed import Heard
from meso_device.screen_messages import ToHost


class Asking(Dialog):
    """A dialog that asks the host for one thing and closes when it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""

    def request(self, kind: ToHost, **fields: Any) -> None:
        """Ask for it."""
        self.said = ""
        self.console.ask(kind, self._answered, **fields)

    def _answered(self, answer: Body) -> None:
        if not self.is_mounted:
            return
        if answer["outcome"] == "done":
            self.dismiss()
            return
        self.said = answer["text"]
        self.paint()


class ChoiceDialog(Asking):
    """A choice by arrows, number or mouse."""

    TAKEN: ClassVar[str] = "unknown.next"
    """Text of the key that takes one."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    @property
    def texts(self) -> list[str]:
        """What there is to choose from."""
        raise NotImplementedError

    def question(self) -> tuple[str, str]:
        """Return what is asked, and what is said about it."""
        raise NotImplementedError

    def chosen(self, no: int) -> None:
        """Go on with the one at this index."""
        raise NotImplementedError

    def paint_body(self) -> None:
        """Draw the choice."""
        self.box(reason_rows(*self.question(), self.texts, self._at, self.box_pane(), self.said, self.TAKEN))

    def on_key(self, event: events.Key) -> None:
        """Choose."""
        event.stop()
        count = len(self.texts)
        if event.key == "escape":
            self.dismiss()
            return
        if event.key == "enter":
            self.chosen(self._at)
        elif event.key in {"up", "down"}:
            self._at = (self._at + (1 if event.key == "down" else -1)) % count
        elif event.character and event.character.isdecimal() and 0 < int(event.character) <= count:
            self._at = int(event.character) - 1
        self.paint()

    def action_reason(self, number: int) -> None:
        """Choose by mouse."""
        self._at = number - 1
        self.paint()


class ReasonDialog(ChoiceDialog):
    """A choice of reasons for something in an area."""

    REASONS: ClassVar[str] = ""
    """Name of their list in WELCOME."""

    def __init__(self, area: Body) -> None:
        super().__init__()
        self.area = area

    @property
    def _reasons(self) -> list[Body]:
        return list(self.console.known.welcome[self.REASONS])

    @property
    def texts(self) -> list[str]:
        """The reasons as people read them."""
        return [reason["text"] for reason in self._reasons]

    def chosen(self, no: int) -> None:
        """Ask for what the reason is for."""
        self.because(self._reasons[no]["code"])

    def because(self, reason: str) -> None:
        """Ask for what the reason is for, with its code."""
        raise NotImplementedError


class SkipDialog(ReasonDialog):
    """Why the next point is left out."""

    REASONS = "skip_reasons"

    def question(self) -> tuple[str, str]:
        """Return the question."""
        point = self.area["given"] + self.area["skipped"] + 1
        return say("skip.title", short=self.area["short"], point=point), say("skip.note")

    def because(self, reason: str) -> None:
        """Skip it."""
        self.request(ToHost.SKIP, area=self.area["id"], reason=reason)


class AgainDialog(ReasonDialog):
    """Why a cell whose points are done is gone over again."""

    REASONS = "again_reasons"

    def __init__(self, area: Body, cell: int) -> None:
        super().__init__(area)
        self._cell = cell

    def question(self) -> tuple[str, str]:
        """Return the question."""
        return say("cells.second", name=self.area["cells"][self._cell]["name"]), say("cells.second_note")

    def because(self, reason: str) -> None:
        """Go over it again."""
        cells = len(self.area["cells"])
        self.request(ToHost.CELL, area=self.area["id"], cells=cells, cell=self._cell, reason=reason)


class CellsDialog(Asking):
    """The cells of an area: split it, or say which one the hand is at."""

    def __init__(self, area: str) -> None:
        super().__init__()
        self._area = area
        self._at = -1
        self._entry = NumberEntry()

    @property
    def _shown(self) -> Body | None:
        return area_of(self.console.known.snapshot, self._area)

    def _cursor(self, area: Body) -> int:
        return self._at if self._at >= 0 else area["cell"]

    def paint_body(self) -> None:
        """Draw the cells, or the question how many."""
        area, pane = self._shown, self.box_pane()
        if area is not None and area["cells"]:
            self.box(cells_rows(area, pane, self._cursor(area), self.said))
        elif area is not None:
            self.box(split_rows(area, pane, self._entry, self.said))

    def on_key(self, event: events.Key) -> None:
        """Choose a cell, or type how many."""
        event.stop()
        event.prevent_default()
        area = self._shown
        if event.key == "escape" or area is None:
            self.dismiss()
        elif area["cells"]:
            self._in_cells(area, event.key)
        else:
            self._in_number(area, event)

    def _in_cells(self, area: Body, name: str) -> None:
        if name in {"up", "down"}:
            self._at = (self._cursor(area) + (1 if name == "down" else -1)) % len(area["cells"])
            self.paint()
        elif name == "enter":
            self.action_choose(self._cursor(area))
        elif name == "j":
            self.action_join()

    def _in_number(self, area: Body, event: events.Key) -> None:
        heard = self._entry.press(event.key, event.character, self.console.key_ms(event))
        if heard is Heard.GIVEN and self._entry.text.isdecimal():
            self.request(ToHost.CELL, area=area["id"], cells=int(self._entry.text), cell=0, reason="")
        elif heard in {Heard.GIVEN, Heard.TOO_FAST}:
            self.said = say("dialog.too_fast" if heard is Heard.TOO_FAST else "cells.number")
        self.paint()

    def on_paste(self, event: events.Paste) -> None:
        """A number is typed or it is none."""
        event.stop()
        self._entry.refuse()
        self.said = say("dialog.no_paste")
        self.paint()

    def action_choose(self, cell: int) -> None:
        """Say that the hand is at this cell; a full one asks why."""
        area = self._shown
        if area is None:
            return
        chosen = area["cells"][cell]
        if chosen["done"] >= chosen["planned"]:
            self.dismiss()
            self.console.open_dialog(AgainDialog(area, cell))
        else:
            self.request(ToHost.CELL, area=area["id"], cells=len(area["cells"]), cell=cell, reason="")

    def action_join(self) -> None:
        """Make the area whole again."""
        self.request(ToHost.CELL, area=self._area, cells=1, cell=0, reason="")


class NoteDialog(Asking):
    """A text about the patient: it goes to the vault, the log gets its commitment alone."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = forms.note()
        self._form = Form(self._asked.fields)

    def paint_body(self) -> None:
        """Draw the field."""
        pane = self.box_pane()
        rows: list[Line] = [line(strong(self._asked.title)), (), *wrap(self._asked.note, pane.width), ()]
        rows += [*form_rows(self._form, self.said, pane), ()]
        rows.append((*key("Enter", say("note.keep")), *key("Esc", say("key.back"), "cancel")))
        self.box(rows)

    def on_key(self, event: events.Key) -> None:
        """Write."""
        event.stop()
        match self._form.press(event.key, event.character):
            case FormEvent.LEFT:
                self.dismiss()
                return
            case FormEvent.DONE:
                self.request(self._asked.kind, **self._form.values())
            case _:
                pass
        self.paint()

    def on_paste(self, event: events.Paste) -> None:
        """Take a text from elsewhere."""
        event.stop()
        self._form.write(event.text)
        self.paint()
