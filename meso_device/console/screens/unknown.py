"""What is not proven: a dialog that can be put aside and comes back before the next arming."""

from textual import events

from meso_device.console import forms
from meso_device.console.client import Body
from meso_device.console.form import Form, FormEvent
from meso_device.console.lines import Line, Span, key
from meso_device.console.presenters.dialogs import choice_rows, unknown_rows
from meso_device.console.presenters.places import form_rows
from meso_device.console.screens.base import Dialog
from meso_device.console.state import may
from meso_device.console.text import say


class UnknownDialog(Dialog):
    """Keep trying, or write off: two people and a reason. There is no way to delete it."""

    def __init__(self) -> None:
        super().__init__()
        self._reason = -1
        self._form: Form | None = None
        self._said = ""

    def paint_body(self) -> None:
        """Draw what is unknown and what can be done."""
        known, pane = self.console.known, self.box_pane()
        rows: list[Line] = [*unknown_rows(known, pane), ()]
        back = key("Esc", say("key.back"), "cancel")
        if self._form is not None:
            rows += [*form_rows(self._form, self._said, pane), ()]
            rows.append((*key("Enter", say("unknown.write_off")), *back))
        elif self._reason >= 0:
            texts = [reason["text"] for reason in self._reasons]
            rows += [*choice_rows(texts, self._reason), (), (*key("Enter", say("unknown.next")), *back)]
        else:
            keys: list[Span] = [*key("Esc", say("unknown.keep"), "cancel")]
            if may(known.snapshot, "write_off"):
                keys += key("W", say("unknown.write_off"), "write_off")
            rows.append(tuple(keys))
        self.box(rows)

    @property
    def _reasons(self) -> list[Body]:
        return list(self.console.known.welcome["write_off_reasons"])

    def on_key(self, event: events.Key) -> None:
        """Put it aside, or go through the write-off."""
        event.stop()
        if self._form is not None:
            self._in_form(self._form, event)
        elif self._reason >= 0:
            self._in_reasons(event.key)
        elif event.key in {"escape", "enter"}:
            self.dismiss()
            return
        elif event.key == "w":
            self.action_write_off()
        self.paint()

    def action_write_off(self) -> None:
        """Ask for the reason first."""
        if may(self.console.known.snapshot, "write_off"):
            self._reason = 0
            self.paint()

    def action_reason(self, number: int) -> None:
        """Choose a reason by mouse."""
        self._reason = number - 1
        self.paint()

    def action_field(self, number: int) -> None:
        """Go on writing in the field clicked at."""
        if self._form is not None:
            self._form.at = number
            self.paint()

    def _in_reasons(self, name: str) -> None:
        if name in {"up", "down"}:
            self._reason = (self._reason + (1 if name == "down" else -1)) % len(self._reasons)
        elif name == "escape":
            self._reason = -1
        elif name == "enter":
            self._form = Form(forms.write_off(self._reasons[self._reason]["code"]).fields)

    def _in_form(self, form: Form, event: events.Key) -> None:
        match form.press(event.key, event.character):
            case FormEvent.LEFT:
                self._form, self._said = None, ""
            case FormEvent.DONE:
                self._said = say("sign_in.checking")
                asked = forms.write_off(self._reasons[self._reason]["code"])
                self.console.ask(asked.kind, self._answered, **asked.fixed, **form.values())
                form.forget_secrets()
            case _:
                pass

    def _answered(self, answer: Body) -> None:
        if not self.is_mounted:
            return
        if answer["outcome"] == "done":
            self.dismiss()
            return
        self._said = answer["text"]
        self.paint()
