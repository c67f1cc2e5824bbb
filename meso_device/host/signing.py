"""Signatures at the console: added to a record that is durable, and answered when they are."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.entries import Entry
from meso_device.audit.exposure import place_of
from meso_device.host.errands import Errands
from meso_device.host.owed import Owe
from meso_device.host.screen_answers import ScreenAnswers
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.signatures import Target
from meso_device.session.contract import Command, Instant
from protocols.errors import MesoError

Sign: TypeAlias = Callable[[Target, Moment], tuple[Entry, ...]]


class Signing(Struct, frozen=True, kw_only=True):
    """How a record gets its signatures.

    Attributes:
        errands: Reads the log beside the loop.
        answers: Answers to the screen.
        owe: Takes the signatures for the log.
    """

    errands: Errands
    answers: ScreenAnswers
    owe: Owe

    def add(
        self, number: int, entry: Entry, sign: Sign, now: Instant, signed: Callable[[], object] = lambda: None
    ) -> None:
        """Sign a record that is durable.

        Args:
            number: Command that is answered when the signatures are durable, or refused.
            entry: Names the record by its key; session and alias go into the signatures.
            sign: Makes them.
            now: Time.
            signed: Called when they are durable.

        Raises:
            MesoError: too many questions wait.
        """

        def make(_office: Office, moment: Moment) -> tuple[Entry, ...]:
            with self.errands.read() as db:
                place = place_of(db, entry.key)
            if place is None:
                raise MesoError("what is to be signed is not in the log yet: it has to be complete first")
            signatures = sign(Target(seq=place[0], leaf=place[1]), moment)
            return tuple(replace(one, session=entry.session, alias=entry.alias) for one in signatures)

        def made(signatures: tuple[Entry, ...], _now: Instant) -> Sequence[Command]:
            def durable(_at: Instant) -> None:
                signed()
                self.answers.done(number)

            self.owe(signatures, durable, number)
            return ()

        self.errands.send(number, make, made, now)
