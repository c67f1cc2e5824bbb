"""The state of calibration of each gun: until when it holds, how it drifts, and whom a failed check touches."""

from collections.abc import Sequence
from typing import Final

import apsw
from msgspec import Struct

from meso_device.audit.recall_facts import recalled_for
from meso_device.audit.sql import run as run_sql
from meso_device.calibration.decision import Verdict
from meso_device.calibration.drift import SHOTS_IN_USE_MAX, WARNING_DAYS, cusum_alarm, true_range
from meso_device.calibration.interval import day_at_limit, next_interval_days
from meso_device.calibration.record import Adjusted, DepthJudged, DoseJudged, Ended, Judged, Stage
from meso_device.records.calibration_runs import RunRow, RunStory, run_rows, run_story
from protocols.errors import UsageError

FAILED: Final = frozenset({Verdict.FAIL.value, Verdict.CONDITIONAL_FAIL.value})
_GOOD: Final = frozenset({Verdict.PASS.value, Verdict.CONDITIONAL_PASS.value})
_EVER_SEQ: Final = 2**62
_DRIFT_MIN: Final = 3
"""A line through fewer checks says nothing."""


class Check(Struct, frozen=True):
    """What one run found before anything was touched.

    Attributes:
        run: Id.
        day: When, in days since 1970-01-01.
        error: Signed: parts per million of all doses, or nanometres of needle travel.
        limit: Largest that is allowed, in the same unit.
        verdict: As found.
    """

    run: str
    day: int
    error: int
    limit: int
    verdict: str


class DueRow(Struct, frozen=True, kw_only=True):
    """One gun and one thing that is calibrated of it.

    Attributes:
        newest: Its newest complete and signed run.
        days_left: Until it is due; below 0 when it is over.
        shots_since: Shots of the gun recorded since.
        shots_left: Until the limit of its use.
        interval_days: Days from that run to its due date, as the staircase set it.
        after_pass_days: The next interval by the staircase, if the next check finds the gun good.
        checks: What each run found, oldest first; none for sensors.
        course: Day and error since doses or travels were last adjusted: as left then, and as found from then on.
        limit_day: Day on which a line through that course leaves the limit; None where it does not, or is too short.
        drift_run: Run since that adjustment at which the drift was an alarm; empty where it is none.
        recalled: Instrument by which it was made and whose certificate is recalled; empty for none.
    """

    newest: RunRow
    days_left: int
    shots_since: int
    shots_left: int
    interval_days: int
    after_pass_days: int
    checks: tuple[Check, ...]
    course: tuple[tuple[int, int], ...]
    limit_day: int | None
    drift_run: str
    recalled: str

    @property
    def state(self) -> str:
        """The word for it: ``failed``, ``recalled``, ``overdue``, ``soon`` or ``valid``."""
        if self.newest.verdict not in _GOOD:
            return "failed"
        if self.recalled:
            return "recalled"
        if self.days_left < 0 or self.shots_left < 0:
            return "overdue"
        return "soon" if self.days_left <= WARNING_DAYS else "valid"


class Touched(Struct, frozen=True, kw_only=True):
    """A session that a failed check touches: in one area, with what the doses can have been in truth.

    Attributes:
        dose_lo_nl, dose_hi_nl: As recorded.
        true_lo_nl, true_hi_nl: With the error as found; equal to the recorded ones where no dose was judged.
    """

    session: str
    alias: str
    opened_us: int
    area_code: int
    shots: int
    dose_lo_nl: int
    dose_hi_nl: int
    true_lo_nl: int
    true_hi_nl: int


class Impact(Struct, frozen=True, kw_only=True):
    """Whom an as-found failure touches.

    Attributes:
        run: The run that found it.
        since: Newest run before it that left the gun good; empty where there is none here.
        since_seq, until_seq: Places in the log between which the shots are.
        error_ppm: Least and greatest error of a dose; zeros where no dose was judged.
        error_nm: Least and greatest error of the needle's travel; zeros where it was not judged.
        touched: Sessions by area, oldest first.
    """

    run: str
    gun_uid: str
    what: str
    verdict: str
    simulated: bool
    since: str
    since_seq: int
    until_seq: int
    error_ppm: tuple[int, int]
    error_nm: tuple[int, int]
    touched: tuple[Touched, ...]

    @property
    def sessions(self) -> int:
        """How many sessions."""
        return len({one.session for one in self.touched})

    @property
    def patients(self) -> int:
        """How many patients, as far as the log can tell them apart."""
        return len({one.alias for one in self.touched if one.alias})

    @property
    def shots(self) -> int:
        """How many injections."""
        return sum(one.shots for one in self.touched)


def due_rows(db: apsw.Connection, today: int) -> tuple[DueRow, ...]:
    """Return the state of each gun, the one that is due first before the others.

    Args:
        db: The log.
        today: In days since 1970-01-01.
    """
    histories: dict[tuple[str, str], list[RunRow]] = {}
    for row in reversed(run_rows(db)):
        if row.state == "complete" and row.signed_seq:
            histories.setdefault((row.gun_uid, row.what), []).append(row)
    found = [_due(db, rows, today) for rows in histories.values()]
    return tuple(sorted(found, key=lambda one: (one.days_left, one.newest.gun_uid, one.newest.what)))


def _due(db: apsw.Connection, rows: list[RunRow], today: int) -> DueRow:
    newest = rows[-1]
    stories = [run_story(db, row.run) for row in rows]
    checks = tuple(check for check in map(check_of, stories) if check is not None)
    ended = stories[-1].one_of(Ended)
    interval = newest.due_day - ended[1].issued_day if ended is not None else 0
    shots = shots_between(db, newest.gun_uid, newest.signed_seq, _EVER_SEQ)
    left, later = _since_adjustment(stories)
    course = (*left, *((one.day, one.error) for one in later))
    alarm = cusum_alarm([one.error for one in later], later[-1].limit) if later else None
    return DueRow(
        newest=newest,
        days_left=newest.due_day - today,
        shots_since=shots,
        shots_left=SHOTS_IN_USE_MAX - shots,
        interval_days=interval,
        after_pass_days=next_interval_days(interval, Verdict.PASS),
        checks=checks,
        course=course,
        limit_day=_limit_day(course, checks[-1].limit) if checks else None,
        drift_run=later[alarm].run if alarm is not None else "",
        recalled=recalled_for(db, newest.gun_uid, newest.what)[0],
    )


def check_of(story: RunStory) -> Check | None:
    """Return what a run found before anything was touched; None where that is no single figure."""
    judged, ended = story.judged(Stage.AS_FOUND), story.one_of(Ended)
    if judged is None or ended is None:
        return None
    error, limit = _figure(story, judged)
    return Check(story.run, ended[1].issued_day, error, limit, judged.verdict.value) if limit else None


def _figure(story: RunStory, judged: Judged) -> tuple[int, int]:
    match judged:
        case DoseJudged():
            return judged.gain_error_ppm, story.begun.limits.mean_permille * 1_000
        case DepthJudged():
            return judged.error_nm, judged.limit_nm
        case _:
            return 0, 0


def _since_adjustment(stories: Sequence[RunStory]) -> tuple[list[tuple[int, int]], list[Check]]:
    """Return what the newest adjustment left, and what was found since: an adjusted gun begins a new course."""
    left: list[tuple[int, int]] = []
    later: list[Check] = []
    for story in stories:
        check, adjusted, ended = check_of(story), story.one_of(Adjusted), story.one_of(Ended)
        if adjusted is not None and adjusted[1].moves_values:
            judged, later = story.judged(Stage.AS_LEFT), []
            left = (
                [(ended[1].issued_day, _figure(story, judged)[0])] if judged is not None and ended is not None else []
            )
        elif check is not None:
            later.append(check)
    return left, later


def _limit_day(course: Sequence[tuple[int, int]], limit: int) -> int | None:
    days = [day for day, _ in course]
    if len(set(days)) < _DRIFT_MIN:
        return None
    return day_at_limit(days, [error for _, error in course], limit)


def shots_between(db: apsw.Connection, gun_uid: str, after_seq: int, before_seq: int) -> int:
    """Return how many shots of a gun, of any kind, are recorded between two places in the log."""
    [(shots,)] = run_sql(
        db,
        "SELECT count(*) FROM shot JOIN given ON given.id = shot.given JOIN gun ON gun.id = given.gun "
        "WHERE gun.gun_uid = ? AND shot.seq > ? AND shot.seq < ?",
        (gun_uid, after_seq, before_seq),
    )
    return int(shots)


def impact_of(db: apsw.Connection, row: RunRow) -> Impact:
    """Return whom an as-found failure touches: every session of the gun since it was last left good.

    Raises:
        UsageError: the run did not find the gun off.
    """
    if row.as_found not in FAILED:
        raise UsageError(
            f"run {row.run[:8]} found the gun {row.as_found.replace('_', ' ') or 'not judged'}: nobody is affected"
        )
    story = run_story(db, row.run)
    judged = story.judged(Stage.AS_FOUND)
    before = [
        one
        for one in run_rows(db, row.gun_uid)
        if one.what == row.what
        and one.begun_seq < row.begun_seq
        and one.state == "complete"
        and one.signed_seq
        and one.verdict in _GOOD
    ]
    since, since_seq = (before[0].run, before[0].signed_seq) if before else ("", 0)
    error_ppm, error_nm = errors_of(judged)
    return Impact(
        run=row.run,
        gun_uid=row.gun_uid,
        what=row.what,
        verdict=row.as_found,
        simulated=story.simulated,
        since=since,
        since_seq=since_seq,
        until_seq=row.begun_seq,
        error_ppm=error_ppm,
        error_nm=error_nm,
        touched=touched_between(db, row.gun_uid, since_seq, row.begun_seq, error_ppm),
    )


def errors_of(judged: Judged | None) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the least and the greatest error with its uncertainty, of doses in ppm and of travel in nanometres."""
    match judged:
        case DoseJudged(points=points):
            # In parts of what was set: picolitres over nanolitres are thousandths.
            low = min((point.error_pl - point.expanded_pl) * 1_000 // point.set_nl for point in points)
            high = max(-(-(point.error_pl + point.expanded_pl) * 1_000 // point.set_nl) for point in points)
            return (low, high), (0, 0)
        case DepthJudged():
            deviations = [one for point in judged.points for one in (point.up_nm, point.down_nm)]
            return (0, 0), (min(deviations) - judged.expanded_nm, max(deviations) + judged.expanded_nm)
        case _:
            return (0, 0), (0, 0)


def touched_between(
    db: apsw.Connection, gun_uid: str, after_seq: int, before_seq: int, error_ppm: tuple[int, int]
) -> tuple[Touched, ...]:
    """Return the sessions of a gun between two places in the log, with what doses were if they were off by so much."""
    # By shot, as a row of sums may reach over the calibration.
    rows = run_sql(
        db,
        "SELECT given.sess, given.alias, coalesce(session.opened_us, 0), area_code, count(*), sum(shot.dose_lo_nl), "
        "sum(shot.dose_hi_nl) FROM given JOIN gun ON gun.id = given.gun "
        "JOIN shot ON shot.seq BETWEEN given.first_seq AND given.last_seq AND shot.given = given.id "
        "LEFT JOIN session ON session.sess = given.sess "
        "WHERE gun.gun_uid = ? AND given.kind IN (1, 2) AND given.last_seq > ? AND given.first_seq < ? "
        "AND shot.seq > ? AND shot.seq < ? GROUP BY given.sess, given.alias, area_code ORDER BY min(shot.seq)",
        (gun_uid, after_seq, before_seq, after_seq, before_seq),
    )
    found = []
    for session, alias, opened_us, area_code, shots, low, high in rows:
        true_lo, true_hi = true_range(low, high, error_ppm)
        found.append(
            Touched(
                session=session,
                alias=alias,
                opened_us=opened_us,
                area_code=area_code,
                shots=shots,
                dose_lo_nl=low,
                dose_hi_nl=high,
                true_lo_nl=true_lo,
                true_hi_nl=true_hi,
            )
        )
    return tuple(found)
