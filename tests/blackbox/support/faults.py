"""Faults of the kernel's answers in a running process: strace kills it, or fails a call, at the N-th system call."""

import re
import shutil
import subprocess
import time
from pathlib import Path

from support.processes import Process, wait_for

_STRACE = shutil.which("strace") or ""


def strace_missing() -> str:
    """Return why strace cannot be used here; empty when it can."""
    if not _STRACE:
        return "strace is not installed"
    done = subprocess.run([_STRACE, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return f"strace is not permitted here: {done.stderr.strip()}" if done.returncode else ""


def threads(process: Process) -> list[int]:
    """Threads of a process, the main one first; the second one of a host is its log's writer."""
    try:
        return sorted(int(entry.name) for entry in Path(f"/proc/{process.pid}/task").iterdir())
    except FileNotFoundError:
        return []


class Fault:
    """One fault, set on one thread while it runs.

    Args:
        thread: Thread id.
        call: System call.
        what: As strace says it: ``signal=SIGKILL``, ``error=EIO``.
        when: As strace says it: ``3`` for the third call from now on, ``3+`` for it and all later ones.
        trace: File for the calls.
    """

    def __init__(self, thread: int, call: str, what: str, when: str, trace: Path) -> None:
        self._trace = trace
        self._strace = subprocess.Popen(
            [
                _STRACE, "-o", trace, "-s", "0", "-e", f"trace={call},pwrite64,fdatasync",
                "-e", f"inject={call}:{what}:when={when}", "-p", str(thread),
            ],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._strace.stderr is not None
        self.attached = "attached" in self._strace.stderr.readline()

    def calls(self) -> list[str]:
        """The calls so far."""
        return self._trace.read_text().splitlines()

    @property
    def struck(self) -> bool:
        """Whether it has happened."""
        return any("(INJECTED)" in line or "+++ killed" in line for line in self.calls())

    def wait(self, process: Process, *, within_s: float = 20.0) -> None:
        """Wait until it has happened or the process has ended without."""
        wait_for(lambda: self.struck or not process.running, "the fault", within_s=within_s)

    def written_after(self) -> list[str]:
        """Calls after the first failed one that wrote to the disk or synced it."""
        lines = self.calls()
        at = next((at for at, line in enumerate(lines) if "(INJECTED)" in line), len(lines))
        return [line for line in lines[at + 1 :] if re.match(r"pwrite64|fdatasync", line) and "INJECTED" not in line]

    def close(self) -> None:
        """Let go of the thread."""
        if self._strace.poll() is None:
            self._strace.terminate()
        self._strace.wait(20)
        assert self._strace.stderr is not None
        self._strace.stderr.close()


def writer_of(process: Process, *, within_s: float = 20.0) -> int:
    """Wait until a host has its writer thread, and return its id; 0 when it ended before."""
    end = time.monotonic() + within_s
    while time.monotonic() < end and process.running:
        found = threads(process)
        if len(found) > 1:
            return found[1]
        time.sleep(0.002)
    return 0
