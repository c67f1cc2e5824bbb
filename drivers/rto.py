"""When to send a request again: RFC 6298, with the bounds of the wire protocol."""

from typing import Final

# Before the first sample: well above a USB adapter's worst round trip, below half a lease.
RTO_START_US: Final = 250_000
# FTDI adapters hold bytes back for up to 16 ms each way: less would resend what is still on its way.
RTO_MIN_US: Final = 50_000
RTO_MAX_US: Final = 1_000_000
# Doubling beyond twice what the longest request and reply need at 57,600 baud helps no line, it only loses time; a line
# measured to be slower has a longer time-out by its samples.
BACK_OFF_MAX_US: Final = 250_000


class RetransmitTimer:
    """Time-out of the link, learned from round trips that were not retransmitted.

    Attributes:
        rto_us: How long to wait for a reply before sending again.
        srtt_us: Smoothed round trip; 0 before the first sample.
    """

    __slots__ = ("_sampled", "_var_us", "rto_us", "srtt_us")

    def __init__(self) -> None:
        self.rto_us = RTO_START_US
        self.srtt_us = 0
        self._var_us = 0
        self._sampled = False

    def sample(self, round_trip_us: int) -> None:
        """Learn from the round trip of a request that was sent exactly once."""
        if not self._sampled:
            self._sampled = True
            self.srtt_us = round_trip_us
            self._var_us = round_trip_us // 2
        else:
            # RFC 6298 section 2.3 with alpha 1/8 and beta 1/4, the variance first.
            self._var_us += (abs(self.srtt_us - round_trip_us) - self._var_us) // 4
            self.srtt_us += (round_trip_us - self.srtt_us) // 8
        self.rto_us = min(max(self.srtt_us + 4 * self._var_us, RTO_MIN_US), RTO_MAX_US)

    def back_off(self, expired_us: int) -> int:
        """Return the time-out to use after one of `expired_us`; it also holds for new requests.

        Else a link slower than the time-out would see every request retransmitted and never a sample.
        """
        doubled_us = max(expired_us, min(2 * expired_us, BACK_OFF_MAX_US))
        self.rto_us = max(self.rto_us, doubled_us)
        return doubled_us
