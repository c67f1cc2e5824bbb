"""From the hand to the shot: bounces, modes, contact, vacuum."""

import itertools

import pytest
from msgspec.structs import replace

from protocols.wire.codes import (
    Alarm,
    Code,
    ContactGate,
    GrantEnd,
    GrantKind,
    Mode,
    Phase,
    Reason,
    State,
    TriggerSource,
)
from protocols.wire.messages import AlarmAck, GrantEndedEvent, GrantRevoke
from simulator.physics import PEDAL

MS = 1_000
S = 1_000_000
SMALL = {"dose_nl": 6_000}


@pytest.mark.hazard("HZ-09")
@pytest.mark.parametrize("bounces", [0, 1, 12, 40])
def test_one_pull_is_one_shot_however_the_contact_bounces(make_rig, bounces):
    rig = make_rig(seed=bounces).arm()
    if bounces:
        rig.body.set_fault(rig.at, "trigger_bounce", bounces)
    for shots in (1, 2, 3):
        rig.pull(hold_us=120 * MS, rest_us=120 * MS)
        assert rig.gun.head_seq == shots == rig.gun.trigger_count


def test_a_touch_shorter_than_5_ms_is_no_pull(make_rig):
    for seed in range(30):
        rig = make_rig(seed=seed).arm()
        rig.pull(hold_us=1 * MS, rest_us=50 * MS)
        assert rig.gun.head_seq == 0


def test_a_pull_before_the_interval_is_over_fires_when_it_is_if_still_held(rig):
    rig.arm(settings=SMALL)
    rig.pull(hold_us=40 * MS, rest_us=30 * MS)
    rig.press()
    assert rig.gun.head_seq == 1
    rig.run(50 * MS).let_go().run(50 * MS)
    first, second = (record.ticks_start_us for record in rig.records())
    assert second - first == 111_000
    rig.run(20 * MS).pull(hold_us=20 * MS, rest_us=1)
    rig.pull(hold_us=10 * MS, rest_us=200 * MS)  # let go before the interval is over: lost
    assert rig.gun.head_seq == 3


@pytest.mark.parametrize("mode", [Mode.SINGLE, Mode.PAPULE, Mode.MICRO_DOSE])
def test_single_modes_make_one_shot_a_pull_however_long_it_is_held(rig, mode):
    rig.arm(settings={**SMALL, "mode": mode})
    rig.pull(hold_us=2 * S)
    assert rig.gun.head_seq == 1


def test_burst_stops_at_its_number_and_with_the_trigger(rig):
    rig.arm(settings={**SMALL, "mode": Mode.BURST, "burst_shots": 3}, max_shots=20)
    rig.pull(hold_us=2 * S)
    assert rig.gun.head_seq == 3
    rig.pull(hold_us=150 * MS, rest_us=S)
    assert rig.gun.head_seq == 5


def test_continuous_shoots_at_the_interval_while_held(rig):
    rig.arm(settings={**SMALL, "mode": Mode.CONTINUOUS, "interval_ms": 200}, max_shots=20)
    rig.pull(hold_us=1_100 * MS)
    starts = [record.ticks_start_us for record in rig.records()]
    assert len(starts) == 6
    assert {b - a for a, b in itertools.pairwise(starts)} == {200_000}


def test_mesoperfusion_flows_while_held_and_ends_at_its_limit(rig):
    rig.arm(settings={"mode": Mode.MESOPERFUSION, "dose_nl": 100_000, "flow_nl_per_s": 100_000})
    rig.pull(hold_us=300 * MS, rest_us=200 * MS)
    rig.pull(hold_us=1_500 * MS)
    released, whole = rig.records()
    assert (released.phase, released.reason) == (Phase.ABORTED, Reason.TRIGGER_RELEASED)
    assert 20_000 < released.dose_lo_nl < 40_000
    assert (whole.phase, whole.reason) == (Phase.DONE, Reason.NONE)
    assert rig.gun.alarms == 0


@pytest.mark.hazard("HZ-54")
def test_single_shots_need_contact_at_the_pull_and_continuous_ones_wait_for_it(rig):
    rig.arm(settings=SMALL)
    rig.body.set_contact(rig.at, False)
    rig.press()
    rig.body.set_contact(rig.at, True)
    rig.run(200 * MS).let_go()
    assert rig.gun.head_seq == 0
    rig.set(**SMALL, mode=Mode.CONTINUOUS)
    rig.grant()
    rig.body.set_contact(rig.at, False)
    rig.press().run(S)
    assert rig.gun.head_seq == 0
    rig.body.set_contact(rig.at, True)
    rig.run(130 * MS)
    rig.body.set_contact(rig.at, False)
    rig.run(S)
    assert rig.gun.head_seq == 2


@pytest.mark.hazard("HZ-54")
@pytest.mark.parametrize("gate", [ContactGate.START, ContactGate.THROUGHOUT])
def test_contact_lost_in_a_shot_aborts_it_only_where_it_is_needed_throughout(rig, gate):
    rig.arm(settings={"dose_nl": 40_000, "contact_gate": gate})
    rig.body.set_fault(rig.at, "contact_lost", 50)
    rig.pull(hold_us=50 * MS, rest_us=300 * MS)
    (record,) = rig.records()
    throughout = gate is ContactGate.THROUGHOUT
    assert (record.phase, record.reason) == ((Phase.ABORTED, Reason.LIFT) if throughout else (Phase.DONE, Reason.NONE))
    assert bool(rig.gun.alarms >> Alarm.LIFT_IN_SHOT & 1) is throughout
    assert rig.gun.state is State.ARMED
    assert rig.shots()[0].dose_nl == record.dose_hi_nl


def test_lifting_while_the_needle_is_drawn_is_no_lift(rig):
    rig.arm(settings={**SMALL, "contact_gate": ContactGate.THROUGHOUT, "needle_speed_um_per_s": 20_000})
    rig.press()
    rig.until(lambda: rig.gun._board.body._mechanics.phase.name == "OUT")
    rig.body.set_contact(rig.at, False)
    rig.run(S)
    assert (rig.records()[0].phase, rig.gun.alarms) == (Phase.DONE, 0)


@pytest.mark.hazard("HZ-11")
@pytest.mark.hazard("HZ-37")
def test_a_pull_made_without_credit_never_fires_later(rig):
    rig.arm(settings={**SMALL, "mode": Mode.CONTINUOUS}, max_shots=1)
    rig.pull()
    assert rig.gun.state is State.SAFE
    rig.press()
    rig.grant()  # renewal with the trigger held is accepted, but the pull came without credit
    rig.run(S)
    assert rig.gun.head_seq == 1
    rig.let_go()
    rig.pull()
    assert rig.gun.head_seq == 2


def test_a_held_pull_goes_on_under_a_grant_that_continues_the_one_used_up(rig):
    rig.arm(settings={**SMALL, "mode": Mode.CONTINUOUS}, max_shots=3)
    rig.press().run(600 * MS)
    assert rig.gun.head_seq == 3
    rig.grant(max_shots=3)
    rig.run(600 * MS)
    assert rig.gun.head_seq == 6
    rig.grant(max_shots=3)
    rig.run(150 * MS)
    rig.until(lambda: not rig.gun._board.moving)
    rig.grant(max_shots=3)  # in its place while it is live
    rig.run(S)
    assert rig.gun.head_seq >= 10


def test_a_held_pull_does_not_go_on_under_another_area(rig):
    rig.arm(settings={**SMALL, "mode": Mode.CONTINUOUS}, max_shots=1)
    rig.press().run(300 * MS)
    rig.set(**SMALL, mode=Mode.CONTINUOUS, area_code=8)
    assert rig.ask(rig.terms()).code == 25
    rig.let_go()
    rig.grant()
    rig.run(S)
    assert rig.gun.head_seq == 1


def test_the_pedal_counts_where_the_mask_allows_it_and_is_recorded(rig):
    rig.arm(settings={**SMALL, "trigger_mask": TriggerSource.HAND})
    rig.body.press_trigger(rig.at, source=PEDAL)
    rig.run(100 * MS)
    rig.body.release_trigger(rig.at, source=PEDAL)
    rig.run(100 * MS)
    assert rig.gun.head_seq == 0
    rig.set(**SMALL)
    rig.grant()
    rig.body.press_trigger(rig.at, source=PEDAL)
    rig.run(100 * MS)
    rig.body.release_trigger(rig.at, source=PEDAL)
    rig.run(100 * MS)
    rig.pull()
    assert [record.trigger_source for record in rig.records()] == [TriggerSource.PEDAL, TriggerSource.HAND]


def test_vacuum_that_is_needed_is_waited_for_and_its_loss_stops_the_shot(rig):
    suction = {"suction_mode": 1, "suction_threshold_pa": 15_000}
    rig.own().set(dose_nl=60_000, flow_nl_per_s=200_000, mode=Mode.CONTINUOUS, **suction)
    rig.body.set_contact(rig.at, True)
    rig.run(MS)
    rig.grant()
    rig.press()
    assert rig.gun.head_seq == 0
    rig.run(150 * MS)
    assert rig.gun.state is State.MOVING
    rig.body.set_contact(rig.at, False)
    rig.run(300 * MS).let_go()
    rig.do(GrantRevoke(0))
    rig.run(S)
    assert rig.body.sensors(rig.at).suction_pa < 100  # the pump stops with the credit
    record = rig.records()[0]
    assert (record.phase, record.reason, record.flags >> 1 & 1) == (Phase.ABORTED, Reason.SUCTION, 1)
    assert rig.gun.alarms >> Alarm.SUCTION_LOST & 1


def test_vacuum_that_starts_shots_starts_one_each_time_it_is_reached_while_held(rig):
    mask = TriggerSource.HAND | TriggerSource.SUCTION
    rig.own().set(**SMALL, suction_mode=2, suction_threshold_pa=15_000, trigger_mask=mask)
    rig.grant()
    rig.press()
    for _ in range(3):
        rig.body.set_contact(rig.at, True)
        rig.run(200 * MS)
        rig.body.set_contact(rig.at, False)
        rig.run(400 * MS)
    assert [record.trigger_source for record in rig.records()] == [TriggerSource.SUCTION] * 3


@pytest.mark.invariant("I-26")
@pytest.mark.hazard("HZ-23")
def test_priming_keeps_the_needle_home_and_ends_with_contact(rig):
    rig.own().set(antidrip_nl=2_000)
    rig.grant(kind=GrantKind.PRIME, max_nl=100_000)
    rig.pull()
    (record,), (shot,) = rig.records(), rig.shots()
    assert (record.kind, record.planned_depth_um, record.measured_depth_um, shot.depth_um) == (GrantKind.PRIME, 0, 0, 0)
    assert record.dose_lo_nl == shot.dose_nl > 9_900
    assert shot.label.kind == "PRIME"
    rig.body.set_contact(rig.at, True)
    rig.run(MS)
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.CONTACT
    rig.pull()
    assert rig.gun.head_seq == 1


def test_each_rule_by_itself_keeps_an_armed_gun_from_firing(rig):
    """Some rules stand behind others that act sooner; each must hold alone."""
    rig.arm()
    board = rig.gun._board
    firing, grant, settings = rig.gun._firing, board.grants.live, board.settings.values
    sensors = rig.body.sensors(rig.at)
    assert firing.obstacle(grant, settings, sensors) is Code.OK
    assert firing.obstacle(grant, settings, replace(sensors, contact=False)) is Code.E_CONTACT
    assert firing.obstacle(grant, settings, replace(sensors, cartridge_present=False)) is Code.E_POWER
    assert firing.obstacle(grant, replace(settings, dose_nl=2_000_000), sensors) is Code.E_GRANT_NO
    suction = replace(settings, suction_mode=1, suction_threshold_pa=9_000)
    assert firing.obstacle(grant, suction, sensors) is Code.E_STATE
    board.lease.due_us = board.ticks_us
    assert firing.obstacle(grant, settings, sensors) is Code.E_LEASE
    board.lease.due_us += 1
    for kind in (GrantKind.PRIME, GrantKind.BENCH):
        grant.terms = replace(grant.terms, kind=kind)
        assert firing.obstacle(grant, settings, sensors) is Code.E_CONTACT
    board.state = State.SAFE
    assert firing.obstacle(grant, settings, sensors) is Code.E_BUSY


def test_a_trigger_held_at_boot_or_for_30_s_without_a_shot_is_stuck_until_released_and_acknowledged(rig):
    rig.arm(settings=SMALL)
    rig.press().run(31 * S)
    assert rig.gun.alarms >> Alarm.TRIGGER_STUCK & 1
    assert rig.gun.state is State.FAULT
    rig.reset()
    assert rig.gun.state is State.FAULT
    rig.own()
    rig.do(AlarmAck(Alarm.TRIGGER_STUCK))
    assert rig.gun.state is State.FAULT
    rig.let_go()
    rig.do(AlarmAck(Alarm.TRIGGER_STUCK))
    assert (rig.gun.state, rig.gun.alarms) == (State.SAFE, 0)


def test_a_pedal_held_at_boot_is_released_too(rig):
    rig.body.press_trigger(rig.at, source=PEDAL)
    rig.run(20 * MS)
    rig.reset()
    assert rig.gun.state is State.FAULT
    rig.body.release_trigger(rig.at, source=PEDAL)
    rig.run(20 * MS).own()
    rig.do(AlarmAck(Alarm.TRIGGER_STUCK))
    assert rig.gun.state is State.SAFE
