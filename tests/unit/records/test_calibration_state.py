"""Until when a calibration holds, how a gun drifts, and whom a failed check touches, beside a plain count."""

import random

import pytest
from msgspec.structs import replace

from meso_device.calibration.drift import cusum_alarm, true_range
from meso_device.calibration.record import Begun, DoseJudged, Ended, Stage, entry_of
from meso_device.records.calibration_runs import find_run, run_rows, run_story
from meso_device.records.calibration_state import due_rows, impact_of
from protocols.errors import UsageError
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp
from tests.unit.documents.bench_runs import TECHNICIAN, dose_story


def calibrate(store, run, *, gain_ppm=21_000, issued_day=20_458, interval=365, steps=None, gun=GUN, adjusted=True):
    """Commit a whole dose run of a gun, under another id."""
    records = [step.record for step in dose_story(gain_ppm=gain_ppm, adjusted=adjusted).steps]
    for record in records[:steps]:
        changed = replace(record, run=run)
        if isinstance(changed, Ended):
            changed = replace(changed, issued_day=issued_day, due_day=issued_day + interval)
        commit(store, entry_of(changed, gun, op=TECHNICIAN, role="technician"))


def treat(store, clinic, session, alias, shots, *, area_code=3):
    clinic.session, clinic.alias, clinic.area_code = session, alias, area_code
    opened = clinic.entry("session.opened", f"session/{session}/opened", {"plan": {"areas": []}, "title": "t"})
    commit(store, opened)
    store.commit([clinic.grant(max_shots=shots, max_nl=shots * 20_000)], stamp())
    commit(store, *(clinic.shot(20_000, lo) for lo in [20_000] * (shots - 1) + [0]))


def test_a_story_read_back_is_the_one_that_was_recorded(store):
    run = "ab" * 16
    calibrate(store, run)
    story = run_story(store._db, run)
    assert [step.record for step in story.steps] == [replace(step.record, run=run) for step in dose_story().steps]
    assert story.simulated
    assert find_run(store._db, "abab").run == run
    for letters in ("", "ff"):
        with pytest.raises(UsageError, match="meso calibration list"):
            find_run(store._db, letters)


@pytest.mark.hazard("HZ-20")
def test_a_failed_check_touches_every_session_since_the_gun_was_left_good_and_no_other(store):
    clinic, other = Clinic(), Clinic(gun=replace(GUN, gun_uid="ff" * 12))
    commit(store, clinic.link_up())
    commit(store, other.link_up())
    treat(store, clinic, "10" * 16, "a1" * 16, 3)
    calibrate(store, "01" * 16)  # found off, left good
    treat(store, clinic, "11" * 16, "a1" * 16, 4)
    treat(store, other, "12" * 16, "a2" * 16, 5)
    calibrate(store, "02" * 16, steps=20)  # nobody ended it: it leaves nothing good
    treat(store, clinic, "13" * 16, "a3" * 16, 6, area_code=4)
    calibrate(store, "03" * 16)
    treat(store, clinic, "14" * 16, "a4" * 16, 2)
    impact = impact_of(store._db, find_run(store._db, "03"))
    assert [(one.session, one.alias, one.area_code, one.shots) for one in impact.touched] == [
        ("11" * 16, "a1" * 16, 3, 4),
        ("13" * 16, "a3" * 16, 4, 6),
    ]
    assert (impact.patients, impact.sessions, impact.shots, impact.since) == (2, 2, 10, "01" * 16)
    first = impact_of(store._db, find_run(store._db, "01"))
    assert [one.session for one in first.touched] == ["10" * 16]
    assert first.since == ""


@pytest.mark.hazard("HZ-20")
def test_the_truth_lies_within_what_is_said_for_any_error_within_that_found(store):
    clinic = Clinic()
    commit(store, clinic.link_up())
    treat(store, clinic, "11" * 16, "a1" * 16, 9)
    calibrate(store, "03" * 16)
    impact = impact_of(store._db, find_run(store._db, "03"))
    [one] = impact.touched
    [judged] = [step.record for step in dose_story().steps if isinstance(step.record, DoseJudged)][:1]
    assert judged.stage is Stage.AS_FOUND
    for point in judged.points:
        for error_pl in (point.error_pl - point.expanded_pl, point.error_pl + point.expanded_pl):
            for recorded_nl in (one.dose_lo_nl, one.dose_hi_nl):
                truth_pl = recorded_nl * 1_000 + recorded_nl * error_pl // point.set_nl
                assert one.true_lo_nl * 1_000 <= truth_pl <= one.true_hi_nl * 1_000
    assert one.dose_lo_nl < one.dose_hi_nl < one.true_hi_nl


def test_a_run_that_found_the_gun_good_touches_nobody(store):
    calibrate(store, "05" * 16, gain_ppm=0)
    with pytest.raises(UsageError, match="nobody is affected"):
        impact_of(store._db, find_run(store._db, "05"))


def test_due_follows_the_newest_signed_run_with_staircase_shots_and_a_line_through_the_checks(store):
    clinic = Clinic()
    commit(store, clinic.link_up())
    for no, gain_ppm in enumerate((1_000, 3_000, 5_000)):
        calibrate(
            store, f"{no + 1:032x}", gain_ppm=gain_ppm, issued_day=20_000 + 100 * no, interval=200, adjusted=False
        )
    treat(store, clinic, "11" * 16, "a1" * 16, 7)
    calibrate(store, f"{9:032x}", gain_ppm=7_000, issued_day=20_900, steps=-1)  # nobody signed it
    [row] = due_rows(store._db, 20_390)
    assert (row.newest.run, row.days_left, row.state) == (f"{3:032x}", 10, "soon")
    assert (row.shots_since, row.interval_days, row.after_pass_days) == (7, 200, 250)
    assert [(check.day, check.error) for check in row.checks] == [(20_000, 1_000), (20_100, 3_000), (20_200, 5_000)]
    # 20 ppm a day from 1,000 on: 10,000 after 450 days.
    assert row.limit_day == 20_450
    assert due_rows(store._db, 20_401)[0].state == "overdue"
    assert due_rows(store._db, 20_000)[0].state == "valid"


def test_an_adjustment_begins_a_new_course(store):
    calibrate(store, "01" * 16, gain_ppm=21_000, issued_day=20_000)  # adjusted, left at 300 ppm
    for no, gain_ppm in enumerate((2_300, 4_300)):
        calibrate(store, f"{no + 2:032x}", gain_ppm=gain_ppm, issued_day=20_100 + 100 * no, adjusted=False)
    [row] = due_rows(store._db, 20_210)
    assert row.course == ((20_000, 300), (20_100, 2_300), (20_200, 4_300))
    # 20 ppm a day from 300 on.
    assert (row.limit_day, row.drift_run) == (20_485, "")
    calibrate(store, "05" * 16, gain_ppm=13_000, issued_day=20_300, adjusted=False)
    assert due_rows(store._db, 20_310)[0].drift_run == "05" * 16


def test_a_gun_left_bad_is_failed_whatever_the_calendar_says(store):
    records = [step.record for step in dose_story(adjusted=False).steps]
    for record in records:
        commit(store, entry_of(record, GUN, op=TECHNICIAN, role="technician"))
    assert records[0].__class__ is Begun
    [row] = due_rows(store._db, 20_459)
    assert row.state == "failed"
    assert len(run_rows(store._db)) == 1


def test_the_sum_of_errors_alarms_at_a_step_and_at_a_small_drift_and_not_at_noise():
    assert cusum_alarm([0, 0, 13_000], 10_000) == 2
    assert cusum_alarm([4_000] * 20, 10_000) == 6
    assert cusum_alarm([-4_000] * 20, 10_000) == 6
    rng = random.Random(5)
    assert cusum_alarm([rng.randint(-2_400, 2_400) for _ in range(200)], 10_000) is None


def test_a_range_is_widened_outwards():
    assert true_range(100, 101, (-5_000, 21_000)) == (99, 104)
    assert true_range(0, 0, (-5_000, 21_000)) == (0, 0)
    assert true_range(50, 50, (-2_000_000, 0)) == (0, 50)
