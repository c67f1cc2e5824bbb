"""The shots of a log as JSON Lines, one object an injection, for people and programs that are not ours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from meso_device.audit import canonical
from meso_device.audit.reader import reading

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def export_shots(home: Path) -> Iterator[str]:
    """Yield one line a shot, with its line end, in the order of the log; a host may be writing meanwhile.

    Raises:
        UsageError: there is no log, or it is damaged.
    """
    with reading(home) as db:
        for (body,) in db.execute("SELECT body FROM record WHERE kind = 'shot' ORDER BY seq"):
            yield json.dumps(shot_row(canonical.decode(body)), separators=(", ", ": ")) + "\n"


def shot_row(body: dict[str, Any]) -> dict[str, int | str | bool]:
    """Return the exported form of a shot's body; the order of the columns is frozen."""
    return {
        "gun_uid": body["gun"]["gun_uid"],
        "log_epoch": body["gun"]["log_epoch"],
        "shot_seq": body["shot_seq"],
        "session": body.get("sess", ""),
        "area": body["area_code"],
        "area_id": body["area"],
        "kind": body["shot_kind"],
        "depth_um": body["measured_depth_um"],
        "planned_depth_um": body["planned_depth_um"],
        "dose_lo_nl": body["dose_lo_nl"],
        "dose_hi_nl": body["dose_hi_nl"],
        "outcome": body["phase"],
        "at": rfc3339(body["at_us"]),
        "simulated": body["simulated"],
    }


def rfc3339(at_us: int) -> str:
    """Write a UTC time in microseconds since 1970 as RFC 3339, exactly."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
