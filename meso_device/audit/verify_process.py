"""``python -m meso_device.audit.verify_process DIRECTORY``: verifies a log in a process of its own, for whoever reads.

Writes one JSON object a line: ``{"done", "of"}`` now and then, and at the end ``{"ok", "records", "shots", "bad_seq",
"text"}``. It gives way to everything else that runs.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from meso_device.audit.verify import verify_home
from protocols.errors import MesoError

TELL_S: Final = 0.2
NICE: Final = 10


def main(directory: str) -> int:
    """Verify, and say how far; return the exit status."""
    os.nice(NICE)
    told_s = 0.0

    def tell(fields: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(fields) + "\n")
        sys.stdout.flush()

    def progress(done: int, of: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            tell({"done": done, "of": of})

    try:
        report = verify_home(Path(directory), progress=progress)
    except MesoError as error:
        tell({"ok": False, "records": 0, "shots": 0, "bad_seq": None, "text": str(error)})
        return 1
    found = {"ok": report.ok, "records": report.records, "shots": report.shots, "bad_seq": report.bad_seq}
    tell({**found, "text": report.bad})
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
