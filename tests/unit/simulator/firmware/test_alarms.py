"""Alarms: raised once, latched until gone and acknowledged, shown by the gun itself."""

import pytest

from protocols.wire.codes import Alarm, State
from protocols.wire.messages import AlarmAck, AlarmEvent, AlarmTest, EventRead, EventRecord, StatusGet
from simulator.firmware.alarms import FAULTS, LATCHED, Alarms

MS = 1_000
S = 1_000_000


@pytest.mark.invariant("I-61")
@pytest.mark.parametrize("alarm", list(Alarm))
def test_a_latched_alarm_outlives_its_cause_and_ends_with_an_acknowledgement_the_others_with_the_cause(alarm):
    alarms = Alarms()
    assert alarms.raise_(alarm, lasting=True)
    assert not alarms.raise_(alarm, lasting=True)
    assert not alarms.acknowledge(alarm, 0, over=True)
    assert alarms.bits == 1 << alarm
    gone = alarms.cease(alarm)
    assert gone is (alarm not in LATCHED)
    if not gone:
        assert alarms.bits == 1 << alarm
        assert not alarms.acknowledge(alarm, 0, over=False)
        assert alarms.acknowledge(alarm, 0, over=True)
    assert alarms.bits == 0


def test_faults_are_latched_alarms():
    assert FAULTS < LATCHED


@pytest.mark.invariant("I-61")
@pytest.mark.hazard("HZ-29")
def test_lamp_shows_the_highest_and_a_silenced_buzzer_sounds_for_a_new_alarm():
    alarms = Alarms()
    assert (alarms.lamp(), alarms.buzzing(0)) == ("", False)
    alarms.raise_(Alarm.BATTERY_LOW, lasting=True)
    assert (alarms.lamp(), alarms.buzzing(0)) == ("LOW", False)
    alarms.raise_(Alarm.OCCLUSION, lasting=True)
    assert (alarms.lamp(), alarms.buzzing(0)) == ("MEDIUM", True)
    alarms.acknowledge(Alarm.OCCLUSION, 0, over=True)
    assert not alarms.buzzing(119 * S)
    assert alarms.buzzing(120 * S)
    alarms.acknowledge(Alarm.OCCLUSION, 120 * S, over=True)
    alarms.raise_(Alarm.STALL, lasting=True)
    assert alarms.buzzing(121 * S)
    alarms.raise_(Alarm.ESTOP, lasting=True)
    assert alarms.lamp() == "HIGH"


def test_raising_and_clearing_each_send_one_event_and_one_entry(rig):
    rig.own()
    rig.body.set_fault(rig.at, "battery_low", 600)
    rig.run(S)
    rig.body.heal(rig.at, "battery_low")
    rig.run(S)
    told = [(event.alarm, event.raised, event.alarms) for event in rig.of(AlarmEvent)]
    assert told == [(Alarm.BATTERY_LOW, 1, 1 << Alarm.BATTERY_LOW), (Alarm.BATTERY_LOW, 0, 0)]
    records = rig.do(EventRead(1)).records
    entries = [EventRecord.unpack(records[at : at + 32]) for at in range(0, len(records), 32)]
    assert [(entry.detail, entry.arg) for entry in entries if entry.kind == 6] == [(25, 1), (25, 0)]


@pytest.mark.hazard("HZ-30")
def test_a_flapping_cause_within_its_band_makes_one_alarm(rig):
    rig.own()
    for n in range(20):
        rig.body.set_battery_mv(rig.at, 3_390 + 20 * (n % 2))
        rig.run(120 * MS)
    assert len(rig.of(AlarmEvent)) == 1


def test_a_critical_battery_ends_credit_at_the_pull_and_refuses_a_grant(rig):
    rig.arm()
    rig.body.set_battery_mv(rig.at, 3_100)
    rig.pull()
    assert rig.gun.head_seq == 0
    assert rig.gun.state is State.SAFE
    assert rig.gun.alarms >> Alarm.BATTERY_CRITICAL & 1
    assert rig.ask(rig.terms()).code == 32


def test_a_sagging_battery_in_a_stroke_is_not_an_empty_one(rig):
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 100_000})
    rig.body.set_battery_mv(rig.at, 3_300)
    rig.press().run(500 * MS)
    assert rig.do(StatusGet()).battery_mv < 3_200
    assert not rig.gun.alarms >> Alarm.BATTERY_CRITICAL & 1


def test_heat_is_a_fault_until_it_is_gone_and_acknowledged(rig):
    rig.arm()
    rig.body.set_fault(rig.at, "overtemp")
    rig.run(150 * MS)
    assert rig.gun.state is State.FAULT
    rig.do(AlarmAck(Alarm.OVER_TEMPERATURE))
    assert rig.gun.state is State.FAULT
    assert not rig.gun.buzzing
    rig.body.heal(rig.at, "overtemp")
    rig.run(150 * MS)
    assert rig.gun.state is State.FAULT
    rig.do(AlarmAck(Alarm.OVER_TEMPERATURE))
    assert (rig.gun.state, rig.gun.alarms, rig.gun.lamp) == (State.SAFE, 0, "")


def test_a_fault_stops_a_stroke_that_no_credit_stands_behind_any_more(rig):
    from protocols.wire.messages import ServiceMove

    rig.bench()
    rig.do(ServiceMove(3, 100_000, 0))
    rig.run(50 * MS)
    rig.body.set_fault(rig.at, "overtemp")
    rig.run(150 * MS)
    assert rig.gun.state is State.FAULT
    rig.until(lambda: rig.gun.head_seq == 1, limit_us=60 * S)
    assert rig.gun.state is State.FAULT


def test_a_fault_in_mid_stroke_is_shown_at_once_and_cannot_be_cleared_before_the_needle_is_home(rig):
    rig.arm(settings={"depth_um": 10_000, "needle_speed_um_per_s": 50_000, "max_pressure_pa": 50_000})
    rig.body.occlude(rig.at, True)
    rig.press()
    rig.until(lambda: rig.gun.state is State.FAULT)
    assert rig.gun.head_seq == 0
    rig.do(AlarmAck(Alarm.OCCLUSION))
    assert rig.gun.state is State.FAULT
    rig.until(lambda: rig.gun.head_seq == 1)
    rig.do(AlarmAck(Alarm.OCCLUSION))
    assert rig.gun.state is State.SAFE


def test_a_full_ring_refuses_the_trigger_and_says_so(make_rig):
    rig = make_rig(slots=5).arm(max_shots=20)
    for _ in range(7):
        rig.pull()
    assert rig.gun.head_seq == len(rig.shots()) == 5
    assert rig.gun.alarms >> Alarm.LOG_FULL & 1
    assert rig.gun.alarms >> Alarm.LOG_80_PERCENT & 1
    assert rig.gun.state is State.SAFE
    status = rig.do(StatusGet())
    assert (status.log_free, status.flags >> 3 & 1) == (0, 1)
    assert rig.ask(rig.terms()).code == 20
    rig.release(2)
    assert not rig.gun.alarms >> Alarm.LOG_FULL & 1
    assert not rig.gun.alarms >> Alarm.LOG_80_PERCENT & 1
    rig.grant()
    for _ in range(4):
        rig.pull()
    assert rig.gun.head_seq == 7
    rig.reset()
    assert rig.gun.alarms >> Alarm.LOG_FULL & 1


def test_the_ring_can_be_made_full_by_name(rig):
    rig.faults.set("ring_full", 2)
    rig.arm()
    for _ in range(4):
        rig.pull()
    assert rig.gun.head_seq == 2


def test_a_self_test_fails_for_supply_and_pressure(rig):
    from protocols.wire.messages import SelfTest, SelfTestDoneEvent

    rig.own()
    rig.body.set_battery_mv(rig.at, 3_000)
    rig.do(SelfTest(511))
    assert rig.of(SelfTestDoneEvent)[-1].failed == 1 << 2
    rig.body.set_battery_mv(rig.at, 3_900)
    rig.do(SelfTest(511))
    assert rig.of(SelfTestDoneEvent)[-1].failed == 0
    rig.do(AlarmAck(Alarm.SELF_TEST_FAILED))
    assert rig.gun.state is State.SAFE


def test_lamp_and_buzzer_can_be_tried(rig):
    rig.own()
    rig.do(AlarmTest())
    assert (rig.gun.lamp, rig.gun.buzzing) == ("TEST", True)
    rig.run(3 * S)
    assert (rig.gun.lamp, rig.gun.buzzing) == ("", False)


@pytest.mark.hazard("HZ-17")
def test_each_cartridge_taken_out_and_each_change_of_head_is_told_while_an_earlier_one_is_latched(rig):
    from simulator.physics import Cartridge, Head

    rig.own()
    for count in (1, 2):
        rig.body.swap_cartridge(rig.at, Cartridge())
        rig.body.swap_head(rig.at, Head(head_instance=count))
        rig.run(200 * MS)
        told = [event.alarm for event in rig.of(AlarmEvent) if event.raised]
        assert told.count(Alarm.CARTRIDGE_CHANGED) == told.count(Alarm.HEAD_CHANGED) == count


def test_a_low_reservoir_is_told_before_it_is_empty(rig):
    from simulator.physics import Cartridge

    rig.body.swap_cartridge(rig.at, Cartridge(content_nl=400_000))
    rig.own().set()
    rig.run(200 * MS)
    assert rig.gun.alarms >> Alarm.LOW_RESERVOIR & 1
