"""Runs at the bench that the log knows of: which is open, how it goes on, what ends it without its gun.

The command line and the console both go by this, so a run that was begun at one is taken up at the other.
"""

from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import GunStamp
from meso_device.accounting.materials import checked_code
from meso_device.audit.database import Log
from meso_device.calibration.decision import Verdict
from meso_device.calibration.record import Begun, Ended, Excluded, Signed
from meso_device.calibration.run import ABANDONED, COMPLETE, Run, RunState
from meso_device.people.signatures import Pair
from meso_device.records.calibration_runs import RunRow, RunStory, run_rows, run_story
from meso_device.session.contract import Calibrate, Phase, View
from protocols.errors import UsageError

OPEN: Final = "open"
_PROVEN: Final = frozenset({RunState.SIGN, RunState.DONE})


class KnownRun(Struct, frozen=True, kw_only=True):
    """A run as the log has it.

    Attributes:
        row: What became of it.
        story: All its records.
    """

    row: RunRow
    story: RunStory

    @property
    def run(self) -> Run:
        """Its records as a run."""
        return Run(tuple(step.record for step in self.story.steps))

    @property
    def gun(self) -> GunStamp:
        """The gun's stamp in its first record, for records that are made without the gun."""
        gun = self.story.gun
        return GunStamp(
            gun_uid=gun["gun_uid"],
            log_epoch=gun["log_epoch"],
            boot_id=gun["boot_id"],
            firmware=gun["fw"],
            cal_id=gun["cal_id"],
            simulated=self.story.simulated,
        )

    def going_on(self, *, adjust: bool | None, op: str, role: str) -> Calibrate:
        """Return the command that goes on with it from its last complete reading; ``adjust`` as for `Calibrate`."""
        return Calibrate(
            order=None,
            records=self.run.records,
            gun_uid=self.row.gun_uid,
            adjust=adjust,
            interval_days=self.story.begun.interval_days,
            op=op,
            role=role,
        )


def known_run(db: Log, row: RunRow) -> KnownRun:
    """Return a run with all its records."""
    return KnownRun(row=row, story=run_story(db, row.run))


def open_run(db: Log) -> KnownRun | None:
    """Return the newest run that is open; None where there is none."""
    row = next((row for row in run_rows(db) if row.state == OPEN), None)
    return known_run(db, row) if row is not None else None


def unfinished_run(db: Log) -> KnownRun | None:
    """Return what a technician has to go on with: the newest run where it is open or nobody signed for it."""
    row = next(iter(run_rows(db)), None)
    waits = row is not None and (row.state == OPEN or (row.state == COMPLETE and not row.signed_seq))
    return known_run(db, row) if row is not None and waits else open_run(db)


def serial_of(begun: Begun) -> str:
    """Return the serial number of the balance that a run is traced to; empty where nothing is weighed."""
    return next((one.serial for one in begun.references if one.what == "balance"), "")


def why_unfinished(view: View) -> str:
    """Return why the run that was given stands still before its readings are judged; empty while it need not."""
    bench = view.bench
    stopped = view.phase is Phase.ESTOPPED
    if bench is not None and (bench.state in _PROVEN or (bench.running and not stopped)):
        return ""
    return "the gun was stopped" if stopped else "the run was cut off"


# --- without the gun ------------------------------------------------------------------------------


def excluded_of(known: KnownRun, no: int, reason: str) -> Excluded:
    """Return the record by which a reading of the stage under way does not count; it stays in the log.

    Raises:
        UsageError: there is no such reading, what it belongs to is judged already, or the reason is no code.
    """
    run = known.run
    if not any(reading.no == no for reading in run.of(run.stage)) or no in run.excluded:
        raise UsageError(f"run {known.row.run[:8]} has no counted reading {no} in the stage that is under way")
    excluded = Excluded(run=known.row.run, no=no, reason=checked_code("reason", reason))
    run.then(excluded)
    return excluded


def abandoned_of(known: KnownRun, reason: str) -> Ended:
    """Return the record by which an open run is given up; its readings stay.

    Raises:
        UsageError: the reason is no code.
    """
    row = known.row
    code = checked_code("reason", reason)
    return Ended(run=row.run, state=ABANDONED, verdict=row.verdict, cal_hash8=row.cal_hash8, reason=code)


def reason_to_sign(row: RunRow, reason: str) -> str:
    """Return the reason with which a run may be signed, as it is recorded.

    Raises:
        UsageError: the run is not complete, is signed, or takes a reason that was not given or is no code.
    """
    if row.state != COMPLETE:
        raise UsageError(f"run {row.run[:8]} is {row.state}: only a complete one is signed")
    if row.signed_seq:
        raise UsageError(f"run {row.run[:8]} is signed already")
    if row.verdict == Verdict.CONDITIONAL_PASS and not reason:
        raise UsageError(f"run {row.run[:8]} is a conditional pass: say why it is accepted with a reason")
    return checked_code("reason", reason) if reason else ""


def signed_of(row: RunRow, pair: Pair, reason: str) -> Signed:
    """Return the record by which two people stand by a run."""
    return Signed(run=row.run, technician=pair.first.op, second=pair.second.op, reason=reason)
