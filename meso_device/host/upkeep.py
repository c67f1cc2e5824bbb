"""What is due in a data directory beside treating: names past their period, and the age of the log's key."""

from collections.abc import Sequence

from meso_device.audit.log_keys import age_of_key
from meso_device.host.errands import Errands
from meso_device.host.screen_answers import ScreenAnswers
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.records.retention import YEARS, expired, last_known
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant


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
