"""The lease: credit lives while its owner is heard, by the gun's own clock."""

import pytest

from protocols.wire.codes import Alarm, Code, GrantEnd, Phase, Reason, State
from protocols.wire.frame import encode_frame
from protocols.wire.messages import GrantEndedEvent, Heartbeat, StatusGet, StatusRate
from simulator.firmware import FirmwareFaults
from simulator.firmware.lease import Lease

MS = 1_000
S = 1_000_000


@pytest.mark.invariant("I-14")
@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("lease_ms", [200, 500, 2_000])
def test_credit_ends_when_the_lease_is_over_to_the_millisecond(rig, lease_ms):
    rig.arm(lease_ms=lease_ms)
    rig.run((lease_ms - 1) * MS, beat=False)
    assert rig.gun.state is State.ARMED
    rig.run(MS, beat=False)
    assert rig.gun.state is State.SAFE
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.LEASE


@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-38")
@pytest.mark.parametrize("held_ms", [0, 1, 250, 449])
def test_a_grant_that_the_line_held_up_has_no_more_time_than_one_that_came_at_once(rig, held_ms):
    rig.own()
    rig.set()
    terms = rig.terms(not_after_uptime_ms=rig.uptime_ms + 450)
    rig.run(held_ms * MS, beat=False)
    rig.do(terms)
    rig.run((450 - held_ms - 1) * MS, beat=False)
    assert rig.gun.state is State.ARMED
    rig.run(MS, beat=False)
    assert rig.gun.state is State.SAFE
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.LEASE


@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-38")
def test_the_same_grant_sent_again_does_not_renew_its_lease(rig):
    rig.arm()
    terms = rig.gun._board.grants.newest.terms
    due = rig.gun._board.lease.due_us
    rig.run(400 * MS, beat=False)
    rig.do(terms)
    assert rig.gun._board.lease.due_us == due


def test_heartbeats_keep_the_credit_for_as_long_as_they_come(rig):
    rig.arm()
    rig.run(5 * S)
    assert rig.gun.state is State.ARMED


@pytest.mark.invariant("I-14")
def test_a_lapse_in_mid_stroke_stops_the_flow_and_draws_the_needle(rig):
    rig.arm(settings={"dose_nl": 200_000, "flow_nl_per_s": 100_000}, lease_ms=200)
    rig.press()
    rig.run(900 * MS, beat=False)
    (record,) = rig.records()
    assert (record.phase, record.reason) == (Phase.ABORTED, Reason.LEASE)
    assert rig.shots()[0].dose_nl < 20_500
    assert rig.gun.state is State.SAFE


@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-38")
@pytest.mark.parametrize(
    ("hb_no", "age_ms", "left_ms"),
    [
        (11, 0, 500),
        (11, 1, 499),
        (11, 250, 250),
        (11, 399, 101),
        (11, 400, 100),  # what is left of the last renewal is not taken away
        (11, 499, 100),
        (11, 500, 100),
        (11, 501, 100),
        (10, 0, 100),
        (9, 0, 100),
        (11, -1, 100),
        (11, -(2**31), 100),
    ],
)
def test_a_heartbeat_renews_from_what_it_echoes_and_only_if_its_number_grew(hb_no, age_ms, left_ms):
    lease = Lease(FirmwareFaults())
    lease.start(10 * S, 500, 10_500)
    lease.beat(10 * S, Heartbeat(10, 10_000, 500, 0, 1))
    lease.beat(10_400 * MS, Heartbeat(hb_no, (10_400 - age_ms) % 2**32, 500, 0, 1))
    assert lease.left_ms(10_400 * MS) == left_ms


@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-38")
@pytest.mark.parametrize("held_ms", [0, 100, 250, 499])
def test_a_heartbeat_that_the_line_held_up_gives_no_more_time_than_one_that_came_at_once(rig, held_ms):
    rig.arm()
    heard_ms, heard_at = rig.uptime_ms, rig.at
    for part in (1, 2, 3):
        rig.run(heard_at + held_ms * MS * part // 3 - rig.at, beat=False)
        rig.beat(echo=heard_ms)
    rig.run(heard_at + 499 * MS - rig.at, beat=False)
    assert rig.gun.state is State.ARMED
    rig.run(MS, beat=False)
    assert rig.gun.state is State.SAFE
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.LEASE


def test_a_lapsed_lease_is_not_renewed():
    lease = Lease(FirmwareFaults())
    lease.start(0, 200, 200)
    lease.beat(200 * MS, Heartbeat(1, 200, 200, 0, 1))
    assert lease.lapsed(200 * MS)


def test_only_the_owners_heartbeat_counts(rig):
    rig.arm()
    owner = rig.session
    rig.hello(nonce=b"r" * 16, host_id=b"r" * 16)
    for _ in range(6):
        rig.beat()
        rig.run(100 * MS, beat=False)
    assert owner != rig.session
    assert rig.gun.state is State.SAFE


@pytest.mark.parametrize("field", [{"hb_no": 0}, {"screen_alive": 2}])
def test_a_heartbeat_out_of_range_is_passed_over_without_an_answer(rig, field):
    rig.arm()
    due = rig.gun._board.lease.due_us
    rig.run(50 * MS, beat=False)
    fields = {"hb_no": 5, "echo_uptime_ms": rig.uptime_ms, "lease_ms": 500, "session_state": 0, "screen_alive": 1}
    heard = rig.send(encode_frame(0x14, 0, rig.session, 0, Heartbeat(**{**fields, **field}).pack()))
    assert heard == []
    assert rig.gun._board.lease.due_us == due


def test_other_frames_of_the_owner_renew_nothing(rig):
    rig.arm()
    for _ in range(10):
        rig.run(60 * MS, beat=False)
        if rig.gun.state is State.ARMED:
            rig.do(StatusGet())
    assert rig.gun.state is State.SAFE


@pytest.mark.parametrize("new", ["heartbeat", "change", "refused change"])
def test_only_what_is_new_of_the_owner_ends_the_alarm_of_a_lost_link(rig, new):
    """Seed 4209: a read of a host that had died, played again, silenced the alarm that told of it."""
    rig.arm()
    beats = [
        encode_frame(0x14, 0, rig.session, 0, Heartbeat(number, rig.uptime_ms, 500, 0, 1).pack()) for number in (90, 91)
    ]
    rig.send(beats[0])
    rig.run(600 * MS, beat=False)
    assert rig.gun.alarms >> Alarm.LINK_LOST & 1
    rig.do(StatusGet())
    rig.send(beats[0])
    assert rig.gun.alarms >> Alarm.LINK_LOST & 1
    match new:
        case "heartbeat":
            rig.send(beats[1])
        case "change":
            rig.do(StatusRate(200))
        case _:
            assert rig.ask(StatusRate(1)).code == Code.E_RANGE
    assert not rig.gun.alarms >> Alarm.LINK_LOST & 1


@pytest.mark.parametrize("fault", ["lease_ignored", "lease_timer_stuck"])
def test_a_gun_that_breaks_its_lease_is_told_by_the_fault(rig, fault):
    rig.arm()
    rig.faults.set(fault)
    rig.run(3 * S, beat=False)
    assert rig.gun.state is State.ARMED
    rig.faults.clear(fault)
    rig.run(200 * MS, beat=False)
    assert rig.gun.state is State.SAFE
