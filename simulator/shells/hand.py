"""The simulated hand: goes to the area that is armed, and pulls the trigger beat by beat. Pure; seeded."""

from typing import Final

from msgspec import Struct

from protocols.errors import UsageError
from protocols.wire.codes import GrantKind, State
from simulator.physics import Chance, GunBody

RATE_PER_S: Final = 9
RATE_PER_S_MAX: Final = 9
_MOVE_US: Final = 150_000  # lifting off, going to the next area, touching down
_SETTLE_US: Final = 20_000  # touching down, then the first pull
_REST_US: Final = 1_000_000  # not armed for this long: the head comes off the skin
_HELD_SHARE: Final = 0.45  # of a beat, the trigger is held
_LATENESS: Final = 0.01  # of a beat at most; a hand is late, never early, for the gun refuses early pulls
_ON_SKIN: Final = frozenset({GrantKind.TREAT, GrantKind.DRY})
_BY_HAND: Final = _ON_SKIN | {GrantKind.PRIME}


class Look(Struct, frozen=True, kw_only=True):
    """What the hand's owner sees of the gun: its lamp, and the area it was told to go to."""

    state: State
    area_code: int | None
    kind: GrantKind | None


class Hand:
    """One hand on one gun.

    It pulls only while the gun is armed for the hand, and it never reads the gun's memory: what it does
    follows from the lamp, the clock and its seed.
    """

    __slots__ = (
        "_area_code",
        "_away_us",
        "_beat_us",
        "_body",
        "_chance",
        "_due_us",
        "_held",
        "_next_pull_us",
        "_on_skin",
    )

    def __init__(self, *, body: GunBody, chance: Chance, rate_per_s: int = RATE_PER_S) -> None:
        if not 1 <= rate_per_s <= RATE_PER_S_MAX:
            raise UsageError(f"rate {rate_per_s}/s refused: the hand pulls 1 to {RATE_PER_S_MAX} times a second")
        self._body = body
        self._chance = chance
        # The gun's shortest interval is 111 ms; 9 beats of it fit a second.
        self._beat_us = 1_000_000 // rate_per_s
        self._area_code: int | None = None
        self._away_us: int | None = None
        self._due_us: int | None = None
        self._held = self._on_skin = False
        self._next_pull_us = 0

    def next_deadline_us(self) -> int | None:
        """When the hand wants to act next, if the lamp does not change before."""
        return self._due_us

    def act(self, now_us: int, look: Look) -> None:
        """Do what is due. Call whenever time or the lamp has moved on."""
        if self._held and self._due_us is not None and now_us >= self._due_us:
            self._release(now_us)
        if look.state is State.MOVING:
            if not self._held:
                self._due_us = None  # the lamp will change
            return
        if (look.state is State.ARMED or look.state is State.SERVICE) and look.kind in _BY_HAND:
            self._away_us = None
            self._pull_when_due(now_us, look)
        else:
            self._rest(now_us, look.state)

    def _pull_when_due(self, now_us: int, look: Look) -> None:
        wants_skin = look.kind in _ON_SKIN
        if look.area_code != self._area_code or wants_skin != self._on_skin:
            if self._on_skin:
                self._touch(now_us, touch=False)
            if self._area_code != look.area_code:
                self._area_code = look.area_code
                self._next_pull_us = max(self._next_pull_us, now_us + _MOVE_US)
            if wants_skin and now_us >= self._next_pull_us - _SETTLE_US:
                self._touch(now_us, touch=True)
        if self._held:
            return
        if self._on_skin != wants_skin:
            self._due_us = self._next_pull_us - _SETTLE_US
        elif now_us >= self._next_pull_us:
            self._pull(now_us)
        else:
            self._due_us = self._next_pull_us

    def _pull(self, now_us: int) -> None:
        self._body.press_trigger(now_us)
        self._held = True
        self._due_us = now_us + int(self._beat_us * _HELD_SHARE)
        late_us = int(self._chance.random() * self._beat_us * _LATENESS)
        # From the beat, not from now: waiting for the gun must not slow the hand down for good.
        self._next_pull_us = max(self._next_pull_us, now_us - self._beat_us // 4) + self._beat_us + late_us

    def _rest(self, now_us: int, state: State) -> None:
        if self._held:
            return
        self._due_us = None
        if not self._on_skin:
            return
        if self._away_us is None:
            self._away_us = now_us + (_REST_US if state is State.SAFE else 0)
        if now_us >= self._away_us:
            self._touch(now_us, touch=False)
            self._area_code = None
        else:
            self._due_us = self._away_us

    def _release(self, now_us: int) -> None:
        self._body.release_trigger(now_us)
        self._held = False
        self._due_us = None

    def _touch(self, now_us: int, *, touch: bool) -> None:
        self._body.set_contact(now_us, touch)
        self._on_skin = touch
