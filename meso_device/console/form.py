"""Fields that are filled in with the keyboard, for signing in and the like. Pure."""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

TEXT_MAX: Final = 64


class Field(Struct, frozen=True):
    """One field.

    Attributes:
        name: As the command names it.
        label: As people read it.
        secret: Shown as dots.
        hint: What belongs in it.
        optional: It may stay empty.
        text: What stands in it at first.
        length_max: Letters that fit.
    """

    name: str
    label: str
    secret: bool = False
    hint: str = ""
    optional: bool = False
    text: str = ""
    length_max: int = TEXT_MAX


class FormEvent(Enum):
    """What a key press came to."""

    NOTHING = "nothing"
    CHANGED = "changed"
    LEFT = "left"
    DONE = "done"


class Form:
    """A few fields and the one that is being written in.

    Attributes:
        fields: In their order.
        at: Index of the field being written in.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self._texts = {field.name: field.text for field in fields}
        self.at = next((no for no, field in enumerate(self.fields) if not field.text), 0)

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def complete(self) -> bool:
        """Return whether something stands in every field that must not stay empty."""
        return all(self._texts[field.name] or field.optional for field in self.fields)

    def values(self) -> dict[str, str]:
        """Return what was written, by field."""
        return dict(self._texts)

    def forget_secrets(self) -> None:
        """Empty the secret fields."""
        for field in self.fields:
            if field.secret:
                self._texts[field.name] = ""

    def press(self, key: str, character: str | None) -> FormEvent:
        """Take a key press. Enter goes on to the next field that must be filled, and is the end when none is left."""
        if key == "escape":
            return FormEvent.LEFT
        if key == "enter":
            return self._go_on()
        if key in {"tab", "down"}:
            self.at = (self.at + 1) % len(self.fields)
        elif key in {"shift+tab", "up"}:
            self.at = (self.at - 1) % len(self.fields)
        elif key in {"backspace", "ctrl+u"}:
            name = self.fields[self.at].name
            self._texts[name] = self._texts[name][:-1] if key == "backspace" else ""
        elif character and character.isprintable():
            self.write(character)
        else:
            return FormEvent.NOTHING
        return FormEvent.CHANGED

    def write(self, text: str) -> None:
        """Add text to the field being written in; what does not fit or cannot be printed is left out."""
        field = self.fields[self.at]
        written = self._texts[field.name] + "".join(letter for letter in text if letter.isprintable())
        self._texts[field.name] = written[: field.length_max]

    def _go_on(self) -> FormEvent:
        if self.complete():
            return FormEvent.DONE
        rest = [*range(self.at + 1, len(self.fields)), *range(self.at + 1)]
        self.at = next(at for at in rest if not self._texts[self.fields[at].name] and not self.fields[at].optional)
        return FormEvent.CHANGED
