"""A word typed by hand before something may happen: no paste, no bounce, and Enter alone does nothing. Pure."""

from enum import Enum
from typing import Final

from meso_device.console.pace import Pace

LENGTH_MAX: Final = 12


class Heard(Enum):
    """What a key press came to."""

    NOTHING = "nothing"
    CHANGED = "changed"
    TOO_FAST = "too fast"
    CANCELLED = "cancelled"
    GIVEN = "given"


class TypedWord:
    """The field of a confirmation. It begins on Cancel; typing a letter moves on to the field.

    Attributes:
        text: What was typed so far.
        on_cancel: Enter means Cancel.
    """

    def __init__(self) -> None:
        self.text = ""
        self.on_cancel = True
        self._pace = Pace()

    def press(self, key: str, character: str | None, at_ms: int) -> Heard:
        """Take a key press at a time of the screen's monotonic clock."""
        if key == "escape":
            return Heard.CANCELLED
        if not self._pace.press(at_ms):
            return self.refuse()
        if key == "enter":
            return Heard.GIVEN if self.text and not self.on_cancel else Heard.CANCELLED
        if key in {"tab", "shift+tab", "left", "right", "up", "down"}:
            self.on_cancel = not self.on_cancel
            return Heard.CHANGED
        if key in {"backspace", "ctrl+u"}:
            self.text = self.text[:-1] if key == "backspace" else ""
            return Heard.CHANGED
        if character and character.isascii() and character.isalnum() and len(self.text) < LENGTH_MAX:
            self.on_cancel = False
            self.text += character.upper()
            return Heard.CHANGED
        return Heard.NOTHING

    def refuse(self) -> Heard:
        """Drop what was typed: it came by paste, or faster than anybody types. Begins on Cancel again."""
        self.text = ""
        self.on_cancel = True
        return Heard.TOO_FAST
