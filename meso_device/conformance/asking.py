"""The host's end of a gun's cable: raw requests, and everything that was heard.

It repeats nothing by itself and believes nothing: each answer is returned as it came. A session whose key is known has
its frames tagged, and the gun's tags are looked at and taken off; whether one was right is kept with the frame.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import Struct

from meso_device.conformance.findings import Broken, NotRun, expect
from meso_device.conformance.line import Line
from meso_device.conformance.raw import raw_frame
from protocols.wire.codes import Code
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import HEADER, PAYLOAD_SIZE_MAX, REPLY, VERSION_BYTE, Deframer, Frame
from protocols.wire.messages import EVENTS, REQUESTS, EventBody, GrantSet, Heartbeat, Request, ServiceMove, Settings
from protocols.wire.replies import Reply, unpack_reply
from protocols.wire.seal import FROM_GUN, FROM_HOST, SEALED_PAYLOAD_SIZE_MAX, TAGGED, open_frame, tag_of

MS: Final = 1_000
S: Final = 1_000_000
U32: Final = 2**32
ANSWER_US: Final = 400 * MS
"""A request without an answer for this long gets none: twenty times what the rules allow a gun."""
BEAT_US: Final = 100 * MS
LEASE_MS: Final = 500
"""Lease of the checks that wait for its end; the others take a longer one, which a busy computer keeps too."""
_LEAST_PAUSE_US: Final = 5 * MS
# Sessions whose tags are looked at: as many as a check opens beside its owner, and more than a gun has at once.
_KEYS_MAX: Final = 64
_NEEDS_GUARD: Final = frozenset({GrantSet.TYPE, ServiceMove.TYPE})

T = TypeVar("T")
E = TypeVar("E", bound=EventBody)


class Heard(Struct, frozen=True):
    """A whole frame from the gun, and when its last byte came.

    Attributes:
        frame: Without its tag, where that was the right one.
        at_us: When.
        key: Of the session whose tag it bore; empty where it bore none, or a wrong one.
    """

    frame: Frame
    at_us: int
    key: bytes = b""

    @property
    def proven(self) -> bool:
        """Whether it bore the right tag."""
        return bool(self.key)


class Answer(Struct, frozen=True):
    """A reply as it came.

    Attributes:
        reply: Code, detail, offset and body.
        frame: The frame that carried it.
        took_us: From the sending of the request to the arrival of the reply.
        proven: Whether it bore the right tag.
    """

    reply: Reply
    frame: Frame
    took_us: int
    proven: bool

    @property
    def code(self) -> int:
        """Code of the reply."""
        return self.reply.code

    @property
    def field(self) -> int:
        """Offset of the field refused."""
        return self.reply.field_offset

    @property
    def named(self) -> str:
        """What a person reads of it."""
        code = self.reply.code
        name = Code(code).name if code in Code.__members__.values() else f"code {code}"
        return f"{name} (offset {self.field})" if self.field else name

    def body(self, kind: type[T]) -> T:
        """Return the body of an OK.

        Raises:
            Broken: it is a refusal, or has another body.
        """
        if not isinstance(self.reply.body, kind):
            raise Broken(f"{kind.__name__} expected, {self.named} came")
        return self.reply.body


class Talker(Struct):
    """One session as its host knows it; with its key what it says is tagged."""

    session: int
    last_id: int = 0
    hb_no: int = 0
    key: bytes = b""

    @property
    def untagged(self) -> "Talker":
        """The same session for somebody who has not its key."""
        return Talker(self.session, self.last_id, self.hb_no)

    @property
    def payload_size_max(self) -> int:
        """Bytes that a request of this session may have."""
        return SEALED_PAYLOAD_SIZE_MAX if self.key else PAYLOAD_SIZE_MAX

    def next_id(self) -> int:
        """Take the next request number."""
        self.last_id += 1
        return self.last_id


class Asking:
    """One end of a cable, with the gun at the other.

    Attributes:
        line: The cable.
        guarded: Whether somebody has said that the needle guard is on; without it nothing that can move is sent.
        owner: The session that asks where none is named.
        heard: Every whole frame that came.
        raw: Every byte that came.
        uptime_ms: Newest that the gun told.
        beating: Whose heartbeats are sent while time passes.
    """

    def __init__(self, line: Line, *, guarded: bool) -> None:
        self.line = line
        self.guarded = guarded
        self.owner = Talker(0)
        self.heard: list[Heard] = []
        self.raw = bytearray()
        self.uptime_ms = 0
        self.beating: Talker | None = None
        self._deframer = Deframer()
        self._beat_due_us = 0
        self._keys: dict[int, bytes] = {}

    # time and bytes

    @property
    def bad_blocks(self) -> int:
        """Blocks of the gun's that were no frames."""
        return self._deframer.bad_blocks

    def send(self, data: bytes) -> None:
        """Put bytes on the line as they are."""
        self.line.send(data)

    def listen(self, us: int) -> None:
        """Let time pass: take what comes, and beat for whoever is `beating`."""
        end_us = self.line.now_us() + us
        while self._turn(end_us):
            pass

    def until(self, done: Callable[[], bool], us: int) -> bool:
        """Let time pass until something holds; False when the time is over before."""
        end_us = self.line.now_us() + us
        while not done():
            if not self._turn(end_us, _LEAST_PAUSE_US):
                return done()
        return True

    def _turn(self, end_us: int, most_us: int | None = None) -> bool:
        now_us = self.line.now_us()
        if now_us >= end_us:
            return False
        if self.beating is not None and now_us >= self._beat_due_us:
            self.beat(self.beating)
        wait_us = end_us - now_us
        if self.beating is not None:
            wait_us = min(wait_us, max(0, self._beat_due_us - now_us))
        if most_us is not None:
            wait_us = min(wait_us, most_us)
        self._take(self.line.receive(wait_us))
        return True

    def _take(self, data: bytes) -> None:
        if not data:
            return
        self.raw += data
        now_us = self.line.now_us()
        for frame in self._deframer.feed(data):
            self.heard.append(self._opened(frame, now_us))
            self.uptime_ms = frame.aux

    def know(self, talker: Talker) -> None:
        """Look at the tags of this session from now on."""
        self._keys.pop(talker.session, None)
        self._keys[talker.session] = talker.key
        while len(self._keys) > _KEYS_MAX:
            del self._keys[next(iter(self._keys))]

    def _opened(self, frame: Frame, now_us: int) -> Heard:
        if frame.ver_flags == TAGGED:
            for session, key in reversed(self._keys.items()):
                # An event has its own number in the place of the session's.
                if session == frame.session or not frame.type & REPLY:
                    opened = open_frame(key, FROM_GUN, frame)
                    if opened is not None:
                        return Heard(opened, now_us, key)
        return Heard(frame, now_us)

    def mark(self) -> int:
        """Return a place in what was heard, for `since`."""
        return len(self.heard)

    def since(self, mark: int) -> list[Heard]:
        """Return what was heard since."""
        return self.heard[mark:]

    def events(self, kind: type[E], mark: int = 0) -> list[E]:
        """Return the events of a kind that were heard since."""
        found = [one.frame for one in self.heard[mark:] if one.frame.type == kind.TYPE]
        try:
            return [event for frame in found if isinstance(event := EVENTS[frame.type].unpack(frame.payload), kind)]
        except WireLengthError as error:
            raise Broken(f"event {kind.__name__}: {error}") from None

    # requests

    def frame(
        self, request: Request, by: Talker, *, req_id: int | None = None, aux: int = 0, ver_flags: int = VERSION_BYTE
    ) -> bytes:
        """Return a request as a frame.

        Raises:
            NotRun: it can move something, and nobody has said that the needle guard is on.
        """
        return self.any_frame(request.TYPE, request.pack(), by, req_id=req_id, aux=aux, ver_flags=ver_flags)

    def any_frame(
        self,
        type_code: int,
        payload: bytes,
        by: Talker,
        *,
        req_id: int | None = None,
        aux: int = 0,
        ver_flags: int = VERSION_BYTE,
        crc_flip: int = 0,
    ) -> bytes:
        """Return any type and payload as a frame of a session; see `frame`. Of another version it bears no tag."""
        if type_code in _NEEDS_GUARD:
            self.need_guard()
        number = by.next_id() if req_id is None else req_id
        if by.key and ver_flags == VERSION_BYTE:
            ver_flags = TAGGED
            payload += tag_of(by.key, FROM_HOST, HEADER.pack(TAGGED, type_code, number, by.session, aux) + payload)
        return raw_frame(type_code, number, by.session, payload, aux=aux, ver_flags=ver_flags, crc_flip=crc_flip)

    @staticmethod
    def is_guarded(type_code: int) -> bool:
        """Whether a request can move something."""
        return type_code in _NEEDS_GUARD

    def need_guard(self) -> None:
        """Stop here unless the needle guard is on.

        Raises:
            NotRun: nobody has said so.
        """
        if not self.guarded:
            raise NotRun("gives credit: only with the needle guard on")

    def exchange(self, data: bytes, us: int = ANSWER_US) -> list[Heard]:
        """Send bytes and return all that was heard for so long."""
        mark = self.mark()
        self.send(data)
        self.listen(us)
        return self.since(mark)

    def answers(self, data: bytes, type_code: int, us: int = ANSWER_US) -> list[Frame]:
        """Send bytes and return the replies to requests of a type that came for so long."""
        return [one.frame for one in self.exchange(data, us) if one.frame.type == type_code | REPLY]

    def sent(self, data: bytes) -> Answer:
        """Send one request that was made into a frame, and return its reply.

        Raises:
            Broken: no reply came, or one without the right tag to a request that had one.
        """
        start_us = self.line.now_us()
        asked = _header_of(data)
        heard = self.reply_to(data)
        name = request_name(asked.type)
        due = asked.ver_flags == TAGGED and asked.session in self._keys
        expect(heard.proven or not due, f"the reply to a tagged {name} bears no right tag")
        try:
            reply = unpack_reply(asked.type, heard.frame.payload)
        except WireLengthError as error:
            raise Broken(f"reply to {name}: {error}") from None
        return Answer(reply, heard.frame, heard.at_us - start_us, heard.proven)

    def reply_to(self, data: bytes) -> Heard:
        """Send one request that was made into a frame, and return what came with its type, number and session.

        Raises:
            Broken: no reply came.
        """
        mark = self.mark()
        asked = _header_of(data)
        self.send(data)
        answered: list[Heard] = []

        def came() -> bool:
            answered.extend(
                one
                for one in self.since(mark)
                if (one.frame.type, one.frame.req_id, one.frame.session)
                == (asked.type | REPLY, asked.req_id, asked.session)
            )
            return bool(answered)

        if not self.until(came, ANSWER_US):
            raise Broken(f"no reply to {request_name(asked.type)} within {ANSWER_US // MS} ms")
        return answered[0]

    def ask(self, request: Request, by: Talker | None = None) -> Answer:
        """Ask as a session, the owner's if none is named, and return the reply."""
        return self.sent(self.frame(request, by or self.owner))

    def done(self, request: Request, by: Talker | None = None) -> Answer:
        """Ask, and take nothing but OK.

        Raises:
            Broken: it was refused.
        """
        answer = self.ask(request, by)
        expect(answer.code == Code.OK, f"{request_name(request.TYPE)} refused {answer.named}")
        return answer

    def refused(self, request: Request, code: Code, field: int = 0, by: Talker | None = None) -> Answer:
        """Ask, and take nothing but this refusal.

        Raises:
            Broken: another answer came.
        """
        answer = self.ask(request, by)
        wanted = f"{code.name} (offset {field})" if field else code.name
        expect(
            (answer.code, answer.field) == (code, field),
            f"{request_name(request.TYPE)}: {answer.named} instead of {wanted}",
        )
        return answer

    # heartbeats

    def beat(
        self, by: Talker, *, hb_no: int | None = None, echo_ms: int | None = None, lease_ms: int = LEASE_MS
    ) -> None:
        """Send a heartbeat."""
        if hb_no is None:
            by.hb_no += 1
            hb_no = by.hb_no
        body = Heartbeat(hb_no, self.uptime_ms if echo_ms is None else echo_ms % U32, lease_ms, 0, 1)
        self._beat_due_us = self.line.now_us() + BEAT_US
        self.send(self.any_frame(Heartbeat.TYPE, body.pack(), by, req_id=0))


def _header_of(data: bytes) -> Frame:
    [frame] = Deframer().feed(data)
    return frame


def request_name(type_code: int) -> str:
    """Return the name of a request as SPEC.md spells it."""
    kind = REQUESTS.get(type_code)
    if kind is None:
        return f"type 0x{type_code:02X}"
    return "SETTINGS_SET" if kind is Settings else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).upper()
