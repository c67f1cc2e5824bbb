"""The line mode's commands about a session that is over: the forms of the history screen, asked in lines."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from meso_device.console import forms_afterwards as forms
from meso_device.console.client import Body, Client
from meso_device.console.history import SEQ_DIGITS_MAX
from meso_device.console.plain.questions import Questions
from meso_device.console.presenters.frame import SHORT_ID
from meso_device.console.presenters.settings import UPKEEP, upkeep_values
from meso_device.console.state import why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost


class PlainAfterwards:
    """Takes corrections and late reactions.

    Args:
        client: Connected to the host.
        questions: Asks for what is needed.
        tell: Speaks one line.
        offset_s: Local time minus UTC.

    Attributes:
        commands: What each word does.
    """

    def __init__(self, client: Client, questions: Questions, tell: Callable[[str], None], offset_s: int) -> None:
        self._client = client
        self._offset_s = offset_s
        self._questions = questions
        self._tell = tell
        self.commands: Final[Mapping[str, Callable[[], None]]] = {
            "amend": lambda: self._of_record("amend", self._amend),
            "reaction": lambda: self._of_record("reaction", self._reaction),
            "upkeep": self._ask_upkeep,
            **{say(f"upkeep.do_{what}"): partial(self._see_to, what) for what in UPKEEP},
        }

    def _of_record(self, what: str, then: Callable[[Body], None]) -> None:
        """Ask which record, and go on where the host would take this of it now; else say why not."""
        why = why_not(self._client.snapshot or {}, "afterwards")
        if why:
            self._tell(why)
            return

        def came(answer: Body) -> None:
            why = answer["text"] if answer["outcome"] != "done" else answer[what]["why"]
            if why:
                self._tell(why)
            else:
                then(answer)

        def typed(line: str) -> None:
            number = line.strip().removeprefix("#")
            if number.isascii() and number.isdigit() and len(number) <= SEQ_DIGITS_MAX:
                self._client.ask(ToHost.RECORD, came, seq=int(number))
            else:
                self._tell(say("plain.record_wrong"))

        self._questions.want(say("plain.record_no"), typed)

    def _ask_upkeep(self) -> None:
        self._client.ask(ToHost.UPKEEP, self._upkeep)

    def _upkeep(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self._tell(answer["text"])
            return
        for name, value in upkeep_values(answer, self._offset_s).items():
            self._tell(say("plain.upkeep", name=say(f"upkeep.{name}"), value=value))
        for what in UPKEEP:
            self._tell(say("upkeep.command", word=say(f"upkeep.do_{what}"), what=say(f"upkeep.then_{what}")))

    def _see_to(self, what: str) -> None:
        """Let the console end for this once the person has said so again."""
        self._tell(say(f"upkeep.then_{what}"))
        word = say(f"upkeep.do_{what}")

        def typed(line: str) -> None:
            if " ".join(line.lower().split()) == word:
                self._client.ask(ToHost.SEE_TO, self._refused, what=what)
            else:
                self._tell(say("plain.dropped"))

        self._questions.want(say("plain.see_to", word=word), typed)

    def _refused(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self._tell(answer["text"])

    def _amend(self, record: Body) -> None:
        offers = record["amend"]["fields"]
        self._tell(say("amend.which_note"))
        self._questions.choose(
            say("amend.which", seq=record["seq"]),
            [say("amend.choice", **one) for one in offers],
            lambda no: self._questions.fill(forms.amend(record, offers[no])),
        )

    def _reaction(self, record: Body) -> None:
        welcome = self._client.welcome or {}
        codes = welcome["reactions"]
        self._questions.choose(
            say("reaction.which", session=record["reaction"]["session"][:SHORT_ID]),
            [forms.spoken(code) for code in codes],
            lambda no: self._questions.fill(forms.reaction(record, codes[no], welcome)),
        )
