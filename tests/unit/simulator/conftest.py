"""A host's end for the assembled simulated gun: it speaks the wire protocol by hand, without any of the driver."""

from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest

from protocols.wire.codes import Code, ContactGate, GrantKind, Mode, State, TriggerSource
from protocols.wire.frame import REPLY, Deframer, encode_frame
from protocols.wire.hashes import record_hash8
from protocols.wire.messages import (
    EVENTS,
    AlarmAck,
    GrantSet,
    Heartbeat,
    Hello,
    LogRead,
    LogRelease,
    Settings,
    Slot,
    Takeover,
)
from protocols.wire.replies import unpack_reply
from simulator.firmware import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun
from simulator.physics import Syringe

MS = 1_000
NONCES = count(1)


class WireHost:
    """Requests in bytes, replies from bytes."""

    def __init__(self):
        self.deframer = Deframer()
        self.session = self.req_id = self.hb_no = self.uptime_ms = 0
        self.replies = {}
        self.events = []
        self.hello = None

    def frame(self, request, *, session=None):
        self.req_id += 1
        return encode_frame(request.TYPE, self.req_id, self.session if session is None else session, 0, request.pack())

    def beat(self):
        self.hb_no += 1
        body = Heartbeat(self.hb_no, self.uptime_ms, 500, 0, 1)
        return encode_frame(Heartbeat.TYPE, 0, self.session, 0, body.pack())

    def hear(self, data):
        for frame in self.deframer.feed(data):
            self.uptime_ms = frame.aux
            if frame.type & REPLY:
                self.replies[frame.req_id] = unpack_reply(frame.type & 0x7F, frame.payload)
            else:
                self.events.append(EVENTS[frame.type].unpack(frame.payload))


def settings(cal_hash8, **changes):
    usual = {
        "area_code": 7, "mode": Mode.SINGLE, "pins": 1, "depth_um": 1_500, "dose_nl": 10_000,
        "flow_nl_per_s": 400_000, "interval_ms": 111, "dwell_ms": 10, "antidrip_nl": 0, "burst_shots": 1,
        "contact_gate": ContactGate.START, "suction_threshold_pa": 0, "suction_mode": 0,
        "trigger_mask": TriggerSource.HAND, "max_pressure_pa": 2_000_000, "needle_speed_um_per_s": 200_000,
        "syringe_geometry_id": 7, "needle_type_id": 4, "head_type_id": 1, "head_instance": 0,
        "product_tag8": bytes(8), "cal_hash8": cal_hash8,
    }  # fmt: skip
    return Settings(**(usual | changes))


class Session:
    """A whole session's talk, over whatever carries `exchange`: bytes out, time passes, bytes in.

    `exchange(data, us)` sends, lets about so much time pass, and returns what came.
    """

    def __init__(self, exchange):
        self.host = WireHost()
        self.records = {}  # all that was ever read, whatever happened afterwards
        self._exchange = exchange

    def ask(self, request, *, session=None, tries=200):
        data = self.host.frame(request, session=session)
        req_id = self.host.req_id
        for _ in range(tries):
            self.host.hear(self._exchange(data, 2 * MS))
            data = b""
            if req_id in self.host.replies:
                reply = self.host.replies.pop(req_id)
                assert reply.code == Code.OK, (type(request).__name__, Code(reply.code).name)
                return reply.body
        raise AssertionError(f"no reply to {type(request).__name__}")

    def own(self):
        host = self.host
        host.req_id = host.hb_no = 0
        while True:
            host.hello = self.ask(Hello(next(NONCES).to_bytes(16, "big"), 1, 1, b"h" * 16), session=0)
            host.session = host.hello.session
            if host.hello.state != State.MOVING:  # homing after a reset
                break
        self.token = self.ask(Takeover(host.hello.owner_token, b"h" * 16)).owner_token
        return host.hello

    def still(self):
        """Take over, which disarms, and take over again behind the stroke that was pulled just before."""
        self.own()
        return self.own()

    def arm(self, *, shots=5, area_code=7, kind=GrantKind.TREAT, **changes):
        """Drain, set and grant, as a host does."""
        hello = self.own()
        self.drain(hello)
        hash8 = self.ask(settings(hello.cal_hash8, area_code=area_code, **changes)).settings_hash8
        self.ask(
            GrantSet(
                grant_no=hello.last_grant_no + 1, expect_head_seq=hello.head_seq, owner_token=self.token, kind=kind,
                area_code=area_code, settings_hash8=hash8, max_shots=shots, max_nl=shots * 50_000, lease_ms=500,
                valid_s=300, not_after_uptime_ms=self.host.uptime_ms + 450, session_tag8=bytes(8),
            )
        )  # fmt: skip

    def acknowledge(self):
        """Acknowledge every alarm, so that a fault whose cause is gone ends."""
        alarms = self.own().alarms
        for alarm in range(64):
            if alarms >> alarm & 1:
                self.ask(AlarmAck(alarm))

    def wait(self, condition, *, limit_ms=20_000):
        """Keep the lease until the condition holds."""
        for turn in range(limit_ms // 5):
            self.host.hear(self._exchange(self.host.beat() if turn % 20 == 0 else b"", 5 * MS))
            if condition():
                return
        raise AssertionError("waited in vain")

    def drain(self, hello=None):
        """Read and release every record."""
        hello = hello or self.own()
        records, seq, last = [], hello.released_seq, None
        while seq < hello.head_seq:
            count = min(3, hello.head_seq - seq)
            page = self.ask(LogRead(hello.log_epoch, seq + 1, count))
            for start in range(0, len(page.slots), Slot.SIZE):
                last = bytes(page.slots[start : start + Slot.SIZE])
                records.append(Slot.unpack(last))
                self.records[records[-1].shot_seq] = records[-1]
            seq += count
        if last is not None:
            self.ask(LogRelease(hello.log_epoch, seq, record_hash8(hello.gun_uid, hello.log_epoch, last)))
        return records


@dataclass
class Clockwork:
    """The assembled gun on a virtual clock, with a session on its wire."""

    seed: str = "1"
    rate_per_s: int | None = 9
    baud: int | None = None
    scenario: tuple = ()
    syringe: Syringe | None = None
    technician: bool = False
    store: MemoryStore = field(default_factory=lambda: MemoryStore(NVM_SIZE))
    body_state: bytes | None = None
    now_us: int = 0
    truth: list = field(default_factory=list)

    def __post_init__(self):
        self.gun = SimulatedGun(
            name="test", seed=self.seed, store=self.store, on_injection=self.truth.append, body_state=self.body_state,
            rate_per_s=self.rate_per_s, baud=self.baud, scenario=self.scenario, syringe=self.syringe,
            technician=self.technician, now_us=self.now_us,
        )  # fmt: skip
        self.session = Session(self.exchange)

    def exchange(self, data, us):
        self.gun.feed(self.now_us, data)
        start_us, self.now_us = self.now_us, self.now_us + us
        return self.gun.run_until(start_us, self.now_us)


@pytest.fixture
def make_clockwork():
    return Clockwork


@pytest.fixture
def make_session():
    return Session


@pytest.fixture
def chance():
    return Random(5)
