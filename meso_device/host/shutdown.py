"""How a run ends when it is told to: STOP leaves at once, the gun gets a moment to answer, then the status.

Pure: the loop feeds it signals and the state, and asks whether it is time to go.
"""

import signal
from typing import Final

from meso_device.session.contract import LinkState, View

ANSWER_US_MAX: Final = 200_000
"""Longest wait for the gun's word after a signal; its lease disarms it in any case."""
RECORD_US_MAX: Final = 2_000_000
"""Longest wait for the record of the stop to become durable on a slow disk."""
_SIGNAL_STATUS: Final = 128


class Shutdown:
    """From the first ending signal, or the operator's leaving, to the end of the process."""

    def __init__(self) -> None:
        self._status: int | None = None
        self._since_us = 0

    @property
    def begun(self) -> bool:
        """Whether it has begun: from then on nobody is asked for commands."""
        return self._status is not None

    @property
    def status(self) -> int:
        """Exit status: for a signal 128 + its number; 0 before."""
        return self._status or 0

    def begin(self, number: signal.Signals, now_us: int) -> bool:
        """Take an ending signal; return whether it is the first. A second one changes nothing."""
        return self.leave(_SIGNAL_STATUS + number, now_us)

    def leave(self, status: int, now_us: int) -> bool:
        """Begin to end with this status; return whether it is the first word of it."""
        if self._status is not None:
            return False
        self._status = status
        self._since_us = now_us
        return True

    def is_over(self, view: View, *, unanswered_commits: int, now_us: int) -> bool:
        """Return whether the gun has answered and its log is read, or it had its time, and all that is recorded."""
        if self._status is None:
            return False
        waited_us = now_us - self._since_us
        settled = not view.stop_unheard and view.open_grants == 0
        gun_spoke = settled or view.link is LinkState.DOWN
        recorded = unanswered_commits == 0 or bool(view.write_failed)
        return (gun_spoke or waited_us >= ANSWER_US_MAX) and (recorded or waited_us >= RECORD_US_MAX)

    def next_deadline_us(self, now_us: int) -> int | None:
        """Return when to look again even if nothing happens."""
        if self._status is None:
            return None
        answer_us, record_us = self._since_us + ANSWER_US_MAX, self._since_us + RECORD_US_MAX
        return answer_us if now_us < answer_us else record_us
