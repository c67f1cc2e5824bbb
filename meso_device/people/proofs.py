"""What a right PIN is worth: one act, soon."""

from typing import Final

from meso_device.people.lockout import Moment
from meso_device.people.refusals import PinRefused
from meso_device.people.roles import Person
from protocols.errors import require

PROOF_US_MAX: Final = 60_000_000
"""A PIN proves who is there for this long; then it is entered anew."""


class PinProof:
    """That somebody entered the right PIN just now; good for one signature or one sign-in, within a minute."""

    def __init__(self, person: Person, at: Moment) -> None:
        self._person = person
        self._at = at
        self._spent = False

    @property
    def person(self) -> Person:
        """Who entered it."""
        return self._person

    def spend(self, now: Moment) -> Person:
        """Return who entered it, once.

        Raises:
            PinRefused: it was entered too long ago.
            InvariantError: it was spent before.
        """
        require(not self._spent, "one PIN entry was used twice")
        self._spent = True
        age_us = now.mono_us - self._at.mono_us
        if now.boot != self._at.boot or not 0 <= age_us <= PROOF_US_MAX:
            raise PinRefused("the PIN was entered too long ago: enter it again")
        return self._person
