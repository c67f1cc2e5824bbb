"""Work that a command of the screen has done beside the loop, and the one answer that comes of it."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import Log, open_for_reading
from meso_device.host.people_desk import Job, PeopleDesk
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.session.contract import Command, Instant
from protocols.errors import MesoError

Then: TypeAlias = Callable[[Any, Instant], Sequence[Command]]


class Errands:
    """Asks the people's thread for the commands of one screen.

    Args:
        root: Data directory.
        people: The thread.
        answers: Answers to the screen.
    """

    def __init__(self, root: Path, people: PeopleDesk, answers: ScreenAnswers) -> None:
        self._root = root
        self._people = people
        self._answers = answers

    def send(self, number: int | None, job: Job, then: Then, now: Instant) -> None:
        """Do this beside the loop; ``then`` gets the result and answers, or the command is refused with its line.

        Raises:
            MesoError: too many wait.
        """

        def came(result: object, at: Instant) -> Sequence[Command]:
            code, text = "refused", str(result)
            if not isinstance(result, MesoError):
                try:
                    return then(result, at)
                except Refuse as refused:
                    code, text = refused.code, str(refused)
                except MesoError as error:
                    text = str(error)
            if number is not None:
                self._answers.refused(number, code, text)
            return ()

        self._people.ask(job, came, now)

    def read(self) -> contextlib.closing[Log]:
        """Open the log for reading; for use within a job."""
        return contextlib.closing(open_for_reading(self._root / DATABASE_NAME))
