"""The trigger: a mechanical contact that bounces."""

from typing import Final

from simulator.physics.chance import Chance

_USUAL_BOUNCES_MAX: Final = 2
_BOUNCE_GAP_US: Final = 300  # shortest time between two edges of a bouncing contact; the longest is 1 ms
_EXTRA_PULL_US: Final = 30_000


class Trigger:
    """One switch. Says which edges follow from what the finger does; its owner keeps the time.

    Attributes:
        pressed: Where the finger is.
        level: What the contact says now.
    """

    __slots__ = ("_chance", "level", "pressed")

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.pressed = False
        self.level = False

    def move(self, now_us: int, *, pressed: bool, bounces: int | None, again_ms: int) -> list[tuple[int, bool]]:
        """Press or release, and return the edges to come; none if the finger is there already.

        Args:
            now_us: Moment of the movement; the first edge comes then.
            pressed: Where the finger goes.
            bounces: How often the contact bounces; None for the usual 0 to 2.
            again_ms: Time after a release at which the contact closes once more; 0 for never.
        """
        if pressed == self.pressed:
            return []
        self.pressed = pressed
        if bounces is None:
            bounces = int(self._chance.random() * (_USUAL_BOUNCES_MAX + 1))
        at_us = now_us
        edges = [(at_us, pressed)]
        for _ in range(bounces):
            for level in (not pressed, pressed):
                at_us += _BOUNCE_GAP_US + int(self._chance.random() * 700)
                edges.append((at_us, level))
        if again_ms and not pressed:
            again_us = at_us + again_ms * 1_000
            edges += [(again_us, True), (again_us + _EXTRA_PULL_US, False)]
        return edges
