"""When the next treatment of a course is due, from the days of those given. Whole days, months as 30 days.

A course (`protocols.treatment.courses`) is a row of phases. Where it leaves the number of sessions of a phase open,
the next session may stay in the phase or begin the next one: the earlier day counts as the earliest, the later as
the latest.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meso_device.accounting.clinic import LastGiven
from protocols.treatment.areas import by_code, same_skin
from protocols.treatment.courses import Course, Phase
from protocols.units import day_of


class Due(Struct, frozen=True, kw_only=True):
    """The next session of a course; days are since 1970-01-01.

    Attributes:
        given: Sessions given, one a day at most.
        phase: Phase that the next session belongs to, from 1; the last one when the course is complete.
        earliest_day: First day on which it keeps the interval; None where the course names none, or nothing was given.
        latest_day: Last such day; None where the course names none.
        complete: Every session that the course names was given; another one still keeps the last interval.
    """

    given: int
    phase: int
    earliest_day: int | None
    latest_day: int | None
    complete: bool

    def too_early_days(self, today: int) -> int:
        """Return by how many days a session today would be too early; 0 when it is not."""
        return 0 if self.earliest_day is None else max(0, self.earliest_day - today)

    def overdue_days(self, today: int) -> int:
        """Return by how many days the latest day has passed; 0 when it has not."""
        return 0 if self.latest_day is None else max(0, today - self.latest_day)


class _Step(Struct, frozen=True):
    """A way to go on: the phase, and the days from the newest session; None where the course names none."""

    phase: int
    least_days: int | None
    most_days: int | None


def next_due(course: Course, given_us: Sequence[int]) -> Due:
    """Return when the next session is due.

    Args:
        course: The course.
        given_us: UTC of the sessions given, each by its latest possible time (I-35), in any order. Several on one
            day are one session.
    """
    days = sorted({day_of(at_us) for at_us in given_us})
    if not days:
        return Due(given=0, phase=1, earliest_day=None, latest_day=None, complete=False)
    steps = list(_steps(course, len(days)))
    complete = not steps
    if complete:
        steps = [_Step(len(course.phases), _last_interval(course.phases[-1]), None)]
    least = [step.least_days for step in steps if step.least_days is not None]
    most = [step.most_days for step in steps]
    open_end = any(day is None for day in most)
    return Due(
        given=len(days),
        phase=steps[0].phase,
        # A way without a figure does not free the others of theirs.
        earliest_day=days[-1] + min(least) if least else None,
        latest_day=None if open_end else days[-1] + max(day for day in most if day is not None),
        complete=complete,
    )


def past_sessions(last_given: Sequence[LastGiven], area_code: int, product: str) -> tuple[int, ...]:
    """Return when this product was given on skin of this area, by the latest possible times, oldest first."""
    here = by_code().get(area_code)
    found: set[int] = set()
    for last in last_given:
        there = by_code().get(last.area_code)
        shared = here is not None and there is not None and same_skin(there, here)
        if last.product == product and (shared or last.area_code == area_code):
            found.update(last.sessions_us, (last.latest_us,))
    return tuple(sorted(found))


def interval_days(course: Course, given_us: Sequence[int]) -> int:
    """Return the days that a cap per course interval looks back; 0 where the course names no interval.

    It is the least time to the next session, so that a session that keeps the course is not counted with the one
    before.
    """
    due = next_due(course, given_us)
    if due.earliest_day is not None:
        return due.earliest_day - max(day_of(at_us) for at_us in given_us)
    return course.phases[0].interval_min_days or 0


def _steps(course: Course, given: int) -> Iterator[_Step]:
    """Yield the ways to go on after one session or more; none when the course is complete."""
    fewest = 0  # Sessions in phases before this one, at the least and the most; None is without end.
    most: int | None = 0
    for number, phase in enumerate(course.phases, start=1):
        top = None if phase.repeats else phase.sessions_max
        begins = fewest <= given and (most is None or given <= most)
        ends = None if most is None or top is None else most + top
        if begins:
            yield _Step(number, phase.gap_min_days, phase.gap_max_days)
        if top != 1 and given > fewest and (ends is None or given < ends):
            yield _within(phase, number, given - fewest)
        fewest += phase.sessions_min
        most = ends


def _within(phase: Phase, number: int, done: int) -> _Step:
    """Return the step to the next session of a phase of which ``done`` were given."""
    offsets = phase.offsets_days
    if done < len(offsets):
        between = offsets[done] - offsets[done - 1]
        return _Step(number, between, between)
    return _Step(number, phase.interval_min_days, phase.interval_max_days)


def _last_interval(phase: Phase) -> int | None:
    offsets = phase.offsets_days
    return offsets[-1] - offsets[-2] if len(offsets) > 1 else phase.interval_min_days
