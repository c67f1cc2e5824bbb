"""What is typed, letter by letter, into a line. Pure."""

from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Final

LINE_MAX: Final = 200
INTERRUPT: Final = "\x03"
_ESCAPE, _ENTER, _BACKSPACE, _CLEAR = "\x1b", "\r\n", "\x7f\b", "\x15"


class TypedLine:
    """One line in the making; sequences of keys that are no letters are left out.

    Attributes:
        text: What is typed so far.
        secret: Nothing of it is shown.
    """

    def __init__(self) -> None:
        self.text = ""
        self.secret = False
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._sequence = ""

    def feed(self, data: bytes) -> Iterator[tuple[str, str | None]]:
        """Yield what is to be echoed, and with it the line where one is complete; INTERRUPT is a line of its own."""
        for letter in self._decode(data):
            if self._is_of_sequence(letter):
                continue
            if letter in _ENTER:
                line, self.text = self.text, ""
                yield "\n", line
            elif letter == INTERRUPT:
                self.text = ""
                yield "\n", INTERRUPT
            elif letter in _BACKSPACE and self.text:
                self.text = self.text[:-1]
                yield "" if self.secret else "\b \b", None
            elif letter == _CLEAR:
                gone, self.text = len(self.text), ""
                yield "" if self.secret else "\b \b" * gone, None
            elif letter.isprintable() and len(self.text) < LINE_MAX:
                self.text += letter
                yield "" if self.secret else letter, None

    def _is_of_sequence(self, letter: str) -> bool:
        """Swallow ESC, or ESC [ and what follows up to its last letter."""
        if letter == _ESCAPE:
            self._sequence = letter
            return True
        if not self._sequence:
            return False
        self._sequence += letter
        ended = len(self._sequence) > 2 and "@" <= letter <= "~"
        if ended or (len(self._sequence) == 2 and letter not in "[O") or len(self._sequence) > 16:
            self._sequence = ""
        return True
