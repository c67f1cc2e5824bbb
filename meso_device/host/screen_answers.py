"""The one answer that each command of the screen gets, at once or when what it led to can be seen."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct, field

from meso_device.screen_messages import Body, ToScreen
from meso_device.session.contract import Instant, LinkState, View

ANSWER_US_MAX: Final = 15_000_000
"""What has not come about by then is answered as unknown; homing after a reset is the longest."""
ANSWERS_KEPT: Final = 64

Say = Callable[[ToScreen, int, Body], None]


class Refuse(Exception):  # noqa: N818  # an answer
    """The command is refused; nothing has changed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class _Pending(Struct):
    """A command whose end is waited for."""

    number: int
    done: Callable[[View], bool]
    until_us: int
    of_gun: bool
    extra: Body = field(default_factory=dict)


class ScreenAnswers:
    """Answers by the numbers of their commands.

    Args:
        say: Sends a message to the screen.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._answers: OrderedDict[int, Body | None] = OrderedDict()
        self._pending: list[_Pending] = []

    def is_repeat(self, number: int) -> bool:
        """Take the number of a command; return whether it had come before: then its first answer is given again."""
        if number not in self._answers:
            self._answers[number] = None
            while len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
            return False
        answer = self._answers[number]
        if answer is not None:
            self._say(ToScreen.ANSWER, number, answer)
        return True

    def done(self, number: int, **extra: Any) -> None:
        """Answer that it is done."""
        self._answer(number, "done", "", "", extra)

    def refused(self, number: int, code: str, text: str) -> None:
        """Answer that it is refused."""
        self._answer(number, "refused", code, text, {})

    def wait(
        self, number: int, now: Instant, done: Callable[[View], bool], *, of_gun: bool = True, **extra: Any
    ) -> None:
        """Answer when it can be seen that it is done.

        Args:
            number: Of the command.
            now: Time.
            done: Tells it from the state.
            of_gun: It cannot come about without the gun.
            extra: Fields of the answer.

        Raises:
            Refuse: another command is waited for.
        """
        if self._pending:
            raise Refuse("busy", "wait: the command before this one is not answered yet")
        self._pending.append(_Pending(number, done, now.mono_us + ANSWER_US_MAX, of_gun, extra))

    def seen(self, view: View, now: Instant) -> bool:
        """Answer what has come about, or cannot any more; return whether anything was."""
        waiting, lost = self._pending, view.link is LinkState.DOWN
        self._pending = []
        for one in waiting:
            if one.done(view):
                self.done(one.number, **one.extra)
            elif now.mono_us > one.until_us or (lost and one.of_gun):
                text = "the gun has not said how it ended: look at its state"
                self._answer(one.number, "unknown", "no_word", text, {})
            else:
                self._pending.append(one)
        return len(self._pending) < len(waiting)

    def refuse_waiting(self, code: str, text: str) -> None:
        """Answer what is waited for: it is refused."""
        waiting, self._pending = self._pending, []
        for one in waiting:
            self.refused(one.number, code, text)

    def next_deadline_us(self) -> int | None:
        """Return when something waited for is given up."""
        return min((one.until_us for one in self._pending), default=None)

    def _answer(self, number: int, outcome: str, code: str, text: str, extra: Body) -> None:
        body: Body = {"outcome": outcome, "code": code, "text": text, **extra}
        self._answers[number] = body
        self._say(ToScreen.ANSWER, number, body)
