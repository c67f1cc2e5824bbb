"""What the link engine tells its owner."""

from typing import TypeAlias

from msgspec import Struct

from drivers.outcome import Outcome
from protocols.wire.messages import EventBody


class Answered(Struct, frozen=True):
    """A request has ended.

    Attributes:
        tag: Number that the owner gave the request.
        outcome: Done, refused or unknown.
        sent_us: Host's monotonic time when the (last) frame of the request was handed to the port.
        heard_us: Host's monotonic time of the reply, or of giving up.
        uptime_ms: Gun's uptime in the reply's header; 0 when unknown.
        tries: Transmissions; round-trip times count only for 1, and 0 proves that no byte of it ever left.
    """

    tag: int
    outcome: Outcome
    sent_us: int
    heard_us: int
    uptime_ms: int
    tries: int


class Heard(Struct, frozen=True):
    """The gun sent an event: a hint, never a record.

    Attributes:
        event: What it says.
        heard_us: Host's monotonic time of it.
        uptime_ms: Gun's uptime in its header; 0 where nobody has proven it: a BOOT without a tag.
    """

    event: EventBody
    heard_us: int
    uptime_ms: int


class StopHeard(Struct, frozen=True):
    """The gun has answered STOP: it is latched.

    Attributes:
        latch_id: The gun's latch.
        after_us: From the key to the gun's answer.
        sent_us: From the key to the first STOP byte handed to the port.
    """

    latch_id: int
    after_us: int
    sent_us: int


class LinkDown(Struct, frozen=True):
    """The link is lost; everything in flight has been answered `Unknown` before this."""

    reason: str


LinkEvent: TypeAlias = Answered | Heard | StopHeard | LinkDown
