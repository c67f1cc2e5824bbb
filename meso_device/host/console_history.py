"""The history for the screen: pages of shots and single records, each read when the log has nothing else to do."""

import json
from collections import deque
from collections.abc import Callable
from typing import Final

from meso_device.audit.pages import PAGE_ROWS_MAX, Looked, Page, PageQuery, RecordQuery
from meso_device.host.members import Look
from meso_device.host.screen_answers import Refuse, Say, ScreenAnswers
from meso_device.screen_messages import Body, ToScreen
from protocols.treatment.areas import catalogue

PAGE_BYTES_MAX: Final = 60_000
"""What does not fit into one message comes with the next page."""
RECORD_TEXT_MAX: Final = 20_000


class ConsoleHistory:
    """Questions and answers of the history, one at a time.

    Args:
        answers: Answers that are no page.
        say: Sends a message to the screen.
        offers: What can be said afterwards of a record that was read, for the answer to RECORD.

    Attributes:
        asked: What the loop is to read next.
    """

    def __init__(self, answers: ScreenAnswers, say: Say, offers: Callable[[Body], Body]) -> None:
        self._answers = answers
        self._say = say
        self._offers = offers
        self._waiting: int | None = None
        self.asked: deque[Look] = deque()

    def page(self, number: int, body: Body) -> None:
        """Ask for a page.

        Raises:
            Refuse: a page is being read, or a filter cannot be.
        """
        area = body["area"] or ""
        code = catalogue()[area].code if area in catalogue() else 0
        if area and not code:
            raise Refuse("area", "there is no such area")
        if not 1 <= body["limit"] <= PAGE_ROWS_MAX:
            raise Refuse("limit", f"a page has 1 to {PAGE_ROWS_MAX} rows")
        query = PageQuery(
            before=body["cursor"],
            limit=body["limit"],
            session=body["session"] or "",
            area_code=code,
            deviations=body["deviations"],
            alias=body["alias"] or "",
            lot=body["lot"] or "",
            since_us=body["since_us"],
            until_us=body["until_us"],
            every_kind=body["every_kind"],
        )
        self._ask(Look(number, query))

    def record(self, number: int, body: Body) -> None:
        """Ask for a record.

        Raises:
            Refuse: something is being read.
        """
        self._ask(Look(number, RecordQuery(body["seq"])))

    def looked(self, looked: Looked) -> None:
        """Send what was read."""
        self._waiting = None
        found = looked.found
        if looked.problem:
            self._answers.refused(looked.no, "log", looked.problem)
        elif isinstance(found, Page):
            self._say(ToScreen.PAGE, looked.no, fitting(found))
        elif found is None:
            self._answers.refused(looked.no, "record", "there is no such record")
        else:
            text = json.dumps(found["fields"], indent=1, ensure_ascii=False, sort_keys=True)[:RECORD_TEXT_MAX]
            self._answers.done(looked.no, **{**found, "fields": text, **self._offers(found)})

    def _ask(self, look: Look) -> None:
        if self._waiting is not None:
            raise Refuse("busy", "wait: a page is being read")
        self._waiting = look.no
        self.asked.append(look)


def fitting(page: Page) -> Body:
    """Return the body of a PAGE, cut where the message would be too long."""
    room, kept = PAGE_BYTES_MAX, 0
    for row in page.rows:
        room -= len(json.dumps(row, ensure_ascii=False).encode()) + 1
        if room < 0:
            break
        kept += 1
    after = page.next if kept == len(page.rows) else page.rows[kept - 1]["seq"]
    return {"rows": [dict(row) for row in page.rows[:kept]], "next": after, "head": page.head}
