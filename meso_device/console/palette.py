"""What the command palette offers: ways to go and things to look at, nothing that moves or permits. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from meso_device.console.keys import PAGES
from meso_device.console.text import say

TYPED_MAX: Final = 32


class Offer(Struct, frozen=True):
    """One thing to do.

    Attributes:
        key: Name of its key in the table of keys; empty for none.
        text: What is read and looked for.
        act: Action of the application.
    """

    key: str
    text: str
    act: str


def offers() -> tuple[Offer, ...]:
    """Return all that the palette has."""
    pages = [Offer(page, say("palette.page", page=say(f"page.{page}")), f"page('{page}')") for page in PAGES]
    return (
        *pages,
        Offer("", say("palette.bench"), "page('bench')"),
        Offer("", say("palette.summary"), "page('summary')"),
        Offer("", say("palette.sign_in"), "page('sign_in')"),
        Offer("lock", say("palette.lock"), "lock"),
        Offer("", say("palette.silence"), "silence"),
        Offer("", say("palette.theme"), "theme"),
        Offer("", say("palette.bell"), "bell_switch"),
        Offer("quit", say("palette.quit"), "leave"),
    )


class Palette:
    """What was typed, what fits it, and the one at the cursor.

    Attributes:
        typed: Words looked for, in any order.
        at: Index of the offer at the cursor.
    """

    def __init__(self) -> None:
        self.typed = ""
        self.at = 0

    @property
    def found(self) -> Sequence[Offer]:
        """The offers that have every word typed."""
        words = self.typed.casefold().split()
        return [offer for offer in offers() if all(word in offer.text.casefold() for word in words)]

    def press(self, key: str, character: str | None) -> bool:
        """Take a key press; return whether it was one for the palette."""
        steps = {"up": -1, "shift+tab": -1, "down": 1, "tab": 1}
        if key in steps:
            self.at = min(max(self.at + steps[key], 0), max(0, len(self.found) - 1))
        elif key in {"backspace", "ctrl+u"}:
            self.typed, self.at = (self.typed[:-1] if key == "backspace" else ""), 0
        elif character and character.isprintable() and len(self.typed) < TYPED_MAX:
            self.typed, self.at = self.typed + character, 0
        else:
            return False
        return True
