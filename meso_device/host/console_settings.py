"""What is set of a console, as far as the host acts on it; the rest goes on to the screen unread."""

from typing import Any, Final

from msgspec import Struct, field

from meso_device.screen_messages import Body

DISARM_AFTER_S: Final = 30
LOCK_AFTER_S: Final = 600


class ConsoleSettings(Struct, frozen=True, kw_only=True):
    """Settings of one console.

    Attributes:
        stops: Numbers of the keys that stop beside F8, as terminals send them.
        disarm_after_s: Armed so long without a shot, and it is over; 10 to 60, the gun's own limit.
        lock_after_s: Nothing typed for so long, and whoever is signed in is signed out.
        shown: What the screen is told.
    """

    stops: frozenset[int] = frozenset()
    disarm_after_s: int = DISARM_AFTER_S
    lock_after_s: int = LOCK_AFTER_S
    shown: Body = field(default_factory=dict[str, Any])
