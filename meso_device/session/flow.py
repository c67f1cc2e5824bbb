"""Flows: sequences of requests, commits and waits, written as they happen, one after the other.

A flow is a generator. It yields what it needs and is sent the answer; it holds no clock and does no I/O, so the same
flow runs on a real port and, by seed, in a simulated world. A lost link ends a flow by closing it: what it had not
finished is found out again from the gun's log, never assumed.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias

from msgspec import Struct

from drivers.link_events import Answered
from drivers.outcome import Distrusted, Done, Refused, Unknown
from meso_device.accounting.clinic import ClinicFacts
from meso_device.accounting.entries import (
    CapExceeded,
    Committed,
    Entry,
    GrantIntent,
    GunLedger,
)
from meso_device.calibration.instrument import Measured, NotMeasured
from protocols.errors import require
from protocols.wire.codes import Code
from protocols.wire.messages import Request


class Send(Struct, frozen=True):
    """Send a request; answered with `Answered`."""

    request: Request


class Record(Struct, frozen=True):
    """Commit entries; answered with `Committed`, or `CapExceeded` where a grant is among them.

    Attributes:
        told: Called with the answer first, and also where the flow has ended meanwhile: what is durable is so.
    """

    entries: tuple[Entry, ...]
    grant: GrantIntent | None = None
    told: Callable[[Committed | CapExceeded], None] | None = None


class Load(Struct, frozen=True):
    """Read what is committed about a gun; answered with `GunLedger`."""

    gun_uid: str
    simulated: bool


class LoadFacts(Struct, frozen=True):
    """Read what the clinic's rules are judged by; answered with `ClinicFacts`."""

    session: str
    alias: str
    gun_uid: str
    digest: str


class Until(Struct, frozen=True):
    """Go on when the condition holds; it is looked at after every event."""

    condition: Callable[[], bool]


class Measure(Struct, frozen=True):
    """Ask the instrument on the bench, or who reads it, for a reading; answered with `Measured` or `NotMeasured`.

    Attributes:
        unit: Unit of the value: ``ug``, ``nm`` or ``mdegc``.
        prompt: What is asked for, for a person.
    """

    unit: str
    prompt: str


Need: TypeAlias = Send | Record | Load | LoadFacts | Until | Measure
Answer: TypeAlias = Answered | Committed | CapExceeded | GunLedger | ClinicFacts | Measured | NotMeasured | None
Flow: TypeAlias = Generator[Need, Answer, None]


class FlowEnded(Exception):  # noqa: N818  # ends a flow in order, with a line for the operator
    """The flow cannot go on; the session stays as it is. The message tells the operator what and why."""


class LinkTrouble(Exception):  # noqa: N818  # leads to a new connection, not to an error
    """No proof either way: the connection is dropped and everything is found out from the gun's log."""


def send(request: Request) -> Generator[Need, Answer, Answered]:
    """Send a request and return how it ended, whatever that is."""
    answer = yield Send(request)
    if not isinstance(answer, Answered):
        raise TypeError("a request was answered by something else")
    return answer


def ask(request: Request) -> Generator[Need, Answer, Done]:
    """Send a request that the gun must do.

    Raises:
        FlowEnded: the gun refused; nothing has changed there.
        LinkTrouble: no answer.
    """
    answer = yield from send(request)
    match answer.outcome:
        case Done():
            return answer.outcome
        case Refused():
            raise FlowEnded(f"{type(request).__name__}: {refusal_text(answer.outcome)}")
        case Unknown() | Distrusted():
            raise LinkTrouble(f"{type(request).__name__}: {answer.outcome.reason}")


def measure(need: Measure) -> Generator[Need, Answer, Measured]:
    """Take a reading.

    Raises:
        FlowEnded: there is none; says why by name.
    """
    answer = yield need
    match answer:
        case Measured():
            return answer
        case NotMeasured():
            raise FlowEnded(f"{answer.fault}: {answer.text}")
        case _:
            raise TypeError("an instrument was answered by something else")


def record(*entries: Entry) -> Generator[Need, Answer, None]:
    """Commit entries; returns when they are durable."""
    answer = yield Record(entries)
    require(isinstance(answer, Committed), "entries without a grant cannot exceed a cap")


def refusal_text(refused: Refused) -> str:
    """Say what the gun refused, in one phrase."""
    try:
        name = Code(refused.code).name
    except ValueError:
        name = f"code {refused.code}"
    where = f", field at byte {refused.field_offset}" if refused.field_offset else ""
    return f"the gun refused ({name}{where}) and changed nothing"
