"""From a frame whose CRC holds to a reply: who asks, was it asked before, is it well formed, then the handler.

The order of the checks is that of SPEC.md. None of them changes anything.
"""

from struct import Struct
from typing import Final

from protocols.wire.codes import MAJOR, Alarm, Code
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import REPLY, TYPE_ESTOP, Frame
from protocols.wire.messages import REQUESTS, STATE_CHANGING, Auth, Goodbye, Heartbeat, Hello, Request, Takeover
from protocols.wire.seal import FROM_HOST, TAGGED, open_frame
from simulator.firmware.board import Board
from simulator.firmware.firing import Firing
from simulator.firmware.refusal import Refusal
from simulator.firmware.reports import hello
from simulator.firmware.requests import HANDLERS, Call
from simulator.firmware.sessions import REQ_ID_END, Session

_HEAD: Final = Struct("<BBH")
_OK: Final = _HEAD.pack(Code.OK, 0, 0)
_TYPE_EVENTS: Final = 0x40


class Dispatcher:
    """Answers requests. Every request gets exactly one reply, within the call that brings it."""

    __slots__ = ("_board", "_firing")

    def __init__(self, board: Board, firing: Firing) -> None:
        self._board = board
        self._firing = firing

    def take(self, frame: Frame, rx_bad_frames: int) -> None:
        """Act on a frame. Replies and events of an echoing line are passed over, or two guns would talk for ever."""
        if not 0 < frame.type < _TYPE_EVENTS or frame.type == TYPE_ESTOP:
            return
        board = self._board
        link_key, key = board.sessions.link_key, b""
        if link_key and frame.ver_flags == TAGGED:
            session = board.sessions.keyed(frame.session)
            opened = open_frame(session.key, FROM_HOST, frame) if session is not None and session.key else None
            if session is None or opened is None:
                board.rx_untrue += 1
                return
            board.sessions.prove(session)
            frame, key = opened, session.key
        trusted = not link_key or bool(key)
        if frame.type == Heartbeat.TYPE:
            if trusted:
                self._heartbeat(frame)
            return
        if not frame.req_id:
            return
        if not board.outbox.room_for_reply:
            board.rx_dropped += 1
            return
        try:
            self._check_version(frame)
            if frame.type == Hello.TYPE:
                payload = self._hello_again(frame) if key else self._hello(frame)
            else:
                payload = self._request(frame, rx_bad_frames, trusted=trusted, tagged=bool(key))
        except Refusal as refused:
            payload = _HEAD.pack(refused.code, refused.detail, refused.field_offset)
        if frame.type == Auth.TYPE and payload[0] == Code.OK and (asking := board.sessions.find(frame.session)):
            key = asking.key  # although it was asked without a tag: this proves the link key
        board.outbox.reply(frame.type | REPLY, frame.req_id, frame.session, payload, key)

    def _check_version(self, frame: Frame) -> None:
        """Another major may mean other things by the same bytes: only HELLO, which agrees on one, is heard."""
        if frame.ver_flags != MAJOR << 4 and frame.type != Hello.TYPE:
            raise Refusal(Code.E_VERSION, detail=MAJOR)

    def _hello(self, frame: Frame) -> bytes:
        if frame.session:
            raise Refusal(Code.E_SESSION)
        request = parse(frame)
        if not (isinstance(request, Hello) and request.min_major <= MAJOR <= request.max_major):
            raise Refusal(Code.E_VERSION, detail=MAJOR)
        board = self._board
        session = board.sessions.hello(request, board.gun_uid)
        if board.status_due_us is None:
            board.status_due_us = board.ticks_us + board.status_period_us
        return _OK + hello(board, session, request, authenticated=False).pack()

    def _hello_again(self, frame: Frame) -> bytes:
        """The tagged HELLO: what the gun says of itself, now with proof, to the host that opened the session."""
        request = parse(frame)
        session = self._board.sessions.find(frame.session)
        if (
            session is None
            or not isinstance(request, Hello)
            or (request.host_nonce, request.host_id) != (session.host_nonce, session.host_id)
        ):
            raise Refusal(Code.E_SESSION)
        return _OK + hello(self._board, session, request, authenticated=True).pack()

    def _request(self, frame: Frame, rx_bad_frames: int, *, trusted: bool, tagged: bool) -> bytes:
        sessions = self._board.sessions
        session = sessions.find(frame.session)
        if session is None:
            return self._closed(frame, trusted=trusted)
        handler = HANDLERS.get(frame.type)
        if handler is None or (frame.type == Auth.TYPE and not sessions.link_key):
            raise Refusal(Code.E_UNKNOWN_TYPE)
        changes = frame.type in STATE_CHANGING
        if changes and not trusted:
            raise Refusal(Code.E_AUTH)
        if frame.req_id >= REQ_ID_END:
            raise Refusal(Code.E_ID_EXHAUSTED)
        if changes:
            # Before E_FENCED on purpose: what was executed must never be answered with a refusal.
            kept = sessions.repeated(session, frame)
            if kept is not None:
                return kept
            if session is sessions.owner:
                self._board.cease(Alarm.LINK_LOST)
        try:
            if changes and frame.type != Takeover.TYPE:
                sessions.fence(session)
            body = handler(Call(self._board, self._firing, session, rx_bad_frames, tagged), parse(frame))
            payload = _OK if body is None else _OK + body.pack()
        except Refusal as refused:
            payload = _HEAD.pack(refused.code, refused.detail, refused.field_offset)
        if changes:
            _remember(session, frame, payload)
        return payload

    def _closed(self, frame: Frame, *, trusted: bool) -> bytes:
        """A session that is not in the table; the GOODBYE that closed it may come again."""
        closed = self._board.sessions.closed
        if not trusted or closed is None or frame.session != closed.number or frame.type != Goodbye.TYPE:
            raise Refusal(Code.E_SESSION)
        kept = self._board.sessions.repeated(closed, frame)
        if kept is None:
            raise Refusal(Code.E_SESSION)
        return kept

    def _heartbeat(self, frame: Frame) -> None:
        """Renew the lease: the owner's only, well formed only. Without a reply, anything else is passed over."""
        board = self._board
        session = board.sessions.find(frame.session)
        if session is None or session is not board.sessions.owner:
            return
        try:
            self._check_version(frame)
            request = parse(frame)
        except Refusal:
            return
        if isinstance(request, Heartbeat) and board.lease.beat(board.ticks_us, request):
            board.cease(Alarm.LINK_LOST)


def parse(frame: Frame) -> Request:
    """Read a request and refuse what is not exactly one.

    Raises:
        Refusal: E_LENGTH, or E_RANGE with the offset of a reserved byte that is not zero or of a field out of range.
    """
    kind = REQUESTS[frame.type]
    try:
        request = kind.unpack(frame.payload)
    except WireLengthError:
        raise Refusal(Code.E_LENGTH) from None
    wrong = [at for at, name, lowest, highest in kind.RANGES if not lowest <= getattr(request, name) <= highest]
    # What packs to other bytes than came has something in reserved ones.
    if frame.type in STATE_CHANGING and (again := request.pack()) != frame.payload:
        wrong += [at for at, byte in enumerate(again) if byte != frame.payload[at]]
    if wrong:
        raise Refusal(Code.E_RANGE, min(wrong))
    return request


def _remember(session: Session, frame: Frame, payload: bytes) -> None:
    session.last_id = frame.req_id
    session.last_bytes = (frame.type, frame.aux, frame.payload)
    session.last_reply = payload
