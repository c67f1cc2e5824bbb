"""What the runs at the bench say of a gun now: the newest that judged it, and whether whom it touches was looked at."""

from typing import Any, Final

import apsw

from meso_device.accounting.clinic import CalibrationRun, MeasuredSyringe
from meso_device.audit.recall_facts import begun_of_run, recalled_for, treated_between
from meso_device.audit.sql import run as run_sql
from meso_device.calibration.decision import Verdict
from meso_device.calibration.record import What

_OFF: Final = frozenset({Verdict.FAIL.value, Verdict.CONDITIONAL_FAIL.value})
_GOOD: Final = (Verdict.PASS.value, Verdict.CONDITIONAL_PASS.value)


def calibrations_of(db: apsw.Connection, gun_uid: str) -> tuple[CalibrationRun, ...]:
    """Return the newest run that judged this gun for each thing that is calibrated, by its name."""
    rows = run_sql(
        db,
        "SELECT run, what, as_found, as_left, cal_hash8, state, begun_seq, signed_seq, max(begun_seq) "
        "FROM calibration_run WHERE gun_uid = ? AND as_found <> '' GROUP BY what ORDER BY what",
        (gun_uid,),
    )
    return tuple(_found(db, gun_uid, row) for row in rows)


def measured_syringes(db: apsw.Connection, gun_uid: str) -> tuple[MeasuredSyringe, ...]:
    """Return the syringes with which this gun was calibrated well, with the lot of which each was measured last."""
    lots: dict[int, str] = {}
    for run, what, geometry_id in run_sql(
        db,
        "SELECT run, what, geometry_id FROM calibration_run WHERE gun_uid = ? AND what IN ('dose', 'syringe') "
        "AND state = 'complete' AND signed_seq IS NOT NULL "
        "AND CASE as_left WHEN '' THEN as_found ELSE as_left END IN (?, ?) ORDER BY signed_seq",
        (gun_uid, *_GOOD),
    ):
        lots.setdefault(geometry_id, "")
        if what == What.SYRINGE:
            lots[geometry_id] = begun_of_run(db, run).syringe_lot
    return tuple(MeasuredSyringe(geometry_id=number, lot=lots[number]) for number in sorted(lots))


def _found(db: apsw.Connection, gun_uid: str, row: tuple[Any, ...]) -> CalibrationRun:
    run, what, as_found, as_left, cal_hash8, state, begun_seq, signed_seq, _ = row
    recalled, recall_unseen = recalled_for(db, gun_uid, what)
    return CalibrationRun(
        run=run,
        what=what,
        verdict=as_left or as_found,
        cal_hash8=cal_hash8,
        adjusted=bool(run_sql(db, "SELECT 1 FROM record WHERE key = ?", (f"calibration/{run}/adjusted",))),
        complete=state == "complete",
        signed=signed_seq is not None,
        shots_since=shots_since(db, gun_uid, signed_seq) if signed_seq is not None else 0,
        impact_open=_impact_open(db, gun_uid, what, begun_seq),
        recalled=recalled,
        recall_unseen=recall_unseen,
    )


def shots_since(db: apsw.Connection, gun_uid: str, seq: int) -> int:
    """Return the strokes of all kinds of a gun behind a place in the log: by sums, but for those that reach over it."""
    [(shots,)] = run_sql(
        db,
        "SELECT coalesce(sum(CASE WHEN first_seq > ?2 THEN shots ELSE (SELECT count(*) FROM shot "
        "WHERE shot.seq BETWEEN ?2 + 1 AND given.last_seq AND shot.given = given.id) END), 0) "
        "FROM given JOIN gun ON gun.id = given.gun WHERE gun.gun_uid = ?1 AND last_seq > ?2",
        (gun_uid, seq),
    )
    return int(shots)


def _impact_open(db: apsw.Connection, gun_uid: str, what: str, upto_seq: int) -> bool:
    """Return whether a run up to this one found the gun off for patients before it, and no clinician signed for it."""
    marks = ", ".join("?" * len(_OFF))
    for run, begun_seq in run_sql(
        db,
        f"SELECT run, begun_seq FROM calibration_run WHERE gun_uid = ? AND what = ? AND as_found IN ({marks}) "  # noqa: S608  # question marks
        "AND begun_seq <= ?",
        (gun_uid, what, *sorted(_OFF), upto_seq),
    ):
        if not _looked_at(db, run) and _treated_before(db, gun_uid, what, begun_seq):
            return True
    return False


def _looked_at(db: apsw.Connection, run: str) -> bool:
    impact = run_sql(db, "SELECT seq FROM record WHERE key = ?", (f"calibration/{run}/impact",))
    if not impact:
        return False
    first = f"sign/{impact[0][0]}/"
    return bool(run_sql(db, "SELECT 1 FROM record WHERE key > ? AND key < ? LIMIT 1", (first, f"{first[:-1]}0")))


def _treated_before(db: apsw.Connection, gun_uid: str, what: str, begun_seq: int) -> bool:
    """Return whether a patient was treated with the gun between the last run that left it good and this one."""
    marks = ", ".join("?" * len(_GOOD))
    [(since_seq,)] = run_sql(
        db,
        "SELECT coalesce(max(signed_seq), 0) FROM calibration_run WHERE gun_uid = ? AND what = ? AND begun_seq < ? "  # noqa: S608  # question marks
        f"AND state = 'complete' AND CASE as_left WHEN '' THEN as_found ELSE as_left END IN ({marks})",
        (gun_uid, what, begun_seq, *_GOOD),
    )
    return treated_between(db, gun_uid, since_seq, begun_seq)
