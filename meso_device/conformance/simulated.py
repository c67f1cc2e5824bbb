"""The simulated gun inside this process, on a clock of its own: minutes of the gun's time in a second."""

from secrets import token_hex
from typing import Final

from simulator.firmware import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun

_PATIENCE_US: Final = 1_000_000


class SimulatedLine:
    """Cable and clock of a simulated gun. Time goes on only while `receive` waits."""

    def __init__(self, gun: SimulatedGun) -> None:
        self.gun = gun
        self._now_us = 0

    def now_us(self) -> int:
        """Time of the simulated world."""
        return self._now_us

    def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        self.gun.feed(self._now_us, data)

    def receive(self, wait_us: int) -> bytes:
        """Let time pass until something comes, at most so long."""
        end_us = self._now_us + wait_us
        while True:
            self.gun.step(self._now_us)
            arrived = self.gun.take(self._now_us)
            if arrived:
                return arrived
            due_us = self.gun.next_deadline_us()
            if due_us is None or due_us > end_us:
                break
            self._now_us = max(self._now_us, due_us)
        self._now_us = end_us
        self.gun.step(end_us)
        return self.gun.take(end_us)


class SimulatedHands:
    """Hands at the simulated gun; they act at once."""

    patience_us = _PATIENCE_US
    exact = True

    def __init__(self, line: SimulatedLine) -> None:
        self._line = line
        self._body = line.gun.body

    def contact(self, on: bool) -> None:
        """Put the head on skin, or lift it."""
        self._body.set_contact(self._line.now_us(), on)

    def trigger(self, on: bool) -> None:
        """Press or release the trigger."""
        if on:
            self._body.press_trigger(self._line.now_us())
        else:
            self._body.release_trigger(self._line.now_us())

    def press_service_button(self) -> None:
        """Press the technician's button."""
        self._body.press_service_button(self._line.now_us())

    def press_stop_button(self) -> None:
        """Press the gun's own stop."""
        self._body.press_stop_button(self._line.now_us())

    def power(self, on: bool) -> None:
        """Switch the gun on or off."""
        if on:
            self._line.gun.power_on(self._line.now_us())
        else:
            self._line.gun.power_off(self._line.now_us())

    def change_cartridge(self) -> None:
        """Fit a full cartridge."""
        self._line.gun.change_cartridge(self._line.now_us())


def simulated_gun(name: str | None = None, *, link_key: bytes | None = None) -> tuple[SimulatedLine, SimulatedHands]:
    """Switch a new simulated gun on and return its cable and hands.

    Args:
        name: Decides the gun's uid and its random numbers; a new one if None.
        link_key: That the gun holds; None for none.
    """
    named = name or token_hex(4)
    gun = SimulatedGun(
        name=named, seed=named, store=MemoryStore(NVM_SIZE), on_injection=lambda _: None, link_key=link_key
    )
    line = SimulatedLine(gun)
    return line, SimulatedHands(line)
