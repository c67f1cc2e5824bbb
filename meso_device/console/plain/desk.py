"""The commands of the line mode: what each asks the host for, and what it answers in lines."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from meso_device.console.client import Body, Client
from meso_device.console.history import History
from meso_device.console.plain import spoken
from meso_device.console.plain.typed import INTERRUPT
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

HISTORY_ROWS: Final = 10

Then = Callable[[str], None]


class PlainDesk:
    """Takes lines and tells lines.

    Args:
        client: Connected to the host, which was greeted.
        tell: Speaks one line.
        offset_s: Local time minus UTC.

    Attributes:
        question: What is asked for now; empty while a command is waited for.
        secret: The answer to it is not shown.
    """

    def __init__(self, client: Client, tell: Callable[[str], None], offset_s: int) -> None:
        self._client = client
        self._tell = tell
        self._offset_s = offset_s
        self._then: Then | None = None
        self._state = ""
        self._alarms: set[tuple[int, str]] = set()
        self.question = ""
        self.secret = False
        ask = self._ask
        self._commands: Mapping[str, Callable[[], None]] = {
            "help": lambda: self._speak(say("plain.help").split("\n")),
            "status": lambda: self._speak(spoken.status_lines(self._snapshot)),
            "gun": lambda: self._speak(spoken.gun_lines(self._snapshot)),
            "plan": lambda: self._speak(spoken.plan_lines(self._snapshot)),
            "alarms": lambda: self._speak(spoken.alarm_lines(self._snapshot)),
            "sign in": self._sign_in,
            "lock": lambda: ask(ToHost.LOCK),
            "begin": self._begin,
            "resume": lambda: ask(ToHost.RESUME),
            "close": self._close,
            "confirm": lambda: ask(ToHost.CONFIRM),
            "seen": lambda: ask(ToHost.ACKNOWLEDGE, no=0),
            "silence": lambda: ask(ToHost.SILENCE),
            "history": self._history,
            "stop": lambda: ask(ToHost.STOP, by="key"),
            "reset": self._open_reset,
            "quit": lambda: ask(ToHost.QUIT),
        }

    def take(self, line: str) -> None:
        """Carry out a command, or take the answer to what was asked."""
        then, self._then, self.question, self.secret = self._then, None, "", False
        word = " ".join(line.lower().split())
        if line == INTERRUPT:
            self._tell(say("plain.dropped") if then is not None else say("plain.how_to_quit"))
        elif then is not None:
            then(line)
        elif word in {"arm", "live"}:
            self._tell(say("plain.no_arming"))
        elif word in self._commands and self._client.snapshot is not None:
            self._commands[word]()
        elif word:
            self._tell(say("plain.unknown", word=word))

    def heed(self, snapshot: Body) -> None:
        """Speak what has changed: the state, and alarms that are new, gone or seen."""
        state = spoken.state_line(snapshot)
        if state != self._state:
            self._state = state
            self._tell(state)
        alarms = {(alarm["no"], alarm["state"]) for alarm in snapshot["alarms"]}
        for alarm in snapshot["alarms"]:
            if (alarm["no"], alarm["state"]) not in self._alarms:
                self._tell(spoken.alarm_line(alarm))
        self._alarms = alarms

    @property
    def _snapshot(self) -> Body:
        return self._client.snapshot or {}

    def _speak(self, lines: list[str]) -> None:
        for line in lines:
            self._tell(line)

    def _ask(self, kind: ToHost, **fields: Any) -> None:
        self._client.ask(kind, self._answered, **fields)

    def _answered(self, answer: Body) -> None:
        self._tell(answer["text"] or say("plain.done"))

    def _want(self, question: str, then: Then, *, secret: bool = False) -> None:
        self.question, self._then, self.secret = question, then, secret

    def _sign_in(self) -> None:
        def pin(login: str) -> None:
            self._want(say("plain.pin"), lambda typed: self._ask(ToHost.SIGN_IN, login=login, pin=typed), secret=True)

        self._want(say("plain.login"), pin)

    def _begin(self) -> None:
        self._speak(spoken.treatment_lines(self._client.welcome or {"treatments": []}))
        self._want(say("plain.which"), lambda name: self._ask(ToHost.OPEN, treatment=name.strip()))

    def _close(self) -> None:
        self._ask(ToHost.FINISH if self._snapshot["session"] is not None else ToHost.ABANDON)

    def _history(self) -> None:
        fields = {**History().question(), "limit": HISTORY_ROWS}
        self._client.ask(ToHost.PAGE, self._page, **fields)

    def _page(self, page: Body) -> None:
        self._speak(spoken.shot_lines(page, self._offset_s) if "rows" in page else [page["text"]])

    def _open_reset(self) -> None:
        self._client.ask(ToHost.RESET_OPEN, self._reset)

    def _reset(self, opened: Body) -> None:
        if opened["outcome"] != "done":
            self._answered(opened)
            return
        reasons = (self._client.welcome or {})["reset_reasons"]
        listed = " ".join(f"{one['code']}: {one['text']}." for one in reasons)
        self._tell(say("plain.reset_why", reasons=listed))

        def confirm(number: str) -> None:
            reason = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
            self._want(
                say("plain.reset_type"),
                lambda typed: self._ask(ToHost.RESET_CONFIRM, token=opened["token"], typed=typed, reason=reason),
            )

        self._want(say("plain.reset_number"), confirm)
