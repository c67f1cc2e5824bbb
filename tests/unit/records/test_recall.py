"""A reference that is recalled: whom it touches, within what, and what it forbids, beside a plain count."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.clinic import MeasuredSyringe
from meso_device.accounting.materials import Actor, Filling, cartridge_fitted
from meso_device.audit.calibration_facts import calibrations_of, measured_syringes
from meso_device.audit.facts import fitted_cartridge
from meso_device.calibration.recall import Recall, in_truth, parse_error, recall_entry
from meso_device.calibration.record import Begun, What, entry_of
from meso_device.calibration.water import Conditions, nl_per_ug
from meso_device.records.recall import recall_impact, refuse_recalled
from protocols.errors import UsageError
from tests.unit.audit.clinic import GUN, Clinic, commit
from tests.unit.documents.bench_runs import REFERENCES, TECHNICIAN, depth_story, dose_story
from tests.unit.records.test_calibration_state import treat

OTHER = replace(REFERENCES[0], serial="B-2", certificate="M-2")
BY = Actor(op=TECHNICIAN, role="technician", utc_us=1_767_700_000_000_000)
WRONG = Recall(what="balance", serial="B-1711", certificate=REFERENCES[0].certificate, reason="weights_wrong")


def calibrate(store, run, balance=REFERENCES[0], *, gun=GUN, steps=None):
    """Commit a whole dose run by this balance that found the gun good."""
    for step in dose_story(gain_ppm=0, adjusted=False).steps[:steps]:
        record = replace(step.record, run=run)
        if isinstance(record, Begun):
            record = replace(record, references=(balance, REFERENCES[1]))
        commit(store, entry_of(record, gun, op=TECHNICIAN, role="technician"))


def recalled(store, **changes):
    commit(store, recall_entry(replace(WRONG, **changes), BY))


def facts(store, gun=GUN):
    [one] = calibrations_of(store._db, gun.gun_uid)
    return one.recalled, one.recall_unseen


@pytest.fixture
def two_guns(store):
    """Two guns: one judged by the balance, by another and by it again; one by it alone."""
    clinic, other = Clinic(), Clinic(gun=replace(GUN, gun_uid="ff" * 12))
    for one in (clinic, other):
        commit(store, one.link_up())
    treat(store, clinic, "10" * 16, "a1" * 16, 2)
    calibrate(store, "01" * 16)
    calibrate(store, "02" * 16, gun=other.gun)
    treat(store, clinic, "11" * 16, "a1" * 16, 3)
    treat(store, other, "12" * 16, "a2" * 16, 4)
    calibrate(store, "03" * 16, OTHER)
    treat(store, clinic, "13" * 16, "a3" * 16, 5)
    calibrate(store, "04" * 16)
    treat(store, clinic, "14" * 16, "a4" * 16, 6)
    calibrate(store, "05" * 16, OTHER, steps=20)  # nobody ended it: the gun goes on by the one before
    treat(store, clinic, "15" * 16, "a5" * 16, 7)
    return store


@pytest.mark.hazard("HZ-20")
def test_every_gun_and_session_that_the_reference_stands_behind_is_named_and_no_other(two_guns):
    impact = recall_impact(two_guns._db, "balance", "B-1711", "")
    assert [(one.tenure.run[:2], [each.session[:2] for each in one.touched]) for one in impact.runs] == [
        ("01", ["11"]),
        ("02", ["12"]),
        ("04", ["14", "15"]),
    ]
    assert (impact.guns, impact.patients, impact.sessions, impact.shots) == (2, 4, 4, 3 + 4 + 6 + 7)
    assert [one.tenure.is_newest for one in impact.runs] == [False, True, True]
    # A reference of all runs touches each session behind the first run once.
    water = recall_impact(two_guns._db, "thermometer", REFERENCES[1].serial, "")
    assert (water.sessions, water.shots) == (5, 3 + 4 + 5 + 6 + 7)
    with pytest.raises(UsageError, match="no signed run here was traced"):
        recall_impact(two_guns._db, "balance", "B-9", "")
    with pytest.raises(UsageError, match="D-K-15050"):
        recall_impact(two_guns._db, "balance", "B-1711", "M-9")


@pytest.mark.hazard("HZ-20")
def test_a_recall_locks_the_guns_that_work_by_it_until_another_reference_judged_them(two_guns):
    assert facts(two_guns) == ("", "")
    recalled(two_guns)
    locked = ("balance B-1711 (certificate D-K-15050 2025-118)", "--balance B-1711")
    assert facts(two_guns) == locked
    assert facts(two_guns, replace(GUN, gun_uid="ff" * 12)) == locked
    with pytest.raises(UsageError, match="REFERENCE_RECALLED: balance B-1711"):
        refuse_recalled(two_guns._db, REFERENCES)
    refuse_recalled(two_guns._db, (replace(REFERENCES[0], certificate="M-3"),))
    calibrate(two_guns, "06" * 16, OTHER)
    # What it stood behind before is still to be looked at.
    assert facts(two_guns) == ("", "--balance B-1711")


def test_runs_from_before_the_reference_was_wrong_are_not_touched(two_guns):
    begun_day = recall_impact(two_guns._db, "balance", "B-1711", "").runs[0].tenure.begun_day
    recalled(two_guns, since_day=begun_day + 1)
    assert recall_impact(two_guns._db, "balance", "B-1711", "").runs == ()
    assert facts(two_guns) == ("", "")
    commit(two_guns, recall_entry(replace(WRONG, since_day=begun_day), replace(BY, utc_us=BY.utc_us + 1)))
    assert len(recall_impact(two_guns._db, "balance", "B-1711", "").runs) == 3


@pytest.mark.hazard("HZ-20")
@pytest.mark.parametrize("error", [(8_000, 8_000), (-12_000, -3_000), (-1_000, 2_500)])
@pytest.mark.parametrize("judged", [-9_000, 0, 4_321])
def test_the_truth_lies_within_what_is_said_for_any_error_of_the_balance(error, judged):
    begun = dose_story().begun
    (low, high), _ = in_truth(replace(WRONG, error=error), begun, (judged - 500, judged + 500), (0, 0))
    for off in error:
        for shown in (judged - 500, judged + 500):
            truth = (1_000_000 + shown) / (1_000_000 + off) * 1_000_000 - 1_000_000
            assert low <= truth <= high
    # No wider than it must be.
    assert high - low <= 1_002 + (error[1] - error[0]) * 102 // 100 + 20


def test_a_thermometer_that_was_off_moves_volumes_by_the_water_and_a_gauge_moves_travels():
    begun = dose_story().begun
    warm = Recall(what="thermometer", serial="T-204", certificate="C", error=(1_000, 1_000), reason="drifted")
    (low, high), travel = in_truth(warm, begun, (0, 0), (0, 0))
    here = Conditions(water_mdegc=20_150, air_mdegc=20_400, pressure_pa=101_325, humidity_permille=520)
    there = replace(here, water_mdegc=19_150)
    expected = (nl_per_ug(there) / nl_per_ug(here) - 1) * 1_000_000
    assert low <= expected <= high <= low + 3
    assert -220 < expected < -190
    assert travel == (0, 0)
    gauge = Recall(what="gauge", serial="G-1", certificate="G", error=(10_000, 20_000), reason="drifted")
    assert in_truth(gauge, depth_story().begun, (0, 0), (-5_000, 30_000)) == ((0, 0), (-25_000, 20_000))


def test_without_a_known_error_doses_are_as_they_were_judged():
    begun = dose_story().begun
    assert in_truth(WRONG, begun, (-5, 7), (0, 0)) == ((-5, 7), (0, 0))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"what": "scale"}, "is no reference"),
        ({"error": (600_000, 600_000)}, "-500000 to 500000 ppm"),
        ({"error": (2, 1)}, "the lesser one first"),
        ({"reason": "Dropped it"}, "reason"),
    ],
)
def test_what_is_no_recall_is_refused(changes, says):
    with pytest.raises(UsageError, match=says):
        recall_entry(replace(WRONG, **changes), BY)


def test_an_error_is_read_with_its_sign_and_unit():
    assert parse_error("+8000 ppm", "balance") == 8_000
    assert parse_error("-0.5 degC", "thermometer") == -500
    assert parse_error("0.02 mm", "gauge") == 20_000
    for text in ("", "+", "-+1 ppm", "8000", "1 g"):
        with pytest.raises(UsageError):
            parse_error(text, "balance")


@pytest.mark.hazard("HZ-45")
def test_a_gun_is_measured_with_the_syringes_that_signed_good_runs_were_made_with(store):
    commit(store, Clinic().link_up())
    assert measured_syringes(store._db, GUN.gun_uid) == ()
    calibrate(store, "01" * 16, steps=20)
    assert measured_syringes(store._db, GUN.gun_uid) == ()
    calibrate(store, "02" * 16)
    assert measured_syringes(store._db, GUN.gun_uid) == (MeasuredSyringe(geometry_id=7),)
    for run, lot in (("03" * 16, "BD-1"), ("04" * 16, "BD-2")):
        for step in dose_story(gain_ppm=0, adjusted=False).steps:
            record = replace(step.record, run=run)
            if isinstance(record, Begun):
                record = replace(record, what=What.SYRINGE, syringe_lot=lot)
            commit(store, entry_of(record, GUN, op=TECHNICIAN, role="technician"))
    assert measured_syringes(store._db, GUN.gun_uid) == (MeasuredSyringe(geometry_id=7, lot="BD-2"),)


@pytest.mark.hazard("HZ-45")
def test_the_lot_of_a_syringe_is_recorded_with_what_is_in_it(store):
    clinic = Clinic()
    commit(store, clinic.link_up())
    filling = Filling(
        cartridge="c1" * 16, syringe="bd_5ml", geometry_id=7, product="P", lot="L", loaded_nl=1, syringe_lot="BD-2"
    )
    commit(store, cartridge_fitted(filling, GUN.gun_uid, BY))
    fitted = fitted_cartridge(store._db, GUN.gun_uid)
    assert fitted is not None
    assert fitted.syringe_lot == "BD-2"
