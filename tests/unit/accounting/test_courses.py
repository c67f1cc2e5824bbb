"""Courses: when the next session is due, and by how much one would be too early."""

import random

import pytest

from meso_device.accounting.clinic import LastGiven
from meso_device.accounting.courses import interval_days, next_due, past_sessions
from protocols.treatment.courses import Course, Phase, courses
from protocols.units import DAY_US, day_of

START = 20_000


def at(*days):
    return [day * DAY_US + 12 * 3_600_000_000 for day in days]


def due(course_id, *days):
    return next_due(courses()[course_id], at(*days))


def test_nothing_is_due_before_the_first_session():
    found = due("general")
    assert (found.given, found.phase, found.earliest_day, found.latest_day) == (0, 1, None, None)
    assert found.too_early_days(START) == 0


@pytest.mark.invariant("I-57")
@pytest.mark.hazard("HZ-48")
@pytest.mark.parametrize(
    ("given", "phase", "least", "most"),
    [(1, 1, 7, 14), (3, 1, 7, 14), (4, 2, 28, 28), (5, 2, 28, 28), (6, 3, 90, 180), (7, 3, 90, 180), (30, 3, 90, 180)],
)
def test_the_usual_course_is_four_close_sessions_then_two_then_refreshes(given, phase, least, most):
    days = [START + 200 * number for number in range(given)]
    found = due("general", *days)
    assert (found.given, found.phase, found.complete) == (given, phase, False)
    assert (found.earliest_day, found.latest_day) == (days[-1] + least, days[-1] + most)


@pytest.mark.invariant("I-57")
@pytest.mark.hazard("HZ-48")
def test_too_early_counts_down_to_the_first_day_and_overdue_up_from_the_last():
    found = due("general", START)
    assert [found.too_early_days(START + day) for day in (0, 6, 7, 8)] == [7, 1, 0, 0]
    assert [found.overdue_days(START + day) for day in (7, 14, 15)] == [0, 0, 1]


def test_sessions_at_named_days_keep_the_distance_to_the_one_before():
    offsets = (0, 7, 14, 21, 35, 49, 77)
    for done in range(1, 7):
        days = [START + offset for offset in offsets[:done]]
        found = due("scalp_pilot", *days)
        assert found.earliest_day == found.latest_day == START + offsets[done]


def test_a_complete_course_says_so_and_keeps_its_last_interval():
    found = due("pain_lit", *(START + 10 * number for number in range(4)))
    assert (found.complete, found.earliest_day, found.latest_day) == (True, START + 30 + 7, None)
    found = due("scalp_pilot", *(START + day for day in (0, 7, 14, 21, 35, 49, 77)))
    assert (found.complete, found.earliest_day) == (True, START + 77 + 28)


def test_a_course_without_a_named_interval_is_never_too_early():
    found = due("scalp_six", START)
    assert (found.earliest_day, found.latest_day, found.too_early_days(START)) == (None, None, 0)


def test_sessions_of_one_day_are_one_session_in_any_order():
    assert due("general", START + 7, START, START, START + 7) == due("general", START, START + 7)


def test_the_day_is_that_of_utc():
    assert day_of(START * DAY_US - 1) == START - 1
    assert day_of(START * DAY_US) == START


@pytest.mark.parametrize("course_id", courses())
def test_a_cap_per_interval_looks_back_no_further_than_a_session_that_keeps_the_course(course_id):
    course = courses()[course_id]
    for given in range(8):
        days = [START + 100 * number for number in range(given)]
        found = next_due(course, at(*days))
        window = interval_days(course, at(*days))
        if found.earliest_day is not None:
            assert window == found.earliest_day - days[-1]
        elif given == 0:
            assert window == (course.phases[0].interval_min_days or 0)


def phase(**changes):
    fields = {
        "sessions_min": 2, "sessions_max": 2, "interval_min_days": 10, "interval_max_days": 12, "offsets_days": (),
        "gap_min_days": None, "gap_max_days": None, "repeats": False, "source": "",
    }  # fmt: skip
    return Phase(**(fields | changes))


def test_named_days_of_a_later_phase_are_counted_from_its_own_first_session():
    later = phase(sessions_min=4, sessions_max=4, offsets_days=(0, 3, 8), gap_min_days=30, gap_max_days=40)
    course = Course(id="any", applies_to="", area_group="any", phases=(phase(), later))
    days = [START, START + 10, START + 50, START + 53, START + 58]
    steps = [next_due(course, at(*days[:given])).earliest_day - days[given - 1] for given in range(1, 6)]
    assert steps == [10, 30, 3, 5, 10]
    assert [next_due(course, at(*days[:given])).phase for given in range(1, 6)] == [1, 2, 2, 2, 2]


def test_a_phase_without_end_keeps_its_interval_and_what_follows_may_begin():
    endless = phase(sessions_min=1, sessions_max=None, interval_min_days=90, interval_max_days=180, repeats=True)
    course = Course(id="any", applies_to="", area_group="any", phases=(endless, phase(gap_min_days=7, gap_max_days=9)))
    for given in (1, 5, 50):
        found = next_due(course, at(*(START + 100 * number for number in range(given))))
        last_day = START + 100 * (given - 1)
        assert (found.earliest_day, found.latest_day, found.complete) == (last_day + 7, last_day + 180, False)


def test_a_complete_course_of_one_named_day_has_no_interval_but_the_phases_own():
    course = Course(id="any", applies_to="", area_group="any", phases=(phase(sessions_max=1, offsets_days=(0,)),))
    assert next_due(course, at(START)).earliest_day == START + 10


@pytest.mark.invariant("I-57")
@pytest.mark.hazard("HZ-48")
def test_sessions_on_shared_skin_with_the_product_are_merged_and_others_left_out():
    def last(area_code, *days, product="mix"):
        times = tuple(at(*days))
        return LastGiven(area_code=area_code, product=product, latest_us=times[-1], sessions_us=times)

    forehead, whole_face, abdomen, unknown = 102, 101, 601, 60_000
    given = (
        last(forehead, START, START + 9),
        last(whole_face, START + 5),
        last(abdomen, START + 6),
        last(forehead, START + 7, product="else"),
        last(unknown, START + 8),
        LastGiven(area_code=forehead, product="mix", latest_us=at(START + 20)[0]),
    )
    assert past_sessions(given, forehead, "mix") == tuple(at(START, START + 5, START + 9, START + 20))
    assert past_sessions(given, abdomen, "mix") == tuple(at(START + 6))
    assert past_sessions(given, unknown, "mix") == tuple(at(START + 8))
    assert past_sessions((), forehead, "mix") == ()


# --- against an oracle that tries every way through a course -------------------------------------


def random_course(rng):
    phases = []
    for number in range(rng.randint(1, 3)):
        least = rng.randint(1, 3)
        interval = rng.randint(1, 30)
        gap = rng.randint(1, 60)
        phases.append(
            Phase(
                sessions_min=least,
                sessions_max=least + rng.randint(0, 2),
                interval_min_days=interval,
                interval_max_days=interval + rng.randint(0, 9),
                offsets_days=(),
                gap_min_days=gap if number else None,
                gap_max_days=gap + rng.randint(0, 9) if number else None,
                repeats=False,
                source="",
            )
        )
    return Course(id="any", applies_to="", area_group="any", phases=tuple(phases))


def ways_on(course, given):
    """Every (phase, least, most) by which a session can follow ``given`` sessions, by trying all counts."""
    found = set()

    def walk(number, so_far):
        if number == len(course.phases):
            return
        phase = course.phases[number]
        done = given - so_far
        if 0 <= done < phase.sessions_max:
            if done:
                found.add((number + 1, phase.interval_min_days, phase.interval_max_days))
            elif number:
                found.add((number + 1, phase.gap_min_days, phase.gap_max_days))
        for count in range(phase.sessions_min, phase.sessions_max + 1):
            walk(number + 1, so_far + count)

    walk(0, 0)
    return found


@pytest.mark.invariant("I-57")
@pytest.mark.hazard("HZ-48")
def test_the_next_due_day_is_that_of_every_way_through_random_courses():
    for seed in range(400):
        rng = random.Random(seed)
        course = random_course(rng)
        given = rng.randint(1, sum(phase.sessions_max for phase in course.phases) + 2)
        days = sorted(rng.sample(range(START, START + 2_000), given))
        found, ways = next_due(course, at(*days)), ways_on(course, given)
        assert found.complete is (not ways), seed
        if ways:
            least, most = min(way[1] for way in ways), max(way[2] for way in ways)
            assert (found.earliest_day, found.latest_day) == (days[-1] + least, days[-1] + most), seed
            assert found.phase == min(way[0] for way in ways), seed
