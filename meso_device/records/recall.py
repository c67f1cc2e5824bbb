"""Whom a recalled reference touches: every gun that was judged by it, every session until it was judged by another."""

import apsw
from msgspec import Struct

from meso_device.audit.recall_facts import Tenure, begun_of_run, recalls, tenures
from meso_device.calibration.recall import Range, Recall, in_truth
from meso_device.calibration.record import Reference, Stage
from meso_device.records.calibration_runs import run_story
from meso_device.records.calibration_state import Touched, errors_of, touched_between
from protocols.errors import UsageError


class JudgedBy(Struct, frozen=True, kw_only=True):
    """A run that a recalled reference stands behind, and what was done with its gun until the next run of its kind.

    Attributes:
        tenure: The run, and for how long the gun worked by it.
        error_ppm, error_nm: Between what errors of a dose and of the needle's travel it left the gun in truth; as it
            was judged where nobody knows how far the reference was off.
        touched: Sessions by area, oldest first.
    """

    tenure: Tenure
    error_ppm: Range
    error_nm: Range
    touched: tuple[Touched, ...]


class RecallImpact(Struct, frozen=True, kw_only=True):
    """Whom a reference touches.

    Attributes:
        recall: The reference; without a reason where it is not recalled.
        seq: Place of the recall in the log; 0 where there is none.
        simulated: Whether the guns are.
        runs: Runs that it stands behind, oldest first.
        shots: Injections that were given meanwhile; each counts once, whatever runs it follows from.
    """

    recall: Recall
    seq: int
    simulated: bool
    runs: tuple[JudgedBy, ...]
    shots: int

    @property
    def touched(self) -> tuple[Touched, ...]:
        """All sessions by area."""
        return tuple(one for run in self.runs for one in run.touched)

    @property
    def guns(self) -> int:
        """How many guns."""
        return len({run.tenure.gun_uid for run in self.runs})

    @property
    def sessions(self) -> int:
        """How many sessions."""
        return len({one.session for one in self.touched})

    @property
    def patients(self) -> int:
        """How many patients, as far as the log can tell them apart."""
        return len({one.alias for one in self.touched if one.alias})


def certificate_of(db: apsw.Connection, what: str, serial: str, certificate: str) -> str:
    """Return the certificate of a reference that runs here were traced to; the only one where none is named.

    Raises:
        UsageError: no run was traced to it, or to several certificates of it.
    """
    every = {
        one.certificate
        for tenure in tenures(db)
        for one in begun_of_run(db, tenure.run).references
        if (one.what, one.serial) == (what, serial)
    }
    known = {one for one in every if not certificate or one == certificate}
    if not known:
        others = f"; its certificates here are {', '.join(sorted(every))}" if every else ""
        raise UsageError(f"no signed run here was traced to {what} {serial[:80]!r} {certificate[:80]}{others}".rstrip())
    if len(known) > 1:
        raise UsageError(
            f"runs here were traced to {len(known)} certificates of {what} {serial}: name one with --certificate: "
            f"{', '.join(sorted(known))}"
        )
    return known.pop()


def recall_impact(db: apsw.Connection, what: str, serial: str, certificate: str) -> RecallImpact:
    """Return whom a reference touches, by its recall where there is one.

    Raises:
        UsageError: no run was traced to it, or to several certificates of it.
    """
    named = certificate_of(db, what, serial, certificate)
    asked = (what, serial, named)
    found = [one for one in recalls(db) if (one.recall.what, one.recall.serial, one.recall.certificate) == asked]
    recall = found[0].recall if found else Recall(what=what, serial=serial, certificate=named)
    runs, simulated = [], False
    for tenure in tenures(db):
        begun = begun_of_run(db, tenure.run)
        if not recall.concerns(begun.references, tenure.begun_day):
            continue
        story = run_story(db, tenure.run)
        simulated = story.simulated
        judged = story.judged(Stage.AS_LEFT) or story.judged(Stage.AS_FOUND)
        error_ppm, error_nm = in_truth(recall, begun, *errors_of(judged))
        touched = touched_between(db, tenure.gun_uid, tenure.since_seq, tenure.until_seq, error_ppm)
        runs.append(JudgedBy(tenure=tenure, error_ppm=error_ppm, error_nm=error_nm, touched=touched))
    return RecallImpact(
        recall=recall,
        seq=found[0].seq if found else 0,
        simulated=simulated,
        runs=tuple(runs),
        shots=sum(
            one.shots
            for gun_uid, since_seq, until_seq in _spans([run.tenure for run in runs])
            for one in touched_between(db, gun_uid, since_seq, until_seq, (0, 0))
        ),
    )


def _spans(every: list[Tenure]) -> list[tuple[str, int, int]]:
    """Return gun, beginning and end of each stretch of the log that one or more runs stand for."""
    spans: list[tuple[str, int, int]] = []
    for one in sorted(every, key=lambda tenure: (tenure.gun_uid, tenure.since_seq)):
        if spans and spans[-1][0] == one.gun_uid and one.since_seq <= spans[-1][2]:
            gun_uid, since_seq, until_seq = spans[-1]
            spans[-1] = gun_uid, since_seq, max(until_seq, one.until_seq)
        else:
            spans.append((one.gun_uid, one.since_seq, one.until_seq))
    return spans


def refuse_recalled(db: apsw.Connection, references: tuple[Reference, ...]) -> None:
    """Refuse to begin or go on with a run by a reference whose certificate is recalled.

    Raises:
        UsageError: names it.
    """
    for recorded in recalls(db):
        recall = recorded.recall
        if recall.concerns(references, recall.since_day):
            raise UsageError(
                f"REFERENCE_RECALLED: {recall.named} is recalled ({recall.reason}): have it calibrated, or take another"
            )
