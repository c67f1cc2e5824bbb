"""Real processes on a real disk: killed at the N-th system call, or told by the kernel that the disk has failed."""

import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.storage.judge import judge_home

WRITING = ("pwrite64", "fdatasync", "fsync", "openat", "ftruncate", "write", "unlink", "rename", "mkdir")
READING = ("pread64",)
WAIT_S = 20.0
_KILLED = 128 + 9


@dataclass(frozen=True)
class Fault:
    """What happens to one thread of the process.

    Attributes:
        thread: main, from the opening of the log on, or writer, from the first commit on.
        call: System call.
        when: The how-manieth of them.
        what: signal=SIGKILL, or error=EIO and the like.
        on: Whether it goes on so with every later call of that kind.
    """

    thread: str
    call: str
    when: int
    what: str
    on: bool = False

    def __str__(self) -> str:
        return f"{self.what} at {self.call} {self.when}{'+' if self.on else ''} of the {self.thread} thread"


@dataclass
class Told:
    """What one process said, and how it ended."""

    lines: list[str]
    status: int
    calls: list[str]

    @property
    def acknowledged(self) -> int:
        """The newest shot that somebody was told is durable."""
        return max((int(line.split()[1]) for line in self.lines if line.startswith("ack ")), default=0)

    @property
    def struck(self) -> bool:
        """Whether the fault happened."""
        return self.status == _KILLED or any("(INJECTED)" in call for call in self.calls)

    def after_fault(self) -> list[str]:
        """System calls of the thread after the injected error."""
        at = next((at for at, call in enumerate(self.calls) if "(INJECTED)" in call), len(self.calls))
        return self.calls[at + 1 :]


def strace_works() -> str:
    """Return why strace cannot be used here; empty when it can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    done = subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return f"strace is not permitted here: {done.stderr.strip()}" if done.returncode else ""


class Drivers:
    """Starts one driver process after another by a process that has loaded the product already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.driver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self._count = 0

    def close(self) -> None:
        """End the server."""
        _pipe(self._server.stdin).close()
        self._server.wait(WAIT_S)
        _pipe(self._server.stdout).close()

    def run(self, home: Path, shots: int, fault: Fault | None, *, calls: tuple[str, ...] = WRITING + READING) -> Told:
        """Let a driver work on a log, with at most one fault."""
        self._count += 1
        out, go, trace = (self.folder / f"{self._count}.{name}" for name in ("out", "go", "trace"))
        os.mkfifo(go)
        gate = os.open(go, os.O_RDWR)
        strace = None
        try:
            _pipe(self._server.stdin).write(f"{home} {shots} {out} {go}\n")
            _pipe(self._server.stdin).flush()
            for thread in ("main", "writer"):
                found = self._wait_line(out, thread)
                if found is None:
                    break
                if fault is not None and fault.thread == thread:
                    strace = _attach(int(found.split()[1]), fault, trace, calls)
                os.write(gate, b"g")
            status = int(_pipe(self._server.stdout).readline())
        finally:
            os.close(gate)
            if strace is not None:
                strace.wait(WAIT_S)
                _pipe(strace.stderr).close()
        lines = out.read_text().splitlines()
        return Told(lines, status, trace.read_text().splitlines() if trace.exists() else [])

    def _wait_line(self, out: Path, word: str) -> str | None:
        """Return the line that begins so; None when the process ends without it."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            text = out.read_text() if out.exists() else ""
            for line in text[: text.rfind("\n") + 1].splitlines():
                if line.startswith(word + " "):
                    return line
                if line.startswith(("refused", "closed")):
                    return None
            if select.select([_pipe(self._server.stdout)], [], [], 0.001)[0]:
                return None
        raise AssertionError(f"no {word} in {out}")


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _attach(thread_id: int, fault: Fault, trace: Path, calls: tuple[str, ...]) -> subprocess.Popen[str]:
    inject = (
        ["-e", f"inject={fault.call}:{fault.what}:when={fault.when}{'+' if fault.on else ''}"] if fault.when else []
    )
    strace = subprocess.Popen(
        ["strace", "-o", trace, "-s", "0", "-e", f"trace={','.join(calls)}", *inject, "-p", str(thread_id)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    told = _pipe(strace.stderr).readline()
    assert "attached" in told, told
    return strace


def count_calls(drivers: Drivers, home: Path, shots: int, thread: str) -> Counter[str]:
    """Return how many calls of each kind a thread makes when nothing is wrong."""
    told = drivers.run(home, shots, Fault(thread, "none", 0, ""))
    assert told.status == 0, told.lines
    return Counter(match[1] for call in told.calls if (match := re.match(r"(\w+)\(", call)))


@contextmanager
def drivers() -> Iterator[Drivers]:
    """A folder and a server for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix="meso-kills-"))
    server = Drivers(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Findings:
    """What became of the faults so far."""

    faults: int = 0
    struck: int = 0
    untold: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, fault: Fault, told: Told, wrong: str, stored: int) -> None:
        """Count one."""
        self.faults += 1
        self.struck += told.struck
        self.untold += stored > told.acknowledged
        if wrong:
            self.wrong.append(f"{fault}: {wrong}; it said {told.lines[-3:]}")


def kill(server: Drivers, home: Path, fault: Fault, shots: int, before: int, found: Findings) -> int:
    """Kill a driver once, judge what it leaves, and return how many shots the log holds."""
    told = server.run(home, shots, fault)
    stored, wrong = judge_home(home, max(before, told.acknowledged))
    if not wrong and stored > max(before, told.acknowledged) + shots:
        wrong = f"{stored} shots in the log, {told.acknowledged} were told"
    found.add(fault, told, wrong, stored)
    return stored


def kill_many(count: int, seed: int) -> Findings:
    """Kill drivers that take up one log after another, at calls drawn from all that they make."""
    found = Findings()
    chance = random.Random(seed)
    shots = 8
    with drivers() as server:
        counts = {
            (thread, start): count_calls(server, server.folder / f"count-{thread}", shots, thread)
            for thread in ("main", "writer")
            for start in ("fresh", "again")
        }
        while found.struck < count:
            home, before = server.folder / f"home-{found.faults}", 0
            for start in ("fresh", "again", "again", "again"):
                thread = chance.choice(("main", "writer", "writer"))
                calls = counts[thread, start]
                call = chance.choice([name for name in WRITING if calls[name]])
                fault = Fault(thread, call, chance.randint(1, calls[call]), "signal=SIGKILL")
                before = kill(server, home, fault, shots, before, found)
            shutil.rmtree(home)
    return found


def fail_each(
    errors: tuple[str, ...],
    *,
    shots: int,
    step: int,
    calls: tuple[str, ...] = WRITING + READING,
    again: bool = False,
    on: bool = False,
) -> Findings:
    """Let each call of both threads fail once; every ``step``-th of those with many.

    Args:
        errors: Names of what the kernel answers.
        shots: How many shots are delivered.
        step: See above.
        calls: System calls.
        again: Take up a log that a killed process left, instead of beginning one.
        on: Whether all later calls of that kind fail too.
    """
    found = Findings()
    with drivers() as server:
        killed, before = _killed_home(server, shots) if again else (None, 0)
        for thread in ("main", "writer"):
            home = server.folder / f"count-{thread}"
            if killed is not None:
                shutil.copytree(killed, home)
            counts = count_calls(server, home, shots, thread)
            for call in calls:
                if (thread, call) == ("writer", "write"):
                    continue  # a pipe of its own, no disk
                for when in range(1, counts[call] + 1, step if counts[call] > 12 else 1):
                    for error in errors:
                        fault = Fault(thread, call, when, f"error={error}", on=on)
                        fail(server, fault, shots, found, killed, before)
    return found


def _killed_home(server: Drivers, shots: int) -> tuple[Path, int]:
    """Return a log whose process was killed in mid-commit, and what it had told."""
    home = server.folder / "killed"
    told = server.run(home, 3 * shots, Fault("writer", "fdatasync", 2 * shots // 3, "signal=SIGKILL"))
    assert told.status == _KILLED, told.lines
    return home, told.acknowledged


def fail(
    server: Drivers, fault: Fault, shots: int, found: Findings, killed: Path | None = None, before: int = 0
) -> None:
    """Let one call fail, and judge what was said and what is left."""
    home = server.folder / f"home-{found.faults}"
    if killed is not None:
        shutil.copytree(killed, home)
    told = server.run(home, shots, fault)
    wrong = _misbehaviour(told)
    stored, lost = judge_home(home, max(before, told.acknowledged))
    found.add(fault, told, wrong or lost, stored)
    shutil.rmtree(home, ignore_errors=True)


def _misbehaviour(told: Told) -> str:
    words = [line.split()[0] for line in told.lines]
    ends = {0: "closed", 1: "closed", 2: "refused"}
    if ends.get(told.status) != words[-1] or (told.status == 1) != ("failed" in words):
        return f"ended with {told.status}"
    if "failed" in words:
        if "ack" in words[words.index("failed") :]:
            return "acknowledged after a failure"
        written = [call for call in told.after_fault() if re.match(r"pwrite64|fdatasync|ftruncate", call)]
        if written:
            return f"wrote after the failure: {written[:2]}"
    refused = [line for line in told.lines if line.startswith("refused ")]
    if any(len(line) < 20 for line in refused):
        return "does not say why"
    return ""
