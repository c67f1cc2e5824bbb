"""Frames that are whole and mean harm, against the firmware: a host that is wrong, old, foreign or malicious.

`Bench` is a gun with a hand and an honest host that speaks the wire protocol; `wrong_frames` makes each way of being
wrong; `Malice` knows the session, the token and the hashes, and still must not get more out of the gun than its own
hard limits allow.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from protocols.wire.codes import Code, ContactGate, GrantKind, Mode, State, TriggerSource
from protocols.wire.frame import REPLY, STOP_FRAME, Deframer, Frame, encode_frame
from protocols.wire.messages import (
    EVENTS,
    REQUESTS,
    STATE_CHANGING,
    CalCommit,
    EpochOpen,
    EstopResetConfirm,
    EstopResetPrepare,
    Goodbye,
    GrantRevoke,
    GrantSet,
    Heartbeat,
    Hello,
    HelloReply,
    LogRead,
    LogRelease,
    SelfTest,
    ServiceEnter,
    ServiceLeave,
    ServiceMove,
    Settings,
    StatusRate,
    Takeover,
)
from protocols.wire.replies import Reply, unpack_reply
from simulator.firmware.nvm import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun
from simulator.physics import Injection

MS = 1_000
HOST_ID = b"h" * 16


class Bench:
    """A gun, the finger on its trigger, and a host.

    Attributes:
        truth: Every physical stroke.
        accepted: Grants that the gun has taken, by number.
    """

    def __init__(self, seed: str, *, store: MemoryStore | None = None) -> None:
        self.truth: list[Injection] = []
        self.store = store or MemoryStore(NVM_SIZE)
        self.now_us = 1_000_000
        self.gun = SimulatedGun(
            name="fuzz", seed=seed, store=self.store, on_injection=self.truth.append, now_us=self.now_us
        )
        self.firmware, self.body = self.gun.firmware, self.gun.body
        self.board = self.firmware._board
        self.deframer = Deframer()
        self.session = self.req_id = self.token = self.beat_no = self.uptime_ms = 0
        self.replies: dict[int, Reply] = {}
        self.last_reply: Reply | None = None
        self.accepted: dict[int, GrantSet] = {}
        self.hellos = 0
        self.run(50 * MS)

    # time and hands

    def run(self, us: int, *, beat: bool = False) -> None:
        end_us = self.now_us + us
        while self.now_us < end_us:
            if beat:
                self.beat()
            self.now_us = min(end_us, self.now_us + 50 * MS)
            self.firmware.advance(self.now_us)
            self.hear()

    def pull(self) -> None:
        """Pull the trigger on skin, and let it go."""
        self.body.set_contact(self.now_us, True)
        self.run(5 * MS)
        self.body.press_trigger(self.now_us)
        self.run(40 * MS)
        self.body.release_trigger(self.now_us)
        self.run(80 * MS)

    # the line

    def next_id(self) -> int:
        self.req_id += 1
        return self.req_id

    def send(self, data: bytes) -> list[Frame]:
        self.last_reply = None
        self.firmware.receive(self.now_us, data)
        return self.hear()

    def hear(self) -> list[Frame]:
        heard = []
        while data := self.firmware.transmit(self.now_us):
            for frame in self.deframer.feed(data):
                heard.append(frame)
                self.uptime_ms = frame.aux
                if frame.type & REPLY:
                    self.last_reply = self.replies[frame.req_id] = unpack_reply(frame.type & 0x7F, frame.payload)
                else:
                    EVENTS[frame.type].unpack(frame.payload)
        return heard

    def frame(self, request, *, req_id: int | None = None, session: int | None = None) -> bytes:
        req_id = self.next_id() if req_id is None else req_id
        number = self.session if session is None else session
        return encode_frame(request.TYPE, req_id, number, 0, request.pack())

    def ask(self, request, **header) -> Reply:
        self.send(self.frame(request, **header))
        if self.last_reply is None:
            raise AssertionError(f"{type(request).__name__} was not answered")
        return self.last_reply

    def hello(self) -> HelloReply:
        self.hellos += 1
        reply = self.ask(Hello(self.hellos.to_bytes(16), 1, 1, HOST_ID), session=0, req_id=1)
        self.session, self.req_id = reply.body.session, 0
        return reply.body

    def own(self) -> None:
        self.token = self.ask(Takeover(self.hello().owner_token, HOST_ID)).body.owner_token
        self.beat_no = 0

    def beat(self) -> None:
        self.beat_no += 1
        beat = Heartbeat(self.beat_no, self.uptime_ms, 500, 0, 1)
        self.send(encode_frame(beat.TYPE, 0, self.session, 0, beat.pack()))

    def stop(self) -> None:
        self.send(STOP_FRAME)

    # honest requests

    def settings(self) -> Settings:
        return Settings(
            area_code=7, mode=Mode.SINGLE, pins=1, depth_um=1_500, dose_nl=10_000, flow_nl_per_s=400_000,
            interval_ms=111, dwell_ms=10, antidrip_nl=0, burst_shots=1, contact_gate=ContactGate.START,
            suction_threshold_pa=0, suction_mode=0, trigger_mask=TriggerSource.HAND, max_pressure_pa=2_000_000,
            needle_speed_um_per_s=200_000, syringe_geometry_id=7, needle_type_id=4, head_type_id=1,
            head_instance=0, product_tag8=bytes(8), cal_hash8=self.board.calibration.active.hash8,
        )  # fmt: skip

    def terms(self) -> GrantSet:
        return GrantSet(
            grant_no=self.board.grants.last_no + 1, expect_head_seq=self.firmware.head_seq, owner_token=self.token,
            kind=GrantKind.TREAT, area_code=7, settings_hash8=self.board.settings.hash8, max_shots=5,
            max_nl=1_000_000, lease_ms=500, valid_s=300, not_after_uptime_ms=self.board.uptime_ms + 400,
            session_tag8=bytes(8),
        )  # fmt: skip

    def grant(self) -> None:
        terms = self.terms()
        if self.ask(terms).code == Code.OK:
            self.accepted[terms.grant_no] = terms

    def image(self):
        """Everything that a wrong frame must leave alone."""
        board = self.board
        newest = board.grants.newest
        return (
            board.state, board.settings.block, board.grants.last_no, board.sessions.owner_token,
            newest and (newest.terms, newest.ended, newest.remaining_shots, newest.remaining_nl),
            board.lease.due_us, board.ring.log_epoch, board.ring.head_seq, board.ring.released_seq,
            board.latch.latch_id, board.alarms.active, board.alarms.latched, board.in_service, board.moving,
            board.calibration.active, bytes(self.store.data), len(self.truth),
        )  # fmt: skip


def bring(bench: Bench, state: str) -> None:
    """Bring a gun into a state by honest means."""
    if state == "greeted":
        bench.hello()
        return
    bench.own()
    if state == "owned":
        return
    bench.ask(bench.settings())
    bench.body.set_contact(bench.now_us, True)
    bench.run(5 * MS)
    bench.grant()
    if state in {"fired", "stopped"}:
        bench.pull()
        bench.beat()
    if state == "stopped":
        bench.stop()
        bench.run(300 * MS)
    if state == "left":
        bench.ask(Goodbye())


STATES = ("greeted", "owned", "armed", "fired", "stopped", "left")


@dataclass(frozen=True)
class Wrong:
    """A frame that must change nothing.

    Attributes:
        name: What is wrong with it.
        raw: Its bytes.
        answered: Whether the gun says so; a heartbeat and a frame without a number get no answer.
    """

    name: str
    raw: bytes
    answered: bool = True


def honest(bench: Bench, chance: random.Random) -> list:
    """State-changing requests, each right but for what is done to it next."""
    ring = bench.board.ring
    return [
        bench.settings(), bench.terms(), GrantRevoke(0), StatusRate(200), SelfTest(0x7F), ServiceEnter(),
        ServiceLeave(), ServiceMove(1, 1_000, 1_000), EstopResetPrepare(), Takeover(bench.token, HOST_ID), Goodbye(),
        LogRelease(ring.log_epoch, ring.head_seq, chance.randbytes(8)), CalCommit(1, chance.randbytes(8)),
        EpochOpen(ring.log_epoch, ring.head_seq),
    ]  # fmt: skip


def wrong_frames(bench: Bench, chance: random.Random) -> Iterator[Wrong]:
    """Every way of being wrong, for a gun in any state; requests are numbered beyond those used."""
    u32 = lambda: chance.getrandbits(32)  # noqa: E731  # a name for a draw
    for request in honest(bench, chance):
        name, kind, payload = type(request).__name__, request.TYPE, request.pack()
        other = bench.session ^ (1 << chance.randrange(32))
        for what, session in (("another session", other), ("session 0", 0), ("a random session", u32())):
            if session != bench.session:
                yield Wrong(f"{name} in {what}", encode_frame(kind, bench.next_id(), session, 0, payload))
        for req_id in (65_000, 65_535):
            yield Wrong(f"{name} numbered {req_id}", encode_frame(kind, req_id, bench.session, 0, payload))
        yield Wrong(f"{name} without number", encode_frame(kind, 0, bench.session, 0, payload), answered=False)
        for size in {0, len(payload) + 1, 200, abs(len(payload) - 1)} - {len(payload)}:
            raw = (payload + bytes(200))[:size]
            yield Wrong(f"{name} of {size} bytes", encode_frame(kind, bench.next_id(), bench.session, 0, raw))
        decoded = Deframer().feed(encode_frame(kind, bench.next_id(), bench.session, 0, payload))[0]
        yield Wrong(f"{name} of another major", reframed(replace(decoded, ver_flags=0x20)))
        yield Wrong(f"{name} with a flag", reframed(replace(decoded, ver_flags=0x14)))
        for at, field, lowest, highest in request.RANGES:
            for value in (lowest - 1, highest + 1):
                yield from out_of_range(bench, request, at, field, value)
    yield from wrong_terms(bench)
    ring, token = bench.board.ring, bench.token
    for what, release in {
        "another epoch": LogRelease(ring.log_epoch ^ 1, ring.head_seq, bytes(8)),
        "beyond the head": LogRelease(ring.log_epoch, ring.head_seq + 1, bytes(8)),
        "another hash": LogRelease(ring.log_epoch, ring.head_seq or 1, b"\xff" * 8),
        "the end of numbers": LogRelease(ring.log_epoch, 0xFFFFFFFF, bytes(8)),
    }.items():
        yield Wrong(
            f"LOG_RELEASE with {what}", encode_frame(LogRelease.TYPE, bench.next_id(), bench.session, 0, release.pack())
        )
    for expected in {token + 1, token ^ 0x80000000, 0xFFFFFFFF}:
        raw = Takeover(expected & 0xFFFFFFFF, HOST_ID).pack()
        yield Wrong("TAKEOVER of another token", encode_frame(Takeover.TYPE, bench.next_id(), bench.session, 0, raw))
    confirm = EstopResetConfirm(u32(), bench.board.latch.latch_id, 1)
    yield Wrong(
        "reset confirmed, not prepared", encode_frame(confirm.TYPE, bench.next_id(), bench.session, 0, confirm.pack())
    )
    for kind in set(range(1, 0x3F)) - set(REQUESTS):
        yield Wrong(f"type {kind:#x}", encode_frame(kind, bench.next_id(), bench.session, 0, chance.randbytes(12)))
    for kind in (*range(0x40, 0x50), *range(0x80, 0xC0)):
        raw = encode_frame(kind, bench.next_id(), bench.session, 0, chance.randbytes(24))
        yield Wrong(f"an answer, type {kind:#x}", raw, answered=False)
    beat = Heartbeat(bench.beat_no + 1_000, bench.uptime_ms, 500, 0, 1)
    for what, session in (("another session", bench.session ^ 4), ("session 0", 0)):
        yield Wrong(f"heartbeat in {what}", encode_frame(beat.TYPE, 0, session, 0, beat.pack()), answered=False)


def wrong_terms(bench: Bench) -> Iterator[Wrong]:
    """GRANT_SET with one field that may not be so."""
    terms, uptime_ms = bench.terms(), bench.board.uptime_ms
    wrong = {
        "an old number": {"grant_no": terms.grant_no - 1, "session_tag8": b"otherone"},
        "a number far ahead": {"grant_no": terms.grant_no + 1_000},
        "the last number": {"grant_no": 0xFFFFFFFF},
        "an older head": {"expect_head_seq": (terms.expect_head_seq - 1) & 0xFFFFFFFF},
        "a newer head": {"expect_head_seq": terms.expect_head_seq + 1},
        "another token": {"owner_token": terms.owner_token ^ 1},
        "another hash": {"settings_hash8": bytes(b ^ 1 for b in terms.settings_hash8)},
        "another area": {"area_code": terms.area_code + 1},
        "kind BENCH": {"kind": GrantKind.BENCH},
        "too many shots": {"max_shots": 251},
        "too much volume": {"max_nl": 10_000_001},
        "less than a shot": {"max_nl": 9_999},
        "too long a lease": {"lease_ms": 2_001},
        "too short a lease": {"lease_ms": 199},
        "too long a life": {"valid_s": 3_601},
        "a past date": {"not_after_uptime_ms": (uptime_ms - 1) & 0xFFFFFFFF},
        "a date long past": {"not_after_uptime_ms": (uptime_ms - 2**31 + 9) & 0xFFFFFFFF},
        "a date far ahead": {"not_after_uptime_ms": uptime_ms + 501},
    }
    for what, fields in wrong.items():
        raw = replace(terms, **fields).pack()
        yield Wrong(f"GRANT_SET with {what}", encode_frame(GrantSet.TYPE, bench.next_id(), bench.session, 0, raw))


def out_of_range(bench: Bench, request, at: int, field: str, value: int) -> Iterator[Wrong]:
    """The request with one field beyond its range, if its place on the wire can hold that."""
    offsets = [*sorted(request.OFFSETS.values()), request.SIZE]
    size = offsets[offsets.index(at) + 1] - at
    for width in (4, 2, 1):
        if width <= size and 0 <= value < 1 << 8 * width:
            payload = bytearray(request.pack())
            payload[at : at + width] = value.to_bytes(width, "little")
            read = type(request).unpack(bytes(payload))
            if getattr(read, field) != value:
                continue
            name = f"{type(request).__name__} with {field} {value}"
            yield Wrong(name, encode_frame(request.TYPE, bench.next_id(), bench.session, 0, bytes(payload)))
            return


def reframed(frame: Frame) -> bytes:
    """Encode a frame whose header is not ours."""
    from zlib import crc32

    from cobs import cobs

    from protocols.wire.frame import _CRC, HEADER

    head = HEADER.pack(frame.ver_flags, frame.type, frame.req_id, frame.session, frame.aux)
    decoded = head + frame.payload
    return b"\0" + cobs.encode(decoded + _CRC.pack(crc32(decoded))) + b"\0"


class Malice:
    """A host that owns the gun, knows everything about it, and sends whatever it likes at random.

    Args:
        seed: Decides everything.
        finger: Whether someone pulls the trigger on skin all the while.
    """

    def __init__(self, seed: int, *, finger: bool) -> None:
        self.chance = random.Random(f"malice/{seed}/{finger}")
        self.bench = Bench(f"malice/{seed}")
        self.finger = finger
        self.seed = seed
        self.frames = 0
        self.refused = 0
        self.grants = 0
        bring(self.bench, "owned")

    def run(self, frames: int) -> None:
        """Send so many frames; raise AssertionError with the seed when the gun does what it must not."""
        for _ in range(frames):
            self.frames += 1
            self._one()
            self._hand()
        self._judge()

    def _one(self) -> None:
        bench, chance = self.bench, self.chance
        what = chance.random()
        if what < 0.02:
            bench.own()
            return
        if what < 0.12:
            bench.beat()
            return
        if what < 0.125:
            bench.stop()
            return
        if what < 0.14:
            self._reset_stop()
            return
        if what < 0.24:
            bench.ask(bench.settings())
        request = self._draw()
        before = None
        if chance.random() < 0.05:
            bench.beat()  # a sign of life ends the gun's alarm of a lost link (W-184): not part of a refusal
            before = bench.image()
        bench.req_id += 1
        payload = self._twist(request.pack(), request)
        raw = encode_frame(request.TYPE, bench.req_id, bench.session, chance.getrandbits(32), payload)
        bench.send(raw)
        reply = bench.last_reply
        if reply is None:
            return
        if reply.code != Code.OK:
            self.refused += 1
            if before is not None and bench.image() != before:
                raise AssertionError(f"seed {self.seed}, frame {self.frames}: refused, and yet changed: {raw.hex()}")
        elif request.TYPE == GrantSet.TYPE:
            terms = GrantSet.unpack(payload)
            self.grants += 1
            bench.accepted[terms.grant_no] = terms
            self._judge_terms(terms)
        if bench.req_id > 64_000:
            bench.own()

    def _draw(self):
        bench, chance = self.bench, self.chance
        if chance.random() < 0.35:
            return bench.terms()
        kind = REQUESTS[chance.choice([kind for kind in REQUESTS if kind not in {Hello.TYPE, Heartbeat.TYPE}])]
        if kind is Settings:
            return bench.settings()
        return kind.unpack(chance.randbytes(kind.SIZE) if chance.random() < 0.5 else bytes(kind.SIZE))

    def _twist(self, payload: bytes, request) -> bytes:
        """Change none to three fields, to the edges of their place or to anything."""
        chance, data = self.chance, bytearray(payload)
        places = sorted(request.OFFSETS.values()) if request.SIZE else []
        for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
            if not places or not data:
                break
            index = chance.randrange(len(places))
            start, end = places[index], ([*places, len(data)])[index + 1]
            size = end - start
            near = (int.from_bytes(data[start:end], "little") + chance.choice([-1, 1, 2, 25])) % (1 << 8 * size)
            data[start:end] = chance.choice(
                [bytes(size), b"\xff" * size, chance.randbytes(size), near.to_bytes(size, "little")]
            )
        return bytes(data)

    def _reset_stop(self) -> None:
        bench = self.bench
        bench.body.set_contact(bench.now_us, False)
        bench.run(20 * MS)
        prepared = bench.ask(EstopResetPrepare())
        if prepared.code == Code.OK:
            body = prepared.body
            bench.ask(EstopResetConfirm(body.nonce, body.latch_id, 1))
            bench.run(100 * MS)

    def _hand(self) -> None:
        bench, chance = self.bench, self.chance
        if self.finger and chance.random() < 0.3:
            bench.pull()
        else:
            bench.run(chance.choice([0, 0, 0, 1, 20]) * MS)

    def _judge_terms(self, terms: GrantSet) -> None:
        """A grant was taken: by our own reading it may be."""
        bench = self.bench
        limits = bench.board.identity.limits
        settings = Settings.unpack(bench.board.settings.block)
        fits = (
            terms.owner_token == bench.board.sessions.owner_token
            and terms.settings_hash8 == bench.board.settings.hash8
            and terms.area_code == settings.area_code
            and terms.expect_head_seq == bench.firmware.head_seq
            and 0 < terms.max_shots <= limits.grant_shots_max
            and settings.dose_nl <= terms.max_nl <= limits.grant_nl_max
            and limits.lease_ms_min <= terms.lease_ms <= limits.lease_ms_max
            and 0 < terms.valid_s <= limits.valid_s_max
            and terms.kind != GrantKind.BENCH
        )
        if not fits:
            raise AssertionError(f"seed {self.seed}, frame {self.frames}: a grant was taken that may not be: {terms}")

    def _judge(self) -> None:
        """What physically happened stays inside the gun's own limits and its grants."""
        bench = self.bench
        limits = bench.board.identity.limits
        shots = [shot for shot in bench.truth if shot.label.shot_seq]
        where = f"seed {self.seed}, {self.frames} frames"
        if not self.finger and bench.truth:
            raise AssertionError(f"{where}: moved without a trigger: {bench.truth[0]}")
        by_grant: dict[int, list[Injection]] = {}
        for shot in shots:
            by_grant.setdefault(shot.label.grant_no, []).append(shot)
            # A motor of whole steps gives a step more or less than ordered.
            if shot.dose_nl > limits.dose_nl_max * 1.01 or shot.depth_um > limits.depth_um_max + 50:
                raise AssertionError(f"{where}: over the hard limits: {shot}")
        for grant_no, given in by_grant.items():
            terms = bench.accepted.get(grant_no)
            if terms is None or len(given) > terms.max_shots:
                raise AssertionError(f"{where}: {len(given)} shots on grant {grant_no}: {terms}")
        if sum(shot.dose_nl for shot in shots) > limits.session_nl_max * 1.01:
            raise AssertionError(f"{where}: more than a session may have")


def replay(frames: list[bytes], bench: Bench) -> None:
    """Say again everything that was once said to this gun, while someone pulls the trigger."""
    for number, raw in enumerate(frames):
        bench.send(raw)
        if number % 10 == 0:
            bench.pull()


__all__ = [
    "STATES",
    "STATE_CHANGING",
    "Bench",
    "LogRead",
    "Malice",
    "State",
    "Wrong",
    "bring",
    "replay",
    "wrong_frames",
]
