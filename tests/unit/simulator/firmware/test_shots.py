"""What a record says of a stroke: never more certain than the encoder, never narrower than the truth."""

from random import Random

import pytest
from msgspec.structs import replace

from protocols.wire.codes import Alarm, Phase, Reason, State
from protocols.wire.hashes import hash8
from protocols.wire.messages import AlarmAck, CalMain, ShotEvent
from simulator.firmware import factory_calibration
from simulator.firmware.calibration import parse_calibration
from simulator.firmware.shots import Shot, outcome_of
from simulator.physics import Cartridge, StrokeEnded

MS = 1_000
CAL = parse_calibration(factory_calibration())


def shot(planned_nl=10_000, reason=Reason.NONE):
    return Shot(1, 1, 1, planned_nl, 1_500, 114_231, 0, 0, reason)


def ended(encoder_nl=9_990, *, valid=True, cause="COMPLETE", depth=1_500):
    return StrokeEnded(0, depth, encoder_nl, valid, 60, 100, cause)


@pytest.mark.invariant("I-19")
@pytest.mark.parametrize(
    ("stroke", "reason", "expected", "alarms"),
    [
        (ended(), Reason.NONE, (9_990, 9_990, Phase.DONE, Reason.NONE), []),
        (ended(4_000, cause="STOPPED"), Reason.STOP, (4_000, 4_000, Phase.ABORTED, Reason.STOP), []),
        (ended(), Reason.STOP, (9_990, 9_990, Phase.DONE, Reason.NONE), []),
        (ended(9_990, valid=False), Reason.NONE, (0, 10_000, Phase.DONE, Reason.NONE), [Alarm.SENSOR_FAULT]),
        (
            ended(0, valid=False, cause="STOPPED"),
            Reason.LEASE,
            (0, 10_000, Phase.ABORTED, Reason.LEASE),
            [Alarm.SENSOR_FAULT],
        ),
        (ended(8_000), Reason.NONE, (8_000, 8_000, Phase.ABORTED, Reason.STALL), [Alarm.STALL]),
        (ended(12_000), Reason.NONE, (12_000, 12_000, Phase.DONE, Reason.NONE), [Alarm.OVER_DELIVERY]),
        (ended(depth=1_300), Reason.NONE, (9_990, 9_990, Phase.DONE, Reason.NONE), [Alarm.DEPTH_FAULT]),
    ],
)
def test_dose_range_phase_and_reason_follow_encoder_and_cause(stroke, reason, expected, alarms):
    outcome, found = outcome_of(shot(reason=reason), stroke, CAL)
    assert (outcome.dose_lo_nl, outcome.dose_hi_nl, outcome.phase, outcome.reason) == expected
    assert found == alarms


def test_figures_too_large_for_their_field_stay_at_its_largest():
    outcome, _ = outcome_of(shot(), StrokeEnded(0, 1_500, 9_990, True, 70_000, 99_999, "COMPLETE"), CAL)
    assert (outcome.duration_ms, outcome.peak_pressure_kpa) == (65_535, 65_535)


@pytest.mark.invariant("I-19")
@pytest.mark.hazard("HZ-21")
@pytest.mark.parametrize(
    ("fault", "strength", "alarm", "reason"),
    [
        ("encoder_slip", 50_000, Alarm.SENSOR_FAULT, Reason.NONE),
        ("stuck_motor", None, Alarm.STALL, Reason.STALL),
        ("lost_steps", 200, Alarm.STALL, Reason.STALL),
        ("clog", None, Alarm.OCCLUSION, Reason.OCCLUSION),
    ],
)
@pytest.mark.hazard("HZ-22")
def test_what_goes_wrong_in_a_stroke_latches_a_fault_and_the_record_holds_the_truth(
    rig, fault, strength, alarm, reason
):
    rig.arm(settings={"max_pressure_pa": 300_000})
    rig.body.set_fault(rig.at, fault, strength)
    if fault == "encoder_slip":
        rig.gun._board.alarms.restart()
    rig.pull()
    (shot,) = rig.shots() or [None] if rig.shots() else [None]
    if shot is None:  # seen before the shot: refused
        assert rig.gun.head_seq == 0
    else:
        (record,) = rig.records()
        assert record.reason == reason
        assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl
    assert rig.gun.state is State.FAULT
    assert rig.gun.alarms >> alarm & 1
    rig.pull()
    assert len(rig.shots()) <= 1
    rig.body.heal(rig.at, fault)
    rig.run(150 * MS)
    rig.do(AlarmAck(alarm))
    assert rig.gun.state is State.SAFE


def test_an_encoder_that_slips_in_mid_stroke_widens_the_range(rig):
    rig.arm(settings={"dose_nl": 40_000})
    rig.press()
    rig.body.set_fault(rig.at, "encoder_slip")
    rig.let_go().run(300 * MS)
    (record,), (shot,) = rig.records(), rig.shots()
    assert (record.dose_lo_nl, record.dose_hi_nl) == (0, 40_000)
    assert 0 < shot.dose_nl <= 40_000
    assert rig.gun.state is State.FAULT


def test_an_empty_cartridge_ends_shot_and_credit_until_another_is_fitted(rig):
    rig.body.swap_cartridge(rig.at, Cartridge(content_nl=25_000))
    rig.arm(max_shots=9)
    for _ in range(4):
        rig.pull()
    records, shots = rig.records(), rig.shots()
    assert [(record.phase, record.reason) for record in records][-1] == (Phase.ABORTED, Reason.EMPTY)
    assert len(records) == len(shots) == 3
    assert records[-1].dose_lo_nl <= shots[-1].dose_nl <= records[-1].dose_hi_nl
    assert rig.ask(rig.terms()).code == 30
    rig.body.swap_cartridge(rig.at, Cartridge())
    rig.run(MS)
    rig.grant()
    rig.pull()
    assert rig.gun.head_seq == 4


@pytest.mark.hazard("HZ-55")
def test_the_back_step_after_a_shot_is_in_no_record_and_no_dose_is_lost_to_it(rig):
    rig.arm(settings={"antidrip_nl": 2_000}, max_shots=4)
    for _ in range(4):
        rig.pull(rest_us=150 * MS)
    for record, shot in zip(rig.records(), rig.shots(), strict=True):
        assert 9_950 < record.dose_lo_nl == shot.dose_nl == record.dose_hi_nl <= 10_000


def test_the_shot_event_hints_at_the_record(rig):
    rig.arm(max_shots=3)
    rig.pull()
    (hint,), (record,) = rig.of(ShotEvent), rig.records()
    assert (hint.shot_seq, hint.grant_no, hint.phase, hint.reason) == (1, 1, record.phase, record.reason)
    assert (hint.remaining_shots, hint.dose_hi_nl, hint.measured_depth_um) == (2, record.dose_hi_nl, 1_500)


def test_calibrated_travel_and_dose_are_ordered_and_measured_back(make_rig):
    """By the formulas of SPEC.md section 12; the record speaks of real volumes, the motor of commanded ones."""
    chance = Random(12)
    for seed in range(12):
        main = CalMain(
            chance.randrange(-50, 50), chance.randrange(-5_000, 5_000), chance.randrange(-50, 50),
            chance.randrange(-30_000, 30_000), 5, 20_000, 30_000, "C-1",
        )  # fmt: skip
        block = main.pack() + factory_calibration()[64:]
        rig = make_rig(seed=seed, calibration=block).arm(settings={"cal_hash8": hash8(block)})
        rig.pull()
        (record,), (shot,) = rig.records(), rig.shots()
        ordered_um = 1_500 + 1_500 * main.depth_gain_ppm // 1_000_000 + main.depth_offset_um
        ordered_nl = 10_000 + 10_000 * main.dose_gain_ppm // 1_000_000 + main.dose_offset_nl
        assert shot.depth_um == ordered_um
        assert ordered_nl - 36 <= shot.dose_nl <= ordered_nl
        assert abs(record.measured_depth_um - 1_500) <= 1
        assert 10_000 - 40 <= record.dose_lo_nl <= record.dose_hi_nl <= 10_001
        assert record.dose_hi_nl - record.dose_lo_nl <= 1
        exact = (shot.dose_nl - main.dose_offset_nl) * 1_000_000
        assert record.dose_lo_nl * (1_000_000 + main.dose_gain_ppm) <= exact
        assert exact <= record.dose_hi_nl * (1_000_000 + main.dose_gain_ppm)


def test_the_example_of_the_specification():
    main = CalMain(-30, -1_500, 0, 12_500, 1, 0, 0, "x")
    cal = parse_calibration(main.pack() + factory_calibration()[64:])
    assert cal.commanded_depth_um(2_000) == 1_967
    assert cal.commanded_dose_nl(20_000) == 20_250
    assert (cal.commanded_depth_um(0), cal.commanded_dose_nl(0)) == (0, 0)
    assert (cal.real_depth_um(0), cal.real_dose_nl(0)) == (0, (0, 0))


def test_negative_results_are_zero():
    cal = parse_calibration(replace(CAL.main, depth_offset_um=-2_000, dose_offset_nl=10_000).pack() + CAL.block[64:])
    assert cal.commanded_depth_um(1_000) == 0
    assert cal.real_dose_nl(5_000) == (0, 0)
