"""The second step of arming: the code of the area, typed by hand."""

from textual import events

from meso_device.console.client import Body
from meso_device.console.presenters.dialogs import arm_rows
from meso_device.console.screens.base import Dialog
from meso_device.console.text import say
from meso_device.console.typed import Heard, TypedWord


class TypedDialog(Dialog):
    """A dialog that does what it is for only when a word has been typed.

    Args:
        expires_ms: How long the host keeps its offer.
    """

    def __init__(self, expires_ms: int) -> None:
        super().__init__()
        self.word = TypedWord()
        self.said = ""
        self._expires_ms = expires_ms
        self._ends_ms = 0

    def on_mount(self) -> None:
        """Begin to count down; the host's clock decides, this one shows."""
        super().on_mount()
        self._ends_ms = self.console.now_ms() + self._expires_ms

    @property
    def left_s(self) -> int:
        """Whole seconds left, 0 when the offer has lapsed."""
        return max(0, -(-(self._ends_ms - self.console.now_ms()) // 1_000))

    def paint_frame(self) -> None:
        """Draw frame and countdown."""
        super().paint_frame()
        if self.paintable:
            self.paint_body()

    def on_key(self, event: events.Key) -> None:
        """Type, or leave."""
        event.stop()
        event.prevent_default()
        heard = self.other_key(event) or self.word.press(event.key, event.character, self.console.key_ms(event))
        if heard is Heard.CANCELLED:
            self.dismiss()
        elif heard is Heard.GIVEN and self.left_s:
            self.said = ""
            self.given(self.word.text)
        else:
            self.said = say("dialog.too_fast") if heard is Heard.TOO_FAST else self.said
            self.paint()

    def on_paste(self, event: events.Paste) -> None:
        """A code is typed or it is none."""
        event.stop()
        self.word.refuse()
        self.said = say("dialog.no_paste")
        self.paint()

    def other_key(self, event: events.Key) -> Heard | None:  # noqa: ARG002  # for dialogs with more than a word
        """Take a key that is not for the word; None leaves it to the word."""
        return None

    def given(self, word: str) -> None:
        """Ask the host for what the dialog is for."""
        raise NotImplementedError

    def answered(self, answer: Body) -> None:
        """Close when it is done; else say why not and begin anew."""
        if not self.is_mounted:
            return
        if answer["outcome"] == "done":
            self.dismiss()
            return
        self.word = TypedWord()
        self.said = answer["text"]
        self.paint()


class ArmDialog(TypedDialog):
    """Set against read back, what is asked for, and the code of the area to type.

    Args:
        offer: The host's answer to ARM_OPEN.
    """

    def __init__(self, offer: Body) -> None:
        super().__init__(offer["expires_ms"])
        self._offer = offer

    def paint_body(self) -> None:
        """Draw the box."""
        rows = arm_rows(self.console.known, self.box_pane(), self._offer, self.word, left_s=self.left_s, said=self.said)
        self.box(rows)

    def given(self, word: str) -> None:
        """Send the second step."""
        self.console.confirm_arming(self._offer["token"], word, self.answered)
