"""Dialogs of the history: which field of a record is amended, and what was seen after a session. A form follows."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from meso_device.console import forms_afterwards as forms
from meso_device.console.client import Body
from meso_device.console.forms import Asked
from meso_device.console.presenters.frame import SHORT_ID
from meso_device.console.screens.ask import AskDialog
from meso_device.console.screens.reasons import ChoiceDialog
from meso_device.console.text import say

if TYPE_CHECKING:
    from meso_device.console.app import ConsoleApp

Done = Callable[[Body], None]


class OfRecordDialog(ChoiceDialog):
    """A choice about a record, and the form that follows it.

    Args:
        record: The host's answer to RECORD.
        done: Called when what was filled in is recorded.
    """

    def __init__(self, record: Body, done: Done) -> None:
        super().__init__()
        self._record = record
        self._done = done

    def ask(self, asked: Asked) -> None:
        """Go on to the form."""
        self.dismiss()
        self.console.open_dialog(AskDialog(asked, self._done))


class FieldDialog(OfRecordDialog):
    """Which field of a record is to be amended."""

    TAKEN = "amend.this_one"

    @property
    def texts(self) -> list[str]:
        """The fields with what they say now."""
        return [say("amend.choice", **one) for one in self._record["amend"]["fields"]]

    def question(self) -> tuple[str, str]:
        """Return the question."""
        return say("amend.which", seq=self._record["seq"]), say("amend.which_note")

    def chosen(self, no: int) -> None:
        """Ask for the new value."""
        self.ask(forms.amend(self._record, self._record["amend"]["fields"][no]))


class ReactionDialog(OfRecordDialog):
    """What was seen after the session of a record."""

    TAKEN = "reaction.this_one"

    @property
    def texts(self) -> list[str]:
        """The reactions as people read them."""
        return [forms.spoken(one) for one in self.console.known.welcome["reactions"]]

    def question(self) -> tuple[str, str]:
        """Return the question."""
        session = self._record["reaction"]["session"][:SHORT_ID]
        return say("reaction.which", session=session), say("reaction.which_note")

    def chosen(self, no: int) -> None:
        """Ask for the rest."""
        welcome = self.console.known.welcome
        self.ask(forms.reaction(self._record, welcome["reactions"][no], welcome))


def open_amending(console: "ConsoleApp", record: Body, done: Done) -> None:
    """Ask for a correction of this record, which the host would take; where it has one field, for that at once."""
    offers = record["amend"]["fields"]
    if len(offers) == 1:
        console.open_dialog(AskDialog(forms.amend(record, offers[0]), done))
    else:
        console.open_dialog(FieldDialog(record, done))
