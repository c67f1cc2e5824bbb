"""The truth file: what physically happened, one JSON object a line, written by the body and never by the firmware."""

import json
import os
from pathlib import Path
from typing import Any, Final

from protocols.errors import UsageError
from simulator.physics import Injection

_TAIL: Final = 65_536  # more than any line: the last whole one is always inside


class TruthFile:
    """Appends each injection with one write, so that a kill leaves whole lines.

    A process that was killed between writing a line and remembering that it did would report that stroke again when
    it starts. While ``recovering``, a stroke equal in identity to the last line is therefore left out.
    """

    def __init__(self, path: Path) -> None:
        """Open for appending; a torn last line of an earlier process is cut off.

        Raises:
            UsageError: the file cannot be written, or is not a truth file.
        """
        self.recovering = True
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(f"truth file {path} refused: {error.strerror}; name a file that can be written") from error
        try:
            self._last = self._last_identity(path)
        except BaseException:
            os.close(self._file)
            raise

    def append(self, injection: Injection) -> None:
        """Write one line.

        Raises:
            UsageError: the disk refuses; the truth would be incomplete from here on, so the simulation must end.
        """
        label = injection.label
        identity = (label.gun_uid, label.log_epoch, label.shot_seq)
        if self.recovering and identity == self._last:
            return
        line = json.dumps(truth_row(injection), separators=(",", ":")) + "\n"
        try:
            written = os.write(self._file, line.encode("ascii"))
        except OSError as error:
            raise UsageError(f"truth file cannot be written: {error.strerror}; the simulation ends here") from error
        if written != len(line):
            raise UsageError("truth file cannot be written: disk full; the simulation ends here")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _last_identity(self, path: Path) -> tuple[str, int, int] | None:
        size = os.fstat(self._file).st_size
        tail = os.pread(self._file, min(size, _TAIL), max(0, size - _TAIL))
        whole, newline, torn = tail.rpartition(b"\n")
        if torn:
            os.ftruncate(self._file, size - len(torn))
        if not newline:
            return None
        try:
            row = json.loads(whole.rpartition(b"\n")[2])
            return row["gun_uid"], row["log_epoch"], row["shot_seq"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"truth file {path} refused: its last line is no injection; name another") from error


def truth_row(injection: Injection) -> dict[str, Any]:
    """The object of one line."""
    label = injection.label
    return {
        "gun_uid": label.gun_uid,
        "log_epoch": label.log_epoch,
        "shot_seq": label.shot_seq,
        "kind": label.kind,
        "grant_no": label.grant_no,
        "area": label.area_code,
        "depth_um": injection.depth_um,
        "dose_nl": injection.dose_nl,
        "outcome": injection.outcome,
        "at_us": injection.at_us,
        "skin_nl": injection.skin_nl,
        "leaked_nl": injection.leaked_nl,
        "drop_ug": injection.drop_ug,
    }
