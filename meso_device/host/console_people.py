"""Who is at the console: signs in by a PIN, locks it, or practises without a name."""

from collections.abc import Sequence
from typing import Final

from meso_device.host.people_desk import PeopleDesk
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.register import Purpose
from meso_device.people.roles import Person, Role
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant

PRACTICE: Final = "practice"
"""Operator and role of what nobody signs in for: practice on a simulated gun."""


class ConsolePeople:
    """Sign-in, lock and the first enrolment.

    Args:
        desk: Looks at PINs.
        answers: Answers to the screen.
        enrolled: Somebody is enrolled in this data directory.

    Attributes:
        person: Who is signed in.
        locked: Somebody locked the console: only a PIN opens it.
    """

    def __init__(self, desk: PeopleDesk, answers: ScreenAnswers, *, enrolled: bool) -> None:
        self._desk = desk
        self._answers = answers
        self.enrolled = enrolled
        self.person: Person | None = None
        self.locked = False

    @property
    def shown_as(self) -> tuple[str, str] | None:
        """Login and role for the screen; None while somebody could sign in."""
        if self.person is not None:
            return self.person.login, first_role(self.person)
        return None if self.enrolled else (PRACTICE, PRACTICE)

    @property
    def acts_as(self) -> tuple[str, str]:
        """Pseudonym and role for records."""
        return (self.person.op, first_role(self.person)) if self.person is not None else (PRACTICE, PRACTICE)

    def sign_in(self, number: int, body: Body, now: Instant) -> None:
        """Look at a PIN; answers when that is done."""
        login, pin = body["login"], body["pin"]

        def look(office: Office, moment: Moment) -> Person:
            return office.register.check(login, pin, moment, purpose=Purpose.SIGN_IN).spend(moment)

        def looked(result: object, _now: Instant) -> Sequence[Command]:
            if isinstance(result, Person):
                self.person, self.locked = result, False
                self._answers.done(number, login=result.login, role=first_role(result))
            else:
                self._answers.refused(number, "pin", str(result))
            return ()

        self._desk.ask(look, looked, now)

    def enrol(self, number: int, body: Body, now: Instant) -> None:
        """Enrol the first operator, an administrator, and sign in; answers when that is done.

        Raises:
            Refuse: a role is none.
        """
        login, name, pin = body["login"], body["name"], body["pin"]
        if not set(body["roles"]) <= {role.value for role in Role}:
            raise Refuse("roles", "there is no such role")
        roles = {Role.ADMINISTRATOR, *map(Role, body["roles"])}

        def enrol(office: Office, moment: Moment) -> Person:
            office.register.enrol_first(login=login, name=name, roles=roles, pin=pin, now=moment)
            return office.register.check(login, pin, moment, purpose=Purpose.SIGN_IN).spend(moment)

        def enrolled(result: object, _now: Instant) -> Sequence[Command]:
            if isinstance(result, Person):
                self.enrolled, self.person = True, result
                self._answers.done(number, login=result.login, role=first_role(result))
            else:
                self._answers.refused(number, "enrol", str(result))
            return ()

        self._desk.ask(enrol, enrolled, now)

    def lock(self, now: Instant, why: str = "asked") -> None:
        """Sign whoever is here out."""
        person, self.person = self.person, None
        if person is not None:
            self.locked = True
            self._desk.ask(lambda office, _: office.register.sign_out(person, why), lambda *_: (), now)


def first_role(person: Person) -> str:
    """Return the role that a person is shown in."""
    return next(role.value for role in Role if role in person.roles)
