"""The simulated technician: presses the gun's service button whenever the gun waits for somebody. Pure."""

from typing import Final

from protocols.wire.codes import State
from simulator.physics import GunBody
from simulator.shells.hand import Look

_PRESS_EVERY_US: Final = 10_000_000  # the gun remembers a press for 30 s


class Technician:
    """Somebody who stands at the bench beside one gun, and never touches trigger or skin."""

    __slots__ = ("_body", "_due_us")

    def __init__(self, body: GunBody) -> None:
        self._body = body
        self._due_us: int | None = 0

    def next_deadline_us(self) -> int | None:
        """When the button is pressed next, if the lamp does not change before."""
        return self._due_us

    def act(self, now_us: int, look: Look) -> None:
        """Press the button if the gun is at rest and it is time."""
        if look.state is not State.SAFE:
            self._due_us = None
        elif self._due_us is None or now_us >= self._due_us:
            self._body.press_service_button(now_us)
            self._due_us = now_us + _PRESS_EVERY_US
