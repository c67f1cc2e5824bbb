"""Where one is in the history: the filters, the page at hand, the row chosen, and what is to be read next. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Body = Mapping[str, Any]
PAGE_ROWS: Final = 200
SEQ_DIGITS_MAX: Final = 15
AREA: Final = "history.type_area"
JUMP: Final = "history.type_jump"
PATIENT: Final = "history.type_patient"
LOT: Final = "history.type_lot"
SINCE: Final = "history.type_since"
UNTIL: Final = "history.type_until"
LONGEST: Final = {AREA: 3, JUMP: SEQ_DIGITS_MAX, PATIENT: 32, LOT: 40, SINCE: 10, UNTIL: 10}
"""What can be typed, by the text that asks for it, and how many characters at most."""
FILTERS: Final = frozenset({"area", "session", "deviations", "alias", "lot", "since", "until", "every_kind"})


class History:
    """One page of the history, and the way to it from the newest.

    Only one page is kept, however long the log is. Filters are part of what is asked for, never applied here.

    Attributes:
        area: Only this area's shots, by its id; empty for all.
        session: Only this session's, by its id; empty for all.
        deviations: Only what did not end as planned.
        alias: Only the patient whose pseudonym begins so; empty for all.
        lot: Only this lot; empty for all.
        since: First day, as ``2026-11-22``; empty for no limit.
        until: Last day, that day included; empty for no limit.
        every_kind: Records of every kind, not shots alone.
        rows: The page at hand, newest first.
        at: Index of the row chosen.
        older: Cursor of the page behind; None at the end.
        has_read: A page has come.
        problem: The host's newest refusal; empty if the page came.
    """

    def __init__(self, offset_s: int = 0) -> None:
        self._offset_s = offset_s
        self.alias = self.lot = self.since = self.until = ""
        self.every_kind = False
        self.area = ""
        self.session = ""
        self.deviations = False
        self.rows: list[Body] = []
        self.at = 0
        self.older: int | None = None
        self.has_read = False
        self.problem = ""
        self._way: list[int | None] = [None]
        self._wanted: list[int | None] | None = None
        self._at_end = False

    @property
    def chosen(self) -> Body | None:
        """The row chosen; None where the page has none."""
        return self.rows[self.at] if self.rows else None

    @property
    def is_newest(self) -> bool:
        """Whether the page at hand is the first."""
        return len(self._way) == 1

    @property
    def wanted(self) -> bool:
        """Whether a page is to be read or being read."""
        return self._wanted is not None

    def question(self) -> dict[str, Any]:
        """Return the fields of PAGE for the page wanted."""
        way = self._way if self._wanted is None else self._wanted
        return {
            "cursor": way[-1],
            "limit": PAGE_ROWS,
            "session": self.session or None,
            "area": self.area or None,
            "deviations": self.deviations,
            "alias": self.alias or None,
            "lot": self.lot or None,
            "since_us": day_us(self.since, self._offset_s),
            "until_us": day_us(self.until, self._offset_s, days=1),
            "every_kind": self.every_kind,
        }

    def newest(self) -> None:
        """Want the first page."""
        self._want([None])

    def again(self) -> None:
        """Want the page at hand once more, unless another is wanted."""
        if not self.wanted:
            self._want(self._way)

    def jump(self, seq: int) -> None:
        """Want the page that begins with this record, or with the first one before it."""
        self._want([None, seq + 1])

    def keep(self, **filters: str | bool) -> None:
        """Change filters, by the names of the attributes, and want the first page of what they leave.

        Raises:
            ValueError: there is no such filter.
        """
        for name, value in filters.items():
            if name not in FILTERS:
                raise ValueError(f"no filter {name}")
            setattr(self, name, value)
        self.newest()

    def move(self, steps: int) -> None:
        """Choose another row; beyond either end of the page it is the next page that is wanted.

        A step that would pass the last row stops at it first, so that no row is passed unseen.
        """
        if self.wanted:
            return
        last = max(0, len(self.rows) - 1)
        if steps > 0 and self.at == last and self.older is not None:
            self._want([*self._way, self.older])
        elif steps < 0 and self.at == 0 and not self.is_newest:
            self._want(self._way[:-1], at_end=True)
        else:
            self.at = min(max(self.at + steps, 0), last)

    def take(self, page: Body) -> None:
        """Keep the page that came; the row chosen stays where it is the same page."""
        way = self._way if self._wanted is None else self._wanted
        same = self.has_read and way == self._way
        before = self.chosen
        self.rows = list(page["rows"])
        self.older = page["next"]
        self.at = max(0, len(self.rows) - 1) if self._at_end else 0
        if same and before is not None:
            self.at = next((no for no, row in enumerate(self.rows) if row["seq"] == before["seq"]), 0)
        self._way, self._wanted, self._at_end = way, None, False
        self.has_read, self.problem = True, ""

    def refused(self, text: str) -> None:
        """Stay on the page at hand."""
        self._wanted, self._at_end, self.problem = None, False, text

    def _want(self, way: list[int | None], *, at_end: bool = False) -> None:
        self._wanted, self._at_end, self.problem = way, at_end, ""


def day_us(day: str, offset_s: int, *, days: int = 0) -> int | None:
    """Return when a day begins, or one so many days behind it, in UTC microseconds; None for no day.

    Raises:
        ValueError: it is no day as ``2026-11-22``.
    """
    if not day:
        return None
    begins = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=days)
    return (int(begins.timestamp()) - offset_s) * 1_000_000


def takes(what: str, letter: str) -> bool:
    """Return whether an entry, named as in `LONGEST`, takes a letter."""
    if not letter or not letter.isprintable():
        return False
    if what == LOT:
        return True
    if what == AREA:
        return letter.isascii() and letter.isalnum()
    allowed = {JUMP: "0123456789", PATIENT: "0123456789abcdefABCDEF"}
    return letter in allowed.get(what, "0123456789-")
