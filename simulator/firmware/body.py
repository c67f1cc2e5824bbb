"""What the firmware needs from the gun's body: motors, sensors and hands. `simulator.physics.GunBody` is one."""

from typing import Protocol

from simulator.physics.events import BodyEvent, Sensors
from simulator.physics.stroke import Stroke, StrokeLabel


class Body(Protocol):
    """The gun's hardware as seen from its firmware. Times are the world's, in microseconds, never going back."""

    def start_stroke(self, now_us: int, stroke: Stroke) -> None:
        """Begin a stroke; one at a time."""
        ...

    def stop_stroke(self, now_us: int) -> None:
        """Stop the flow at once and draw the needle home; `StrokeEnded` follows. Nothing if none is under way."""
        ...

    def set_suction(self, now_us: int, *, on: bool, threshold_pa: int = 0) -> None:
        """Run or stop the suction pump and watch a threshold."""
        ...

    def advance(self, now_us: int) -> list[BodyEvent]:
        """All that happened up to now, in order of time."""
        ...

    def next_event_us(self) -> int | None:
        """When the body has something to tell next."""
        ...

    def sensors(self, now_us: int) -> Sensors:
        """What the gun measures now; called after `advance` for the same moment."""
        ...

    def power_off(self, now_us: int) -> None:
        """Lose power: all motion stops where it is."""
        ...

    def never_started(self, now_us: int, label: StrokeLabel) -> None:
        """Take note of a stroke that the log promises and that may never have been ordered."""
        ...
