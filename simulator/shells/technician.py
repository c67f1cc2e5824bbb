"""The simulated technician: presses the gun's service button whenever the gun waits for somebody. Pure."""

from collections.abc import Callable
from typing import Final

from protocols.wire.codes import State
from simulator.physics import GunBody
from simulator.shells.hand import Look

_PRESS_EVERY_US: Final = 10_000_000  # the gun remembers a press for 30 s
_LEFT_PERMILLE_MIN: Final = 400  # a plunger in the rear third comes back by a full syringe alone


class Technician:
    """Somebody who stands at the bench beside one gun, and never touches trigger or skin.

    Args:
        body: The gun's.
        fit_full: Fits a full syringe of the kind that is in the gun.
    """

    __slots__ = ("_body", "_due_us", "_fit_full")

    def __init__(self, body: GunBody, fit_full: Callable[[int], None]) -> None:
        self._body = body
        self._fit_full = fit_full
        self._due_us: int | None = 0

    def next_deadline_us(self) -> int | None:
        """When the button is pressed next, if the lamp does not change before."""
        return self._due_us

    def act(self, now_us: int, look: Look) -> None:
        """If the gun is at rest and it is time, fit a full syringe for one nearly empty and press the button."""
        if look.state is not State.SAFE:
            self._due_us = None
        elif self._due_us is None or now_us >= self._due_us:
            syringe = self._body.syringe
            if syringe is None or self._body.content_nl * 1_000 < syringe.size_nl * _LEFT_PERMILLE_MIN:
                self._fit_full(now_us)
            self._body.press_service_button(now_us)
            self._due_us = now_us + _PRESS_EVERY_US
