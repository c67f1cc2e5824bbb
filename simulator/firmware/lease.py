"""The lease: credit lives only while its owner is heard, in the gun's own time."""

from typing import Final

from protocols.wire.messages import Heartbeat
from simulator.firmware.faults import FirmwareFaults

_U32: Final = 2**32


class Lease:
    """Time left to a grant without a fresh heartbeat.

    Attributes:
        due_us: Ticks at which the credit ends; None without a grant.
    """

    __slots__ = ("_faults", "_hb_no", "_lease_us", "due_us")

    def __init__(self, faults: FirmwareFaults) -> None:
        self._faults = faults
        self._lease_us = 0
        self._hb_no = 0
        self.due_us: int | None = None

    def forget_beats(self) -> None:
        """A new owner counts its heartbeats anew."""
        self._hb_no = 0

    def start(self, ticks_us: int, lease_ms: int, not_after_uptime_ms: int) -> None:
        """Begin with a grant that is not late.

        It ends at the grant's own date and not a lease after its arrival: what the line held up has no more time than
        what came at once.
        """
        self._lease_us = lease_ms * 1_000
        uptime_ms = ticks_us // 1_000
        left_ms = min((not_after_uptime_ms - uptime_ms) % _U32, lease_ms)
        self.due_us = (uptime_ms + left_ms) * 1_000

    def end(self) -> None:
        """End with the grant."""
        self.due_us = None

    def beat(self, ticks_us: int, heartbeat: Heartbeat) -> bool:
        """Take the owner's heartbeat: it renews a running lease if its number grew and it is fresh.

        Returns whether its number grew.

        A renewed lease runs from what the heartbeat echoes, not from its arrival: the host was alive when it heard
        that, and how long the line has had the heartbeat since is nobody's word that it still is.
        """
        if heartbeat.hb_no <= self._hb_no:
            return False
        self._hb_no = heartbeat.hb_no
        uptime_ms = ticks_us // 1_000
        left_us = self._lease_us - (uptime_ms - heartbeat.echo_uptime_ms) % _U32 * 1_000
        if left_us > 0 and self.due_us is not None and not self.lapsed(ticks_us):
            self.due_us = max(self.due_us, uptime_ms * 1_000 + left_us)
        return True

    def lapsed(self, ticks_us: int) -> bool:
        """Whether the credit has outlived its owner's silence."""
        return self.due_us is not None and ticks_us >= self.due_us and self.runs

    @property
    def runs(self) -> bool:
        """Whether time takes it away, as it should."""
        return not (self._faults.is_on("lease_ignored") or self._faults.is_on("lease_timer_stuck"))

    def left_ms(self, ticks_us: int) -> int:
        """Time left, 0 without a grant."""
        return 0 if self.due_us is None else max(0, self.due_us - ticks_us) // 1_000
