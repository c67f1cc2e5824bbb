"""The reset of a stop: why it was stopped, and RESET typed by hand."""

from typing import TYPE_CHECKING

from textual import events

from meso_device.console.client import Body
from meso_device.console.presenters.dialogs import reset_rows
from meso_device.console.screens.arm import TypedDialog
from meso_device.console.typed import Heard
from meso_device.screen_messages import ToHost

if TYPE_CHECKING:
    from meso_device.console.app import ConsoleApp


class ResetDialog(TypedDialog):
    """The second step of the reset.

    Args:
        offer: The host's answer to RESET_OPEN.
    """

    def __init__(self, offer: Body) -> None:
        super().__init__(offer["expires_ms"])
        self._token = offer["token"]
        self._at = 0

    def paint_body(self) -> None:
        """Draw the box."""
        reasons = self.console.known.welcome["reset_reasons"]
        rows = reset_rows(reasons, self._at, self.box_pane(), self.word, left_s=self.left_s, said=self.said)
        self.box(rows)

    def other_key(self, event: events.Key) -> Heard | None:
        """Choose the reason with the arrows or its number."""
        count = len(self.console.known.welcome["reset_reasons"])
        if event.key in {"up", "down"}:
            self._at = (self._at + (1 if event.key == "down" else -1)) % count
            return Heard.CHANGED
        if event.character and event.character.isdecimal() and 0 < int(event.character) <= count:
            self._at = int(event.character) - 1
            return Heard.CHANGED
        return None

    def action_reason(self, number: int) -> None:
        """Choose a reason by mouse."""
        self._at = number - 1
        self.paint()

    def given(self, word: str) -> None:
        """Send the second step."""
        reason = self.console.known.welcome["reset_reasons"][self._at]["code"]
        self.console.ask(ToHost.RESET_CONFIRM, self.answered, token=self._token, typed=word, reason=reason)


def open_reset(console: "ConsoleApp") -> None:
    """Ask for the first step of a reset, and open the dialog for the second."""

    def offered(answer: Body) -> None:
        if answer["outcome"] == "done":
            console.open_dialog(ResetDialog(answer))
        else:
            console.tell(answer["text"])

    console.ask(ToHost.RESET_OPEN, offered)
