"""A gun's end written apart from the code under test, and an engine that has said HELLO to it."""

import random
from dataclasses import dataclass, field, fields, replace
from zlib import crc32

import pytest
from cobs import cobs

from drivers.link import LinkEngine
from protocols.wire.messages import HelloReply, LogRelease, LogReleaseReply, Status, TimePing

STOP = bytes.fromhex("0011103fffffffffffffffffffff634f312000")
HOST_ID = b"host-of-the-test"


def _blank(kind, **values):
    empty = {"int": 0, "bytes": b"", "str": ""}
    names = {f.name: f.type if isinstance(f.type, str) else f.type.__name__ for f in fields(kind)}
    return kind(**({name: empty[typ] for name, typ in names.items()} | values))


def make_frame(kind, req_id, session, aux, payload, version=0x10):
    head = bytes([version, kind]) + req_id.to_bytes(2, "little") + session.to_bytes(4, "little")
    decoded = head + (aux & 0xFFFFFFFF).to_bytes(4, "little") + payload
    return b"\0" + cobs.encode(decoded + crc32(decoded).to_bytes(4, "little")) + b"\0"


def split_frame(block):
    """Return (type, req_id, session, aux, payload), or None when the block is damaged."""
    try:
        decoded = cobs.decode(block)
    except cobs.DecodeError:
        return None
    if len(decoded) < 16 or crc32(decoded[:-4]).to_bytes(4, "little") != decoded[-4:]:
        return None
    number = int.from_bytes
    return (
        decoded[1],
        number(decoded[2:4], "little"),
        number(decoded[4:8], "little"),
        number(decoded[8:12], "little"),
        decoded[12:-4],
    )


def frames_in(data):
    return [split_frame(block) for block in data.split(b"\0") if block]


HELLO_REPLY = _blank(
    HelloReply,
    session=7,
    major=1,
    gun_uid=b"uid-of-gun-1",
    model="test",
    serial="T-1",
    accounting_level=65,
    host_nonce=bytes(16),
)
STATUS = _blank(Status, state=1)


@dataclass
class ScriptedGun:
    """Answers HELLO, TIME_PING, LOG_RELEASE and STATUS_GET; latches on STOP; does a state change once per number."""

    session: int = 6
    latch_id: int = 0
    uid: bytes = b"uid-of-gun-1"
    executed: list[int] = field(default_factory=list)  # upto_seq of each LOG_RELEASE done
    stops: int = 0
    damaged: int = 0
    uptime_ms: int = 1
    _nonce: bytes = b""
    _buffer: bytes = b""
    _last: tuple[int, int, bytes] = (0, 0, b"")

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return whole frames in answer."""
        self._buffer += data
        *blocks, self._buffer = self._buffer.split(b"\0")
        out = []
        for block in blocks:
            if block and block == STOP[1:-1]:
                self.stops += 1
                self.latch_id = self.latch_id or 900 + self.stops
                out.append(self.event(0x42, self.latch_id.to_bytes(4, "little") + b"\1\0\0\0" + bytes(4)))
            elif block:
                parts = split_frame(block)
                if parts is None:
                    self.damaged += 1
                else:
                    out += self._answer(*parts)
        return out

    def event(self, kind, payload):
        return make_frame(kind, 0, 0, self.uptime_ms, payload)

    def status(self, **values):
        return self.event(0x40, replace(STATUS, estop_latch_id=self.latch_id, **values).pack())

    def _answer(self, kind, req_id, session, _aux, payload):
        if kind == 0x01:
            if payload[:16] != self._nonce:
                self._nonce = payload[:16]
                self.session += 1
                self._last = (0, 0, b"")
            body = replace(
                HELLO_REPLY,
                session=self.session,
                host_nonce=payload[:16],
                estop_latch_id=self.latch_id,
                gun_uid=self.uid,
            ).pack()
            return [make_frame(0x81, req_id, 0, self.uptime_ms, bytes(4) + body)]
        if kind == 0x14:
            return []
        if session != self.session:
            return [self._reply(kind, req_id, session, b"\4\0\0\0")]
        if kind == TimePing.TYPE:
            return [self._reply(kind, req_id, session, bytes(4) + payload + bytes(12))]
        if kind == 0x15:
            return [self._reply(kind, req_id, session, bytes(4) + replace(STATUS, estop_latch_id=self.latch_id).pack())]
        return [self._change(kind, req_id, session, payload)]

    def _change(self, kind, req_id, session, payload):
        assert kind == LogRelease.TYPE
        seen_id, seen_crc, cached = self._last
        if req_id == seen_id:
            return cached if crc32(payload) == seen_crc else self._reply(kind, req_id, session, b"\6\0\0\0")
        if req_id < seen_id:
            return self._reply(kind, req_id, session, b"\7\0\0\0")
        upto = LogRelease.unpack(payload).upto_seq
        self.executed.append(upto)
        reply = self._reply(kind, req_id, session, bytes(4) + LogReleaseReply(upto).pack())
        self._last = (req_id, crc32(payload), reply)
        return reply

    def _reply(self, kind, req_id, session, payload):
        return make_frame(kind | 0x80, req_id, session, self.uptime_ms, payload)


class Tools:
    """What the tests of this directory share."""

    HOST_ID = HOST_ID
    STOP = STOP
    STATUS = STATUS
    HELLO_REPLY = HELLO_REPLY
    ScriptedGun = ScriptedGun
    make_frame = staticmethod(make_frame)
    split_frame = staticmethod(split_frame)
    frames_in = staticmethod(frames_in)

    @staticmethod
    def drain(engine, now_us):
        """Take all frames that the engine has now."""
        frames = []
        while frame := engine.transmit(now_us):
            frames.append(frame)
            assert len(frames) < 100, "the engine sends without end"
        return frames

    @classmethod
    def connected(cls, gun, now_us=0, engine=None, *, known_port=False):
        """Return an engine in a session with the gun."""
        engine = engine or LinkEngine(HOST_ID)
        engine.opened(now_us, known_port=known_port)
        engine.ask(now_us, -1, engine.hello(random.Random(now_us).randbytes(16)))
        for frame in cls.drain(engine, now_us):
            for answer in gun.feed(frame):
                engine.received(now_us, answer)
        assert engine.session == gun.session
        return engine


@pytest.fixture(scope="session")
def kit():
    """Return the shared tools."""
    return Tools
