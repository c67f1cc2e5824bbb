"""A whole calibration against the real firmware model and the simulated balance, killed, disturbed and misled."""

from collections import Counter
from itertools import pairwise

import pytest
from msgspec.structs import replace

from meso_device.calibration.decision import Verdict
from meso_device.calibration.record import Adjusted, DoseJudged, Ended, Excluded, Reading, Stage, Use, What, entry_of
from meso_device.calibration.run import RunState
from meso_device.session.calibration import parse_calibration
from meso_device.session.contract import DecideAdjustment, NoticeKind, PauseBench, Phase, Stop
from protocols.units import day_of
from protocols.wire.codes import State
from protocols.wire.messages import CalCommit, ServiceEnter
from simulator.balance import BalanceFigures
from simulator.firmware.calibration import CalibrationStore
from tests.unit.audit.clinic import GUN, commit
from tests.unit.audit.history import bodies
from tests.unit.session.test_engine import assert_log_is_truth, frames
from tests.world.bench_rig import ORDER, REFERENCES, ROOM, BenchRig, field


def said(rig, kind=NoticeKind.REFUSED):
    return [notice.text for notice in rig.notices if notice.kind is kind]


def of(rig, kind):
    return [record for record in rig.records() if isinstance(record, kind)]


def assert_every_shot_is_in_the_log_once(rig):
    """The gun's own account of the dose is off by what was planted; which shots there were is not."""
    assert Counter(body["shot_seq"] for body in bodies(rig.store) if body["kind"] == "shot") == Counter(
        shot.label.shot_seq for shot in rig.truth if shot.label.shot_seq
    )


def true_error_ppm(rig, shots):
    """What the gun's body really gave, beyond what was set."""
    given = sum(shot.drop_ug for shot in shots) / 0.998_2
    grants = {body["grant_no"]: body for body in bodies(rig.store) if body["kind"] == "grant.prepared"}
    set_nl = sum(grants[shot.label.grant_no]["max_nl"] // grants[shot.label.grant_no]["max_shots"] for shot in shots)
    return (given / set_nl - 1) * 1e6


def test_a_planted_gain_error_is_found_corrected_and_gone_as_left():
    """Two percent found within the uncertainty, less than half a percent left; the balance never told the truth."""
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(replace(ORDER, profile="reference"))
    assert rig.to_the_end().state is RunState.SIGN
    found, left = of(rig, DoseJudged)
    assert (found.stage, left.stage) == (Stage.AS_FOUND, Stage.AS_LEFT)
    assert found.verdict is Verdict.FAIL
    assert left.verdict is Verdict.PASS
    assert abs(found.gain_error_ppm - 20_000) < 5_000
    assert abs(left.gain_error_ppm) < 5_000
    for point in found.points:
        assert abs(point.error_pl - 20 * point.set_nl) < point.expanded_pl
        assert len(point.volumes_pl) == 10
    [adjusted] = of(rig, Adjusted)
    assert adjusted.new["dose_gain_ppm"] == pytest.approx(-19_608, abs=5_000)
    [ended] = of(rig, Ended)
    assert ended.cal_hash8 == adjusted.cal_hash8
    assert ended.due_day == ended.issued_day + 182
    assert abs(true_error_ppm(rig, rig.truth[-30:])) < 5_000
    assert_every_shot_is_in_the_log_once(rig)
    assert rig.gun.firmware.state is State.SAFE


def test_shots_of_the_bench_are_nobodys():
    rig = BenchRig()
    rig.calibrate(field())
    rig.to_the_end()
    shots = [body for body in bodies(rig.store) if body["kind"] == "shot" and body["shot_kind"] == "BENCH"]
    assert shots
    assert not any("alias" in body or "sess" in body for body in shots)
    rows = rig.store._db.execute("SELECT DISTINCT alias, sess, kind FROM given WHERE kind = 4").fetchall()
    assert rows == [("", "", 4)]


def test_what_passes_as_found_is_renewed_and_not_moved():
    rig = BenchRig()
    rig.calibrate(replace(field(), readings_each=6))
    assert rig.to_the_end().state is RunState.SIGN
    [judged], [adjusted] = of(rig, DoseJudged), of(rig, Adjusted)
    assert judged.verdict is Verdict.PASS
    assert adjusted.new["dose_gain_ppm"] == adjusted.old["dose_gain_ppm"] == 0
    assert adjusted.new["due_day"] == day_of(rig.instant().utc_us) + 456
    assert not any(reading.stage is Stage.AS_LEFT for reading in of(rig, Reading))


def test_without_the_word_for_it_the_gun_is_not_touched():
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(field(), adjust=False)
    assert rig.to_the_end().state is RunState.SIGN
    assert not frames(rig, CalCommit)
    [ended] = of(rig, Ended)
    assert (ended.verdict, ended.due_day) == (Verdict.FAIL, 0)


def test_a_run_killed_again_and_again_goes_on_and_doubles_nothing():
    """kill -9 behind every few records, and every other time somewhere in the middle of what follows."""
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(field())
    for kills in range(30):
        enough = rig.have() + rig.random.randrange(2, 4)
        assert rig.run(lambda enough=enough: rig.over() or rig.have() >= enough, within_s=600)
        if rig.over():
            break
        if kills % 2:
            until_us = rig.now_us + rig.random.randrange(1, 3_000_000)
            rig.run(lambda until_us=until_us: rig.now_us >= until_us or rig.over())
        rig.kill_host()
        rig.resume()
    assert rig.view.bench.state is RunState.SIGN
    for stage in Stage:
        used = [reading.use for reading in of(rig, Reading) if reading.stage is stage]
        assert used.count(Use.DOSE) == 4
        assert used.count(Use.BLANK) == 2
    assert len(of(rig, Adjusted)) == len(of(rig, Ended)) == 1
    assert [reading.no for reading in of(rig, Reading)] == list(range(1, len(of(rig, Reading)) + 1))
    found, left = of(rig, DoseJudged)
    assert abs(found.gain_error_ppm - 20_000) < 8_000
    assert abs(left.gain_error_ppm) < 8_000
    assert_every_shot_is_in_the_log_once(rig)


def test_a_kill_between_the_commit_at_the_gun_and_its_record_writes_nothing_twice():
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(field())
    assert rig.run(lambda: rig.gun.firmware._board.calibration.active.main.cal_id == 2, within_s=600)
    assert not of(rig, Adjusted)
    rig.kill_host()
    rig.resume()
    assert rig.to_the_end().state is RunState.SIGN
    assert len(frames(rig, CalCommit)) == 1
    [adjusted] = of(rig, Adjusted)
    assert adjusted.new["cal_id"] == adjusted.old["cal_id"] + 1


@pytest.mark.hazard("HZ-10")
def test_nothing_is_shot_while_something_touches_the_head():
    rig = BenchRig()
    rig.gun.body.set_contact(rig.now_us, True)
    rig.calibrate(field())
    assert "CONTACT" in rig.to_the_end().fault
    assert not rig.truth


@pytest.mark.hazard("HZ-10")
def test_contact_in_the_middle_ends_the_credit_and_the_run_goes_on_from_the_log():
    rig = BenchRig()
    rig.calibrate(replace(field(), shots_each=3, readings_each=5), adjust=False)
    assert rig.run(lambda: len(rig.truth) == 3, within_s=600)
    rig.gun.body.set_contact(rig.now_us, True)
    bench = rig.to_the_end()
    assert "SHOT_COUNT_MISMATCH" in bench.fault or "CONTACT" in bench.fault
    shots = len(rig.truth)
    rig.gun.body.set_contact(rig.now_us, False)
    rig.resume(adjust=False)
    assert rig.to_the_end().state is RunState.SIGN
    assert len(rig.truth) > shots
    assert_log_is_truth(rig)


def test_stop_ends_it_at_once_and_the_run_can_go_on():
    rig = BenchRig()
    rig.calibrate(field())
    assert rig.run(lambda: len(rig.truth) == 3, within_s=600)
    rig.host(Stop(source="test"))
    assert rig.run(lambda: rig.view.estop_latch_id != 0 and rig.over())
    assert rig.view.phase is Phase.ESTOPPED
    shots = len(rig.truth)
    until_us = rig.now_us + 5_000_000
    rig.run(lambda: rig.now_us >= until_us)
    assert len(rig.truth) <= shots + 1


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("never_stable", "UNSTABLE"),
        ("silent", "BALANCE_LOST"),
        ("other_unit", "UNIT_CHANGED"),
        ("repeats", "NOT_UNDER"),
    ],
)
def test_a_balance_that_fails_is_named_and_nothing_read_before_is_lost(fault, named):
    rig = BenchRig()
    rig.calibrate(field())
    assert rig.run(lambda: rig.have("reading") == 4, within_s=600)
    rig.balance.faults.add(fault)
    assert named in rig.to_the_end().fault
    assert len(said(rig)) == 1
    taken = of(rig, Reading)
    rig.balance.faults.clear()
    rig.resume()
    assert rig.to_the_end().state is RunState.SIGN
    assert of(rig, Reading)[: len(taken)] == taken


def test_an_empty_syringe_is_noticed_by_the_guns_count():
    rig = BenchRig()
    rig.calibrate(replace(field(), targets=(200_000,), readings_each=26), adjust=False)
    assert "SHORT_SHOT" in rig.to_the_end().fault
    taken = len(of(rig, Reading))
    rig.gun.change_cartridge(rig.now_us)
    rig.resume(adjust=False)
    assert rig.to_the_end().state is RunState.SIGN
    assert len(of(rig, Reading)) > taken


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"references": tuple(replace(one, due_day=20_000) for one in REFERENCES)}, "REFERENCE_EXPIRED"),
        ({"references": ()}, "no balance is named"),
        ({"geometry_id": 3}, "WRONG_SYRINGE"),
        ({"head_type_id": 9}, "WRONG_HEAD"),
        ({"targets": (50_005,)}, "in steps of"),
        ({"targets": (500_000,)}, "this gun takes"),
        ({"readings_each": 1}, "readings a target refused"),
        ({"conditions": None}, "water and room"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_moves(changes, named):
    rig = BenchRig()
    rig.calibrate(field(**changes))
    assert named in rig.to_the_end().fault
    assert not frames(rig, ServiceEnter)
    assert not rig.records()


def test_a_balance_too_coarse_for_the_dose_is_refused_with_the_way_out():
    rig = BenchRig(figures=BalanceFigures(digit_ug=1_000, noise_ug=200))
    rig.calibrate(field())
    assert "RESOLUTION_TOO_COARSE" in rig.to_the_end().fault
    assert "--shots 10" in rig.view.bench.fault
    assert len(of(rig, Reading)) == 0


def test_pooled_shots_say_nothing_of_single_ones():
    rig = BenchRig(figures=BalanceFigures(digit_ug=1_000, noise_ug=200))
    rig.calibrate(replace(field(), shots_each=10, readings_each=6), adjust=False)
    assert rig.to_the_end().state is RunState.SIGN
    [judged] = of(rig, DoseJudged)
    [point] = judged.points
    assert (point.tolerance_k_ppm, point.trumpet) == (0, ())
    assert len(rig.truth) == 1 + 2 + 60


def test_too_much_evaporation_is_no_small_correction():
    rig = BenchRig(figures=BalanceFigures(digit_ug=100, evaporation_ug_per_s=150))
    rig.calibrate(field())
    assert "EVAPORATION_TOO_HIGH" in rig.to_the_end().fault


def test_an_excluded_reading_stays_and_does_not_count():
    rig = BenchRig()
    rig.calibrate(replace(field(), readings_each=6), adjust=False)
    assert rig.run(lambda: rig.have("reading") == 5, within_s=600)
    rig.kill_host()
    excluded = Excluded(run=ORDER.run, no=4, reason="bumped")
    commit(rig.store, entry_of(excluded, GUN, op="01" * 16, role="technician"))
    rig.resume(adjust=False)
    assert rig.to_the_end().state is RunState.SIGN
    [judged] = of(rig, DoseJudged)
    readings = of(rig, Reading)
    assert len([reading for reading in readings if reading.use is Use.DOSE]) == 6
    counted = [
        (after.value - before.value)
        for before, after in pairwise(readings)
        if after.use is Use.DOSE and 4 not in {before.no, after.no}
    ]
    assert len(judged.points[0].volumes_pl) == len(counted) == 4


def test_the_run_goes_on_with_its_own_gun_alone():
    rig = BenchRig()
    rig.calibrate(field())
    assert rig.run(lambda: rig.have("reading") == 2, within_s=600)
    rig.kill_host()
    rig.resume(gun_uid="ff" * 12)
    assert "OTHER_GUN" in rig.to_the_end().fault


def test_nobody_at_the_button_is_said():
    rig = BenchRig()
    rig.button = False
    rig.calibrate(field())
    assert "nobody pressed" in rig.to_the_end().fault
    assert said(rig, NoticeKind.INFO).count("press the service button at the gun") == 1
    assert not rig.truth


def test_a_calibration_that_does_not_read_back_is_a_fault(monkeypatch):
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(field())
    assert rig.run(lambda: rig.have("begun") == 1)
    whole = CalibrationStore.page

    def page(store, number):
        block = whole(store, number)
        return block[:12] + b"\x01\0\0\0" + block[16:] if number == 0 and store.active.main.cal_id == 2 else block

    monkeypatch.setattr(CalibrationStore, "page", page)
    assert "READBACK_DIFFERS" in rig.to_the_end().fault
    assert not of(rig, Adjusted)


def test_a_self_test_that_fails_ends_it(monkeypatch):
    monkeypatch.setattr("simulator.firmware.requests.failed_items", lambda *_: 64)
    rig = BenchRig()
    rig.calibrate(field())
    assert "SELF_TEST_FAILED" in rig.to_the_end().fault
    assert not rig.truth


def depth(**changes):
    return replace(ORDER, **{"what": What.DEPTH, "readings_each": 5, "conditions": None, **changes})


def test_depth_that_drifted_is_found_corrected_and_gone_as_left():
    rig = BenchRig()
    rig.gun.body.set_fault(rig.now_us, "backlash", 150)
    rig.calibrate(depth())
    assert rig.to_the_end().state is RunState.SIGN, rig.view.bench.fault
    found, left = (record for record in rig.records() if getattr(record, "positioning_nm", None))
    assert found.verdict is Verdict.FAIL
    assert found.offset_nm == pytest.approx(-150_000, abs=2_000)
    assert left.verdict is Verdict.PASS
    assert abs(left.error_nm) <= 2_000
    [adjusted] = of(rig, Adjusted)
    assert adjusted.new["depth_offset_um"] == pytest.approx(150, abs=2)
    assert len(of(rig, Reading)) == 2 * 2 * 7 * 5
    assert all(shot.dose_nl == 0 for shot in rig.truth)


def test_a_gauge_that_is_misread_is_asked_again_and_then_given_up():
    rig = BenchRig()
    rig.misread_nm = 300_000
    rig.calibrate(depth())
    assert "IMPLAUSIBLE" in rig.to_the_end().fault
    assert len([text for text in said(rig, NoticeKind.INFO) if "read it again" in text]) == 3
    assert not of(rig, Reading)


def test_sensors_at_rest_are_read_and_nothing_is_subtracted():
    rig = BenchRig()
    rig.calibrate(replace(ORDER, what=What.SENSORS, conditions=None))
    assert rig.to_the_end().state is RunState.SIGN, rig.view.bench.fault
    [judged] = [record for record in rig.records() if type(record).__name__ == "SensorsJudged"]
    assert judged.verdict is Verdict.PASS
    assert {(point.sensor, point.readings) for point in judged.points} == {
        ("pressure_pa", 10), ("suction_pa", 10), ("plunger_force_dn", 10)
    }  # fmt: skip
    assert not frames(rig, CalCommit)
    assert {shot.label.kind for shot in rig.truth} == {"SERVICE"}


# --- water and room -------------------------------------------------------------------------------


def test_water_that_keeps_its_temperature_is_taken_again_behind_each_stage_and_widens_the_budget():
    rigs = []
    for drift_mdegc in (0, 500):
        rig = BenchRig(gain_ppm=20_000)
        rig.water_mdegc += drift_mdegc
        rig.calibrate(replace(field(), water_at_end=True))
        assert rig.to_the_end().state is RunState.SIGN, rig.view.bench.fault
        for stage in Stage:
            taken = [reading for reading in of(rig, Reading) if reading.stage is stage]
            assert [reading.use for reading in taken].count(Use.WATER) == 1
            assert (taken[-1].use, taken[-1].value, taken[-1].unit) == (Use.WATER, rig.water_mdegc, "mdegc")
            assert len(taken) == rig.records()[0].readings_each + 4
        rigs.append(rig)
    lines = [{line.name: line.u for line in of(rig, DoseJudged)[0].points[0].budget} for rig in rigs]
    assert lines[0]["water temperature"] < lines[1]["water temperature"]


def test_water_that_drifted_is_refused_also_when_the_run_is_taken_up_again_and_its_readings_stay():
    rig = BenchRig(gain_ppm=20_000)
    rig.water_mdegc += 501
    rig.calibrate(replace(field(), water_at_end=True))
    assert "TEMPERATURE_DRIFT: the water went from 20 to 20.501 degC" in rig.to_the_end().fault
    taken = of(rig, Reading)
    assert taken[-1].use is Use.WATER
    rig.kill_host()
    rig.water_mdegc -= 501
    rig.resume()
    assert "TEMPERATURE_DRIFT" in rig.to_the_end().fault
    assert of(rig, Reading) == taken
    assert not of(rig, DoseJudged)
    assert not frames(rig, CalCommit)


@pytest.mark.parametrize("air_mdegc", [19_499, 20_501])
def test_water_that_has_not_come_to_the_rooms_temperature_is_refused_before_anything_moves(air_mdegc):
    rig = BenchRig()
    rig.calibrate(field(conditions=replace(ROOM, air_mdegc=air_mdegc)))
    assert "TEMPERATURE_DRIFT: the water is 20 degC and the air" in rig.to_the_end().fault
    assert not rig.records()
    assert not frames(rig, ServiceEnter)


# --- through the whole container --------------------------------------------------------------------


def syringe(**changes):
    return replace(
        ORDER, **{"what": What.SYRINGE, "profile": "reference", "syringe_lot": "B-7", "readings_each": 12, **changes}
    )


def row_of(rig, geometry_id=7):
    return parse_calibration(rig.gun.firmware._board.calibration.active.block).syringes[geometry_id]


@pytest.mark.hazard("HZ-45")
def test_each_zone_of_the_container_is_really_where_its_readings_were_weighed():
    """By the truth of the gun's body: what had left the syringe before each weighed shot lies in the named third."""
    rig = BenchRig()
    before_nl = []
    rig.calibrate(replace(field(), readings_each=6, zones=True), adjust=False)
    size_nl = rig.gun.body.syringe.size_nl
    while not rig.over():
        have = len(of(rig, Reading))
        assert rig.run(lambda have=have: rig.over() or len(of(rig, Reading)) > have, within_s=4_000)
        before_nl.append(size_nl - rig.gun.body.content_nl)
    assert rig.view.bench.state is RunState.SIGN, rig.view.bench.fault
    readings = of(rig, Reading)
    begun = rig.records()[0]
    third_nl = begun.travel_um * begun.pl_per_um // 3_000
    zones = [
        (reading.zone, given_nl // third_nl + 1)
        for reading, given_nl in zip(readings, before_nl, strict=False)
        if reading.use is Use.DOSE
    ]
    assert [named for named, _ in zones] == [1, 1, 2, 2, 3, 3]
    assert all(named == true for named, true in zones)
    [judged] = of(rig, DoseJudged)
    assert [zone for zone, _ in judged.points[0].zone_means_pl] == [1, 2, 3]
    assert len(judged.points[0].volumes_pl) == 6
    assert abs(judged.gain_error_ppm) < 5_000
    assert_every_shot_is_in_the_log_once(rig)


@pytest.mark.hazard("HZ-45")
def test_a_barrel_that_is_wider_than_its_row_is_measured_written_and_right_as_left():
    rig = BenchRig(gain_ppm=30_000)
    true_pl_per_um = rig.gun.body.syringe.pl_per_um * 1_030_000 // 1_000_000
    rig.calibrate(syringe())
    assert "SYRINGE_USED" in rig.to_the_end().fault
    [found], [adjusted] = of(rig, DoseJudged), of(rig, Adjusted)
    assert abs(found.pl_per_um - true_pl_per_um) < found.expanded_pl_per_um
    assert [zone for zone, _ in found.zone_pl_per_um] == [1, 2, 3]
    assert row_of(rig).pl_per_um == adjusted.new["pl_per_um"]
    assert adjusted.new["dose_gain_ppm"] == adjusted.old["dose_gain_ppm"] == 0
    assert abs(adjusted.new["pl_per_um"] / true_pl_per_um - 1) < 0.005
    rig.gun.change_cartridge(rig.now_us)
    rig.resume()
    assert rig.to_the_end().state is RunState.SIGN, rig.view.bench.fault
    _, left = of(rig, DoseJudged)
    assert left.verdict is Verdict.PASS
    assert abs(left.gain_error_ppm) < 5_000
    assert abs(left.pl_per_um - true_pl_per_um) < left.expanded_pl_per_um
    assert_every_shot_is_in_the_log_once(rig)


@pytest.mark.hazard("HZ-45")
def test_a_good_row_is_renewed_and_not_moved_and_without_the_word_for_it_nothing_is_written():
    for adjust in (True, False):
        rig = BenchRig()
        before = row_of(rig)
        rig.calibrate(syringe(), adjust=adjust)
        assert rig.to_the_end().state is RunState.SIGN, rig.view.bench.fault
        assert row_of(rig) == before
        assert len(frames(rig, CalCommit)) == adjust


@pytest.mark.hazard("HZ-45")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"syringe_lot": ""}, "--syringe-lot"),
        ({"readings_each": 10}, "a multiple of 3"),
        ({"targets": (20_000, 40_000)}, "one dose"),
        ({"targets": (150_000,), "readings_each": 36}, "in each third of the container"),
    ],
)
def test_a_geometry_that_cannot_be_measured_is_refused_before_anything_moves(changes, named):
    rig = BenchRig()
    rig.calibrate(syringe(**changes))
    assert named in rig.to_the_end().fault
    assert not rig.records()
    assert not frames(rig, ServiceEnter)


def test_what_would_be_written_is_shown_first_and_written_only_at_the_technicians_word():
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(field(), adjust=None)
    assert rig.run(lambda: rig.view.bench is not None and rig.view.bench.proposal, within_s=600)
    changes = {change.name: (change.old, change.new) for change in rig.view.bench.proposal}
    assert changes["dose_gain_ppm"] == (0, pytest.approx(-19_608, abs=8_000))
    assert changes["cal_id"] == (1, 2)
    until_us = rig.now_us + 60_000_000
    rig.run(lambda: rig.now_us >= until_us)
    assert not frames(rig, CalCommit)
    rig.host(DecideAdjustment(adjust=True))
    assert rig.to_the_end().state is RunState.SIGN
    [adjusted] = of(rig, Adjusted)
    assert {name: value for name, (_, value) in changes.items()} == adjusted.new
    assert len(of(rig, DoseJudged)) == 2


@pytest.mark.parametrize("late", [False, True])
def test_a_gun_that_nobody_says_to_adjust_stays_as_it_was_found(late):
    """A no ends the run; silence leaves it where it was, to be gone on with."""
    rig = BenchRig(gain_ppm=20_000)
    rig.calibrate(field(), adjust=None)
    assert rig.run(lambda: rig.view.bench is not None and rig.view.bench.proposal, within_s=600)
    if not late:
        rig.host(DecideAdjustment(adjust=False))
    bench = rig.to_the_end()
    assert not frames(rig, CalCommit)
    assert (bench.state, bool(bench.fault)) == ((RunState.ADJUST, True) if late else (RunState.SIGN, False))
    rig.host(DecideAdjustment(adjust=True))
    assert "DecideAdjustment is not possible now" in said(rig)[-1]


@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("shots", [2, 5])
def test_a_paused_run_leaves_no_credit_and_the_gun_out_of_service_and_goes_on_from_its_records(shots):
    rig = BenchRig()
    rig.calibrate(replace(field(), shots_each=3), adjust=False)
    assert rig.run(lambda: len(rig.truth) == shots, within_s=600)
    with_credit = rig.view.open_grants
    rig.host(PauseBench())
    assert rig.run(lambda: rig.over() and rig.gun.firmware.state is State.SAFE and not rig.view.open_grants)
    assert with_credit
    made, taken = len(rig.truth), of(rig, Reading)
    until_us = rig.now_us + 10_000_000
    rig.run(lambda: rig.now_us >= until_us)
    assert len(rig.truth) == made
    rig.resume(adjust=False)
    assert rig.to_the_end().state is RunState.SIGN
    assert of(rig, Reading)[: len(taken)] == taken
    assert_log_is_truth(rig)


@pytest.mark.hazard("HZ-10")
def test_no_session_is_opened_while_a_run_is_under_way():
    rig = BenchRig()
    rig.calibrate(field(), adjust=False)
    assert rig.run(lambda: len(rig.truth) == 2, within_s=600)
    rig.host(rig.opening())
    assert "OpenSession is not possible now" in said(rig)[-1]
    assert rig.to_the_end().state is RunState.SIGN
