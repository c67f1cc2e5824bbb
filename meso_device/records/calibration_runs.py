"""Runs at the bench, read back from the log: what became of each, and all that one of them recorded."""

from typing import Any, TypeVar

import apsw
from msgspec import Struct

from meso_device.audit import canonical
from meso_device.audit.sql import run as run_sql
from meso_device.calibration.record import (
    KINDS,
    Begun,
    CalibrationRecord,
    DepthJudged,
    DoseJudged,
    Excluded,
    FillingJudged,
    Judged,
    SensorsJudged,
    Stage,
    read_record,
)
from protocols.errors import UsageError

_Kind = TypeVar("_Kind")
_ROW = (
    "SELECT run, gun_uid, what, geometry_id, state, as_found, as_left, cal_hash8, begun_seq, begun_us, ended_us, "
    "due_day, coalesce(signed_seq, 0) FROM calibration_run"
)


class RunRow(Struct, frozen=True):
    """What became of a run.

    Attributes:
        run: Id.
        gun_uid: Gun.
        what: A value of `What`.
        geometry_id: Syringe; 0 where none mattered.
        state: ``open``, ``complete`` or ``abandoned``.
        as_found, as_left: Verdicts; empty where not judged.
        cal_hash8: Hash of the calibration in force at its end, in hex.
        begun_seq: Place of its first record in the log.
        begun_us, ended_us: UTC; 0 while open.
        due_day: When the next one is due, in days since 1970-01-01; 0 where nothing was said.
        signed_seq: Place of the record by which two people stand by it; 0 where nobody does.
    """

    run: str
    gun_uid: str
    what: str
    geometry_id: int
    state: str
    as_found: str
    as_left: str
    cal_hash8: str
    begun_seq: int
    begun_us: int
    ended_us: int
    due_day: int
    signed_seq: int

    @property
    def verdict(self) -> str:
        """The newest one: as left where something was adjusted, else as found."""
        return self.as_left or self.as_found


class Step(Struct, frozen=True):
    """A record of a run, with when and by whom it was made."""

    seq: int
    at_us: int
    op: str
    role: str
    record: CalibrationRecord


class RunStory(Struct, frozen=True, kw_only=True):
    """All that the log holds of one run, in its order.

    Attributes:
        run: Id.
        origin: Name of the log.
        software: That made its first record.
        gun: Stamp of the gun in that record.
        simulated: Whether that gun was simulated.
        steps: The records.
    """

    run: str
    origin: str
    software: str
    gun: dict[str, Any]
    simulated: bool
    steps: tuple[Step, ...]

    @property
    def begun(self) -> Begun:
        """How it began."""
        return self.all_of(Begun)[0][1]

    @property
    def last_seq(self) -> int:
        """Place of its newest record."""
        return self.steps[-1].seq

    def all_of(self, kind: type[_Kind]) -> list[tuple[Step, _Kind]]:
        """Return the records of one kind with their steps."""
        return [(step, step.record) for step in self.steps if isinstance(step.record, kind)]

    def one_of(self, kind: type[_Kind]) -> tuple[Step, _Kind] | None:
        """Return the only record of a kind; None where there is none."""
        found = self.all_of(kind)
        return found[0] if found else None

    def judged(self, stage: Stage) -> Judged | None:
        """Return what the readings of a stage came to; None where they were not judged."""
        found: list[Judged] = [
            step.record
            for step in self.steps
            if isinstance(step.record, DoseJudged | DepthJudged | SensorsJudged | FillingJudged)
        ]
        return next((judged for judged in found if judged.stage is stage), None)

    def excluded(self) -> dict[int, tuple[Step, Excluded]]:
        """Return what was excluded, by number of the reading."""
        return {record.no: (step, record) for step, record in self.all_of(Excluded)}


def run_rows(db: apsw.Connection, gun_uid: str = "") -> tuple[RunRow, ...]:
    """Return all runs, of one gun where it is named, the newest first."""
    where, values = (" WHERE gun_uid = ?", (gun_uid,)) if gun_uid else ("", ())
    return tuple(RunRow(*row) for row in run_sql(db, f"{_ROW}{where} ORDER BY begun_seq DESC", values))


def find_run(db: apsw.Connection, letters: str) -> RunRow:
    """Return the run whose id begins with these hex digits; UsageError where that is not one."""
    found = [row for row in run_rows(db) if letters and row.run.startswith(letters.lower())]
    if len(found) != 1:
        many = f"{len(found)} runs begin with" if found else "no run begins with"
        raise UsageError(f"{many} {letters[:40]!r}; 'meso calibration list' shows all")
    return found[0]


def run_story(db: apsw.Connection, run: str) -> RunStory:
    """Return all records of a run that began here."""
    first = f"calibration/{run}/"
    steps, opening = [], dict[str, Any]()
    for seq, kind, body in run_sql(
        db, "SELECT seq, kind, body FROM record WHERE key > ? AND key < ? ORDER BY seq", (first, f"{first[:-1]}0")
    ):
        fields = canonical.decode(body)
        if kind in KINDS:
            opening = opening or fields
            steps.append(Step(seq, fields["ts_us"], fields["op"], fields["role"], read_record(kind, fields)))
    return RunStory(
        run=run,
        origin=opening["log"],
        software=opening["sw"],
        gun=opening["gun"],
        simulated=opening["simulated"],
        steps=tuple(steps),
    )
