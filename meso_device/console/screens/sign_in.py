"""Signing in; on a new data directory, the first administrator."""

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from meso_device.console import forms
from meso_device.console.client import Body
from meso_device.console.form import Form, FormEvent
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.places import before_rows, notes, welcome_rows
from meso_device.console.screens.base import Page
from meso_device.console.text import say


class SignInScreen(Page):
    """Who is at the console. STOP and the frame are there as on every screen."""

    PAGE = "sign_in"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__()
        self._enrolling = False
        self._form = Form(forms.sign_in().fields)
        self._said = ""

    def paint_body(self) -> None:
        """Draw the form that fits: nobody is enrolled on a new data directory."""
        known = self.console.known
        enrolling = bool(known.snapshot) and not known.snapshot["enrolled"]
        if enrolling != self._enrolling:
            self._enrolling = enrolling
            self._form = Form(self._asked().fields)
        self.sheet("main").show(welcome_rows(known, self.pane(), self._form, self._said))

    def context(self, pane: Pane) -> list[Line]:
        """Return who was here last, and what a newcomer wonders about."""
        known = self.console.known
        before = before_rows(known, pane) if known.welcome.get("logins") or known.welcome.get("guns") else []
        return [*before, *notes(pane, [say("sign_in.note_1"), say("sign_in.note_2", lock=known.keys["lock"])])]

    async def on_key(self, event: events.Key) -> None:
        """Fill in."""
        event.stop()
        self._said = ""
        match self._form.press(event.key, event.character):
            case FormEvent.LEFT:
                await self.action_training()
            case FormEvent.DONE:
                self.action_submit()
            case _:
                pass
        self.paint()

    def _asked(self) -> forms.Asked:
        return forms.enrol() if self._enrolling else forms.sign_in()

    def on_paste(self, event: events.Paste) -> None:
        """Take a login or a PIN from a password manager."""
        event.stop()
        self._form.write(event.text)
        self.paint()

    def action_field(self, number: int) -> None:
        """Go on writing in the field clicked at."""
        self._form.at = number
        self.paint()

    def action_submit(self) -> None:
        """Send it, and forget the PIN here."""
        form = self._form
        if not form.complete():
            return
        self._said = say("sign_in.checking")
        asked = self._asked()
        self.console.ask(asked.kind, self._answered, **asked.fixed, **form.values())
        form.forget_secrets()
        form.at = len(form.fields) - 1
        self.paint()

    async def action_training(self) -> None:
        """Look around without signing in."""
        await self.console.show_page("session")

    def _answered(self, answer: Body) -> None:
        if answer["outcome"] == "done":
            self._said = ""
            self._enrolling = False
            self._form = Form(self._asked().fields)
            known = self.console.known
            page = "live" if known.snapshot.get("session") is not None else "session"
            self.console.call_next(self.console.show_page, page)
        else:
            self._said = answer["text"]
            self.paint()
