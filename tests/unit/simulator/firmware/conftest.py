"""A gun on a bench: real firmware, real body, and a host's end that speaks the wire protocol by hand."""

from random import Random

import pytest
from msgspec.structs import replace

from protocols.wire.codes import Code, ContactGate, GrantKind, Mode, ResetCause, State, TriggerSource
from protocols.wire.frame import REPLY, STOP_FRAME, Deframer, encode_frame
from protocols.wire.hashes import record_hash8
from protocols.wire.messages import (
    EVENTS,
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
from simulator.firmware import (
    DEFAULT_LIMITS,
    FirmwareFaults,
    GunFirmware,
    GunIdentity,
    MemoryStore,
    Nvm,
    nvm_size,
)
from simulator.physics import GunBody

UID = bytes(range(12))
MS = 1_000
S = 1_000_000


class Rig:
    """A gun, the hands on it, and a host. `at` is the world's time; nothing else moves it."""

    def __init__(self, *, seed=0, slots=64, store=None, body=None, limits=DEFAULT_LIMITS, boot=True, **identity):
        self.truth = []
        self.at = 1_000_000
        self.slots = slots
        self.store = store or MemoryStore(nvm_size(slots))
        self.body = body or GunBody(chance=Random(seed), on_injection=self.truth.append)
        self.faults = FirmwareFaults()
        self.identity = GunIdentity(uid=UID, serial="SIM-1", limits=limits, **identity)
        self.gun = GunFirmware(self.identity, Nvm(self.store, slots=slots), self.body, self.faults)
        self.deframer = Deframer()
        self.session = self.req_id = self.hb_no = self.token = self.hellos = 0
        self.events = []
        self.replies = {}
        self.uptime_ms = 0
        self.settings = None
        if boot:
            self.gun.boot(self.at, ResetCause.POWER_ON)
            self.hear()

    # time

    def run(self, us, *, beat=True, step_us=None):
        """Let time pass, punctually; the host's heart beats every 100 ms while `beat`."""
        end = self.at + us
        next_beat = self.at
        while self.at < end:
            due = self.gun.next_deadline_us()
            upto = min(end, self.at + (step_us or 100 * MS))
            if due is not None:
                upto = min(upto, max(due, self.at))
            if beat and self.session and self.at >= next_beat:
                self.beat()
                next_beat = self.at + 100 * MS
            self.at = max(upto, self.at + (1 if due is None or due <= self.at else 0))
            self.gun.advance(self.at)
            self.hear()
        return self

    def until(self, condition, limit_us=10 * S, *, beat=True):
        end = self.at + limit_us
        while not condition():
            assert self.at < end, f"waited in vain in {self.gun.state.name}"
            self.run(MS, beat=beat)
        return self

    # the line

    def send(self, data):
        self.gun.receive(self.at, data)
        return self.hear()

    def hear(self):
        """Take every frame that the gun has for the line."""
        heard = []
        while data := self.gun.transmit(self.at):
            for frame in self.deframer.feed(data):
                self.uptime_ms = frame.aux
                heard.append(frame)
                if frame.type & REPLY:
                    self.replies[frame.req_id] = unpack_reply(frame.type & 0x7F, frame.payload)
                else:
                    self.events.append(EVENTS[frame.type].unpack(frame.payload))
        return heard

    def frame(self, request, *, req_id=None, session=None, aux=0):
        if req_id is None:
            self.req_id += 1
            req_id = self.req_id
        return encode_frame(request.TYPE, req_id, self.session if session is None else session, aux, request.pack())

    def ask(self, request, **header):
        """Send one request and return its reply, which must come within the call."""
        data = self.frame(request, **header)
        req_id = header.get("req_id", self.req_id)
        self.replies.pop(req_id, None)
        self.send(data)
        return self.replies[req_id]

    def do(self, request, **header):
        reply = self.ask(request, **header)
        assert reply.code == Code.OK, (type(request).__name__, Code(reply.code).name, reply.field_offset, reply.detail)
        return reply.body

    def hello(self, nonce=None, host_id=b"h" * 16):
        self.hellos += 1
        nonce = nonce or self.hellos.to_bytes(16, "big")
        body = self.do(Hello(nonce, 1, 1, host_id), session=0)
        if body.session != self.session:
            self.req_id = 0
        self.session = body.session
        return body

    def beat(self, *, echo=None):
        self.hb_no += 1
        self.send(
            encode_frame(
                Heartbeat.TYPE, 0, self.session, 0,
                Heartbeat(self.hb_no, self.uptime_ms if echo is None else echo, 500, 0, 1).pack(),
            )
        )  # fmt: skip

    def stop(self):
        return self.send(STOP_FRAME)

    # a host's usual steps

    def own(self):
        hello = self.hello()
        self.token = self.do(Takeover(hello.owner_token, b"h" * 16)).owner_token
        self.hb_no = 0
        return self

    def block(self, **changes):
        block = Settings(
            area_code=7, mode=Mode.SINGLE, pins=1, depth_um=1_500, dose_nl=10_000, flow_nl_per_s=400_000,
            interval_ms=111, dwell_ms=10, antidrip_nl=0, burst_shots=1, contact_gate=ContactGate.START,
            suction_threshold_pa=0, suction_mode=0, trigger_mask=TriggerSource.HAND | TriggerSource.PEDAL,
            max_pressure_pa=2_000_000, needle_speed_um_per_s=200_000, syringe_geometry_id=7, needle_type_id=4,
            head_type_id=1, head_instance=0, product_tag8=bytes(8),
            cal_hash8=self.gun._board.calibration.active.hash8,
        )  # fmt: skip
        return replace(block, **changes)

    def set(self, **changes):
        self.settings = self.block(**changes)
        self.settings_hash8 = self.do(self.settings).settings_hash8
        return self

    def terms(self, **changes):
        board = self.gun._board
        terms = GrantSet(
            grant_no=board.grants.last_no + 1, expect_head_seq=self.gun.head_seq, owner_token=self.token,
            kind=GrantKind.TREAT, area_code=self.settings.area_code if self.settings else 7,
            settings_hash8=board.settings.hash8, max_shots=5, max_nl=1_000_000, lease_ms=500, valid_s=300,
            not_after_uptime_ms=0, session_tag8=bytes(8),
        )  # fmt: skip
        lease_ms = changes.get("lease_ms", terms.lease_ms)
        return replace(terms, **{"not_after_uptime_ms": board.uptime_ms + lease_ms, **changes})

    def grant(self, **changes):
        return self.do(self.terms(**changes))

    def arm(self, *, settings=None, **terms):
        """Own the gun, on skin, settings set, credit granted."""
        self.own()
        self.body.set_contact(self.at, True)
        self.run(MS)
        self.set(**(settings or {}))
        self.grant(**terms)
        return self

    def bench(self):
        """Own the gun and bring it to SERVICE."""
        from protocols.wire.messages import ServiceEnter

        self.own()
        self.gun.press_button(self.at)
        self.do(ServiceEnter())
        assert self.gun.state is State.SERVICE
        return self

    def pull(self, hold_us=40 * MS, rest_us=80 * MS, *, beat=True):
        """Pull the trigger and let go."""
        self.body.press_trigger(self.at)
        self.run(hold_us, beat=beat)
        self.body.release_trigger(self.at)
        self.run(rest_us, beat=beat)
        return self

    def press(self):
        self.body.press_trigger(self.at)
        return self.run(10 * MS)

    def let_go(self):
        self.body.release_trigger(self.at)
        return self.run(10 * MS)

    def reset(self, cause=ResetCause.BROWN_OUT):
        if self.gun.powered:
            self.gun.power_off(self.at)
        self.at += 10 * MS
        self.gun.boot(self.at, cause)
        self.session = 0
        self.hear()
        return self

    # what is known afterwards

    def records(self):
        """Every record that can be read, as the gun's memory has it."""
        ring = self.gun._board.ring
        raw = b""
        for seq in range(ring.oldest_seq, ring.head_seq + 1):
            raw += ring.read(ring.log_epoch, seq, 1)[1]
        return [Slot.unpack(raw[at : at + 72]) for at in range(0, len(raw), 72)]

    def read_log(self, from_seq=1):
        epoch, head = self.gun.log_epoch, self.gun.head_seq
        slots = b""
        while from_seq <= head:
            body = self.do(LogRead(epoch, from_seq, 3))
            slots += body.slots
            from_seq += body.count
        return [slots[at : at + 72] for at in range(0, len(slots), 72)]

    def release(self, upto=None):
        ring = self.gun._board.ring
        upto = ring.head_seq if upto is None else upto
        slot = ring.read(ring.log_epoch, upto, 1)[1]
        return self.do(LogRelease(ring.log_epoch, upto, record_hash8(self.gun._board.gun_uid, ring.log_epoch, slot)))

    def shots(self):
        """Physical injections: homing is none."""
        return [injection for injection in self.truth if injection.label.shot_seq]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def image(self):
        """Everything that a refusal must leave alone."""
        board = self.gun._board
        grant = board.grants.newest
        return (
            board.state, board.settings.block, board.grants.last_no, board.sessions.owner_token,
            grant and (grant.terms, grant.ended, grant.remaining_shots, grant.remaining_nl), board.lease.due_us,
            board.ring.log_epoch, board.ring.head_seq, board.ring.released_seq, board.latch.latch_id,
            board.alarms.active, board.alarms.latched, board.in_service, board.moving, board.calibration.active,
            bytes(self.store.data),
        )  # fmt: skip


@pytest.fixture
def make_rig():
    return Rig


@pytest.fixture
def rig():
    return Rig()


class CutStore:
    """Memory whose supply is cut after so many bytes have been written; then nothing is written until it returns."""

    def __init__(self, size):
        self.data = bytearray(size)
        self.left = None
        self.writes = []

    def read(self, offset, size):
        return bytes(self.data[offset : offset + size])

    def write(self, offset, data):
        from simulator.firmware import PowerCut

        self.writes.append((offset, len(data)))
        if self.left is None:
            self.data[offset : offset + len(data)] = data
            return
        part = data[: self.left]
        self.data[offset : offset + len(part)] = part
        self.left -= len(part)
        if len(part) < len(data):
            self.left = 0
            raise PowerCut


def in_state(state):
    """A rig whose gun is in a state, owned by its host."""
    rig = Rig()
    if state is State.SAFE:
        rig.own()
    elif state is State.ARMED:
        rig.arm()
    elif state is State.MOVING:
        rig.arm()
        rig.body.press_trigger(rig.at)
        rig.until(lambda: rig.gun.state is State.MOVING)
    elif state is State.SERVICE:
        rig.bench()
    elif state is State.ESTOPPED:
        rig.own().stop()
    elif state is State.FAULT:
        rig.own()
        rig.body.set_fault(rig.at, "overtemp")
        rig.run(150 * MS)
    assert rig.gun.state is state
    return rig


@pytest.fixture
def gun_in():
    return in_state


@pytest.fixture
def cut_store():
    return CutStore
