"""Requests on their way through the link engine: what waits, what is in flight, what goes out next."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from drivers.outcome import Done, Outcome, Refused, Unknown
from protocols.wire.codes import Code
from protocols.wire.replies import Reply

# Reads the gun answers in any order; more would only wait in its receive buffer.
READS_IN_FLIGHT_MAX: Final = 4
# The gun answers these before it looks whether it has done the request already (W-034): after a reset, the copy of
# a request that was carried out is refused so. They prove nothing about an earlier copy.
_NO_PROOF_AFTER_RETRY: Final = frozenset({Code.E_SESSION, Code.E_ID_REUSED, Code.E_ID_OLD})


@dataclass(slots=True, eq=False)
class Call:
    """A request that has not ended.

    Attributes:
        tag: The owner's number.
        type: Type of the request.
        payload: Its bytes.
        state_changing: Only one such request is in flight.
        nonce: Of HELLO; empty for others.
        req_id: Given when it is first sent; 0 before.
        frame: Whole frame, kept so that a retransmission is the same bytes.
        tries: Times handed to the port.
        sent_us: When last handed to the port.
        rto_us: Time-out of the try under way.
        due_us: When that try ends; None while it waits to be sent (again).
    """

    tag: int
    type: int
    payload: bytes
    state_changing: bool
    nonce: bytes = b""
    req_id: int = 0
    frame: bytes = b""
    tries: int = 0
    sent_us: int = 0
    rto_us: int = 0
    due_us: int | None = None

    def go_on(self, type_code: int, req_id: int, frame: bytes) -> None:
        """Go on with another frame, to be sent now: HELLO takes more than one where a gun must prove itself."""
        self.type, self.req_id, self.frame = type_code, req_id, frame
        self.tries, self.due_us = 0, None

    def outcome(self, reply: Reply) -> Outcome:
        """Say what the reply proves."""
        if reply.code == Code.OK:
            return Done(reply.body)
        if self.state_changing and self.tries > 1 and reply.code in _NO_PROOF_AFTER_RETRY:
            name = Code(reply.code).name
            return Unknown(f"a repeated request was refused with {name}; the first copy may have been carried out")
        return Refused(reply.code, reply.detail, reply.field_offset)


class Calls:
    """All requests that have not ended.

    Attributes:
        hello: HELLO asked for and not answered; while there is one, nothing new goes out.
        flight: Requests sent and not answered, by req_id, in order of their first sending.
    """

    __slots__ = ("_reads", "_reads_queued", "_resend", "_s_flying", "_s_queued", "flight", "hello")

    def __init__(self) -> None:
        self.hello: Call | None = None
        self.flight: dict[int, Call] = {}
        self._resend: deque[Call] = deque()
        self._s_queued: deque[Call] = deque()
        self._reads_queued: deque[Call] = deque()
        self._s_flying = False
        self._reads = 0

    @property
    def queued(self) -> int:
        """Number of requests not yet sent, HELLO not counted."""
        return len(self._s_queued) + len(self._reads_queued)

    def queue(self, call: Call) -> None:
        """Add a request that is no HELLO."""
        (self._s_queued if call.state_changing else self._reads_queued).append(call)

    def take_next(self, *, in_session: bool) -> Call | None:
        """Take the request to be sent now; the caller sends it."""
        hello = self.hello
        if hello is not None and hello.due_us is None:
            return hello
        if self._resend:
            return self._resend.popleft()
        if hello is not None or not in_session:
            return None  # a new session is about to begin
        if self._s_queued and not self._s_flying:
            self._s_flying = True
            return self._s_queued.popleft()
        if self._reads_queued and self._reads < READS_IN_FLIGHT_MAX:
            self._reads += 1
            return self._reads_queued.popleft()
        return None

    def can_send(self, *, in_session: bool) -> bool:
        """Whether `take_next` would give a request."""
        hello = self.hello
        if self._resend or (hello is not None and hello.due_us is None):
            return True
        if hello is not None or not in_session:
            return False
        return bool(
            (self._s_queued and not self._s_flying) or (self._reads_queued and self._reads < READS_IN_FLIGHT_MAX)
        )

    def resend(self, call: Call) -> None:
        """Let a request go out again: its try has expired."""
        call.due_us = None
        if call is not self.hello:
            self._resend.append(call)

    def end(self, call: Call) -> None:
        """Forget a request that was sent, or HELLO in any state."""
        if call is self.hello:
            self.hello = None
            return
        del self.flight[call.req_id]
        if call.due_us is None:
            self._resend.remove(call)
        if call.state_changing:
            self._s_flying = False
        else:
            self._reads -= 1

    def withdraw(self, types: Collection[int]) -> list[Call]:
        """Forget and return all requests of these types, sent or not: none goes out again."""
        flying = [call for call in self.flight.values() if call.type in types]
        for call in flying:
            self.end(call)
        waiting = [call for call in self._s_queued if call.type in types]
        for call in waiting:
            self._s_queued.remove(call)
        return [*flying, *waiting]

    def expired(self, now_us: int) -> list[Call]:
        """Return the requests whose try has ended without an answer."""
        calls = [call for call in self.flight.values() if call.due_us is not None and call.due_us <= now_us]
        hello = self.hello
        if hello is not None and hello.due_us is not None and hello.due_us <= now_us:
            calls.append(hello)
        return calls

    def next_expiry_us(self) -> int | None:
        """Return when the first try ends; None if nothing is in flight."""
        first_us = None if self.hello is None else self.hello.due_us
        for call in self.flight.values():
            if call.due_us is not None and (first_us is None or call.due_us < first_us):
                first_us = call.due_us
        return first_us

    def drain_queued(self) -> list[Call]:
        """Take out all that was never sent."""
        calls = [*self._s_queued, *self._reads_queued]
        self._s_queued.clear()
        self._reads_queued.clear()
        return calls
