"""What the link engine tells its owner."""

from dataclasses import dataclass
from typing import TypeAlias

from drivers.outcome import Outcome
from protocols.wire.messages import EventBody


@dataclass(frozen=True, slots=True)
class Answered:
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


@dataclass(frozen=True, slots=True)
class Heard:
    """The gun sent an event: a hint, never a record."""

    event: EventBody
    heard_us: int
    uptime_ms: int


@dataclass(frozen=True, slots=True)
class StopHeard:
    """The gun has answered STOP: it is latched.

    Attributes:
        latch_id: The gun's latch.
        after_us: From the key to the gun's answer.
        sent_us: From the key to the first STOP byte handed to the port.
    """

    latch_id: int
    after_us: int
    sent_us: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link is lost; everything in flight has been answered `Unknown` before this."""

    reason: str


LinkEvent: TypeAlias = Answered | Heard | StopHeard | LinkDown
