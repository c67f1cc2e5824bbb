"""The commands of the line mode: what each asks the host for, and what it answers in lines."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from meso_device.console.client import Body, Client
from meso_device.console.history import History
from meso_device.console.plain import spoken
from meso_device.console.plain.afterwards import PlainAfterwards
from meso_device.console.plain.clinic import PlainClinic
from meso_device.console.plain.planning import PlainPlanning
from meso_device.console.plain.questions import Questions
from meso_device.console.plain.typed import INTERRUPT
from meso_device.console.state import why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

HISTORY_ROWS: Final = 10
HELD_MAX: Final = 64
"""Lines typed ahead; nobody types more before the host has told what came of the one before."""
STOP: Final = "stop"


class PlainDesk:
    """Takes lines and tells lines.

    Args:
        client: Connected to the host, which was greeted.
        tell: Speaks one line.
        offset_s: Local time minus UTC.
    """

    def __init__(self, client: Client, tell: Callable[[str], None], offset_s: int) -> None:
        self._client = client
        self._tell = tell
        self._offset_s = offset_s
        self._questions = Questions(client, tell)
        self._held: deque[str] = deque(maxlen=HELD_MAX)
        self._state = ""
        self._operator = ""
        self._to_sign: list[str] = []
        self._alarms: set[tuple[int, str]] = set()
        ask = self._ask
        self._commands: Mapping[str, Callable[[], None]] = {
            "help": lambda: self._speak(say("plain.help").split("\n")),
            "status": lambda: self._speak(spoken.status_lines(self._snapshot)),
            "gun": lambda: self._speak(spoken.gun_lines(self._snapshot)),
            "plan": lambda: self._speak(spoken.plan_lines(self._snapshot)),
            "alarms": lambda: self._speak(spoken.alarm_lines(self._snapshot)),
            "lock": lambda: ask(ToHost.LOCK),
            "begin": self._begin,
            "resume": lambda: ask(ToHost.RESUME),
            "close": self._close,
            "confirm": lambda: ask(ToHost.CONFIRM),
            "seen": lambda: ask(ToHost.ACKNOWLEDGE, no=0),
            "silence": lambda: ask(ToHost.SILENCE),
            "history": self._history,
            STOP: lambda: ask(ToHost.STOP, by="key"),
            "reset": self._open_reset,
            "quit": lambda: ask(ToHost.QUIT),
            **PlainClinic(client, self._questions, tell).commands,
            **PlainAfterwards(client, self._questions, tell, offset_s).commands,
            **PlainPlanning(client, self._questions, tell).commands,
        }

    @property
    def question(self) -> str:
        """What is asked for now; empty while a command is waited for."""
        return self._questions.question

    @property
    def secret(self) -> bool:
        """Whether the answer to it is not shown."""
        return self._questions.secret

    def take(self, line: str) -> None:
        """Carry out a command, or take the answer to what was asked.

        What follows something done waits for the state that it led to; stopping waits for nothing.
        """
        if self._questions.stale and line.strip().lower() != STOP:
            self._held.append(line)
        else:
            self._take(line)

    def _take(self, line: str) -> None:
        word = " ".join(line.lower().split())
        if self._questions.take(line):
            return
        if line == INTERRUPT:
            self._tell(say("plain.how_to_quit"))
        elif word in {"arm", "live"}:
            self._tell(say("plain.no_arming"))
        elif word in self._commands and self._client.snapshot is not None:
            self._commands[word]()
        elif word:
            self._tell(say("plain.unknown", word=word))

    def heed(self, snapshot: Body) -> None:
        """Speak what has changed: the state, who is there, what is to be signed, and alarms new, gone or seen."""
        state, operator = spoken.state_line(snapshot), spoken.operator_line(snapshot)
        if state != self._state and snapshot["link"] != "connecting":  # a gun that is away is looked for once a second
            self._state = state
            self._tell(state)
        if operator != self._operator:
            self._operator = operator
            self._tell(operator)
        if (to_sign := spoken.to_sign_lines(snapshot)) != self._to_sign:
            self._to_sign = to_sign
            self._speak(to_sign)
        alarms = {(alarm["no"], alarm["state"]) for alarm in snapshot["alarms"]}
        for alarm in snapshot["alarms"]:
            if (alarm["no"], alarm["state"]) not in self._alarms:
                self._tell(spoken.alarm_line(alarm))
        self._alarms = alarms
        self._questions.stale = False
        while self._held and not self._questions.stale:
            self._take(self._held.popleft())

    @property
    def _snapshot(self) -> Body:
        return self._client.snapshot or {}

    def _speak(self, lines: list[str]) -> None:
        for line in lines:
            self._tell(line)

    def _ask(self, kind: ToHost, **fields: Any) -> None:
        self._client.ask(kind, self._answered, **fields)

    def _answered(self, answer: Body) -> None:
        self._questions.answered(answer)

    def _begin(self) -> None:
        if self._snapshot.get("clinic") is not None and self._snapshot["session"] is None:
            self._ask(ToHost.BEGIN)
            return
        why, treatments = why_not(self._snapshot, "open"), (self._client.welcome or {})["treatments"]
        if why:
            self._tell(why)
            return
        texts = spoken.treatment_lines(self._client.welcome or {})
        self._questions.choose(
            say("session.choose"), texts, lambda no: self._ask(ToHost.OPEN, treatment=treatments[no]["name"])
        )

    def _close(self) -> None:
        going = self._snapshot["session"] is not None

        def answered(answer: Body) -> None:
            if self._questions.answered(answer) and going:
                self._speak(spoken.plan_lines(self._snapshot))

        self._client.ask(ToHost.FINISH if going else ToHost.ABANDON, answered)

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

        def confirm(no: int) -> None:
            code = reasons[no]["code"]
            self._questions.want(
                say("plain.reset_type"),
                lambda typed: self._ask(ToHost.RESET_CONFIRM, token=opened["token"], typed=typed, reason=code),
            )

        self._questions.choose(say("plain.reset_why"), [reason["text"] for reason in reasons], confirm)
