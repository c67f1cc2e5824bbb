"""When an alarm flashes, from a clock alone: a change swaps reverse video, so the text can always be read."""

from typing import Final

HIGH_HALF_MS: Final = 250
"""High priority: 2 Hz, within 1.4 to 2.8 Hz."""
MEDIUM_HALF_MS: Final = 1_000
"""Medium priority: 0.5 Hz, within 0.4 to 0.8 Hz."""
HALF_MS: Final = {"***": HIGH_HALF_MS, "**": MEDIUM_HALF_MS}


def swapped(mark: str, now_ms: int) -> bool:
    """Return whether an alarm of this mark is drawn the other way round now; low priority never is."""
    half_ms = HALF_MS.get(mark)
    return half_ms is not None and (now_ms // half_ms) % 2 == 1
