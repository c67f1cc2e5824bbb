"""Verifies the log for the screen: a process of its own, whose lines are read in the loop's turn."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant

COMMAND: Final = (sys.executable, "-m", "meso_device.audit.verify_process")
READ_BYTES: Final = 4_096
LINE_BYTES_MAX: Final = 4_096
TEXT_MAX: Final = 200


class VerifyRun:
    """One run at a time; a member of the loop, and what the newest run came to.

    Args:
        root: Data directory.

    Attributes:
        state: null before the first; else {state (running | held | broken), done, of, text, at_us}: for the screen.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self.state: Body | None = None

    @property
    def runs(self) -> bool:
        """Whether one is under way."""
        return self._process is not None

    def begin(self) -> None:
        """Start one, unless one runs."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            [*COMMAND, str(self._root)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        os.set_blocking(self._fd, False)
        self._unread = b""
        self.state = {"state": "running", "done": 0, "of": 0, "text": "", "at_us": 0}

    def close(self) -> None:
        """End the run that is under way: whoever asked is gone."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    # --- member -------------------------------------------------------------------------------------

    def reads(self) -> Sequence[int]:
        """Wait for its lines."""
        return (self._fd,) if self._process is not None else ()

    def writes(self) -> Sequence[int]:
        """Never wait to write."""
        return ()

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[Command]:  # noqa: ARG002  # a member's surface
        """Take the lines that have come."""
        if self._process is None or self._fd not in readable:
            return ()
        data = os.read(self._fd, READ_BYTES)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for one in lines:
            self._heard(one, now)
        if not data or len(self._unread) > LINE_BYTES_MAX:
            self._ended(now)
        return ()

    @property
    def _fd(self) -> int:
        process = self._process
        return process.stdout.fileno() if process is not None and process.stdout is not None else -1

    def _heard(self, one: bytes, now: Instant) -> None:
        try:
            said: dict[str, Any] = json.loads(one)
            if "ok" in said:
                state = "held" if said["ok"] is True else "broken"
                at = f"record {int(said['bad_seq'])}: " if said["bad_seq"] is not None else ""
                text = "" if said["ok"] is True else f"{at}{said['text']}"[:TEXT_MAX]
                number = int(said["records"])
                self.state = {"state": state, "done": number, "of": number, "text": text, "at_us": now.utc_us}
            else:
                done, of = int(said["done"]), int(said["of"])
                self.state = {"state": "running", "done": done, "of": of, "text": "", "at_us": 0}
        except (ValueError, LookupError, TypeError):  # it wrote what is no line of it: how it ends decides
            return

    def _ended(self, now: Instant) -> None:
        self._reap()
        if self.state is None or self.state["state"] == "running":
            text = "the verification ended without a result; run: meso audit verify"
            self.state = {"state": "broken", "done": 0, "of": 0, "text": text, "at_us": now.utc_us}

    def _reap(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.stdout is not None:
                process.stdout.close()
            process.kill()
            process.wait()
