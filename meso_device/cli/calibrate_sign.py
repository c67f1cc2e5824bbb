"""What of a run needs no gun: a reading that shall not count, two signatures, or giving it up."""

from pathlib import Path
from typing import Final

from meso_device.calibration.record import entry_of
from meso_device.cli.asking import ask
from meso_device.cli.calibrating import COMMAND
from meso_device.cli.desk import commit, open_desk, own_log
from meso_device.cli.log import reading
from meso_device.cli.output import say
from meso_device.host.bench_runs import (
    KnownRun,
    abandoned_of,
    excluded_of,
    known_run,
    open_run,
    reason_to_sign,
    signed_of,
)
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, role_for
from meso_device.people.signatures import authorise, sign_together
from meso_device.records.calibration_runs import find_run, run_rows
from protocols.errors import MesoError, UsageError

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
    known = _found(run, home)
    row = known.row
    code = reason_to_sign(known.row, reason)
    with open_desk(home, command=_SIGN, pin_file=pin_file) as desk:
        first = desk.prove(sign_in, Purpose.SIGNATURE)
        role_for(first.person, Act.BENCH_SIGN_OFF)
        login = second or ask("Login name of the second person", "name the second person with --second NAME")
        pair = authorise(Act.BENCH_SIGN_OFF, first, desk.prove(login, Purpose.SIGNATURE), desk.now())
        signed = signed_of(row, pair, code)
        with own_log(desk) as store:
            entry = entry_of(signed, known.gun, op=pair.first.op, role=pair.first_role.value)
            commit(desk, store, entry, *sign_together(entry, pair))
    say(f"run {row.run[:8]}: {row.verdict.replace('_', ' ')}, signed by {pair.first.login} and {pair.second.login}")


def abandon_open(reason: str, *, sign_in: str, pin_file: str, home: Path | None) -> None:
    """Give up the newest open run.

    Raises:
        MesoError: none is open.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    known = _open(home)
    ended = abandoned_of(known, reason)
    with open_desk(home, command=_ABANDON, pin_file=pin_file) as desk:
        proof = desk.prove(sign_in)
        role = role_for(proof.person, Act.CALIBRATE)
        op = proof.spend(desk.now()).op
        with own_log(desk) as store:
            commit(desk, store, entry_of(ended, known.gun, op=op, role=role.value))
    say(f"run {known.row.run[:8]} is abandoned; its readings stay in the log")


def exclude_reading(no: int, reason: str, *, sign_in: str, pin_file: str, home: Path | None) -> None:
    """Let a reading of the stage under way not count; it stays in the log, with reason and person.

    Raises:
        MesoError: no run is open.
        UsageError: it has no such reading, or what it belongs to is judged already.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    known = _open(home)
    excluded = excluded_of(known, no, reason)
    with open_desk(home, command=_EXCLUDE, pin_file=pin_file) as desk:
        proof = desk.prove(sign_in)
        role = role_for(proof.person, Act.CALIBRATE)
        op = proof.spend(desk.now()).op
        with own_log(desk) as store:
            commit(desk, store, entry_of(excluded, known.gun, op=op, role=role.value))
    say(f"run {known.row.run[:8]}: reading {no} does not count; it stays in the log")


def _found(run: str, home: Path | None) -> KnownRun:
    with reading(home) as db:
        rows = run_rows(db) if db is not None else ()
        if db is None or not rows:
            raise UsageError(f"no run yet; begin with: {COMMAND} dose")
        return known_run(db, find_run(db, run) if run else rows[0])


def _open(home: Path | None) -> KnownRun:
    with reading(home) as db:
        known = open_run(db) if db is not None else None
    if known is None:
        raise MesoError("no run is open")
    return known
