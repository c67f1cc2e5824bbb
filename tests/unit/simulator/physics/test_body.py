from random import Random

import pytest
from msgspec.structs import replace

from protocols.errors import InvariantError
from simulator.physics import (
    SYRINGES,
    ButtonPressed,
    Cartridge,
    CartridgeChanged,
    ContactLost,
    ContactMade,
    DoseDelivered,
    Head,
    HeadChanged,
    NeedleAtDepth,
    NeedleHome,
    PressureAbove,
    ReservoirEmpty,
    Stalled,
    StrokeEnded,
    SuctionLost,
    SuctionReached,
)


def kinds(events):
    return [type(event).__name__ for event in events]


def test_whole_stroke_tells_depth_dose_home_and_end_in_order_of_time(gun):
    gun.start()
    told = gun.wait(200_000)
    assert kinds(told) == ["NeedleAtDepth", "DoseDelivered", "NeedleHome", "StrokeEnded"]
    times = [event.at_us for event in told]
    assert times == sorted(times)
    assert times[0] == 15_000  # 1,500 um at 100 mm/s
    assert 49_000 <= times[1] - times[0] <= 50_001  # 10,000 nl at 200 uL/s
    assert times[2] - times[1] == 10_000 + 15_000  # dwell, and the way back


@pytest.mark.parametrize("syringe", SYRINGES, ids=lambda syringe: syringe.name)
def test_without_a_fault_truth_equals_encoder_and_stays_within_a_microstep_below_the_order(make_gun, syringe):
    gun = make_gun(parts={"cartridge": Cartridge(syringe=syringe, content_nl=syringe.size_nl)})
    step_nl = -(-syringe.pl_per_um * 5 // 16_000)
    chance = Random(4)
    given_nl = 0
    content_nl = gun.body.content_nl
    for _ in range(30):
        dose_nl, depth_um = chance.randrange(1_000, 30_000), chance.randrange(300, 13_000)
        ended, injection = gun.shot(dose_nl=dose_nl, depth_um=depth_um, pl_per_um=syringe.pl_per_um)
        assert injection.outcome == "DONE"
        assert ended.encoder_valid
        assert ended.encoder_nl == injection.dose_nl
        assert dose_nl - step_nl <= injection.dose_nl <= dose_nl
        assert ended.measured_depth_um == injection.depth_um == depth_um
        given_nl += injection.dose_nl
    assert content_nl - gun.body.content_nl == given_nl


def test_doses_add_up_to_the_plunger_travel_without_a_remainder(gun):
    before = gun.body._mechanics.plunger.furthest_nl
    given = [gun.shot(dose_nl=1_234, antidrip_nl=300)[1].dose_nl for _ in range(50)]
    assert sum(given) == gun.body._mechanics.plunger.furthest_nl - before


def test_dry_puncture_moves_the_needle_only(gun):
    before = gun.body.sensors(gun.now_us).plunger_um
    gun.start(dose_nl=0)
    told = gun.wait(200_000)
    assert kinds(told) == ["NeedleAtDepth", "NeedleHome", "StrokeEnded"]
    assert gun.truth[-1].depth_um == 1_500
    assert gun.truth[-1].dose_nl == 0
    assert gun.body.sensors(gun.now_us).plunger_um == before


def test_priming_leaves_the_needle_home(gun):
    gun.start(needle_locked=True)
    for _ in range(30):
        gun.wait(5_000)
        assert gun.body.sensors(gun.now_us).needle_um == 0
    assert kinds(gun.events) == ["DoseDelivered", "StrokeEnded"]
    assert gun.truth[-1].depth_um == 0
    assert gun.truth[-1].dose_nl > 9_900
    assert gun.truth[-1].skin_nl == 0


@pytest.mark.parametrize("stop_after_us", [1, 7_000, 15_000, 40_000, 70_000])
def test_stop_freezes_the_dose_at_once_and_draws_the_needle_home(gun, stop_after_us):
    gun.start()
    gun.wait(stop_after_us)
    moved_um = gun.body.sensors(gun.now_us).plunger_um
    gun.body.stop_stroke(gun.now_us)
    told = gun.wait(100_000)
    assert isinstance(told[-1], StrokeEnded)
    assert told[-1].cause == "STOPPED"
    assert told[-1].at_us <= stop_after_us + 15_000
    injection = gun.truth[-1]
    assert injection.outcome == "ABORTED"
    assert injection.dose_nl == told[-1].encoder_nl
    sensors = gun.body.sensors(gun.now_us)
    assert sensors.plunger_um == moved_um
    assert sensors.needle_um == 0
    assert len(gun.truth) == 1


def test_stop_while_the_needle_is_drawn_changes_nothing_for_all_has_happened(gun):
    gun.start()
    gun.wait(80_000)
    gun.body.stop_stroke(gun.now_us)
    told = gun.wait(100_000)
    assert told[-1].cause == "COMPLETE"
    assert gun.truth[-1].outcome == "DONE"


def test_stop_without_a_stroke_changes_nothing(gun):
    gun.body.stop_stroke(gun.now_us)
    assert gun.wait(100_000) == []
    assert gun.truth == []


@pytest.mark.parametrize("cut_after_us", [0, 7_000, 40_000, 70_000, 80_000])
def test_power_loss_leaves_everything_where_it_is_and_reports_interrupted_once(gun, cut_after_us):
    gun.start()
    gun.wait(cut_after_us)
    before = gun.body.sensors(gun.now_us)
    gun.body.power_off(gun.now_us)
    gun.wait(500_000)
    after = gun.body.sensors(gun.now_us)
    assert (after.needle_um, after.plunger_um) == (before.needle_um, before.plunger_um)
    assert [injection.outcome for injection in gun.truth] == ["INTERRUPTED"]
    assert 0 <= gun.truth[0].dose_nl <= 10_000
    assert (gun.truth[0].dose_nl == 0) == (cut_after_us <= 15_000)


def test_after_power_loss_the_needle_is_homed_by_a_stroke_of_depth_zero(gun, make_label):
    gun.start()
    gun.wait(40_000)
    gun.body.power_off(gun.now_us)
    gun.start(label=None, depth_um=0, dose_nl=0)
    told = gun.wait(100_000)
    assert kinds(told) == ["NeedleHome", "StrokeEnded"]
    assert gun.body.sensors(gun.now_us).needle_um == 0
    assert len(gun.truth) == 1, "homing after a reset takes no log slot and is no stroke"
    gun.start(label=make_label(2, "SERVICE"), depth_um=0, dose_nl=0)
    gun.wait(100_000)
    assert (gun.truth[-1].depth_um, gun.truth[-1].dose_nl, gun.truth[-1].outcome) == (0, 0, "DONE")


def test_killed_while_homing_nothing_more_is_reported(make_gun, gun):
    gun.start()
    gun.wait(40_000)
    gun.body.power_off(gun.now_us)
    gun.start(label=None, depth_um=0, dose_nl=0)
    gun.wait(5_000)
    after = make_gun()
    after.body.restore(0, gun.body.state(gun.now_us))
    assert after.truth == []


def test_homing_that_would_move_forwards_breaks_an_invariant(gun):
    with pytest.raises(InvariantError, match="homing"):
        gun.start(label=None, dose_nl=0)


def test_stroke_promised_in_the_log_but_never_ordered_is_reported_as_nothing_given(gun, make_label):
    gun.shot()
    gun.body.never_started(gun.now_us, make_label(1))
    assert len(gun.truth) == 1, "the body made this one"
    for _ in range(2):
        gun.body.never_started(gun.now_us, make_label(2))
    assert [(row.label.shot_seq, row.dose_nl, row.outcome) for row in gun.truth[1:]] == [(2, 0, "INTERRUPTED")]


def test_second_stroke_during_the_first_breaks_an_invariant(gun):
    gun.start()
    with pytest.raises(InvariantError, match="while another is under way"):
        gun.start()


def test_back_step_relieves_the_drip_and_is_never_dose(make_gun):
    dripping, drawn = make_gun(), make_gun()
    for each in (dripping, drawn):
        each.body.set_contact(0, True)
    for _ in range(5):
        plain = dripping.shot(dwell_ms=0)[1]
        back = drawn.shot(dwell_ms=0, antidrip_nl=3_000)[1]
        assert plain.dose_nl == back.dose_nl
    assert back.leaked_nl < plain.leaked_nl
    assert drawn.body.content_nl == dripping.body.content_nl


def test_repeated_back_steps_do_not_add_up(gun, make_label):
    gun.shot(label=make_label(1, "SERVICE"), depth_um=0, dose_nl=0, antidrip_nl=50_000)
    once_um = gun.body.sensors(gun.now_us).plunger_um
    gun.shot(label=make_label(2, "SERVICE"), depth_um=0, dose_nl=0, antidrip_nl=50_000)
    assert gun.body.sensors(gun.now_us).plunger_um == once_um
    assert gun.shot()[1].dose_nl > 9_900


def test_empty_reservoir_is_told_and_gives_what_was_left(make_gun):
    gun = make_gun(parts={"cartridge": Cartridge(content_nl=14_000)})
    left_nl = gun.body.content_nl
    _, first = gun.shot()
    gun.start()
    told = gun.wait(100_000)
    assert isinstance(told[-1], ReservoirEmpty)
    gun.body.stop_stroke(gun.now_us)
    gun.wait(100_000)
    assert gun.body.content_nl == 0
    assert gun.truth[-1].outcome == "ABORTED"
    assert first.dose_nl + gun.truth[-1].dose_nl == left_nl


def test_occlusion_raises_the_pressure_past_the_limit_at_the_computed_time_and_once(gun):
    gun.body.occlude(0, True)
    gun.start(dose_nl=100_000, max_pressure_pa=300_000)
    told = gun.wait(400_000)
    [above] = [event for event in told if isinstance(event, PressureAbove)]
    # C = 27.8 nl/kPa: 300 kPa take 8,333 nl, at 200 nl/ms 41.7 ms after the needle is in.
    assert above.at_us - 15_000 == pytest.approx(41_667, abs=50)
    gun.body.set_contact(gun.now_us, False)
    assert not any(isinstance(event, PressureAbove) for event in gun.wait(400_000))


def test_released_occlusion_lets_out_what_the_pressure_stored(gun):
    gun.body.occlude(0, True)
    blocked = gun.shot()[1]
    assert blocked.drop_ug == 0
    assert blocked.skin_nl == 0
    stored_nl = gun.body._mechanics.line.stored_nl
    assert stored_nl == pytest.approx(blocked.dose_nl, abs=1)
    gun.body.occlude(gun.now_us, False)
    gun.wait(1_000_000)
    freed = gun.shot(dose_nl=0)[1]
    assert freed.drop_ug == pytest.approx(stored_nl, rel=0.02)


def test_motor_stalls_when_pressure_and_friction_exceed_its_force(gun):
    gun.body.occlude(0, True)
    gun.start(dose_nl=200_000)
    told = gun.wait(1_000_000)
    assert isinstance(told[-1], Stalled)
    sensors = gun.body.sensors(gun.now_us)
    assert sensors.pressure_pa == pytest.approx(116e6 / 114.231, rel=0.001)  # 116 N on 114.231 mm2
    gun.wait(1_000_000)
    assert gun.body.sensors(gun.now_us).plunger_um == sensors.plunger_um
    gun.body.stop_stroke(gun.now_us)
    gun.wait(100_000)
    assert gun.truth[-1].outcome == "ABORTED"
    assert gun.truth[-1].dose_nl == gun.events[-1].encoder_nl


def test_contact_is_told_when_it_changes_and_only_then(gun):
    for contact in (True, False, False, True):
        gun.body.set_contact(gun.now_us, contact)
    assert kinds(gun.wait(0)) == ["ContactLost", "ContactMade"]


def test_fluid_reaches_the_skin_only_with_contact(gun):
    assert gun.shot()[1].skin_nl > 7_000
    gun.body.set_contact(gun.now_us, False)
    injection = gun.shot()[1]
    assert injection.skin_nl == 0
    assert injection.drop_ug > 9_000


def test_suction_is_told_when_it_passes_the_threshold_either_way(gun):
    gun.body.set_suction(0, on=True, threshold_pa=20_000)
    [reached] = gun.wait(1_000_000)
    assert isinstance(reached, SuctionReached)
    assert reached.at_us == pytest.approx(43_944, abs=5)  # 40 ms x ln 3
    assert gun.body.sensors(gun.now_us).suction_pa == pytest.approx(30_000, abs=5)
    gun.body.set_contact(gun.now_us, False)
    lifted, lost = gun.wait(1_000_000)
    assert isinstance(lifted, ContactLost)
    assert isinstance(lost, SuctionLost)


def test_cartridge_swap_is_told_and_gives_a_full_syringe(gun):
    gun.shot()
    gun.body.swap_cartridge(gun.now_us, None)
    assert not gun.body.sensors(gun.now_us).cartridge_present
    assert gun.body.content_nl == 0
    gun.body.swap_cartridge(gun.now_us, Cartridge(syringe=SYRINGES[0], content_nl=800_000))
    assert [(type(event), event.present) for event in gun.wait(0)] == [
        (CartridgeChanged, False),
        (CartridgeChanged, True),
    ]
    assert gun.body.content_nl == pytest.approx(800_000, abs=10)


def test_hand_that_swaps_the_cartridge_waits_until_the_gun_stands(gun):
    gun.start()
    gun.wait(40_000)
    gun.body.swap_cartridge(gun.now_us, Cartridge())
    assert gun.body.sensors(gun.now_us).cartridge_present
    told = gun.wait(200_000)
    assert kinds(told)[-3:] == ["StrokeEnded", "CartridgeChanged", "CartridgeChanged"]
    assert gun.truth[-1].dose_nl > 9_900


def test_another_head_is_told_and_keeps_the_syringe(gun):
    gun.shot()
    content_nl = gun.body.content_nl
    gun.body.swap_head(gun.now_us, Head(head_instance=99))
    assert [type(event) for event in gun.wait(0)] == [HeadChanged]
    assert gun.body.sensors(gun.now_us).head_instance == 99
    assert gun.body.content_nl == content_nl


def test_buttons_are_told(gun):
    gun.body.press_stop_button(3)
    gun.body.press_service_button(4)
    assert gun.body.advance(5) == [ButtonPressed(3, "STOP"), ButtonPressed(4, "SERVICE")]


def test_battery_sags_while_a_motor_runs_and_strokes_warm_the_gun(gun):
    cold = gun.body.sensors(0)
    gun.start()
    assert gun.body.sensors(20_000).battery_mv < cold.battery_mv
    gun.wait(200_000)
    warm = gun.body.sensors(gun.now_us)
    assert warm.battery_mv == cold.battery_mv
    assert warm.temp_cdegc > cold.temp_cdegc
    gun.wait(600_000_000)
    assert gun.body.sensors(gun.now_us).temp_cdegc == cold.temp_cdegc


def volume_error_nl(gun):
    """Plunger displacement less what came out, what is stored, plus what is empty at the tip."""
    mechanics = gun.body._mechanics
    mechanics._account(gun.now_us)
    line, plunger = mechanics.line, mechanics.plunger
    displaced_nl = plunger.volume_nl(mechanics.steps_at(gun.now_us))
    return displaced_nl - line.out_nl - line.stored_nl + line.retreat_nl


@pytest.mark.parametrize("seed", range(25))
def test_volume_balances_at_every_moment_whatever_happens(make_gun, seed):
    gun, chance = make_gun(seed=seed), Random(seed)
    start_nl = gun.body._mechanics.plunger.volume_nl(gun.body._mechanics.plunger.steps)
    content_nl = gun.body.content_nl
    faults = (
        "partial_clog",
        "air_bubble",
        "clog",
        "leak",
        "lost_steps",
        "backlash",
        "plunger_stick",
        "stuck_motor",
    )
    for _ in range(150):
        match chance.randrange(9):
            case 0:
                gun.body.set_contact(gun.now_us, chance.random() < 0.7)
            case 1:
                gun.body.occlude(gun.now_us, chance.random() < 0.3)
            case 2:
                gun.body.set_fault(gun.now_us, chance.choice(faults))
            case 3 | 4:
                gun.body.heal(gun.now_us, chance.choice(faults))
            case 5:
                gun.body.stop_stroke(gun.now_us)
            case 6 if chance.random() < 0.2:
                gun.body.power_off(gun.now_us)
            case _:
                if gun.body._mechanics.stroke is None:
                    gun.start(
                        dose_nl=chance.randrange(0, 60_000),
                        antidrip_nl=chance.choice((0, 500, 5_000)),
                        max_pressure_pa=chance.choice((0, 200_000)),
                    )
        gun.wait(chance.randrange(200_000))
        assert volume_error_nl(gun) == pytest.approx(start_nl, abs=1e-3)
        plunger = gun.body._mechanics.plunger
        assert plunger.steps <= plunger.end
    gun.body.power_off(gun.now_us)
    assert len(gun.truth) == gun.seq, "each stroke is reported exactly once"
    assert [row.label.shot_seq for row in gun.truth] == list(range(1, gun.seq + 1))
    assert content_nl - gun.body.content_nl == sum(row.dose_nl for row in gun.truth)


def play(make_gun, seed):
    gun, chance = make_gun(seed=seed), Random(3)
    gun.body.set_contact(0, True)
    gun.body.set_fault(0, "trigger_bounce")
    for _ in range(20):
        gun.body.press_trigger(gun.now_us)
        gun.wait(30_000)
        gun.shot(dose_nl=chance.randrange(1_000, 20_000))
        gun.body.release_trigger(gun.now_us)
        gun.wait(30_000)
    return gun.events, gun.truth, gun.body.state(gun.now_us)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(make_gun):
    assert play(make_gun, 5) == play(make_gun, 5)
    assert play(make_gun, 5)[0] != play(make_gun, 6)[0]


def test_advancing_late_or_early_makes_no_physical_difference(make_gun):
    fine, coarse = make_gun(), make_gun()
    for each in (fine, coarse):
        each.body.set_contact(0, True)
        each.start()
    for _ in range(200):
        fine.wait(1_000)
    coarse.now_us = 200_000
    assert coarse.body.advance(200_000) == fine.events
    assert [replace(row, at_us=0) for row in coarse.truth] == [replace(row, at_us=0) for row in fine.truth]


def test_events_of_a_stroke_are_few(gun):
    steps = 0
    gun.start(dose_nl=200_000, flow_nl_per_s=1_000)
    while (due_us := gun.body.next_event_us()) is not None:
        gun.body.advance(due_us)
        steps += 1
    assert steps <= 5  # 200 s of flow
    assert gun.truth[-1].outcome == "DONE"


def test_events_named_by_the_wire_specification_are_raised_somewhere(gun):
    gun.shot()
    assert {NeedleAtDepth, DoseDelivered, NeedleHome, StrokeEnded} <= {type(event) for event in gun.events}
    gun.body.set_contact(gun.now_us, False)
    gun.body.set_contact(gun.now_us, True)
    assert [type(event) for event in gun.wait(0)] == [ContactLost, ContactMade]
