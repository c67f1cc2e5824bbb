"""The second step of what takes two: a token for one act on one state of things, used once, and soon.

Pure. Arming and the reset of a stop are asked for, looked at, and then confirmed by typing; the token sees to it that
what is confirmed is what was looked at.
"""

import hmac
from collections.abc import Callable
from typing import Final

from msgspec import Struct

VALID_US: Final = 10_000_000
LOOK_US_MIN: Final = 300_000
"""Nobody reads a dialog sooner: a second Enter that comes with the first is not a confirmation."""
TOKEN_BYTES: Final = 8


class Bound(Struct, frozen=True):
    """What a token is good for, and nothing else.

    Attributes:
        act: ``arm`` or ``reset``.
        typed: What the operator has to type, exactly.
        state: Everything that must not have changed meanwhile: settings hash, boot of the gun, latch.
    """

    act: str
    typed: str
    state: tuple[str | int, ...]


class TwoSteps:
    """Gives and takes tokens; one is good at a time.

    Args:
        randomness: Gives random bytes.
    """

    def __init__(self, randomness: Callable[[int], bytes]) -> None:
        self._randomness = randomness
        self._bound: Bound | None = None
        self._token = ""
        self._since_us = 0

    def open(self, bound: Bound, now_us: int) -> str:
        """Return a token; the one before is worth nothing any more."""
        self._bound, self._since_us = bound, now_us
        self._token = self._randomness(TOKEN_BYTES).hex()
        return self._token

    def take(self, token: str, bound: Bound, typed: str, now_us: int) -> str:
        """Use the token up; return why it is not good, or an empty string.

        Args:
            token: As it was given.
            bound: What it would have to be bound to, as of now.
            typed: What the operator typed.
            now_us: Time.
        """
        given, self._bound = self._bound, None
        age_us = now_us - self._since_us
        if given is None or not hmac.compare_digest(token.encode(), self._token.encode()) or given.act != bound.act:
            return "begin again: this step is not the one that was opened last"
        if age_us > VALID_US:
            return f"begin again: {VALID_US // 1_000_000} s have passed"
        if age_us < LOOK_US_MIN:
            return "begin again: look at it first, then type"
        if typed != given.typed:
            return f"begin again: type {given.typed} exactly"
        if given != bound:
            return "begin again: the gun or its settings have changed meanwhile"
        return ""

    def forget(self) -> None:
        """Make every token worthless."""
        self._bound = None
