"""Credit: a set and never an addition, spent by the trigger alone, gone with whatever it was given for."""

from random import Random

import pytest
from msgspec.structs import replace

from protocols.wire.codes import (
    Alarm,
    Code,
    GrantEnd,
    GrantKind,
    GrantState,
    Mode,
    Phase,
    Reason,
    State,
)
from protocols.wire.messages import (
    Goodbye,
    GrantEndedEvent,
    GrantGet,
    GrantRevoke,
    GrantSet,
    SelfTest,
    Takeover,
)
from simulator.firmware import DEFAULT_LIMITS
from simulator.physics import Cartridge, Head

MS = 1_000
S = 1_000_000


def code_of(rig, **terms):
    before = rig.image()
    reply = rig.ask(rig.terms(**terms))
    assert reply.code == Code.OK or rig.image() == before
    return Code(reply.code), reply.field_offset


def ready(rig, **settings):
    rig.own()
    rig.body.set_contact(rig.at, True)
    rig.run(MS)
    return rig.set(**settings)


@pytest.mark.invariant("I-12")
@pytest.mark.hazard("HZ-09")
@pytest.mark.parametrize(("max_shots", "max_nl", "made"), [(3, 1_000_000, 3), (9, 35_000, 3), (1, 10_000, 1)])
def test_records_never_pass_the_shots_or_the_volume_granted(rig, max_shots, max_nl, made):
    rig.arm(max_shots=max_shots, max_nl=max_nl)
    for _ in range(6):
        rig.pull()
    records = rig.records()
    assert len(records) == len(rig.shots()) == made
    assert sum(record.planned_nl for record in records) <= max_nl
    assert rig.gun.state is State.SAFE
    (ended,) = rig.of(GrantEndedEvent)
    assert ended.cause == GrantEnd.SPENT
    assert rig.do(GrantGet(1)).state == GrantState.SPENT


@pytest.mark.invariant("I-15")
@pytest.mark.hazard("HZ-01")
@pytest.mark.parametrize("copies", [1, 2, 7, 50])
def test_the_same_grant_again_and_again_over_resets_and_losses_gives_no_shot_more(make_rig, copies):
    chance = Random(copies)
    rig = make_rig(seed=copies).arm(max_shots=4)
    terms = rig.gun._board.grants.newest.terms
    for _ in range(copies):
        if chance.random() < 0.5:
            rig.pull()
        if chance.random() < 0.1:
            rig.reset()
            rig.own()
            rig.set()
            if chance.random() < 0.5:
                rig.ask(replace(terms, owner_token=rig.token))
        if chance.random() < 0.5:
            assert rig.do(terms).remaining_shots <= 4 - len(rig.records())
    for _ in range(6):
        rig.pull()
    assert len(rig.shots()) <= 4


def test_after_a_reset_the_newest_grant_is_known_spent_or_void_and_never_live_again(make_rig):
    for pulls, state in ((2, GrantState.VOID), (3, GrantState.SPENT)):
        rig = make_rig().arm(max_shots=3)
        for _ in range(pulls):
            rig.pull()
        terms = rig.gun._board.grants.newest.terms
        rig.reset().own()
        read = rig.do(GrantGet(1))
        assert (read.state, read.shots_used, read.remaining_shots, read.remaining_nl) == (state, pulls, 0, 0)
        assert read.dose_hi_used_nl == sum(record.dose_hi_nl for record in rig.records())
        assert rig.do(terms).remaining_shots == 0
        assert code_of(rig, grant_no=1) == (Code.E_GRANT_NO, 0)


def test_the_read_back_says_what_was_set_and_what_is_left(rig):
    rig.arm(max_shots=5)
    rig.pull()
    read = rig.do(GrantGet(1))
    assert (read.state, read.kind, read.area_code, read.max_shots, read.lease_ms) == (GrantState.LIVE, 1, 7, 5, 500)
    assert (read.remaining_shots, read.remaining_nl, read.shots_used) == (4, 990_000, 1)
    assert read.settings_hash8 == rig.settings_hash8
    rig.do(GrantRevoke(0))
    rig.grant(grant_no=9)
    for number, state in ((0, 0), (1, GrantState.VOID), (5, GrantState.VOID), (9, GrantState.LIVE), (10, 0)):
        assert rig.do(GrantGet(number)).state == state


@pytest.mark.parametrize(
    ("ahead", "code"),
    [(0, Code.E_GRANT_NO), (1, Code.OK), (1_000, Code.OK), (1_001, Code.E_GRANT_NO), (-1, Code.E_GRANT_NO)],
)
def test_a_number_may_leave_holes_but_neither_go_back_nor_leap(rig, ahead, code):
    ready(rig)
    rig.grant(grant_no=500)
    rig.do(GrantRevoke(0))
    assert code_of(rig, grant_no=500 + ahead, max_shots=6)[0] is code


@pytest.mark.invariant("I-16")
@pytest.mark.parametrize("off", [-1, 1, 1_000])
def test_a_grant_made_before_the_newest_record_was_read_is_stale(rig, off):
    ready(rig)
    rig.grant(max_shots=1)
    rig.pull()
    assert code_of(rig, expect_head_seq=rig.gun.head_seq + off) == (Code.E_STALE, 4)
    assert code_of(rig)[0] is Code.OK


@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-38")
@pytest.mark.parametrize(("ahead_ms", "code"), [(-1, Code.E_LATE), (0, Code.OK), (500, Code.OK), (501, Code.E_RANGE)])
def test_a_grant_that_lay_in_a_buffer_is_late_and_none_carries_a_far_date(rig, ahead_ms, code):
    ready(rig)
    uptime_ms = rig.gun._board.uptime_ms
    found = code_of(rig, not_after_uptime_ms=(uptime_ms + ahead_ms) % 2**32)
    assert found == (code, 0 if code is Code.OK else 36)


@pytest.mark.parametrize(
    ("terms", "code", "offset"),
    [
        ({"owner_token": 9}, Code.E_FENCED, 8),
        ({"settings_hash8": b"12345678"}, Code.E_SETTINGS, 16),
        ({"area_code": 8}, Code.E_AREA, 14),
        ({"kind": GrantKind.DRY}, Code.E_RANGE, 12),
        ({"max_shots": DEFAULT_LIMITS.grant_shots_max + 1}, Code.E_LIMIT, 24),
        ({"max_nl": DEFAULT_LIMITS.grant_nl_max + 1}, Code.E_LIMIT, 28),
        ({"valid_s": DEFAULT_LIMITS.valid_s_max + 1}, Code.E_LIMIT, 34),
        ({"max_nl": 9_999}, Code.E_RANGE, 28),
        ({"lease_ms": 199}, Code.E_RANGE, 32),
        ({"lease_ms": 2_001}, Code.E_RANGE, 32),
        ({"kind": 5}, Code.E_RANGE, 12),
        ({"max_shots": 0}, Code.E_RANGE, 24),
    ],
)
@pytest.mark.hazard("HZ-08")
def test_terms_that_do_not_fit_are_refused_by_field(rig, terms, code, offset):
    ready(rig)
    assert code_of(rig, **terms) == (code, offset)


def test_a_lease_outside_the_guns_own_bounds_is_refused(make_rig):
    rig = ready(make_rig(limits=replace(DEFAULT_LIMITS, lease_ms_max=400)))
    assert code_of(rig, lease_ms=401) == (Code.E_LEASE, 32)
    assert code_of(rig, lease_ms=400)[0] is Code.OK


def test_the_kind_must_suit_the_settings(rig):
    ready(rig, mode=Mode.DRY, dose_nl=0)
    assert code_of(rig, kind=GrantKind.TREAT) == (Code.E_RANGE, 12)
    assert code_of(rig, kind=GrantKind.PRIME) == (Code.E_RANGE, 12)
    assert code_of(rig, kind=GrantKind.DRY, max_nl=0)[0] is Code.OK
    rig.set(contact_gate=0)
    reply = rig.ask(rig.terms())
    assert (Code(reply.code), reply.field_offset, reply.detail) == (Code.E_RANGE, 12, 23)


def test_without_settings_there_is_no_grant(rig):
    rig.own()
    assert code_of(rig) == (Code.E_SETTINGS, 16)


def test_what_is_missing_on_the_gun_refuses_a_grant(rig):
    ready(rig)
    rig.body.swap_cartridge(rig.at, None)
    rig.run(MS)
    assert code_of(rig)[0] is Code.E_CARTRIDGE
    rig.body.swap_cartridge(rig.at, Cartridge())
    rig.run(MS)
    rig.body.swap_head(rig.at, Head(head_type_id=2, pins=5))
    rig.run(MS)
    assert code_of(rig)[0] is Code.E_HEAD
    rig.body.swap_head(rig.at, Head())
    rig.body.set_battery_mv(rig.at, 3_000)
    rig.run(150 * MS)
    assert code_of(rig)[0] is Code.E_POWER
    rig.body.set_battery_mv(rig.at, 3_900)
    rig.run(150 * MS)
    assert code_of(rig, kind=GrantKind.PRIME)[0] is Code.E_CONTACT
    rig.press()
    assert code_of(rig)[0] is Code.E_TRIGGER_HELD
    rig.let_go()
    assert code_of(rig)[0] is Code.OK


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-28")
def test_at_the_last_number_of_the_epoch_there_is_no_grant_and_no_shot(rig):
    ready(rig)
    board = rig.gun._board
    rig.grant()
    board.tally.head_seq = board.ring.released_seq = 0xFFFFFF00
    rig.pull()
    assert rig.shots() == []
    assert board.grants.newest.ended is GrantEnd.LOG_FULL
    assert code_of(rig)[0] is Code.E_SEQ_EXHAUSTED


def test_dry_punctures_need_no_cartridge(rig):
    rig.body.swap_cartridge(rig.at, None)
    ready(rig, mode=Mode.DRY, dose_nl=0)
    rig.grant(kind=GrantKind.DRY, max_nl=0)
    rig.pull()
    (record,) = rig.records()
    assert (record.kind, record.phase, record.dose_hi_nl) == (GrantKind.DRY, Phase.DONE, 0)
    assert rig.shots()[0].depth_um == 1_500


def test_an_item_of_the_self_test_that_fails_refuses_a_grant_until_it_passes(rig):
    ready(rig)
    rig.body.set_fault(rig.at, "encoder_slip")
    rig.do(SelfTest(1 << 4))
    assert rig.gun.state is State.FAULT
    rig.body.heal(rig.at, "encoder_slip")
    rig.run(150 * MS)
    rig.do(SelfTest(1 << 4))
    from protocols.wire.messages import AlarmAck

    for alarm in (Alarm.SELF_TEST_FAILED, Alarm.SENSOR_FAULT):
        rig.do(AlarmAck(alarm))
    assert rig.gun.state is State.SAFE
    assert code_of(rig)[0] is Code.OK


ENDS = {
    "settings": (lambda rig: rig.set(), GrantEnd.SETTINGS),
    "revoke": (lambda rig: rig.do(GrantRevoke(1)), GrantEnd.REVOKED),
    "revoke whichever": (lambda rig: rig.do(GrantRevoke(0)), GrantEnd.REVOKED),
    "goodbye": (lambda rig: rig.do(Goodbye()), GrantEnd.REVOKED),
    "takeover": (lambda rig: rig.do(Takeover(rig.token, b"x" * 16)), GrantEnd.TAKEOVER),
    "stop": (lambda rig: rig.stop(), GrantEnd.STOP),
    "own stop": (lambda rig: rig.body.press_stop_button(rig.at), GrantEnd.STOP),
    "cartridge": (lambda rig: rig.body.swap_cartridge(rig.at, Cartridge()), GrantEnd.CARTRIDGE),
    "cartridge out": (lambda rig: rig.body.swap_cartridge(rig.at, None), GrantEnd.CARTRIDGE),
    "head": (lambda rig: rig.body.swap_head(rig.at, Head(head_instance=2)), GrantEnd.HEAD),
    "cable": (lambda rig: rig.run(501 * MS, beat=False), GrantEnd.LEASE),
    "fault": (lambda rig: (rig.body.set_fault(rig.at, "overtemp"), rig.run(150 * MS)), GrantEnd.FAULT),
}


@pytest.mark.invariant("I-14")
@pytest.mark.hazard("HZ-06")
@pytest.mark.hazard("HZ-10")
@pytest.mark.hazard("HZ-17")
@pytest.mark.hazard("HZ-34")
@pytest.mark.parametrize("cause", ENDS)
def test_credit_is_gone_at_once_and_no_pull_makes_an_intent(rig, cause):
    rig.arm()
    act, end = ENDS[cause]
    act(rig)
    rig.run(MS, beat=False)
    assert rig.gun.armed_kind is None
    assert rig.gun._board.grants.newest.ended is end
    rig.pull(beat=False)
    assert rig.gun.head_seq == 0
    assert rig.shots() == []
    if cause != "goodbye":
        assert [event.cause for event in rig.of(GrantEndedEvent)] == [end]


@pytest.mark.invariant("I-14")
@pytest.mark.hazard("HZ-11")
def test_after_a_reset_no_pull_makes_an_intent(rig):
    rig.arm()
    rig.reset()
    rig.pull()
    assert (rig.gun.state, rig.gun.head_seq) == (State.SAFE, 0)


@pytest.mark.invariant("I-13")
def test_a_trigger_is_heeded_only_with_the_settings_of_the_grant(rig):
    rig.arm()
    board = rig.gun._board
    board.settings.take(replace(board.settings.values, depth_um=2_000))  # as broken firmware might
    rig.pull()
    assert rig.gun.head_seq == 0
    assert rig.gun.state is State.SAFE


@pytest.mark.parametrize(
    ("cause", "phase", "reason"),
    [
        ("revoke", Phase.ABORTED, Reason.REVOKED),
        ("takeover", Phase.ABORTED, Reason.REVOKED),
        ("goodbye", Phase.ABORTED, Reason.REVOKED),
        ("stop", Phase.ABORTED, Reason.STOP),
        ("own stop", Phase.ABORTED, Reason.STOP),
    ],
)
def test_credit_that_ends_in_mid_stroke_stops_it_with_its_reason(rig, cause, phase, reason):
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 200_000})
    rig.press().run(100 * MS)
    assert rig.gun.state is State.MOVING
    ENDS[cause][0](rig)
    rig.run(100 * MS, beat=False)
    (record,) = rig.records()
    (shot,) = rig.shots()
    assert (record.phase, record.reason) == (phase, reason)
    assert 0 < shot.dose_nl < 30_000
    assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl


def test_an_expired_grant_lets_its_shot_finish(rig):
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 50_000}, valid_s=1)
    rig.run(500 * MS).press().let_go()
    rig.until(lambda: rig.gun.head_seq == 1)
    assert rig.records()[0].phase == Phase.DONE
    assert rig.gun._board.grants.newest.ended is GrantEnd.EXPIRED
    assert rig.gun.state is State.SAFE


def test_armed_for_a_minute_without_a_shot_the_gun_goes_safe(rig):
    rig.arm()
    rig.run(30 * S).pull()
    rig.run(59 * S)
    assert rig.gun.state is State.ARMED
    rig.run(2 * S)
    assert rig.gun.state is State.SAFE
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.IDLE
    assert rig.gun.alarms >> Alarm.IDLE_ARMED & 1
    rig.grant()
    assert not rig.gun.alarms >> Alarm.IDLE_ARMED & 1


def test_a_newer_grant_replaces_a_live_one(rig):
    rig.arm(max_shots=5)
    rig.pull()
    rig.grant(max_shots=2)
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.REPLACED
    for _ in range(4):
        rig.pull()
    assert rig.gun.head_seq == 3


def test_revoking_another_number_changes_nothing(rig):
    rig.arm()
    before = rig.image()
    reply = rig.do(GrantRevoke(7))
    assert (reply.grant_no, reply.remaining_shots, reply.remaining_nl) == (0, 0, 0)
    assert rig.image() == before
    reply = rig.do(GrantRevoke(1))
    assert (reply.grant_no, reply.remaining_shots, reply.remaining_nl) == (1, 5, 1_000_000)


def test_reserved_bytes_that_are_not_zero_are_refused_by_offset(rig):
    from protocols.wire.frame import encode_frame

    ready(rig)
    raw = bytearray(rig.terms().pack())
    for at in (13, 26, 27):
        raw[at] = 1
        rig.req_id += 1
        rig.send(encode_frame(GrantSet.TYPE, rig.req_id, rig.session, 0, bytes(raw)))
        reply = rig.replies[rig.req_id]
        assert (Code(reply.code), reply.field_offset) == (Code.E_RANGE, at)
        raw[at] = 0
    raw[12] = 9  # a field before the reserved byte comes first
    raw[13] = 1
    rig.req_id += 1
    rig.send(encode_frame(GrantSet.TYPE, rig.req_id, rig.session, 0, bytes(raw)))
    assert rig.replies[rig.req_id].field_offset == 12
