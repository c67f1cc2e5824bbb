"""The due list: every course under way, once, by what the log says was given, and the soonest first."""

import pytest

from meso_device.cli.patient_due import due_document, due_line, due_rows
from protocols.treatment.courses import courses
from protocols.treatment.library import load_library
from protocols.units import DAY_US, day_of
from tests.world.clinic_rig import PATIENT, ClinicRig, Visit

PLAN = load_library("practice").plan()


def treated(rig, alias, number):
    rig.visit(Visit(alias=alias, needle=f"N-{number}", head=f"H-{number}", overrides=("too_early",)))
    assert rig.run(rig.ended), rig.notices
    assert rig.view.shots_given == PLAN.shots, rig.notices


@pytest.fixture(scope="module")
def rig():
    """A patient, and then practice on the same gun."""
    made = ClinicRig(PLAN, seed=9)
    made.stock()
    made.fill()
    treated(made, PATIENT, 1)
    made.session = ""
    made.run_session()
    made.run(lambda: len(made.truth) == 2 * PLAN.shots)
    return made


@pytest.mark.hazard("HZ-48")
@pytest.mark.invariant("I-57")
def test_a_patient_is_due_once_for_a_course_and_practice_never(rig):
    now_us = rig.instant().utc_us
    (row,) = due_rows(rig.store._db, now_us)
    assert (row.alias, row.course, row.product, row.due.given) == (PATIENT, PLAN.course, PLAN.product_name, 1)
    today = day_of(now_us)
    course = courses()[PLAN.course]
    assert row.due.earliest_day == today + course.phases[0].interval_min_days
    assert row.due.overdue_days(today) == 0
    assert due_document(row, "")["earliest"]
    assert "name" not in due_document(row, "")
    assert due_document(row, "Rosa")["name"] == "Rosa"


@pytest.mark.hazard("HZ-48")
def test_who_does_not_come_is_overdue_by_the_days_since_the_latest(rig):
    now_us = rig.instant().utc_us
    (row,) = due_rows(rig.store._db, now_us)
    for days in (0, 1, 5, 400):
        later_us = (row.due.latest_day + days) * DAY_US
        (then,) = due_rows(rig.store._db, later_us)
        assert then.due.overdue_days(then.today) == days
        assert (f"overdue by {days} days" in due_line(then, "")) == (days > 0)


def test_a_line_says_alias_course_and_days_and_a_name_only_where_it_is_given(rig):
    (row,) = due_rows(rig.store._db, rig.instant().utc_us)
    line = due_line(row, "")
    assert line.startswith(f"{PATIENT}: {PLAN.course}, {PLAN.product_name}: 1 given, next from 20")
    assert "\n" not in line
    assert due_line(row, "Rosa\nTest").startswith(f"{PATIENT} (Rosa")
    assert "\n" not in due_line(row, "Rosa\nTest")


def test_an_empty_log_has_nobody_due():
    assert due_rows(ClinicRig(PLAN).store._db, 1) == ()
