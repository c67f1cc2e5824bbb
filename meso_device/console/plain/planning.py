"""The line mode's commands about the plan under way: edit in two acts, leave out, skip, cells."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from meso_device.console.client import Body, Client
from meso_device.console.plain import spoken
from meso_device.console.plain.questions import Questions
from meso_device.console.presenters.edit import SETPOINTS
from meso_device.console.state import why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

Area = Mapping[str, Any]
TAKE: Final = "take"
_OUT, _IN = "out", "in"


class PlainPlanning:
    """Takes the commands about the plan.

    Args:
        client: Connected to the host.
        questions: Asks for what is needed.
        tell: Speaks one line.

    Attributes:
        commands: What each word does.
    """

    def __init__(self, client: Client, questions: Questions, tell: Callable[[str], None]) -> None:
        self._client = client
        self._questions = questions
        self._tell = tell
        self.commands: Final[Mapping[str, Callable[[], None]]] = {
            "edit": lambda: self._of_area(self._edit),
            "leave out": lambda: self._of_area(lambda area: self._offer(area["id"], _OUT)),
            "put back": self._put_back,
            "skip": lambda: self._of_area(self._skip),
            "cells": lambda: self._of_area(self._cells),
        }

    @property
    def _snapshot(self) -> Body:
        return self._client.snapshot or {}

    def _of_area(self, then: Callable[[Area], None]) -> None:
        """Let an area of the plan be chosen; say why where nothing of it can be changed now."""
        why = why_not(self._snapshot, "plan")
        if why:
            self._tell(why)
            return
        areas = self._snapshot["areas"]
        texts = spoken.plan_lines(self._snapshot)
        self._questions.choose(say("plain.which_area"), texts, lambda no: then(areas[no]))

    # --- the plan -----------------------------------------------------------------------------------

    def _edit(self, area: Area) -> None:
        texts = spoken.setpoint_lines(area)

        def chosen(no: int) -> None:
            self._questions.want(say("plain.value"), lambda text: self._offer(area["id"], SETPOINTS[no], text.strip()))

        self._tell(say("edit.rule"))
        self._questions.choose(say("plain.which_value"), texts, chosen)

    def _put_back(self) -> None:
        why, areas = why_not(self._snapshot, "plan"), self._snapshot.get("left_out", ())
        if why or not areas:
            self._tell(why or say("plain.none_left_out"))
            return
        texts = [spoken.area_in_words(area) for area in areas]
        self._questions.choose(say("plain.which_area"), texts, lambda no: self._offer(areas[no]["id"], _IN))

    def _offer(self, area: str, what: str, text: str = "") -> None:
        self._client.ask(ToHost.PLAN_EDIT, self._offered, area=area, what=what, text=text)

    def _offered(self, offer: Body) -> None:
        if offer["outcome"] != "done":
            self._questions.answered(offer)
            return
        again = offer["typed"]
        self._tell(offer["offered"])
        self._tell(say("edit.holds"))
        if again:
            self._tell(say("edit.far"))

        def typed(word: str) -> None:
            if again or word.strip().lower() == TAKE:
                given = word.strip() if again else ""
                self._client.ask(ToHost.PLAN_CONFIRM, self._questions.answered, token=offer["token"], typed=given)
            else:
                self._tell(say("plain.dropped"))

        self._questions.want(say("plain.retype", typed=again or TAKE), typed)

    # --- points and cells ---------------------------------------------------------------------------

    def _reason(self, of: str, then: Callable[[str], None]) -> None:
        reasons = (self._client.welcome or {})[of]
        texts = [reason["text"] for reason in reasons]
        self._questions.choose(say("plain.why"), texts, lambda no: then(reasons[no]["code"]))

    def _skip(self, area: Area) -> None:
        self._tell(say("skip.note"))
        self._reason(
            "skip_reasons",
            lambda reason: self._ask(ToHost.SKIP, area=area["id"], reason=reason),
        )

    def _cells(self, area: Area) -> None:
        cells = area["cells"]
        if not cells:
            self._tell(say("cells.why"))
            self._questions.want(say("plain.cells_many", points=area["points"]), lambda text: self._split(area, text))
            return
        texts = [say("cells.row", name=one["name"], done=one["done"], planned=one["planned"]) for one in cells]
        self._questions.choose(say("plain.which_cell"), texts, lambda no: self._go_to(area, no))

    def _split(self, area: Area, text: str) -> None:
        word = text.strip()
        if word.isascii() and word.isdigit() and len(word) <= 2:  # the host takes 12 at the most
            self._ask(ToHost.CELL, area=area["id"], cells=int(word), cell=0, reason="")
        else:
            self._tell(say("cells.number"))

    def _go_to(self, area: Area, no: int) -> None:
        cell, fields = area["cells"][no], {"area": area["id"], "cells": len(area["cells"]), "cell": no}
        if cell["done"] < cell["planned"]:
            self._ask(ToHost.CELL, **fields, reason="")
            return
        self._tell(say("cells.second", name=cell["name"]))
        self._tell(say("cells.second_note"))
        self._reason("again_reasons", lambda reason: self._ask(ToHost.CELL, **fields, reason=reason))

    def _ask(self, kind: ToHost, **fields: Any) -> None:
        self._client.ask(kind, self._questions.answered, **fields)
