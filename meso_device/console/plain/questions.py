"""What is asked in lines: one answer, a choice by number, or the fields of a form one after the other."""

from collections.abc import Callable, Sequence
from typing import Final

from meso_device.console.client import Body, Client
from meso_device.console.form import Field
from meso_device.console.forms import Asked
from meso_device.console.plain.typed import INTERRUPT
from meso_device.console.text import say

Then = Callable[[str], None]
DIGITS_MAX: Final = 3


class Questions:
    """Asks, and hands each answer to whoever asked for it.

    Args:
        client: Takes what a form becomes.
        tell: Speaks one line.

    Attributes:
        question: What is asked for now; empty while nothing is.
        secret: The answer to it is not shown.
        stale: Something was done, and the state that it led to has not come yet.
    """

    def __init__(self, client: Client, tell: Callable[[str], None]) -> None:
        self._client = client
        self._tell = tell
        self._then: Then | None = None
        self.question = ""
        self.secret = False
        self.stale = False

    def take(self, line: str) -> bool:
        """Take a line as the answer; return whether one was waited for. An interrupt leaves what was begun."""
        then, self._then, self.question, self.secret = self._then, None, "", False
        if then is None:
            return False
        if line == INTERRUPT:
            self._tell(say("plain.dropped"))
        else:
            then(line)
        return True

    def want(self, question: str, then: Then, *, secret: bool = False) -> None:
        """Ask for one line."""
        self.question, self._then, self.secret = question, then, secret

    def choose(self, title: str, texts: Sequence[str], then: Callable[[int], None]) -> None:
        """Offer a numbered choice; ``then`` gets the index. An empty line leaves it."""
        self._tell(title)
        for no, text in enumerate(texts, 1):
            self._tell(say("plain.choice", no=no, text=text))

        def typed(line: str) -> None:
            word = line.strip()
            if not word:
                self._tell(say("plain.dropped"))
            elif word.isascii() and word.isdigit() and len(word) <= DIGITS_MAX and 1 <= int(word) <= len(texts):
                then(int(word) - 1)
            else:
                self._tell(say("plain.number_wrong", count=len(texts)))
                self.want(say("plain.number", count=len(texts)), typed)

        self.want(say("plain.number", count=len(texts)), typed)

    def fill(self, asked: Asked, done: Callable[[Body], None] | None = None) -> None:
        """Ask for the fields of a form and send what it becomes; ``done`` hears the host's answer where it is done."""
        self._tell(asked.title)
        if asked.note:
            self._tell(asked.note)
        self._field(asked, {}, done)

    def answered(self, answer: Body) -> bool:
        """Speak the host's answer; return whether it is done."""
        done = bool(answer["outcome"] == "done")
        self.stale = self.stale or done
        self._tell(answer["text"] or say("plain.done" if done else "plain.not_done"))
        return done

    def _field(self, asked: Asked, given: dict[str, str], done: Callable[[Body], None] | None) -> None:
        """Ask for the next field; after the last, send them."""
        rest = [field for field in asked.fields if field.name not in given]
        if not rest:
            self._send(asked, given, done)
            return
        field = rest[0]

        def typed(line: str) -> None:
            text = line.strip() or field.text
            if not text and not field.optional:
                self._tell(say("plain.needed"))
                self.want(_question(field), typed, secret=field.secret)
            else:
                self._field(asked, {**given, field.name: text}, done)

        self.want(_question(field), typed, secret=field.secret)

    def _send(self, asked: Asked, given: dict[str, str], done: Callable[[Body], None] | None) -> None:
        def answered(answer: Body) -> None:
            if self.answered(answer) and done is not None:
                done(answer)

        self._client.ask(asked.kind, answered, **asked.fixed, **given)


def _question(field: Field) -> str:
    """Return what is asked for a field, with what an empty line gives."""
    told = [field.hint] if field.hint else []
    if field.text:
        told.append(say("plain.else_text", text=field.text))
    elif field.optional:
        told.append(say("plain.else_nothing"))
    if field.secret:
        told.append(say("plain.not_shown"))
    return say("plain.field", label=field.label, told=f" ({'; '.join(told)})" if told else "")
