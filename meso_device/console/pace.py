"""Tells a person's typing from a paste and from a key that repeats or bounces."""

from typing import Final

KEYS_APART_MS: Final = 30
"""Nobody presses two keys closer than this on purpose."""


class Pace:
    """Watches the times of key presses in one field."""

    def __init__(self) -> None:
        self._last_ms: int | None = None

    def press(self, at_ms: int) -> bool:
        """Take a key press; return False where it came too soon after the one before."""
        last_ms, self._last_ms = self._last_ms, at_ms
        return last_ms is None or at_ms - last_ms >= KEYS_APART_MS

    def restart(self) -> None:
        """Forget the last key press."""
        self._last_ms = None
