"""The trigger: from bouncing contacts to pulls, and what a pull still asks for."""

from typing import Final

from protocols.wire.codes import Mode, SuctionMode
from protocols.wire.messages import Settings

# A contact that bounces is still for less than a millisecond; a hand that pulls holds for more than 20.
DEBOUNCE_US: Final = 5_000
STUCK_US: Final = 30_000_000


class Contact:
    """One switch, debounced.

    Attributes:
        level: What the contact says.
        pressed: What is believed: the level that has stood for `DEBOUNCE_US`.
        due_us: Ticks at which the level has stood long enough; None when level and belief agree.
        since_us: Ticks of the last change of belief.
    """

    __slots__ = ("due_us", "level", "pressed", "since_us")

    def __init__(self) -> None:
        self.restart(level=False, ticks_us=0)

    def restart(self, *, level: bool, ticks_us: int) -> None:
        """Believe what is sensed at boot."""
        self.level = self.pressed = level
        self.due_us: int | None = None
        self.since_us = ticks_us

    def edge(self, ticks_us: int, *, level: bool) -> None:
        """The contact opened or closed."""
        self.level = level
        self.due_us = ticks_us + DEBOUNCE_US if level != self.pressed else None

    def settle(self, ticks_us: int) -> bool:
        """Whether the belief changes now."""
        if self.due_us is None or ticks_us < self.due_us:
            return False
        self.pressed = self.level
        self.due_us = None
        self.since_us = ticks_us
        return True


class Pull:
    """What the trigger asks for: nothing, or shots since one pull.

    A pull counts only if credit was live when it was made, so a held trigger never fires by itself when credit comes.

    Attributes:
        source: `TriggerSource` of the pull; 0 when nothing is asked for.
        shots: Shots made since.
    """

    __slots__ = ("shots", "source")

    def __init__(self) -> None:
        self.source = 0
        self.shots = 0

    def begin(self, source: int) -> None:
        """The trigger was pulled while credit was live."""
        self.source = source
        self.shots = 0

    def end(self) -> None:
        """The trigger was released, or the credit ended."""
        self.source = 0

    def use_up(self, settings: Settings) -> None:
        """Nothing came of the pull; it asks for no more until something counts as a new one."""
        self.shots = settings.burst_shots

    def wants_more(self, settings: Settings) -> bool:
        """Whether the pull asks for a further shot."""
        if not self.source:
            return False
        if settings.mode == Mode.CONTINUOUS:
            return True
        return self.shots < (settings.burst_shots if settings.mode == Mode.BURST else 1)


def repeats(settings: Settings) -> bool:
    """Whether one pull makes several shots."""
    return settings.mode in {Mode.CONTINUOUS, Mode.BURST}


def waits(settings: Settings) -> bool:
    """Whether a held pull waits for contact and vacuum instead of being lost without them."""
    return repeats(settings) or settings.suction_mode == SuctionMode.STARTS
