"""What the gun has to say, bounded: answers to STOP first, then replies, then events, whose oldest is dropped."""

from collections import deque
from collections.abc import Callable
from typing import Final

from protocols.wire.frame import encode_frame
from protocols.wire.messages import EventBody, Status
from protocols.wire.seal import FROM_GUN, seal_frame
from simulator.firmware.sessions import Session

# Answers to STOP are all alike; a host needs one.
STOP_ANSWERS_MAX: Final = 8
# Four reads, one state-changing request and HELLO may be in flight; twice that for a host that starts anew.
REPLIES_MAX: Final = 12
EVENTS_MAX: Final = 32


class Outbox:
    """Frames waiting for the line. A status is made when it is sent, so it is never old and never queues.

    Attributes:
        status_wanted: A STATUS event is to be sent.
        events_dropped: Events lost because the line did not take them.
    """

    __slots__ = ("_events", "_replies", "_stops", "events_dropped", "status_wanted")

    def __init__(self) -> None:
        self._stops: deque[EventBody] = deque(maxlen=STOP_ANSWERS_MAX)
        self._replies: deque[tuple[int, int, int, bytes, bytes]] = deque()
        self._events: deque[EventBody] = deque()
        self.status_wanted = False
        self.events_dropped = 0

    def clear(self) -> None:
        """Forget everything, as a reset does."""
        self._stops.clear()
        self._replies.clear()
        self._events.clear()
        self.status_wanted = False

    @property
    def empty(self) -> bool:
        """Whether `take` has nothing to give."""
        return not (self._replies or self._events or self.status_wanted or self._stops)

    @property
    def room_for_reply(self) -> bool:
        """Whether a request may be executed: its reply has a place."""
        return len(self._replies) < REPLIES_MAX

    def answer_stop(self, event: EventBody) -> None:
        """Answer a STOP frame ahead of everything."""
        self._stops.append(event)

    def reply(self, type_code: int, req_id: int, session: int, payload: bytes, key: bytes = b"") -> None:
        """Answer a request; with a key the reply is tagged."""
        self._replies.append((type_code, req_id, session, payload, key))

    def event(self, event: EventBody) -> None:
        """Tell of something; a hint, so the oldest gives way."""
        if len(self._events) >= EVENTS_MAX:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)

    def take(self, uptime_ms: int, status: Callable[[], Status], voice: Session | None) -> bytes:
        """The next whole frame, or nothing; events are tagged for the session that is the gun's voice."""
        if self._stops:
            return _event_frame(self._stops.popleft(), uptime_ms, voice)
        if self._replies:
            type_code, req_id, session, payload, key = self._replies.popleft()
            if key:
                return seal_frame(key, FROM_GUN, type_code, req_id, session, uptime_ms, payload)
            return encode_frame(type_code, req_id, session, uptime_ms, payload)
        if self._events:
            return _event_frame(self._events.popleft(), uptime_ms, voice)
        if self.status_wanted:
            self.status_wanted = False
            return _event_frame(status(), uptime_ms, voice)
        return b""


def _event_frame(event: EventBody, uptime_ms: int, voice: Session | None) -> bytes:
    if voice is None:
        return encode_frame(event.TYPE, 0, 0, uptime_ms, event.pack())
    voice.events_told += 1
    return seal_frame(voice.key, FROM_GUN, event.TYPE, 0, voice.events_told, uptime_ms, event.pack())
