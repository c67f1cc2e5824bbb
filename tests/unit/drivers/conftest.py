"""A gun's end written apart from the code under test, and an engine that has said HELLO to it."""

import heapq
import os
import random
import select
import threading
import tty
from dataclasses import dataclass, field
from itertools import count
from zlib import crc32

import pytest
from cobs import cobs
from msgspec.structs import fields, replace

from drivers.link import LinkEngine
from drivers.link_events import LinkDown
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
        return make_frame(kind, 0, 0, self._later(), payload)

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
            return [make_frame(0x81, req_id, 0, self._later(), bytes(4) + body)]
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
        return make_frame(kind | 0x80, req_id, session, self._later(), payload)

    def _later(self):
        self.uptime_ms += 1
        return self.uptime_ms


class Wire:
    """One direction. Damage is done to frames; the bytes then arrive split anywhere."""

    def __init__(self, rng, damage):
        self.rng = rng
        self.damage = damage

    def carry(self, now_us, frame):
        """Yield (arrival, bytes)."""
        rng = self.rng
        if rng.random() < self.damage:
            kind = rng.choice(["lose", "copy", "late", "flip", "cut", "noise"])
            if kind == "lose":
                return
            if kind == "copy":
                yield now_us + rng.randrange(500, 400_000), frame
            elif kind == "late":
                now_us += rng.randrange(20_000, 3_000_000)
            elif kind == "flip":
                damaged = bytearray(frame)
                damaged[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
                frame = bytes(damaged)
            elif kind == "cut":
                frame = frame[: rng.randrange(len(frame))]
            else:
                frame = rng.randbytes(rng.randrange(1, 300)) + frame
        at = now_us + rng.randrange(300, 6_000)
        while frame:
            size = rng.randrange(1, len(frame) + 1)
            yield at, frame[:size]
            frame = frame[size:]


class World:
    def __init__(self, seed, damage, engine=None):
        self.rng = random.Random(seed)
        self.gun = ScriptedGun()
        self.engine = engine or LinkEngine(HOST_ID)
        self.out = Wire(self.rng, damage)
        self.back = Wire(self.rng, damage)
        self.order = count()
        self.queue = []
        self.now = 0
        self.events = []
        self.asked = []
        self.downs = 0
        self.open()

    def open(self):
        self.queue = [entry for entry in self.queue if entry[2] == "status"]  # what was on the cable is gone
        self.engine.opened(self.now)
        self.say_hello()

    def ask(self, request):
        tag = len(self.asked) + 1
        self.asked.append(request(tag))
        self.engine.ask(self.now, tag, self.asked[-1])

    def say_hello(self):
        nonce = self.rng.randbytes(16)
        self.ask(lambda _: self.engine.hello(nonce))

    def put(self, at, kind, data=b""):
        heapq.heappush(self.queue, (at, next(self.order), kind, data))

    def send(self):
        for frame in Tools.drain(self.engine, self.now):
            for at, data in self.out.carry(self.now, frame):
                self.put(at, "gun", data)

    def answer(self, frame):
        for at, data in self.back.carry(self.now, frame):
            self.put(at, "host", data)

    def take(self, events):
        self.events += events
        if any(isinstance(event, LinkDown) for event in events):
            self.downs += 1
            self.engine.closed(self.now, "down")
            self.open()
        elif not self.engine.session and self.engine._calls.hello is None:
            self.say_hello()

    def step(self):
        deadline = self.engine.next_deadline_us()
        if self.queue and (deadline is None or self.queue[0][0] <= deadline):
            self.now, _, kind, data = heapq.heappop(self.queue)
            if kind == "gun":
                for frame in self.gun.feed(data):
                    self.answer(frame)
            elif kind == "host":
                self.take(self.engine.received(self.now, data))
            else:
                self.answer(self.gun.status())
                self.put(self.now + 100_000, "status")
        elif deadline is not None:
            self.now = max(self.now, deadline)
            self.take(self.engine.tick(self.now))
        self.send()


class Peer:
    """A thread at the far end of a port: gives what it reads to a function, writes what that returns; None ends it."""

    def __init__(self, fd, respond, *, first=b""):
        self._fd = fd
        self._respond = respond
        self._first = first
        self._wake_r, self._wake_w = os.pipe()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.close(self._wake_w)
        self._thread.join(5)
        os.close(self._wake_r)
        assert not self._thread.is_alive()

    def _run(self):
        if self._first:
            os.write(self._fd, self._first)
        while True:
            readable, _, _ = select.select([self._fd, self._wake_r], [], [])
            if self._wake_r in readable:
                return
            try:
                data = os.read(self._fd, 4096)
            except OSError:
                return
            frames = self._respond(data)
            if frames is None:
                return
            for frame in frames:
                os.write(self._fd, frame)


class PtyEnd:
    """A pseudo-terminal whose near end a port opens by `name`; `fd` is the far end."""

    def __init__(self):
        self.fd, self.near = os.openpty()
        tty.setraw(self.near)
        self.name = os.ttyname(self.near)

    def hang_up(self):
        """Pull the cable."""
        self.close_near()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def close_near(self):
        if self.near >= 0:
            os.close(self.near)
            self.near = -1

    def read(self, wait_s=5.0):
        assert select.select([self.fd], [], [], wait_s)[0], "nothing came"
        return os.read(self.fd, 4096)


class Tools:
    """What the tests of this directory share."""

    HOST_ID = HOST_ID
    STOP = STOP
    STATUS = STATUS
    HELLO_REPLY = HELLO_REPLY
    ScriptedGun = ScriptedGun
    World = World
    Peer = Peer
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


@pytest.fixture
def pty():
    """Return a pseudo-terminal."""
    end = PtyEnd()
    yield end
    end.hang_up()


@pytest.fixture
def ptys():
    """Return a maker of pseudo-terminals."""
    ends = []

    def make():
        ends.append(PtyEnd())
        return ends[-1]

    yield make
    for end in ends:
        end.hang_up()


@pytest.fixture(autouse=True)
def own_runtime_dir(tmp_path, monkeypatch):
    """Keep lock files of the tests away from those of a real session."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
