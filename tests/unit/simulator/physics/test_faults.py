import pytest

from protocols.errors import UsageError
from simulator.physics import (
    BODY_FAULTS,
    SYRINGES,
    ContactLost,
    ContactMade,
    PressureAbove,
    Stalled,
    TriggerEdge,
)
from simulator.physics.faults import fault_strength

NAMES_OF_THE_PROOF = {
    "stuck_motor", "encoder_slip", "lost_steps", "backlash", "clog", "partial_clog", "air_bubble", "leak",
    "plunger_stick", "depth_stop_drift", "contact_lost", "sensor_stuck", "vacuum_low", "trigger_bounce",
    "double_trigger", "wide_barrel", "empty_line", "drip", "syringe_swapped", "battery_low", "overtemp",
}  # fmt: skip


def test_every_named_fault_exists():
    assert set(BODY_FAULTS) == NAMES_OF_THE_PROOF


@pytest.mark.parametrize("name", sorted(NAMES_OF_THE_PROOF))
def test_every_fault_changes_something_and_names_what(make_gun, name):
    def play(fault):
        gun = make_gun()
        gun.body.set_contact(0, True)
        gun.body.set_suction(0, on=True)
        if fault:
            gun.body.set_fault(0, fault)
        readings = []
        for seq in range(3):
            gun.wait(1_500_000)
            gun.body.press_trigger(gun.now_us)
            gun.wait(20_000)
            gun.start(antidrip_nl=500)
            gun.wait(60_000)
            readings.append(gun.body.sensors(gun.now_us))
            gun.body.stop_stroke(gun.now_us) if seq == 2 else None
            gun.wait(200_000)
            gun.body.stop_stroke(gun.now_us)
            gun.wait(200_000)
            gun.body.release_trigger(gun.now_us)
            gun.wait(200_000)
            readings.append(gun.body.sensors(gun.now_us))
        return gun.events, gun.truth, readings

    assert play(name) != play(None)
    assert BODY_FAULTS[name].what


def test_stuck_motor_stalls_with_nothing_given(gun):
    gun.body.set_fault(0, "stuck_motor")
    ended, injection = gun.shot()
    assert any(isinstance(event, Stalled) for event in gun.events)
    assert (ended.encoder_nl, injection.dose_nl, injection.outcome) == (0, 0, "ABORTED")
    gun.body.heal(gun.now_us, "stuck_motor")
    assert gun.shot()[1].outcome == "DONE"


def test_encoder_slip_reads_too_little_and_its_check_says_so(gun):
    gun.body.set_fault(0, "encoder_slip", 100_000)
    ended, injection = gun.shot()
    assert not ended.encoder_valid
    assert not gun.body.sensors(gun.now_us).encoder_valid
    assert injection.dose_nl - ended.encoder_nl == pytest.approx(1_000, abs=40)


def test_encoder_that_slipped_once_equals_the_truth_again_when_it_is_well(gun):
    gun.body.set_fault(0, "encoder_slip", 77_777)
    gun.shot()
    gun.body.heal(gun.now_us, "encoder_slip")
    for _ in range(60):
        ended, injection = gun.shot(dose_nl=3_333, antidrip_nl=200)
        assert ended.encoder_valid
        assert ended.encoder_nl == injection.dose_nl


def test_lost_steps_give_less_and_the_encoder_sees_it(gun):
    gun.body.set_fault(0, "lost_steps", 28)
    ended, injection = gun.shot()
    assert ended.encoder_nl == injection.dose_nl == pytest.approx(9_995 - 28 * 35.7, abs=2)
    assert ended.encoder_valid


def test_backlash_keeps_the_needle_short_unseen_and_the_dose_short_after_a_back_step(gun):
    gun.body.set_fault(0, "backlash", 5)
    ended, first = gun.shot(antidrip_nl=1_000)
    assert (ended.measured_depth_um, first.depth_um) == (1_500, 1_495)
    ended, second = gun.shot(antidrip_nl=1_000)
    assert second.dose_nl == ended.encoder_nl == pytest.approx(first.dose_nl - 5 * 114.231, abs=2)


def test_clog_lets_nothing_out(gun):
    gun.body.set_fault(0, "clog")
    injection = gun.shot(dose_nl=5_000)[1]
    assert (injection.skin_nl, injection.leaked_nl, injection.drop_ug) == (0, 0, 0)
    assert injection.dose_nl > 4_900


def test_partial_clog_raises_the_pressure(make_gun):
    def peak(strength):
        gun = make_gun()
        if strength:
            gun.body.set_fault(0, "partial_clog", strength)
        return gun.shot(dose_nl=50_000)[0].peak_pressure_kpa

    assert peak(None) < peak(2) < peak(4)


def test_air_bubble_slows_the_pressure_and_keeps_fluid_back(make_gun):
    plain, bubble = make_gun(), make_gun()
    bubble.body.set_fault(0, "air_bubble")
    for each in (plain, bubble):
        each.body.set_contact(0, True)
    assert bubble.shot()[0].peak_pressure_kpa < plain.shot()[0].peak_pressure_kpa
    assert bubble.truth[0].skin_nl < plain.truth[0].skin_nl


def test_leak_keeps_the_dose_and_takes_it_from_the_skin(gun):
    healthy = gun.shot()[1]
    gun.body.set_fault(gun.now_us, "leak", 500_000)
    leaking = gun.shot()[1]
    assert leaking.dose_nl == pytest.approx(healthy.dose_nl, abs=1)
    assert leaking.skin_nl < 0.6 * healthy.skin_nl
    assert leaking.leaked_nl > 4_000


def test_plunger_sticks_after_a_rest_and_breaks_loose_at_the_second_try(gun):
    gun.body.set_fault(0, "plunger_stick")
    gun.wait(2_000_000)
    assert gun.shot()[1].dose_nl == 0
    assert gun.shot()[1].dose_nl > 9_900


def test_depth_stop_drift_goes_deeper_each_time_unseen(gun):
    gun.body.set_fault(0, "depth_stop_drift", 10)
    rows = [gun.shot() for _ in range(4)]
    assert [ended.measured_depth_um for ended, _ in rows] == [1_500] * 4
    assert [injection.depth_um for _, injection in rows] == [1_500, 1_510, 1_520, 1_530]
    gun.body.heal(gun.now_us, "depth_stop_drift")
    assert gun.shot()[1].depth_um == 1_540, "healing does not bring the stop back"


def test_contact_is_lost_in_every_stroke_and_comes_back(gun):
    gun.body.set_fault(0, "contact_lost", 30)
    gun.start()
    told = gun.wait(300_000)
    [lost] = [event for event in told if isinstance(event, ContactLost)]
    [made] = [event for event in told if isinstance(event, ContactMade)]
    assert (lost.at_us, made.at_us) == (30_000, 180_000)


def test_stuck_sensor_keeps_its_reading_and_warns_of_nothing(gun):
    gun.body.set_fault(0, "sensor_stuck")
    gun.body.occlude(0, True)
    gun.start(dose_nl=20_000, max_pressure_pa=100_000)
    told = gun.wait(100_000)
    assert not any(isinstance(event, PressureAbove) for event in told)
    assert gun.body.sensors(gun.now_us).pressure_pa == 0
    gun.body.heal(gun.now_us, "sensor_stuck")
    assert gun.body.sensors(gun.now_us).pressure_pa > 100_000


def test_low_vacuum_never_reaches_the_threshold(gun):
    gun.body.set_fault(0, "vacuum_low")
    gun.body.set_suction(0, on=True, threshold_pa=20_000)
    assert gun.wait(2_000_000) == []
    assert gun.body.sensors(gun.now_us).suction_pa == pytest.approx(7_500, abs=5)


def test_bouncing_trigger_makes_many_edges_and_ends_where_the_finger_is(gun):
    gun.body.set_fault(0, "trigger_bounce", 20)
    gun.body.press_trigger(0)
    edges = [event for event in gun.wait(100_000) if isinstance(event, TriggerEdge)]
    assert len(edges) == 41
    assert edges[-1].level
    assert edges[-1].at_us <= 40_000


def test_double_trigger_closes_once_more_after_a_release(gun):
    gun.body.set_fault(0, "double_trigger", 50)
    gun.body.press_trigger(0)
    gun.wait(60_000)
    gun.body.release_trigger(gun.now_us)
    last = [event for event in gun.wait(200_000) if isinstance(event, TriggerEdge)][-2:]
    assert [edge.level for edge in last] == [True, False]
    assert last[1].at_us - last[0].at_us == 30_000


def test_swapped_syringe_is_not_noticed_and_the_truth_leaves_the_encoder(gun):
    gun.body.set_fault(0, "syringe_swapped", 1)
    assert gun.wait(0) == []
    ended, injection = gun.shot()
    assert ended.encoder_nl == pytest.approx(9_995, abs=1)
    assert injection.dose_nl / ended.encoder_nl == pytest.approx(SYRINGES[0].pl_per_um / 114_231, rel=0.01)


def test_battery_and_temperature_read_what_the_fault_says(gun):
    healthy = gun.body.sensors(0)
    gun.body.set_fault(0, "battery_low", 700)
    gun.body.set_fault(0, "overtemp", 4_000)
    ill = gun.body.sensors(0)
    assert (healthy.battery_mv - ill.battery_mv, ill.temp_cdegc - healthy.temp_cdegc) == (700, 4_000)


@pytest.mark.parametrize(("name", "strength"), [("no_such", None), ("leak", 0), ("leak", 1_000_001), ("leak", -1)])
def test_unknown_name_or_strength_is_refused(name, strength):
    with pytest.raises(UsageError, match="refused"):
        fault_strength(name, strength)
