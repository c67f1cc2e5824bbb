"""What the link engine has counted: figures for the link panel and for finding a bad cable."""

from msgspec import Struct


class LinkStats(Struct):
    """Counts since the engine was made; they only grow.

    Attributes:
        bytes_in: Bytes handed in.
        bytes_out: Bytes handed out.
        frames_in: Frames whose length and CRC hold.
        frames_out: Frames handed out, retransmissions and STOP included.
        round_trips: Requests answered.
        retransmits: Frames handed out again.
        given_up: Requests that no try was answered for.
        events: Events heard.
        stops_sent: STOP frames handed out.
        bad_blocks: Blocks dropped: damage, noise, text.
        resyncs: Times that frames were read again after damage.
        malformed: Frames too short for what they say they are.
        duplicates: Replies to requests of this session that had ended already.
        unmatched: Replies of another session, number, type or nonce, and frames of another major version.
        echoes: Frames that only a host sends: a loop-back or an echoing device.
        untrue: Frames of an authenticated session without its tag, or that came before.
        srtt_us: Smoothed round trip; 0 before the first.
    """

    bytes_in: int = 0
    bytes_out: int = 0
    frames_in: int = 0
    frames_out: int = 0
    round_trips: int = 0
    retransmits: int = 0
    given_up: int = 0
    events: int = 0
    stops_sent: int = 0
    bad_blocks: int = 0
    resyncs: int = 0
    malformed: int = 0
    duplicates: int = 0
    unmatched: int = 0
    echoes: int = 0
    untrue: int = 0
    srtt_us: int = 0
