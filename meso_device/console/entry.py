"""A number typed by hand into a field that is marked with its unit. Pure.

What the number means is the host's to read; here is seen to it that a person typed it, key by key, and that a comma is
shown at once as the point that it will be read as.
"""

from typing import Final

from meso_device.console.pace import Pace
from meso_device.console.typed import Heard

LENGTH_MAX: Final = 12
_UNIT_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ ")


class NumberEntry:
    """The field.

    Attributes:
        text: What was typed so far.
    """

    def __init__(self) -> None:
        self.text = ""
        self._pace = Pace()

    def press(self, key: str, character: str | None, at_ms: int) -> Heard:
        """Take a key press at a time of the screen's monotonic clock."""
        if key == "escape":
            return Heard.CANCELLED
        if not self._pace.press(at_ms):
            return self.refuse()
        if key == "enter":
            return Heard.GIVEN if self.text else Heard.NOTHING
        if key in {"backspace", "ctrl+u"}:
            self.text = self.text[:-1] if key == "backspace" else ""
            return Heard.CHANGED
        letter = "." if character == "," else character or ""
        if len(letter) == 1 and len(self.text) < LENGTH_MAX and (letter in "0123456789." or self._is_unit(letter)):
            self.text += letter
            return Heard.CHANGED
        return Heard.NOTHING

    def refuse(self) -> Heard:
        """Drop what was typed: it came by paste, or faster than anybody types."""
        self.text = ""
        return Heard.TOO_FAST

    def _is_unit(self, letter: str) -> bool:
        """Whether a letter may follow: units are typed behind a number, to be refused there if they are wrong."""
        return bool(self.text) and letter in _UNIT_LETTERS
