"""Whom a failed check touches, and the clinician's signature that it was looked at."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.materials import Actor
from meso_device.cli.acting import acting
from meso_device.cli.log import reading_log
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Meaning
from meso_device.records.calibration_runs import find_run
from meso_device.records.calibration_state import Impact, impact_of

IMPACT: Final = "calibration.impact"


def look_at_impact(home: Path | None, letters: str, *, sign: bool, sign_in: str, pin_file: str) -> tuple[Impact, bool]:
    """Return whom the run touches, and whether that was signed now.

    Raises:
        UsageError: no such run, or it did not find the gun off.
        PinRefused, NotAllowed: not this person.
    """
    with reading_log(home) as db:
        impact = impact_of(db, find_run(db, letters))
    if not sign:
        return impact, False
    sign_as_looked_at(home, lambda by: _entry(impact, by), sign_in=sign_in, pin_file=pin_file)
    return impact, True


def sign_as_looked_at(home: Path | None, entry: Callable[[Actor], Entry], *, sign_in: str, pin_file: str) -> None:
    """Record, with a clinician's signature, that it was looked at whom a finding touches.

    Raises:
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    with acting(
        home,
        command="meso calibration affected",
        act=Act.ADD_ADVERSE_EVENT,
        sign_in=sign_in,
        pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    ) as work:
        work.commit_signed(entry(work.by), Meaning.REVIEWED)


def list_sha256(touched: Struct) -> str:
    """Return the hash of a whole list of who is touched, which may be longer than a record."""
    return sha256(msgspec.json.encode(touched, order="sorted")).hexdigest()


def _entry(impact: Impact, by: Actor) -> Entry:
    """Return the record: the sums, and the hash of the whole list."""
    payload: dict[str, Json] = {
        "run": impact.run,
        "gun_uid": impact.gun_uid,
        "simulated": impact.simulated,
        "verdict": impact.verdict,
        "since_seq": impact.since_seq,
        "until_seq": impact.until_seq,
        "error_ppm": list(impact.error_ppm),
        "error_nm": list(impact.error_nm),
        "sessions": impact.sessions,
        "patients": impact.patients,
        "shots": impact.shots,
        "list_sha256": list_sha256(impact),
    }
    return Entry(kind=IMPACT, key=f"calibration/{impact.run}/impact", payload=payload, op=by.op, role=by.role)
