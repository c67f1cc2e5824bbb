"""What is due in a data directory beside treating: names past their period, another key for the log, its end.

Each of them ends something that a running host stands on. So a console that is asked for one ends first, and the
command goes on in its terminal with the data directory to itself.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from meso_device.audit.log_keys import age_of_key
from meso_device.host.errands import Errands
from meso_device.host.screen_answers import ScreenAnswers
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.roles import Act, Person, role_for
from meso_device.records.retention import YEARS, expired, last_known
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant
from protocols.errors import UsageError


class Upkeep(StrEnum):
    """What a console can be ended for."""

    NAMES = "names"
    """Names past their period are forgotten."""
    KEY = "key"
    """The log gets another key."""
    END = "end"
    """Nothing is recorded here any more."""


ACTS: Final[Mapping[Upkeep, Act]] = MappingProxyType(
    {Upkeep.NAMES: Act.ERASE_SUBJECT, Upkeep.KEY: Act.ROTATE_KEY, Upkeep.END: Act.RETIRE}
)


class SeenTo(Struct, frozen=True):
    """What two people go on with once the console has ended.

    Attributes:
        what: What they do.
        login: Login name of the first, who was signed in; the PIN is asked for anew.
    """

    what: Upkeep
    login: str


def seen_to(what: str, person: Person) -> SeenTo:
    """Return what somebody ends the console for.

    Raises:
        UsageError: there is no such thing.
        NotAllowed: it is not this person's to begin.
    """
    if what not in {*Upkeep}:
        raise UsageError(f"{what[:20]!r} refused: {', '.join(Upkeep)}")
    role_for(person, ACTS[Upkeep(what)])
    return SeenTo(Upkeep(what), person.login)


def ask_upkeep(number: int, errands: Errands, answers: ScreenAnswers, now: Instant) -> None:
    """Answer a command with ``{years, expired, key_since_us, key_changes}``, read beside the loop; names nobody.

    Raises:
        MesoError: too many questions wait.
    """

    def look(office: Office, moment: Moment) -> Body:
        with errands.read() as db:
            last = last_known(db)
            since_us, changes = age_of_key(db)
        over = expired(office.vault.enrolled(), last, years=YEARS, now_utc_us=moment.utc_us)
        return {"years": YEARS, "expired": len(over), "key_since_us": since_us, "key_changes": changes}

    def looked(found: Body, _now: Instant) -> Sequence[Command]:
        answers.done(number, **found)
        return ()

    errands.send(number, look, looked, now)
