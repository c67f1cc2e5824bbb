"""The limits of a bench file: looked at, and released by an administrator and a clinician."""

from pathlib import Path
from typing import Final

import msgspec

from meso_device.calibration.limits import BenchLimits, release_entry
from meso_device.cli.acting import acting
from meso_device.cli.asking import read_document
from meso_device.cli.log import reading
from meso_device.host.bench_file import parse_bench
from meso_device.people.register import Purpose
from meso_device.people.roles import Act
from meso_device.records.limits import OWN, digest_in_force

COMMAND: Final = "meso calibration limits"


def look_at_limits(home: Path | None, file: str) -> tuple[BenchLimits, bool]:
    """Return the limits of a bench file, and whether they are those in force.

    Raises:
        UsageError: the file is refused.
    """
    asked = parse_bench(read_document(file, f"bench file {file}"), file).bench_limits
    with reading(home) as db:
        in_force = digest_in_force(db) if db is not None else OWN.digest
    return asked, asked.digest == in_force


def release_limits(
    home: Path | None, file: str, *, reason: str, second: str, sign_in: str, pin_file: str
) -> tuple[BenchLimits, bool]:
    """Put the limits of a bench file in force, by two people, and return them as `look_at_limits` does.

    Raises:
        UsageError: the file is refused.
        PinRefused, NotAllowed: not these people.
        AuditWriteFailed: it could not be recorded.
    """
    asked, _ = look_at_limits(home, file)
    act, purpose = Act.RELEASE_LIMITS, Purpose.SIGNATURE
    with acting(home, command=COMMAND, act=act, sign_in=sign_in, pin_file=pin_file, purpose=purpose) as work:
        entry = release_entry(asked, work.by, reason=reason)
        work.commit_by_two(work.together_with(second, act), entry)
        return asked, asked.digest == digest_in_force(work.db)


def limits_document(asked: BenchLimits, *, in_force: bool) -> dict[str, object]:
    """Return limits as one JSON object."""
    return {"sha256": asked.digest, "in_force": in_force, **msgspec.to_builtins(asked)}


def limits_lines(asked: BenchLimits, *, in_force: bool) -> list[str]:
    """Return limits in lines."""
    values = msgspec.to_builtins(asked.limits)
    return [
        f"limits {asked.digest[:8]}: {'in force' if in_force else 'NOT RELEASED'}",
        *(f"  {name} {value}" for name, value in values.items()),
        f"  interval_days {asked.interval_days}",
    ]
