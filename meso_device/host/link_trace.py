"""The last minute of the link, a sample a second: what a bad cable looks like before it is lost."""

from collections import deque
from typing import Final

from drivers.link_stats import LinkStats
from meso_device.session.contract import Instant, LinkState

SAMPLE_US: Final = 1_000_000
SAMPLES_MAX: Final = 60


class LinkTrace:
    """Keeps the round trips of the last minute.

    Attributes:
        round_trips_us: One a second, oldest first; 0 while the link was not up.
    """

    def __init__(self) -> None:
        self.round_trips_us: deque[int] = deque(maxlen=SAMPLES_MAX)
        self._next_us = 0

    def seen(self, stats: LinkStats, link: LinkState, now: Instant) -> None:
        """Take a sample if one is due; a late one stands for the seconds it is late, as far as they are kept."""
        if not self._next_us:
            self._next_us = now.mono_us
        due = max(0, now.mono_us - self._next_us + SAMPLE_US) // SAMPLE_US
        self._next_us += due * SAMPLE_US
        self.round_trips_us.extend([stats.srtt_us if link is LinkState.UP else 0] * min(due, SAMPLES_MAX))
