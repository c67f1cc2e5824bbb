"""A dialog of a few fields that become one command; what the host refuses is said in it."""

from collections.abc import Callable

from textual import events

from meso_device.console.client import Body
from meso_device.console.form import Form, FormEvent
from meso_device.console.forms import Asked
from meso_device.console.lines import Line, dim, key, line, strong, wrap
from meso_device.console.presenters.places import form_rows
from meso_device.console.screens.base import Dialog
from meso_device.console.text import say


class AskDialog(Dialog):
    """Asks for fields and sends them.

    Args:
        asked: What is filled in, and the command that it becomes.
        done: Called with the host's answer when it is done; the dialog is closed by then.
        sent: Called with what was written, each time it is sent.
    """

    def __init__(
        self,
        asked: Asked,
        done: Callable[[Body], None] = lambda _: None,
        sent: Callable[[dict[str, str]], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._asked = asked
        self._form = Form(asked.fields)
        self._done = done
        self._sent = sent
        self._said = ""

    def paint_body(self) -> None:
        """Draw the box."""
        pane = self.box_pane()
        rows: list[Line] = [line(strong(self._asked.title)), ()]
        rows += [*wrap(self._asked.note, pane.width), ()] if self._asked.note else []
        rows += [*form_rows(self._form, self._said, pane), ()]
        rows.append((*key("Enter", say("ask.send")), *key("Esc", say("key.back"), "cancel"), dim(say("ask.tab"))))
        self.box(rows)

    def on_key(self, event: events.Key) -> None:
        """Write, send, or leave."""
        event.stop()
        event.prevent_default()
        match self._form.press(event.key, event.character):
            case FormEvent.LEFT:
                self.dismiss()
                return
            case FormEvent.DONE:
                self._said = say("ask.wait")
                self._sent(self._form.values())
                self.console.ask(self._asked.kind, self._answered, **self._asked.fixed, **self._form.values())
                self._form.forget_secrets()
            case _:
                self._said = ""
        self.paint()

    def on_paste(self, event: events.Paste) -> None:
        """Take what was pasted into the field."""
        event.stop()
        self._form.write(event.text)
        self.paint()

    def action_field(self, number: int) -> None:
        """Go on writing in the field clicked at."""
        self._form.at = number
        self.paint()

    def _answered(self, answer: Body) -> None:
        if not self.is_mounted:
            return
        if answer["outcome"] != "done":
            self._said = answer["text"]
            self.paint()
            return
        self.dismiss()
        self._done(answer)
