"""A reading of a balance or gauge, keyed in into a field that is marked with its unit. Pure.

What it comes to is the host's to say; here is seen to it that a person typed it, key by key.
"""

from collections.abc import Mapping
from typing import Final

from meso_device.console.entry import NumberEntry
from meso_device.console.typed import Heard

UNITS: Final[Mapping[str, tuple[str, ...]]] = {"ug": ("g", "mg"), "nm": ("mm", "um"), "mdegc": ("degC",)}
"""Units that a reading can be keyed in with, by the unit that is asked for; the usual one first."""
_KEYS: Final = frozenset({*"0123456789.,", "full_stop", "comma", "backspace", "ctrl+u", "enter", "tab"})


class ReadingEntry:
    """The field.

    Attributes:
        no: Number of the reading that it is for; 0 for none.
        unit: Unit that the field is marked with.
    """

    def __init__(self) -> None:
        self.no = 0
        self.unit = ""
        self._number = NumberEntry()
        self._asked = ""

    @property
    def text(self) -> str:
        """What was typed so far."""
        return self._number.text

    @property
    def written(self) -> str:
        """The number with its unit, as the host takes it."""
        return f"{self.text} {self.unit}"

    def ask(self, no: int, unit: str) -> None:
        """Begin anew for another reading; the unit stays while readings of its kind are asked for."""
        if no == self.no:
            return
        self.no, self._number = no, NumberEntry()
        if unit != self._asked:
            self._asked, self.unit = unit, UNITS[unit][0]

    def takes(self, key: str, character: str | None) -> bool:
        """Return whether a key is one of the field; letters are for the screen."""
        return key in _KEYS or (character or "") in _KEYS

    def press(self, key: str, character: str | None, at_ms: int) -> Heard:
        """Take a key press at a time of the screen's monotonic clock; Tab marks the field with the next unit."""
        if key == "tab":
            units = UNITS[self._asked]
            self.unit = units[(units.index(self.unit) + 1) % len(units)]
            return Heard.CHANGED
        return self._number.press(key, character, at_ms)

    def refuse(self) -> None:
        """Drop what was typed: it was pasted."""
        self._number.refuse()
