"""A STOP from the key until the gun's answer: when to send it, and what proves that it was heard."""

from typing import Final

from protocols.wire.messages import EstopResetConfirm, EstopResetPrepare, GrantSet, ServiceMove

# What gives credit, clears a stop or moves the gun. Asked for before the key, it must not follow the STOP: a copy sent
# again behind it could undo it where the STOP frame itself was lost (I-46).
VOIDED_BY_STOP: Final = frozenset({GrantSet.TYPE, EstopResetPrepare.TYPE, EstopResetConfirm.TYPE, ServiceMove.TYPE})

# Gaps between STOP frames: at 0, 5, 20 and 50 ms, then every 50 ms. The first repeats outrun a single damaged
# frame, the later ones leave the line (1.65 ms a frame) free for the answer.
STOP_GAPS_US: Final = (5_000, 15_000, 30_000, 50_000)


class StopPress:
    """The pending STOP of a link engine.

    Attributes:
        pending: Pressed and not yet heard by the gun.
        ready: A STOP frame is to go out now.
        due_us: When the next one is to go out; meaningful while pending and not ready.
        uptime_before_ms: The gun's newest uptime heard before the press; None if none of this boot was.
    """

    __slots__ = (
        "_latch_before",
        "_pressed_us",
        "_sends",
        "_sent_us",
        "due_us",
        "pending",
        "ready",
        "uptime_before_ms",
    )

    def __init__(self) -> None:
        self.pending = False
        self.ready = False
        self.due_us = 0
        self._pressed_us = 0
        self._sent_us = -1
        self._sends = 0
        self._latch_before: tuple[bytes, int] | None = None
        self.uptime_before_ms: int | None = None

    def press(self, now_us: int, latch: tuple[bytes, int] | None, uptime_ms: int | None) -> None:
        """Begin; a second press before the answer changes nothing.

        Args:
            now_us: Time of the key.
            latch: The newest (gun_uid, latch_id) heard before the press; None if none was.
            uptime_ms: The gun's newest uptime heard before the press; None if none of this boot was.
        """
        if self.pending:
            return
        self.pending = self.ready = True
        self._pressed_us = now_us
        self._sent_us = -1
        self._sends = 0
        self._latch_before = latch
        self.uptime_before_ms = uptime_ms

    def start_over(self) -> None:
        """Send at once, then in the dense rhythm again: a port was opened."""
        self._sends = 0
        self.ready = self.pending

    def sent(self, now_us: int) -> None:
        """A STOP frame was handed to the port."""
        if self._sent_us < 0:
            self._sent_us = now_us
        self.due_us = now_us + STOP_GAPS_US[min(self._sends, len(STOP_GAPS_US) - 1)]
        self._sends += 1
        self.ready = False

    def proven_by_latch(self, gun_uid: bytes, latch_id: int, uptime_ms: int) -> bool:
        """Whether a latch told in STATUS or HELLO, made at this uptime, is newer than the press.

        A gun that was latched before the press, or of which nothing was known, proves nothing by being
        latched: its answer to the STOP frames themselves has to come.
        """
        if not self.pending:
            return False
        before = self._latch_before
        if before is None or before[0] != gun_uid:
            self._latch_before = (gun_uid, latch_id)
            return False
        return self._sent_us >= 0 and latch_id not in (0, before[1]) and self._is_later(uptime_ms)

    def proven_by_answer(self, uptime_ms: int) -> bool:
        """Whether an ESTOPPED event made at this uptime proves it: one made after the press, with a STOP frame out.

        One that lay in a buffer since an earlier STOP does not (HZ-38): the frames go on, and the next answer will.
        """
        return self.pending and self._sent_us >= 0 and self._is_later(uptime_ms)

    def _is_later(self, uptime_ms: int) -> bool:
        return self.uptime_before_ms is None or is_newer(uptime_ms, self.uptime_before_ms)

    def heard(self, now_us: int) -> tuple[int, int]:
        """End; return the time from the key to the answer and to the first frame handed to the port."""
        self.pending = self.ready = False
        return now_us - self._pressed_us, self._sent_us - self._pressed_us


def is_newer(uptime_ms: int, than_ms: int) -> bool:
    """Return whether an uptime, counted modulo 2^32, lies after another."""
    return 0 < (uptime_ms - than_ms) % 2**32 < 2**31
