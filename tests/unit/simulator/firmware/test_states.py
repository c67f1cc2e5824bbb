"""Every request in every state: one reply within the call, by the table of SPEC.md section 3.2."""

from random import Random

import pytest

from protocols.wire.codes import Code, GrantKind, State
from protocols.wire.frame import REPLY, encode_frame
from protocols.wire.messages import (
    REQUESTS,
    STATE_CHANGING,
    AlarmAck,
    AlarmTest,
    Auth,
    CalCommit,
    CalRead,
    CalWrite,
    Describe,
    EpochOpen,
    EstopResetConfirm,
    EstopResetPrepare,
    EventRead,
    Goodbye,
    GrantGet,
    GrantRevoke,
    GrantSet,
    Heartbeat,
    Hello,
    LimitsGet,
    LogRead,
    LogRelease,
    SelfTest,
    ServiceEnter,
    ServiceLeave,
    ServiceMove,
    Settings,
    SettingsGet,
    StatusGet,
    StatusRate,
    Takeover,
    TimePing,
)

STATES = (State.SAFE, State.ARMED, State.MOVING, State.SERVICE, State.ESTOPPED, State.FAULT)
YES = (Code.OK,) * 6
ON_THE_BENCH = (
    Code.E_NEEDS_SERVICE, Code.E_NEEDS_SERVICE, Code.E_BUSY, Code.OK, Code.E_ESTOPPED, Code.E_STATE,
)  # fmt: skip
RESET = (Code.E_STATE,) * 4 + (Code.OK, Code.E_STATE)
# In the order of STATES, as SPEC.md has it.
TABLE = {
    **dict.fromkeys(
        (
            Hello, Describe, TimePing, LimitsGet, SettingsGet, GrantGet, LogRead, EventRead, StatusGet, CalRead,
            Takeover, Goodbye, GrantRevoke, LogRelease, StatusRate, AlarmTest,
        ),
        YES,
    ),
    AlarmAck: (Code.OK, Code.OK, Code.E_BUSY, Code.OK, Code.OK, Code.OK),
    Settings: (Code.OK, Code.OK, Code.E_BUSY, Code.OK, Code.E_ESTOPPED, Code.E_STATE),
    SelfTest: (Code.OK, Code.E_STATE, Code.E_BUSY, Code.OK, Code.E_ESTOPPED, Code.OK),
    ServiceEnter: (Code.OK, Code.E_STATE, Code.E_BUSY, Code.OK, Code.E_ESTOPPED, Code.E_STATE),
    ServiceLeave: (Code.OK, Code.E_STATE, Code.E_BUSY, Code.OK, Code.E_ESTOPPED, Code.E_STATE),
    ServiceMove: ON_THE_BENCH,
    CalWrite: ON_THE_BENCH,
    CalCommit: ON_THE_BENCH,
    EpochOpen: ON_THE_BENCH,
    EstopResetPrepare: RESET,
}  # fmt: skip


def valid(rig, kind):
    """A request that a gun in the right state does."""
    board = rig.gun._board
    ring = board.ring
    cal = board.calibration
    made = {
        Hello: lambda: Hello(b"r" * 16, 1, 1, b"r" * 16),
        Describe: lambda: Describe(0, 220),
        TimePing: lambda: TimePing(5),
        Takeover: lambda: Takeover(rig.token, b"h" * 16),
        Settings: rig.block,
        GrantSet: rig.terms,
        GrantGet: lambda: GrantGet(1),
        GrantRevoke: lambda: GrantRevoke(0),
        LogRead: lambda: LogRead(ring.log_epoch, 1, 3),
        LogRelease: lambda: LogRelease(ring.log_epoch, 0, ring.chain_head8),
        EventRead: lambda: EventRead(1),
        StatusRate: lambda: StatusRate(200),
        SelfTest: lambda: SelfTest(511),
        AlarmAck: lambda: AlarmAck(16),
        ServiceMove: lambda: ServiceMove(1, 0, ring.head_seq),
        CalRead: lambda: CalRead(0),
        CalWrite: lambda: CalWrite(0, cal.page(0)),
        CalCommit: lambda: CalCommit(cal.active.main.cal_id, cal.active.hash8),
        EpochOpen: lambda: EpochOpen(ring.log_epoch, ring.head_seq),
        EstopResetConfirm: lambda: EstopResetConfirm(1, board.latch.latch_id, 1),
    }
    return made.get(kind, kind)()


def prepared(gun_in, state):
    rig = gun_in(state)
    rig.gun.press_button(rig.at)
    if state in {State.SAFE, State.ESTOPPED}:
        rig.body.set_contact(rig.at, False)
        rig.gun.advance(rig.at)
    return rig


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", TABLE)
def test_a_request_is_answered_once_by_the_table_and_a_refusal_changes_nothing(gun_in, kind, state):
    rig = prepared(gun_in, state)
    expected = TABLE[kind][STATES.index(state)]
    before = rig.image()
    session = 0 if kind is Hello else rig.session
    rig.req_id += 1
    request = valid(rig, kind)
    heard = rig.send(encode_frame(kind.TYPE, rig.req_id, session, 0, request.pack()))
    replies = [frame for frame in heard if frame.type & REPLY]
    assert [(frame.type, frame.req_id, frame.session) for frame in replies] == [
        (kind.TYPE | REPLY, rig.req_id, session)
    ]
    reply = rig.replies[rig.req_id]
    assert Code(reply.code) is expected
    if expected is not Code.OK:
        assert len(replies[0].payload) == 4
    if expected is not Code.OK or kind.TYPE not in STATE_CHANGING:
        assert rig.image() == before


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        (State.SAFE, GrantKind.TREAT, Code.OK),
        (State.SAFE, GrantKind.PRIME, Code.OK),
        (State.SAFE, GrantKind.BENCH, Code.E_NEEDS_SERVICE),
        (State.ARMED, GrantKind.TREAT, Code.OK),
        (State.MOVING, GrantKind.TREAT, Code.E_BUSY),
        (State.SERVICE, GrantKind.TREAT, Code.E_STATE),
        (State.SERVICE, GrantKind.DRY, Code.E_STATE),
        (State.SERVICE, GrantKind.PRIME, Code.OK),
        (State.SERVICE, GrantKind.BENCH, Code.OK),
        (State.ESTOPPED, GrantKind.TREAT, Code.E_ESTOPPED),
        (State.FAULT, GrantKind.TREAT, Code.E_STATE),
    ],
)
def test_a_grant_of_each_kind_by_state(gun_in, state, kind, code):
    rig = gun_in(state)
    if state in {State.SAFE, State.SERVICE}:
        rig.set(contact_gate=0 if kind is GrantKind.BENCH else 1)
    before = rig.image()
    assert Code(rig.ask(rig.terms(kind=kind)).code) is code
    if code is not Code.OK:
        assert rig.image() == before


def test_every_request_of_the_wire_protocol_is_in_the_tables():
    assert set(REQUESTS.values()) == {*TABLE, Auth, GrantSet, Heartbeat, EstopResetConfirm}


@pytest.mark.invariant("I-50")
@pytest.mark.invariant("I-43")
@pytest.mark.hazard("HZ-11")
@pytest.mark.parametrize("state", STATES)
def test_no_frames_alone_move_anything_but_a_bench_shot_or_a_service_move(gun_in, state):
    """Random and half-right frames with good CRCs, in the owner's session: no error, no shot without the trigger."""
    chance = Random(int(state) + 90)
    rig = gun_in(state)
    rig.body.release_trigger(rig.at)
    rig.run(200 * 1_000)
    shots = len(rig.shots())
    kinds = list(REQUESTS.values())
    done = 0
    for n in range(1_500):
        sessions = rig.gun._board.sessions
        if sessions.owner is None or sessions.owner.number != rig.session or rig.req_id > 60_000:
            rig.own()
        kind = chance.choice(kinds)
        payload = bytearray(valid(rig, kind).pack() if kind is not Heartbeat else Heartbeat(n + 1, 0, 500, 0, 1).pack())
        for _ in range(chance.choice((0, 0, 1, 3))):
            if payload:
                payload[chance.randrange(len(payload))] = chance.randrange(256)
        if chance.random() < 0.1:
            payload = payload[: chance.randrange(len(payload) + 1)]
        if chance.random() < 0.1:
            payload = bytearray(chance.randrange(256) for _ in range(chance.randrange(234)))
        type_code = kind.TYPE if chance.random() < 0.95 else chance.randrange(256)
        if type_code == 0x3F and chance.random() < 0.95:
            continue
        rig.req_id += 1
        session = chance.choice((rig.session, rig.session, rig.session, 0, chance.randrange(2**32)))
        rig.replies.clear()
        rig.send(encode_frame(type_code, rig.req_id, session, chance.randrange(2**32), bytes(payload)))
        assert len(rig.replies) <= 1
        done += sum(reply.code == Code.OK for reply in rig.replies.values())
        rig.run(chance.randrange(3_000))
    made = rig.shots()[shots:]
    assert done > 200
    assert {shot.label.kind for shot in made} <= {"BENCH", "SERVICE"}
    if state is not State.SERVICE:
        assert made == []
    assert all(shot.depth_um == shot.dose_nl == 0 for shot in made if shot.label.kind == "SERVICE")
