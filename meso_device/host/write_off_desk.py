"""Writing off at the console: two people's PINs, the command, and their signatures on its records."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.host.people_desk import PeopleDesk
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Person
from meso_device.people.signatures import Pair, authorise, sign_together
from meso_device.session.contract import Command, Instant, WriteOff
from protocols.errors import UsageError

REASONS: Final[Mapping[str, str]] = {
    "destroyed": "the gun is destroyed",
    "lost": "the gun is not there any more",
    "memory": "the gun came back with another memory",
    "service": "the gun went to service and its log was not read there",
}


class Gun(Struct, frozen=True):
    """The gun that something is unknown of."""

    uid: str
    simulated: bool


class WriteOffDesk:
    """From two PINs to two signatures.

    Args:
        people: Looks at PINs.
        owe: Takes records for the log.
    """

    def __init__(self, people: PeopleDesk, owe: Callable[[Sequence[Entry]], None]) -> None:
        self._people = people
        self._owe = owe
        self._pair: Pair | None = None

    def ask(
        self,
        gun: Gun,
        first: Person,
        body: Mapping[str, str],
        answered: Callable[[WriteOff | str], Sequence[Command]],
        now: Instant,
    ) -> None:
        """Look at both PINs; ``answered`` gets the command, or why not.

        Args:
            gun: What it is about.
            first: Who is signed in.
            body: reason, pin, login2, pin2.
            answered: Called in the loop's own turn.
            now: Time.

        Raises:
            UsageError: the reason is none of `REASONS`.
            MesoError: too many PINs wait.
        """
        reason = body["reason"].strip().lower()
        if reason not in REASONS:
            raise UsageError(f"reason refused: write one of {', '.join(REASONS)}")

        def look(office: Office, moment: Moment) -> Pair:
            one = office.register.check(first.login, body["pin"], moment, purpose=Purpose.SIGNATURE)
            other = office.register.check(body["login2"], body["pin2"], moment, purpose=Purpose.SIGNATURE)
            return authorise(Act.WRITE_OFF, one, other, moment)

        def looked(result: object, _now: Instant) -> Sequence[Command]:
            if not isinstance(result, Pair):
                return answered(str(result))
            self._pair = result
            return answered(
                WriteOff(
                    gun_uid=gun.uid,
                    simulated=gun.simulated,
                    reason=reason,
                    first=result.first.op,
                    first_role=result.first_role.value,
                    second=result.second.op,
                    second_role=result.second_role.value,
                )
            )

        self._people.ask(look, looked, now)

    def sign(self, entries: Sequence[Entry]) -> None:
        """Sign these records of a write-off, which are durable now, with the two who asked for it."""
        pair, self._pair = self._pair, None
        if pair is not None:
            self._owe([signed for entry in entries for signed in sign_together(entry, pair)])
