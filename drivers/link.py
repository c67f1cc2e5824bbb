"""The link engine: bytes and requests in, bytes and link events out, on any port and at any speed.

It has no clock and no port. Its owner calls `opened`, `closed` and `received` for what the port does, `ask`,
`beat` and `press_stop` for what it wants, `transmit` whenever the port can take a whole frame, and `tick` at
`next_deadline_us`. In a turn of the owner's loop `received` comes before `tick`: what waits in the kernel is no
silence.

What goes out first: STOP, then the heartbeat, HELLO, state-changing requests, reads. One state-changing request
and four reads are in flight at most; that, and not the kernel's queue, bounds what a deaf peer can swallow.
"""

from collections.abc import Mapping
from struct import error as struct_error
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from drivers.link_auth import HELLO_AGAIN_ID, Greeting, Seal
from drivers.link_call import Call, Calls
from drivers.link_events import Answered, Heard, LinkDown, LinkEvent, StopHeard
from drivers.link_stats import LinkStats
from drivers.outcome import Distrusted, Done, Outcome, Unknown
from drivers.rto import RetransmitTimer
from drivers.stop_press import VOIDED_BY_STOP, StopPress, is_newer
from protocols.errors import UsageError, require
from protocols.wire.codes import MAJOR, GunFlag
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import REPLY, STOP_FRAME, Deframer, Frame, encode_frame
from protocols.wire.messages import (
    EVENTS,
    STATE_CHANGING,
    Auth,
    BootEvent,
    EstoppedEvent,
    Heartbeat,
    Hello,
    HelloReply,
    Request,
    Status,
    StatusRate,
)
from protocols.wire.replies import Reply, unpack_reply
from protocols.wire.seal import TAGGED

# Requests not yet sent: twice what draining a log and a whole arming keep waiting.
QUEUE_MAX: Final = 64
# A request is harmless to repeat (same bytes, kept reply), and on a line that damages 1 % of all bytes most tries fail.
TRIES_MAX: Final = 12
# HELLO and its reply take 52 ms at 57,600 baud and an adapter's 32 ms besides. It changes nothing, and the same HELLO
# again gets the same session; so it is said at a steady pace, for 3 s: on a line that damages 1 % of all bytes one try
# in twenty succeeds.
HELLO_RTO_US: Final = 100_000
HELLO_TRIES_MAX: Final = 30
# Fifteen STATUS periods, three leases: the gun has long disarmed itself, and no burst of damage is that long.
SILENCE_US: Final = 1_500_000
# Frames wait and the port takes none: four times what a full kernel queue needs to drain at 115,200 baud.
JAM_US: Final = 1_500_000
# A slower status rate stretches the silence, so that one lost STATUS does not end the link.
STATUS_PERIODS_MISSED: Final = 3
REQ_ID_END: Final = 65_000
_HELLO_REPLY: Final = Hello.TYPE | REPLY
_NO_KEYS: Final[Mapping[bytes, bytes]] = MappingProxyType({})


class LinkEngine:
    """The host's end of the wire protocol; see the module.

    Attributes:
        committed_seq: Highest shot_seq committed; a hint in each header, never a release.
        stats: What has been counted.
        session: Session number; 0 while there is none.
        met_gun: A gun of this wire protocol has answered HELLO on the port that is, or was last, open.
    """

    __slots__ = (
        "_answers",
        "_beat",
        "_beat_us",
        "_bytes_us",
        "_calls",
        "_deframer",
        "_good_at_bad",
        "_greeting",
        "_gun_uid",
        "_heard_us",
        "_hello_id",
        "_host_id",
        "_latch",
        "_link_keys",
        "_next_id",
        "_open",
        "_seal",
        "_silence_us",
        "_stop",
        "_stop_allowed",
        "_timer",
        "_told_down",
        "_uptime_ms",
        "_waiting_since_us",
        "committed_seq",
        "met_gun",
        "session",
        "stats",
    )

    def __init__(self, host_id: bytes, link_keys: Mapping[bytes, bytes] = _NO_KEYS) -> None:
        """Begin without a port.

        Args:
            host_id: The host's random id of 16 bytes.
            link_keys: Link keys of the guns that were paired, by gun_uid: such a gun must prove its key.
        """
        require(len(host_id) == 16, f"host_id has {len(host_id)} bytes, not 16")
        self.committed_seq = 0
        self.stats = LinkStats()
        self.session = 0
        self.met_gun = False
        self._host_id = host_id
        self._link_keys = link_keys
        self._hello_id = 0  # HELLO has session 0, so its numbers go on over all ports
        self._stop = StopPress()
        self._latch: tuple[bytes, int] | None = None  # newest (gun_uid, latch_id) heard
        self._answers: list[LinkEvent] = []  # ended inside `ask`; given out by the next call that returns events
        # The port.
        self._open = False
        self._told_down = True
        self._stop_allowed = False
        self._deframer = Deframer()
        self._good_at_bad = 0  # bad blocks when a frame was last whole
        self._timer = RetransmitTimer()
        self._bytes_us = 0  # when any byte was last heard
        self._waiting_since_us: int | None = None  # since when a frame waits for the port
        # The session.
        self._calls = Calls()
        self._gun_uid = b""
        self._greeting: Greeting | None = None  # between the reply to HELLO and the proof of the key
        self._seal: Seal | None = None  # of the session; None while the link is not authenticated
        self._uptime_ms: int | None = None  # newest that the gun told of this boot
        self._next_id = 1
        self._beat: Heartbeat | None = None
        self._beat_us = 0
        self._heard_us = 0  # when a reply or event was last heard
        self._silence_us = SILENCE_US

    # --- what the owner may look at ------------------------------------------------------------

    @property
    def stop_pending(self) -> bool:
        """STOP was pressed and the gun has not answered it."""
        return self._stop.pending

    def hello(self, nonce: bytes) -> Hello:
        """Return the HELLO of this host; the nonce is 16 fresh random bytes."""
        require(len(nonce) == 16, f"nonce has {len(nonce)} bytes, not 16")
        return Hello(nonce, MAJOR, MAJOR, self._host_id)

    # --- what the port does --------------------------------------------------------------------

    def opened(self, now_us: int, *, known_port: bool = False) -> None:
        """Begin on a port that is open; requests wait for the reply to HELLO.

        Args:
            now_us: Time.
            known_port: A gun was identified under this very name before: a STOP still unheard goes out first.
                Otherwise it follows the first HELLO frame: nothing else meets an unknown device first.
        """
        require(not self._open, "a port was opened while another is open")
        self._open = True
        self._told_down = False
        self.met_gun = False
        self._stop_allowed = known_port
        self._deframer = Deframer()
        self._good_at_bad = 0
        self._timer = RetransmitTimer()
        self._bytes_us = now_us
        self._stop.start_over()
        self._watch_port(now_us)

    def closed(self, now_us: int, reason: str) -> list[LinkEvent]:
        """End on this port: all that is unanswered ends `Unknown`, then `LinkDown` unless that was told."""
        events = self._take_answers()
        self._drop(now_us, reason, events)
        self._open = False
        self._waiting_since_us = None
        return events

    def received(self, now_us: int, data: bytes) -> list[LinkEvent]:
        """Take bytes as they came, split anywhere."""
        events = self._take_answers()
        if not data or not self._open:
            return events
        stats = self.stats
        stats.bytes_in += len(data)
        self._bytes_us = now_us
        bad_before = self._deframer.bad_blocks
        frames = self._deframer.feed(data)
        bad = self._deframer.bad_blocks
        stats.bad_blocks += bad - bad_before
        if frames:
            if bad != self._good_at_bad:
                stats.resyncs += 1
                self._good_at_bad = bad
            stats.frames_in += len(frames)
            for frame in frames:
                self._take_frame(now_us, frame, events)
            self._watch_port(now_us)
        return events

    def transmit(self, now_us: int) -> bytes:
        """Return the next whole frame, to be handed to the port now; empty if there is none.

        Call it only when the frame before is wholly written, or was cut off to let STOP through.
        """
        if not self._open:
            return b""
        frame = self._next_frame(now_us)
        if frame:
            self.stats.frames_out += 1
            self.stats.bytes_out += len(frame)
        self._waiting_since_us = None
        self._watch_port(now_us)
        return frame

    # --- what the owner wants ------------------------------------------------------------------

    def ask(self, now_us: int, tag: int, request: Request) -> None:
        """Queue a request; it ends as exactly one `Answered` with this tag. It cannot be taken back.

        HELLO goes ahead of all other requests and, once answered, begins a new session; with a gun that was paired
        only when both have proven the key, else it ends `Distrusted`. The flag AUTHENTICATED of its answer is what
        this engine has proven, whatever the gun says. What cannot be sent at all ends `Unknown` with 0 tries.

        Raises:
            UsageError: the queue is full, or a field does not fit its place on the wire.
        """
        if isinstance(request, Heartbeat):
            raise UsageError("a heartbeat has no reply: send it as a beat")
        if self._calls.queued >= QUEUE_MAX:
            raise UsageError(f"request refused: {QUEUE_MAX} wait already; wait for answers")
        try:
            payload = request.pack()
        except struct_error as error:
            raise UsageError(f"{type(request).__name__} refused: a field does not fit: {error}") from None
        call = Call(tag, request.TYPE, payload, request.TYPE in STATE_CHANGING)
        if not self._open:
            self._refuse(now_us, call, "no port is open")
        elif self._stop.pending and request.TYPE in VOIDED_BY_STOP:
            self._refuse(now_us, call, "STOP was pressed and the gun has not answered it")
        elif isinstance(request, Hello):
            self._ask_hello(now_us, call, request.host_nonce)
        elif not self.session and self._calls.hello is None:
            self._refuse(now_us, call, "no session: say HELLO first")
        elif self._next_id + self._calls.queued >= REQ_ID_END:
            self._refuse(now_us, call, "request numbers are used up: say HELLO")
        else:
            self._calls.queue(call)
        self._watch_port(now_us)

    def beat(self, now_us: int, heartbeat: Heartbeat) -> None:
        """Send this heartbeat next; it replaces one not yet sent. Without a session it is dropped."""
        if self.session:
            self._beat = heartbeat
            self._beat_us = now_us
            self._watch_port(now_us)

    def press_stop(self, now_us: int) -> None:
        """Send STOP ahead of everything until the gun has answered it, over closed and opened ports.

        What was asked for and could undo it ends `Unknown` and is not sent again.
        """
        self._stop.press(now_us, self._latch, self._uptime_ms)
        for call in self._calls.withdraw(VOIDED_BY_STOP):
            self._refuse(now_us, call, "STOP was pressed")
        self._watch_port(now_us)

    # --- time ----------------------------------------------------------------------------------

    def next_deadline_us(self) -> int | None:
        """Return when `tick` is to be called next; None while nothing waits for time."""
        if self._answers:
            return 0
        deadline_us = self._calls.next_expiry_us()
        if self.session:
            deadline_us = _earlier(deadline_us, self._heard_us + self._silence_us)
        if self._waiting_since_us is not None:
            deadline_us = _earlier(deadline_us, self._waiting_since_us + JAM_US)
        if self._stop.pending and not self._stop.ready and self._open:
            deadline_us = _earlier(deadline_us, self._stop.due_us)
        return deadline_us

    def tick(self, now_us: int) -> list[LinkEvent]:
        """Do what time asks for; harmless when early."""
        events = self._take_answers()
        if not self._open:
            return events
        if self._stop.pending and now_us >= self._stop.due_us:
            self._stop.ready = True
        for call in self._calls.expired(now_us):
            is_hello = call is self._calls.hello
            if call.tries < (HELLO_TRIES_MAX if is_hello else TRIES_MAX):
                if not is_hello:
                    call.rto_us = self._timer.back_off(call.rto_us)
                self._calls.resend(call)
            else:
                self.stats.given_up += 1
                self._end(now_us, call, Unknown(f"no answer to {call.tries} tries"), events)
        jammed = self._waiting_since_us is not None and now_us >= self._waiting_since_us + JAM_US
        if jammed:
            self._waiting_since_us = None
        if self.session and now_us >= self._heard_us + self._silence_us:
            what = "bytes" if self._bytes_us <= self._heard_us else "whole frame"
            self._drop(now_us, f"no {what} for {self._silence_us / 1_000_000:.1f} s", events)
        elif jammed:
            self._drop(now_us, f"the port took no bytes for {JAM_US / 1_000_000:.1f} s", events)
        self._watch_port(now_us)
        return events

    # --- out -----------------------------------------------------------------------------------

    def _next_frame(self, now_us: int) -> bytes:
        stop = self._stop
        if stop.pending and self._stop_allowed and (stop.ready or now_us >= stop.due_us):
            stop.sent(now_us)
            self.stats.stops_sent += 1
            return STOP_FRAME
        beat, self._beat = self._beat, None
        # A heartbeat that waited longer than the lease tells of a past that must not be renewed (I-52).
        if beat is not None and now_us - self._beat_us < beat.lease_ms * 1_000:
            return self._frame(beat.TYPE, 0, beat.pack())
        call = self._calls.take_next(in_session=self.session != 0)
        return b"" if call is None else self._send(now_us, call)

    def _send(self, now_us: int, call: Call) -> bytes:
        if call.tries:
            self.stats.retransmits += 1
        else:
            call.rto_us = self._timer.rto_us
            if call is not self._calls.hello:
                call.req_id = self._next_id
                self._next_id += 1
                self._calls.flight[call.req_id] = call
                call.frame = self._frame(call.type, call.req_id, call.payload)
            else:
                call.rto_us = HELLO_RTO_US
                self._stop_allowed = True
                if not call.frame:
                    self._hello_id = self._hello_id % 0xFFFF + 1
                    call.req_id = self._hello_id
                    call.frame = encode_frame(call.type, call.req_id, 0, self.committed_seq, call.payload)
        call.tries += 1
        call.sent_us = now_us
        call.due_us = now_us + call.rto_us
        return call.frame

    def _frame(self, type_code: int, req_id: int, payload: bytes) -> bytes:
        make = encode_frame if self._seal is None else self._seal.frame
        return make(type_code, req_id, self.session, self.committed_seq, payload)

    def _ask_hello(self, now_us: int, call: Call, nonce: bytes) -> None:
        before = self._calls.hello
        if before is not None:
            self._refuse(now_us, before, "a newer HELLO took its place")
        call.nonce = nonce
        self._calls.hello = call
        self._greeting = None
        self._told_down = False

    def _watch_port(self, now_us: int) -> None:
        """Note since when there is something to send, so that a port that takes nothing is found out."""
        if (
            self._waiting_since_us is None
            and self._open
            and (
                self._beat is not None
                or (self._stop.ready and self._stop_allowed)
                or self._calls.can_send(in_session=self.session != 0)
            )
        ):
            self._waiting_since_us = now_us

    # --- in ------------------------------------------------------------------------------------

    def _take_frame(self, now_us: int, frame: Frame, events: list[LinkEvent]) -> None:
        kind = frame.type
        hello, greeting = self._calls.hello, self._greeting
        if greeting is not None and hello is not None and greeting.awaits(hello, frame):
            self._take_proof(now_us, frame, hello, greeting, events)
        elif kind == _HELLO_REPLY and frame.ver_flags != TAGGED:
            self._take_hello_reply(now_us, frame, events)
        elif self._seal is not None:
            self._take_sealed(now_us, frame, self._seal, events)
        elif frame.ver_flags >> 4 != MAJOR or frame.ver_flags == TAGGED:
            self.stats.unmatched += 1
        elif kind & REPLY:
            self._take_reply(now_us, frame, events)
        elif kind in EVENTS:
            # With a key at hand, nothing that anybody could have said is taken before the gun is known (W-229).
            if self.session or not self._link_keys:
                self._take_event(now_us, frame, events)
            else:
                self._take_unproven(now_us, frame, events)
        elif kind < 0x40:
            self.stats.echoes += 1

    def _take_sealed(self, now_us: int, frame: Frame, seal: Seal, events: list[LinkEvent]) -> None:
        """Take a frame in an authenticated session: tagged by the gun, and an event never twice."""
        opened = seal.open(frame)
        if opened is None:
            self._take_unproven(now_us, frame, events)
        elif opened.type in EVENTS:
            self._take_event(now_us, opened, events)
        elif opened.type & REPLY:
            self._take_reply(now_us, opened, events)

    def _take_unproven(self, now_us: int, frame: Frame, events: list[LinkEvent]) -> None:
        """Pass over what anybody could have said. Only of a BOOT without a tag, without its time, the owner is told.

        A gun that was reset has no other way to say so.
        """
        self.stats.untrue += 1
        if frame.type != BootEvent.TYPE or frame.ver_flags == TAGGED:
            return
        try:
            events.append(Heard(BootEvent.unpack(frame.payload), now_us, 0))
        except WireLengthError:
            self.stats.malformed += 1

    def _take_reply(self, now_us: int, frame: Frame, events: list[LinkEvent]) -> None:
        calls = self._calls
        call = calls.flight.get(frame.req_id) if frame.session == self.session else None
        if call is None or frame.type != call.type | REPLY:
            if call is None and frame.session == self.session and 0 < frame.req_id < self._next_id:
                self.stats.duplicates += 1
            else:
                self.stats.unmatched += 1
            return
        reply = self._read_reply(call, frame)
        if reply is None:
            return
        self._heard_us = now_us
        self._note_uptime(frame.aux)
        self._round_trip(now_us, call)
        outcome = call.outcome(reply)
        self._end(now_us, call, outcome, events, frame.aux)
        if isinstance(reply.body, Status):
            self._hear_latch(now_us, reply.body.estop_latch_id, frame.aux, events)
        if call.type == StatusRate.TYPE and isinstance(outcome, Done):
            period_us = StatusRate.unpack(call.payload).period_ms * 1_000
            self._silence_us = max(SILENCE_US, STATUS_PERIODS_MISSED * period_us)

    def _take_hello_reply(self, now_us: int, frame: Frame, events: list[LinkEvent]) -> None:
        call = self._calls.hello
        # A second answer may come late, when AUTH is asked for, whose number may be the same.
        if call is None or call.type != Hello.TYPE or call.tries == 0 or frame.req_id != call.req_id:
            self.stats.unmatched += 1
            return
        reply = self._read_reply(call, frame)
        if reply is None:
            return
        body = reply.body
        if isinstance(body, HelloReply):
            if body.host_nonce != call.nonce or body.session == 0 or frame.session not in (0, body.session):
                self.stats.unmatched += 1
                return
            link_key = self._link_keys.get(body.gun_uid)
            if link_key is not None and body.major == MAJOR:
                self._round_trip(now_us, call)
                self._greeting = Greeting(link_key, body.gun_uid, body.session)
                self._believe(now_us, call, self._greeting.begin(call, body, self.committed_seq), events)
                return
            self._met(now_us, call, body, frame.aux, None, events)
            return
        self._round_trip(now_us, call)
        self._end(now_us, call, call.outcome(reply), events)  # whose time it tells nobody knows

    def _believe(self, now_us: int, call: Call, doubt: str, events: list[LinkEvent]) -> None:
        """End HELLO where there is a reason not to believe that the gun is the one that was paired."""
        if doubt:
            self._greeting = None
            self._end(now_us, call, Distrusted(doubt), events)

    def _take_proof(self, now_us: int, frame: Frame, call: Call, greeting: Greeting, events: list[LinkEvent]) -> None:
        if call.type == Auth.TYPE:
            self._round_trip(now_us, call)
            self._believe(now_us, call, greeting.prove_gun(call, frame, self.committed_seq), events)
            return
        opened = None if greeting.seal is None else greeting.seal.open(frame)
        reply = None if opened is None else self._read_reply(call, opened)
        body = None if reply is None else reply.body
        if opened is None or not isinstance(body, HelloReply) or body.gun_uid != greeting.gun_uid:
            self.stats.untrue += 1  # not the gun's word: its own may still come
            return
        self._met(now_us, call, body, opened.aux, greeting.seal, events)
        self._next_id = HELLO_AGAIN_ID + 1

    def _met(
        self, now_us: int, call: Call, hello: HelloReply, uptime_ms: int, seal: Seal | None, events: list[LinkEvent]
    ) -> None:
        """Begin a session with what the gun says of itself; AUTHENTICATED is what was proven here."""
        self._begin_session(now_us, hello, events)
        self._seal = seal
        flags = hello.flags & ~GunFlag.AUTHENTICATED if seal is None else hello.flags | GunFlag.AUTHENTICATED
        self._round_trip(now_us, call)
        self._end(now_us, call, Done(replace(hello, flags=int(flags))), events, uptime_ms)
        self._hear_latch(now_us, hello.estop_latch_id, uptime_ms, events)

    def _read_reply(self, call: Call, frame: Frame) -> Reply | None:
        try:
            return unpack_reply(call.type, frame.payload)
        except WireLengthError:
            self.stats.malformed += 1
            return None

    def _take_event(self, now_us: int, frame: Frame, events: list[LinkEvent]) -> None:
        # Events belong to the gun, not to a session: their session number does not matter.
        try:
            event = EVENTS[frame.type].unpack(frame.payload)
        except WireLengthError:
            self.stats.malformed += 1
            return
        self._heard_us = now_us
        self.stats.events += 1
        events.append(Heard(event, now_us, frame.aux))
        if isinstance(event, BootEvent):
            self._forget_uptime()
        self._note_uptime(frame.aux)
        if isinstance(event, EstoppedEvent):
            if self._stop.proven_by_answer(frame.aux):
                self._hear_stop(now_us, event.latch_id, events)
            self._latch = (self._gun_uid, event.latch_id)
        elif isinstance(event, Status):
            self._hear_latch(now_us, event.estop_latch_id, frame.aux, events)

    def _round_trip(self, now_us: int, call: Call) -> None:
        self.stats.round_trips += 1
        if call.tries == 1:
            self._timer.sample(now_us - call.sent_us)
            self.stats.srtt_us = self._timer.srtt_us

    def _note_uptime(self, uptime_ms: int) -> None:
        if self._uptime_ms is None or is_newer(uptime_ms, self._uptime_ms):
            self._uptime_ms = uptime_ms

    def _forget_uptime(self) -> None:
        """The gun may have started anew: times of before say nothing."""
        self._uptime_ms = None
        self._stop.uptime_before_ms = None

    def _hear_latch(self, now_us: int, latch_id: int, uptime_ms: int, events: list[LinkEvent]) -> None:
        if self._stop.proven_by_latch(self._gun_uid, latch_id, uptime_ms):
            self._hear_stop(now_us, latch_id, events)
        self._latch = (self._gun_uid, latch_id)

    def _hear_stop(self, now_us: int, latch_id: int, events: list[LinkEvent]) -> None:
        after_us, sent_us = self._stop.heard(now_us)
        events.append(StopHeard(latch_id, after_us, sent_us))

    # --- begins and ends -----------------------------------------------------------------------

    def _begin_session(self, now_us: int, hello: HelloReply, events: list[LinkEvent]) -> None:
        for call in [*self._calls.flight.values()]:
            self._end(now_us, call, Unknown("a new session began before the answer came"), events)
        self._forget_session()
        # Another major is told to the owner, but nothing further is said to it.
        if hello.major == MAJOR:
            self.session = hello.session
            self.met_gun = True
        self._gun_uid = hello.gun_uid
        self._heard_us = now_us

    def _forget_session(self) -> None:
        self.session = 0
        self._gun_uid = b""
        self._greeting = None
        self._seal = None
        self._forget_uptime()
        self._next_id = 1
        self._beat = None
        self._silence_us = SILENCE_US

    def _end(self, now_us: int, call: Call, outcome: Outcome, events: list[LinkEvent], uptime_ms: int = 0) -> None:
        """End a request that was sent, or HELLO."""
        events.append(Answered(call.tag, outcome, call.sent_us, now_us, uptime_ms, call.tries))
        was_hello = call is self._calls.hello
        self._calls.end(call)
        if was_hello and not self.session:
            self._end_queued(now_us, "no session: HELLO gave none", events)

    def _end_queued(self, now_us: int, reason: str, events: list[LinkEvent]) -> None:
        """End what never reached the port: 0 tries prove that it did not happen."""
        events.extend(Answered(call.tag, Unknown(reason), 0, now_us, 0, 0) for call in self._calls.drain_queued())

    def _refuse(self, now_us: int, call: Call, reason: str) -> None:
        """End a request inside a call that returns no events."""
        self._answers.append(Answered(call.tag, Unknown(reason), call.sent_us, now_us, 0, call.tries))

    def _drop(self, now_us: int, reason: str, events: list[LinkEvent]) -> None:
        """End the session and all that was asked for; a pending STOP stays."""
        for call in [*self._calls.flight.values()]:
            self._end(now_us, call, Unknown(reason), events)
        self._end_queued(now_us, reason, events)
        if self._calls.hello is not None:
            self._end(now_us, self._calls.hello, Unknown(reason), events)
        self._forget_session()
        if not self._told_down:
            self._told_down = True
            events.append(LinkDown(reason))

    def _take_answers(self) -> list[LinkEvent]:
        if not self._answers:
            return []
        events, self._answers = self._answers, []
        return events


def _earlier(deadline_us: int | None, other_us: int) -> int:
    return other_us if deadline_us is None or other_us < deadline_us else deadline_us
