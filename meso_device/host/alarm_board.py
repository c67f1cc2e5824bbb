"""The alarms that the operator sees: one row for each cause, latched where they must be, counted where they repeat.

Pure. The audit log has every single alarm; the board is what a person can take in. High and medium ones stay until
they are acknowledged and over, low ones go with their cause (I-61).
"""

from enum import IntEnum
from typing import Final

from msgspec import Struct

from protocols.wire.codes import Alarm

ROWS_MAX: Final = 50
"""More causes than this at once: the oldest of the lowest priority are not shown, the log has them."""
COALESCE_US: Final = 10_000_000
"""The same cause again within this time is the same row."""


class Priority(IntEnum):
    """How soon somebody has to look."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def mark(self) -> str:
        """What stands before its text."""
        return "*" * self


class HostAlarm(IntEnum):
    """Alarms of the host's own; the first digit tells the priority: 1 high, 2 medium, 3 low."""

    STOP_UNANSWERED = 101
    RECORDING_STOPPED = 102
    LINK_LOST_ARMED = 103
    OUTCOME_UNKNOWN = 201
    FINDING = 202
    SCREEN_SILENT = 203
    SECOND_PASS = 301
    CAP_NEAR = 302
    BACKUP_LATE = 303

    @property
    def priority(self) -> Priority:
        """Its priority."""
        return Priority(4 - self // 100)


class AlarmRow(Struct):
    """One cause.

    Attributes:
        no: Ascending, for acknowledging.
        code: ``A`` and the gun's bit behind its priority digit, or ``H`` and a `HostAlarm`.
        at_us: UTC of the newest time.
        mono_us: The same on the monotonic clock.
        by: Login of who acknowledged it; empty before.
        count: How often it came.
    """

    no: int
    priority: Priority
    code: str
    name: str
    text: str
    area: str
    at_us: int
    mono_us: int
    active: bool = True
    by: str = ""
    acknowledged_us: int | None = None
    count: int = 1

    @property
    def open(self) -> bool:
        """Whether somebody still has to look."""
        return not self.by and self.priority > Priority.LOW


def gun_priority(bit: int) -> Priority:
    """Return the priority of an alarm bit of the gun."""
    if bit < 8:
        return Priority.HIGH
    return Priority.MEDIUM if bit < 24 else Priority.LOW


def gun_code(bit: int) -> str:
    """Return what an alarm bit of the gun is called."""
    return f"A{4 - gun_priority(bit)}{bit:02}"


def gun_name(bit: int) -> str:
    """Return the name of an alarm bit of the gun."""
    try:
        return Alarm(bit).name.replace("_", " ")
    except ValueError:
        return f"BIT {bit}"


class AlarmBoard:
    """The rows, from the first alarm of the process on."""

    def __init__(self) -> None:
        self._rows: list[AlarmRow] = []
        self._next_no = 1

    def raised(
        self, code: str, name: str, text: str, priority: Priority, *, area: str, at_us: int, mono_us: int
    ) -> bool:
        """Take an alarm; return whether it is a new row."""
        for row in self._rows:
            same = row.code == code and row.area == area
            if same and (row.active or mono_us - row.mono_us < COALESCE_US):
                row.count += 1
                if not row.active:
                    row.by, row.acknowledged_us = "", None
                row.active, row.at_us, row.mono_us, row.text = True, at_us, mono_us, text
                return False
        self._rows.append(AlarmRow(self._next_no, priority, code, name, text, area, at_us, mono_us))
        self._next_no += 1
        self._let_go()
        return True

    def cleared(self, code: str) -> None:
        """Take it that a cause is gone; the row stays while somebody has to look."""
        if self.is_active(code):  # nearly always it is not, and this is asked in every turn of the loop
            for row in self._rows:
                row.active &= row.code != code
            self._let_go()

    def is_active(self, code: str, text: str = "") -> bool:
        """Return whether a cause is there now, and told in these words if any are given."""
        return any(row.code == code and row.active and text in ("", row.text) for row in self._rows)

    def acknowledge(self, no: int, *, by: str, at_us: int) -> list[AlarmRow]:
        """Note who has seen a row, or all for 0; return those that nobody had."""
        fresh = [row for row in self._rows if not row.by and no in (0, row.no)]
        for row in fresh:
            row.by, row.acknowledged_us = by, at_us
        self._let_go()
        return fresh

    @property
    def unacknowledged(self) -> bool:
        """Whether a high or medium one waits for somebody to look."""
        return any(row.open for row in self._rows)

    def rows(self) -> list[AlarmRow]:
        """Return the rows, highest first, newest first within."""
        return sorted(self._rows, key=lambda row: (-row.priority, -row.mono_us, -row.no))[:ROWS_MAX]

    def _let_go(self) -> None:
        self._rows = [row for row in self._rows if row.active or row.open]
        while len(self._rows) > 2 * ROWS_MAX:
            self._rows.remove(min(self._rows, key=lambda row: (row.priority, row.mono_us)))
