"""An edit of the plan in two acts: a number typed by hand, then what the host makes of it, taken or left."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from textual import events

from meso_device.console.client import Body
from meso_device.console.entry import NumberEntry
from meso_device.console.presenters.edit import SETPOINTS, confirm_rows, edit_rows
from meso_device.console.screens.base import Dialog
from meso_device.console.state import area_of
from meso_device.console.text import say
from meso_device.console.typed import Heard
from meso_device.screen_messages import ToHost

if TYPE_CHECKING:
    from meso_device.console.app import ConsoleApp

TAKE: Final = "c"
_TAKEN: Final[Mapping[str, str]] = {"out": "edit.taken_out", "in": "edit.taken_in"}


class EditDialog(Dialog):
    """Depth, dose and points of one area. The number is read by the host; nothing changes before it was taken."""

    def __init__(self, area: str) -> None:
        super().__init__()
        self._area = area
        self._at = 0
        self._entry = NumberEntry()
        self._offer: Body | None = None
        self._ends_ms = 0
        self._said = ""

    @property
    def _left_s(self) -> int:
        return max(0, -(-(self._ends_ms - self.console.now_ms()) // 1_000))

    def offered(self, answer: Body) -> None:
        """Go on to the second act, or say why there is none."""
        if not self.is_mounted:
            return
        self._entry = NumberEntry()
        if answer["outcome"] == "done":
            self._offer, self._said = answer, ""
            self._ends_ms = self.console.now_ms() + answer["expires_ms"]
        else:
            self._said = answer["text"]
        self.paint()

    def paint_body(self) -> None:
        """Draw the act under way."""
        area, pane = area_of(self.console.known.snapshot, self._area), self.box_pane()
        if self._offer is not None:
            self.box(confirm_rows(self._offer, pane, self._entry, self._left_s, self._said))
        elif area is not None:
            self.box(edit_rows(area, pane, self._at, self._entry, self._said))

    def paint_frame(self) -> None:
        """Draw frame and countdown."""
        super().paint_frame()
        if self.paintable and self._offer is not None:
            self.paint_body()

    def on_key(self, event: events.Key) -> None:
        """Type, choose another setpoint, take it or leave."""
        event.stop()
        event.prevent_default()
        if self._offer is None and event.key in {"up", "down", "tab", "shift+tab"}:
            self.action_field((self._at + (-1 if event.key in {"up", "shift+tab"} else 1)) % len(SETPOINTS))
            return
        if self._offer is not None and not self._offer["typed"] and event.key != "escape":
            if event.key == TAKE:
                self.action_take()
            return
        heard = self._entry.press(event.key, event.character, self.console.key_ms(event))
        if heard is Heard.CANCELLED:
            self.action_cancel()
        elif heard is Heard.GIVEN:
            self._given()
        else:
            self._said = say("dialog.too_fast") if heard is Heard.TOO_FAST else self._said
            self.paint()

    def on_paste(self, event: events.Paste) -> None:
        """A number is typed or it is none."""
        event.stop()
        self._entry.refuse()
        self._said = say("dialog.no_paste")
        self.paint()

    def _given(self) -> None:
        if self._offer is not None:
            self.action_take()
            return
        self._said = ""
        self.console.ask(
            ToHost.PLAN_EDIT, self.offered, area=self._area, what=SETPOINTS[self._at], text=self._entry.text
        )

    def action_field(self, number: int) -> None:
        """Write another setpoint."""
        if self._offer is None:
            self._at, self._entry, self._said = number, NumberEntry(), ""
            self.paint()

    def action_take(self) -> None:
        """Take what was offered."""
        if self._offer is not None and self._left_s:
            typed = self._entry.text.strip() if self._offer["typed"] else ""
            self.console.ask(ToHost.PLAN_CONFIRM, self._taken, token=self._offer["token"], typed=typed)

    def _taken(self, answer: Body) -> None:
        offer, self._offer = self._offer, None
        if not self.is_mounted or offer is None:
            return
        if answer["outcome"] == "done":
            self.dismiss()
            self.console.tell(say(_TAKEN.get(offer["what"], "edit.taken"), short=offer["short"]))
            return
        self._entry, self._said = NumberEntry(), answer["text"]
        if offer["what"] not in SETPOINTS:
            self.dismiss()
            self.console.tell(answer["text"])
            return
        self.paint()


def open_planning(console: "ConsoleApp", area: str, what: str) -> None:
    """Offer to leave an area out of the plan, or to put it back; the dialog asks for the second act."""

    def offered(answer: Body) -> None:
        if answer["outcome"] != "done":
            console.tell(answer["text"])
            return
        dialog = EditDialog(area)
        console.open_dialog(dialog)
        dialog.call_after_refresh(dialog.offered, answer)

    console.ask(ToHost.PLAN_EDIT, offered, area=area, what=what, text="")
