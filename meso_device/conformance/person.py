"""A person's hands: told what to do, one line each; the gun shows when it is done."""

from collections.abc import Callable

_PATIENCE_US = 60_000_000


class PersonHands:
    """Somebody who sits at the gun and reads."""

    patience_us = _PATIENCE_US
    exact = False

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Take whatever shows a line to the person."""
        self._tell = tell
        self._pressed = self._touching = False

    def contact(self, on: bool) -> None:
        """Ask for the head on the pad, or off it."""
        if on != self._touching:
            self._touching = on
            self._tell("put the head on the test pad" if on else "lift the head off the test pad")

    def trigger(self, on: bool) -> None:
        """Ask for the trigger to be held, or let go."""
        if on != self._pressed:
            self._pressed = on
            self._tell("press the trigger and hold it" if on else "let the trigger go")

    def press_service_button(self) -> None:
        """Ask for the service button."""
        self._tell("press the gun's service button once")

    def press_stop_button(self) -> None:
        """Ask for the gun's own stop."""
        self._tell("press the gun's own stop button")

    def power(self, on: bool) -> None:
        """Ask for the gun to be switched off and on: one act for a person."""
        if not on:
            self._tell("switch the gun off, and on again")

    def change_cartridge(self) -> None:
        """Ask for another cartridge."""
        self._tell("take the cartridge out and put a full one of its kind in")
