"""When the terminal's bell rings: for what is new, and again and again for what is high and unseen. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

AGAIN_MS: Final = 5_000


class Bell:
    """Decides from the alarms and the clock whether to ring now."""

    def __init__(self) -> None:
        self._rung: set[int] = set()
        self._last_ms = 0

    def rings(self, alarms: Sequence[Mapping[str, Any]], *, silenced: bool, now_ms: int) -> bool:
        """Return whether to ring. A silence holds for what was there; something new and high breaks through it."""
        unseen = {alarm["no"]: alarm["mark"] for alarm in alarms if alarm["state"] == "active" and not alarm["by"]}
        fresh = {no: mark for no, mark in unseen.items() if no not in self._rung and mark != "*"}
        self._rung = set(unseen)
        again = "***" in unseen.values() and now_ms - self._last_ms >= AGAIN_MS and not silenced
        rings = again or "***" in fresh.values() or (bool(fresh) and not silenced)
        if rings:
            self._last_ms = now_ms
        return rings
