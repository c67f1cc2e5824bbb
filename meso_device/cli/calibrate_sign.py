"""What of a run needs no gun: a reading that shall not count, two signatures, or giving it up."""

from pathlib import Path
from typing import Final

from meso_device.accounting.entries import Batch, CommitFailed, GunStamp
from meso_device.accounting.materials import checked_code
from meso_device.audit.store import Store
from meso_device.calibration.decision import Verdict
from meso_device.calibration.record import CalibrationRecord, Ended, Excluded, Signed, entry_of, key_of
from meso_device.calibration.run import ABANDONED, Run
from meso_device.cli.asking import ask
from meso_device.cli.calibrating import COMMAND, open_run
from meso_device.cli.desk import Desk, open_desk, own_log, sign_record, stamp_of
from meso_device.cli.log import reading
from meso_device.cli.output import say
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, role_for
from meso_device.people.signatures import authorise
from meso_device.records.calibration_runs import RunRow, RunStory, find_run, run_rows, run_story
from protocols.errors import AuditWriteFailed, MesoError, UsageError

_SIGN: Final = f"{COMMAND} sign"
_ABANDON: Final = f"{COMMAND} abandon"
_EXCLUDE: Final = f"{COMMAND} exclude"


def sign_run(run: str, *, second: str, reason: str, sign_in: str, pin_file: str, home: Path | None) -> None:
    """Let two people stand by a complete run.

    Raises:
        UsageError: there is no such run, or it is not complete.
        PinRefused, NotAllowed: not these people.
        AuditWriteFailed: it could not be recorded.
    """
    row, story = _found(run, home)
    if row.state != "complete":
        raise UsageError(f"run {row.run[:8]} is {row.state}: only a complete one is signed")
    if row.signed_seq:
        raise UsageError(f"run {row.run[:8]} is signed already")
    if row.verdict == Verdict.CONDITIONAL_PASS and not reason:
        raise UsageError(f"run {row.run[:8]} is a conditional pass: say why it is accepted with --reason CODE")
    code = checked_code("reason", reason) if reason else ""
    with open_desk(home, command=_SIGN, pin_file=pin_file) as desk:
        first = desk.prove(sign_in, Purpose.SIGNATURE)
        role_for(first.person, Act.BENCH_SIGN_OFF)
        login = second or ask("Login name of the second person", "name the second person with --second NAME")
        pair = authorise(Act.BENCH_SIGN_OFF, first, desk.prove(login, Purpose.SIGNATURE), desk.now())
        signed = Signed(run=row.run, technician=pair.first.op, second=pair.second.op, reason=code)
        with own_log(desk) as store:
            _commit(desk, store, story, signed, op=pair.first.op, role=pair.first_role.value)
            sign_record(desk, store, key_of(signed), pair)
    say(f"run {row.run[:8]}: {row.verdict.replace('_', ' ')}, signed by {pair.first.login} and {pair.second.login}")


def abandon_open(reason: str, *, sign_in: str, pin_file: str, home: Path | None) -> None:
    """Give up the newest open run.

    Raises:
        MesoError: none is open.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    code = checked_code("reason", reason)
    row = open_run(home)
    if row is None:
        raise MesoError("no run is open")
    _, story = _found(row.run, home)
    with open_desk(home, command=_ABANDON, pin_file=pin_file) as desk:
        proof = desk.prove(sign_in)
        role = role_for(proof.person, Act.CALIBRATE)
        op = proof.spend(desk.now()).op
        ended = Ended(run=row.run, state=ABANDONED, verdict=row.verdict, cal_hash8=row.cal_hash8, reason=code)
        with own_log(desk) as store:
            _commit(desk, store, story, ended, op=op, role=role.value)
    say(f"run {row.run[:8]} is abandoned; its readings stay in the log")


def exclude_reading(no: int, reason: str, *, sign_in: str, pin_file: str, home: Path | None) -> None:
    """Let a reading of the stage under way not count; it stays in the log, with reason and person.

    Raises:
        MesoError: no run is open.
        UsageError: it has no such reading, or what it belongs to is judged already.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    code = checked_code("reason", reason)
    row = open_run(home)
    if row is None:
        raise MesoError("no run is open")
    _, story = _found(row.run, home)
    run = Run(tuple(step.record for step in story.steps))
    if not any(reading.no == no for reading in run.of(run.stage)) or no in run.excluded:
        raise UsageError(f"run {row.run[:8]} has no counted reading {no} in the stage that is under way")
    excluded = Excluded(run=row.run, no=no, reason=code)
    run.then(excluded)
    with open_desk(home, command=_EXCLUDE, pin_file=pin_file) as desk:
        proof = desk.prove(sign_in)
        role = role_for(proof.person, Act.CALIBRATE)
        op = proof.spend(desk.now()).op
        with own_log(desk) as store:
            _commit(desk, store, story, excluded, op=op, role=role.value)
    say(f"run {row.run[:8]}: reading {no} does not count; it stays in the log")


def _found(run: str, home: Path | None) -> tuple[RunRow, RunStory]:
    with reading(home) as db:
        rows = run_rows(db) if db is not None else ()
        if db is None or not rows:
            raise UsageError(f"no run yet; begin with: {COMMAND} dose")
        row = find_run(db, run) if run else rows[0]
        return row, run_story(db, row.run)


def _commit(desk: Desk, store: Store, story: RunStory, record: CalibrationRecord, *, op: str, role: str) -> None:
    gun = GunStamp(
        gun_uid=story.gun["gun_uid"],
        log_epoch=story.gun["log_epoch"],
        boot_id=story.gun["boot_id"],
        firmware=story.gun["fw"],
        cal_id=story.gun["cal_id"],
        simulated=story.simulated,
    )
    [result] = store.commit([Batch(no=0, entries=(entry_of(record, gun, op=op, role=role),))], stamp_of(desk.now()))
    if isinstance(result, CommitFailed):
        raise AuditWriteFailed(result.reason)
