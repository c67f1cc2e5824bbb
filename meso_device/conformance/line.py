"""What the kit needs of the world: bytes that come and go in time, and hands at the gun."""

from typing import Protocol


class Line(Protocol):
    """A cable to one gun, with its clock."""

    def now_us(self) -> int:
        """Monotonic time of this end."""
        ...

    def send(self, data: bytes) -> None:
        """Put bytes on the line, all of them. Raises `LinkLost`."""
        ...

    def receive(self, wait_us: int) -> bytes:
        """Wait until something comes or the time is over, and return what came. Raises `LinkLost`."""
        ...


class Hands(Protocol):
    """Whoever presses and touches what only hands can. A call tells what to do; the gun shows when it is done.

    Attributes:
        patience_us: How long an act may take until the gun shows it.
        exact: Whether an act happens at once, so that times can be judged.
    """

    patience_us: int
    exact: bool

    def contact(self, on: bool) -> None:
        """Put the head on the pad, or lift it."""
        ...

    def trigger(self, on: bool) -> None:
        """Press the trigger and keep it pressed, or let it go."""
        ...

    def press_service_button(self) -> None:
        """Press the technician's button once."""
        ...

    def press_stop_button(self) -> None:
        """Press the gun's own stop once."""
        ...

    def power(self, on: bool) -> None:
        """Switch the gun on or off; the memory keeps what it has."""
        ...

    def change_cartridge(self) -> None:
        """Take the cartridge out and fit a full one of its kind."""
        ...
