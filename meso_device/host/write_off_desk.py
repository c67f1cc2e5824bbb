"""Writing off at the console: two people's PINs, the command, and their signatures on its records."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.exposure import place_of
from meso_device.host.home import Home
from meso_device.host.people_desk import PeopleDesk
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Person
from meso_device.people.signatures import Pair, Target, authorise, sign_together
from meso_device.session.contract import Command, Instant, WriteOff
from protocols.errors import UsageError, require

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
        home: Data directory, for the places of the records that are signed.
        people: Looks at PINs.
        owe: Takes records for the log.
    """

    def __init__(self, home: Home, people: PeopleDesk, owe: Callable[[Sequence[Entry]], None]) -> None:
        self._home = home
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

    def sign(self, entries: Sequence[Entry], now: Instant) -> None:
        """Sign these records of a write-off, which are durable now, with the two who asked for it.

        Raises:
            MesoError: too many questions wait; the records name both people in any case.
        """
        pair, self._pair = self._pair, None
        if pair is None:
            return

        def sign(_office: Office, _moment: Moment) -> tuple[Entry, ...]:
            signatures: list[Entry] = []
            with contextlib.closing(open_for_reading(self._home.root / DATABASE_NAME)) as db:
                for entry in entries:
                    place = place_of(db, entry.key)
                    require(place is not None, f"the record {entry.key} is not in the log that took it")
                    if place is not None:
                        signatures += sign_together(Target(seq=place[0], leaf=place[1]), pair)
            return tuple(signatures)

        def signed(result: object, _now: Instant) -> Sequence[Command]:
            if isinstance(result, tuple):
                self._owe(result)
            return ()

        self._people.ask(sign, signed, now)
