"""A gun to talk to one request at a time: for commands, tests and benches. The host process has its own loop."""

import os
import select
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Final, NoReturn, Self

from drivers.link import LinkEngine
from drivers.link_events import Answered, Heard, LinkEvent, StopHeard
from drivers.outcome import Distrusted, Done, Outcome, Unknown
from drivers.ports import Port
from protocols.errors import GunProtocolError, GunRefused, LinkLost, OutcomeUnknown
from protocols.wire.codes import Code
from protocols.wire.messages import EventBody, HelloReply, Request

# Four tries at the slowest: 250, 500, 1,000 and 1,000 ms.
HELLO_TIMEOUT_S: Final = 3.0
REQUEST_TIMEOUT_S: Final = 5.0
EVENTS_KEPT: Final = 256


class GunDriver:
    """A link engine on a port that waits for each answer.

    Between calls nothing is read and no heartbeat is sent, so credit ends by itself.

    Attributes:
        port: The port; owned and closed by this object.
        link: The engine.
        events: The newest events heard, oldest first; take them out as you like.
    """

    def __init__(self, port: Port, host_id: bytes, link_keys: Mapping[bytes, bytes] | None = None) -> None:
        """Take an open port, the host's random id of 16 bytes, and the keys of the guns that were paired, by uid."""
        self.port = port
        self.link = LinkEngine(host_id, link_keys or {})
        self.events: deque[EventBody] = deque(maxlen=EVENTS_KEPT)
        self._poll = select.poll()
        self._poll.register(port.fileno(), select.POLLIN)
        self._polls_out = False
        self._unsent = b""
        self._tag = 0
        self._answers: dict[int, Outcome] = {}
        self._stop_heard: StopHeard | None = None
        self.link.opened(_now_us())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self, timeout_s: float = HELLO_TIMEOUT_S) -> HelloReply:
        """Open a session and return what the gun says it is.

        Raises:
            GunRefused: it speaks no version of ours.
            GunProtocolError: it was paired and does not prove that it holds its key.
            OutcomeUnknown: no answer.
            LinkLost: the port is gone.
        """
        outcome = self.request(self.link.hello(os.urandom(16)), timeout_s)
        if isinstance(outcome, Unknown):
            raise OutcomeUnknown(f"{self.port.name}: HELLO: {outcome.reason}")
        if isinstance(outcome, Distrusted):
            raise GunProtocolError(f"{self.port.name}: {outcome.reason}")
        if not isinstance(outcome, Done):
            raise GunRefused(f"{self.port.name}: HELLO refused: {code_name(outcome.code)}")
        if not isinstance(outcome.body, HelloReply):
            raise GunProtocolError(f"{self.port.name}: HELLO answered without a body")
        return outcome.body

    def request(self, message: Request, timeout_s: float = REQUEST_TIMEOUT_S) -> Outcome:
        """Send a request and return its end. `Unknown` when no answer came in time: it may have been done.

        Raises:
            UsageError: a field does not fit its place on the wire.
            LinkLost: the port is gone, or the gun has fallen silent; the request's end is unknown.
        """
        now_us = _now_us()
        self._tag += 1
        # What waits in the kernel is read first: time spent elsewhere is not the gun's silence.
        self._read(now_us)
        self.link.ask(now_us, self._tag, message)
        give_up_us = now_us + int(timeout_s * 1_000_000)
        while self._tag not in self._answers:
            if now_us >= give_up_us:
                self._tag += 1  # an answer that comes later belongs to no one
                return Unknown(f"no answer within {timeout_s:g} s")
            now_us = self._turn(give_up_us)
        return self._answers.pop(self._tag)

    def stop(self, timeout_s: float = REQUEST_TIMEOUT_S) -> StopHeard | None:
        """Send STOP until the gun has answered; None if it has not in time.

        Raises:
            LinkLost: the port is gone.
        """
        now_us = _now_us()
        self._stop_heard = None
        self.link.press_stop(now_us)
        self._unsent = b""  # the leading zero of STOP ends whatever was half sent
        try:
            self.port.flush_output()
        except LinkLost as lost:
            self._lose(lost)
        give_up_us = now_us + int(timeout_s * 1_000_000)
        while self._stop_heard is None and now_us < give_up_us:
            now_us = self._turn(give_up_us)
        return self._stop_heard

    def listen(self, duration_s: float) -> None:
        """Take what the gun says for so long; events gather in `events`.

        Raises:
            LinkLost: the port is gone, or the gun has fallen silent.
        """
        until_us = _now_us() + int(duration_s * 1_000_000)
        while self._turn(until_us) < until_us:
            pass

    def close(self) -> None:
        """Close the port; never raises, once is enough."""
        self.link.closed(_now_us(), f"{self.port.name}: closed")
        self.port.close()

    # --- the loop ------------------------------------------------------------------------------

    def _turn(self, until_us: int) -> int:
        """Write, wait for bytes or a deadline, read, tick; return the time after waiting."""
        self._write()
        deadline_us = self.link.next_deadline_us()
        wake_us = until_us if deadline_us is None else min(until_us, deadline_us)
        # Rounded up: a poll that wakes too early would spin through the last millisecond.
        wait_ms = max(0, -((_now_us() - wake_us) // 1000))
        ready = self._poll.poll(wait_ms)
        now_us = _now_us()
        if ready and ready[0][1] & ~select.POLLOUT:
            self._read(now_us)
        if deadline_us is not None and now_us >= deadline_us:
            self._take(self.link.tick(now_us))
        return now_us

    def _read(self, now_us: int) -> None:
        try:
            data = self.port.read()
        except LinkLost as lost:
            self._lose(lost)
        self._take(self.link.received(now_us, data))

    def _write(self) -> None:
        try:
            while self._unsent or (frame := self.link.transmit(_now_us())):
                self._unsent = self._unsent or frame
                taken = self.port.write(self._unsent)
                self._unsent = self._unsent[taken:]
                if self._unsent:
                    break
        except LinkLost as lost:
            self._lose(lost)
        if bool(self._unsent) != self._polls_out:
            self._polls_out = not self._polls_out
            events = select.POLLIN | (select.POLLOUT if self._polls_out else 0)
            self._poll.modify(self.port.fileno(), events)

    def _take(self, events: list[LinkEvent]) -> None:
        for event in events:
            if isinstance(event, Answered):
                if event.tag == self._tag:
                    self._answers[event.tag] = event.outcome
            elif isinstance(event, Heard):
                self.events.append(event.event)
            elif isinstance(event, StopHeard):
                self._stop_heard = event
            else:
                raise LinkLost(f"{self.port.name}: {event.reason}")

    def _lose(self, lost: LinkLost) -> NoReturn:
        self.link.closed(_now_us(), str(lost))
        raise lost


def code_name(code: int) -> str:
    """Return the name of a reply's code; a number for one of a newer version."""
    try:
        return Code(code).name
    except ValueError:
        return f"code {code}"


def _now_us() -> int:
    return time.monotonic_ns() // 1000
