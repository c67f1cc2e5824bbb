"""Processes of the product that begin with its modules read: all of a process but the time that its start takes.

For tests of what a command does. A process stands ready with the product loaded (`support.warm_ready`), and a copy of
it by fork becomes the command: with its own number, session, environment, directory, files and rights, to be killed and
stopped as any other. Not for tests of how a process starts, of its terminal, or of what others see of its command line.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from support.processes import be_ordinary

MESSAGE_BYTES_MAX = 200_000


class Warm:
    """The process that stands ready, from the first start that is asked of it on."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._ready: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self.ended: dict[int, int] = {}

    def start(
        self, words: Sequence[str], *, out: int, err: int, env: Mapping[str, str], cwd: Path | None
    ) -> "WarmProcess":
        """Become the product with these arguments, and return when the process is one of its own."""
        line = self._line or self._stand_ready()
        request = json.dumps({"words": words, "env": dict(env), "cwd": str(cwd) if cwd else None}).encode()
        with Path(os.devnull).open("rb") as nothing:
            socket.send_fds(line, [request], [nothing.fileno(), out, err])
        while (pid := self.hear(None)) is None:
            pass
        return WarmProcess(self, pid)

    def hear(self, within_s: float | None) -> int | None:
        """Take what is told within this time, if anything; returns the number of a process that began."""
        assert self._line is not None
        if not select.select([self._line], [], [], within_s)[0]:
            return None
        told = self._line.recv(MESSAGE_BYTES_MAX)
        assert told, "the process that stood ready has ended"
        what, pid, code = json.loads(told)
        if what == "began":
            return pid
        self.ended[pid] = code
        return None

    def close(self) -> None:
        """End the process, and with it all that it became."""
        if self._ready is not None and self._line is not None:
            self._line.close()
            self._ready.wait(20)

    def _stand_ready(self) -> socket.socket:
        self._line, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            self._ready = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("warm_ready.py"), str(far.fileno())],
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=self._env,
                preexec_fn=be_ordinary,  # noqa: PLW1509  # two system calls, no locks
            )
        return self._line


class WarmProcess:
    """What `support.processes.Process` needs of one process, as `subprocess.Popen` has it."""

    stdin = None

    def __init__(self, warm: Warm, pid: int) -> None:
        self._warm = warm
        self.pid = pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        while self.pid not in self._warm.ended and self._told(0):
            pass
        return self._warm.ended.get(self.pid)

    def wait(self, within_s: float) -> int:
        """Wait for the end."""
        end = time.monotonic() + within_s
        while (code := self.poll()) is None:
            if not self._told(max(0, end - time.monotonic())) and time.monotonic() >= end:
                raise subprocess.TimeoutExpired(f"process {self.pid}", within_s)
        return code

    def send_signal(self, signal_no: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.Signals(signal_no))

    def _told(self, within_s: float) -> bool:
        before = len(self._warm.ended)
        self._warm.hear(within_s)
        return len(self._warm.ended) > before
