"""Starting, watching and always ending real processes of the product."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from support.warm import Warm

MARK = "MESO_BLACKBOX_RUN"
WAIT_S = 20.0

_T = TypeVar("_T")
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP = 1, 24
# What lets root pass file modes and exclusive ports; without these root is refused as anyone is.
_ROOT_POWERS = (1, 2, 3, 21)  # DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, SYS_ADMIN


def be_ordinary() -> None:
    """Run in the child before exec: die with the tests, and have no powers of root over files and ports."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for ignored in (signal.SIGINT, signal.SIGHUP):  # where the tests run in a shell's background, or by nohup
        signal.signal(ignored, signal.SIG_DFL)
    if os.geteuid() == 0:
        for power in _ROOT_POWERS:
            _LIBC.prctl(_PR_CAPBSET_DROP, power, 0, 0, 0)


def wait_for(look: Callable[[], _T], what: str, *, within_s: float = WAIT_S, every_s: float = 0.005) -> _T:
    """Look again and again until the answer is true, and return it; fail when the deadline passes."""
    end = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(every_s)


class Process:
    """One process in a session of its own, its output in files.

    Attributes:
        started_ns: Monotonic time just before it was started.
    """

    def __init__(
        self,
        argv: Iterable[str | Path],
        *,
        out_stem: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        prepare: Callable[[], None] | None = None,
        stdin: int = subprocess.DEVNULL,
        warm: "Warm | None" = None,
    ) -> None:
        self.argv = [str(part) for part in argv]
        self.out_path = out_stem.with_suffix(".out")
        self.err_path = out_stem.with_suffix(".err")

        def in_child() -> None:
            be_ordinary()
            if prepare is not None:
                prepare()

        self.started_ns = time.monotonic_ns()
        with self.out_path.open("wb") as out, self.err_path.open("wb") as err:
            self._process = (
                subprocess.Popen(
                    self.argv,
                    stdin=stdin,
                    stdout=out,
                    stderr=err,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                    preexec_fn=in_child,  # noqa: PLW1509  # two system calls, no locks
                )
                if warm is None
                else warm.start(self.argv[1:], out=out.fileno(), err=err.fileno(), env=env, cwd=cwd)
            )
        self.pid = self._process.pid
        self.stdin = self._process.stdin

    @property
    def out(self) -> str:
        """Standard output so far."""
        return self.out_path.read_text(errors="backslashreplace")

    @property
    def err(self) -> str:
        """Standard error so far."""
        return self.err_path.read_text(errors="backslashreplace")

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Exit status as a shell would show it: 128 + signal when a signal ended it."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def send(self, signal_no: int) -> int:
        """Send a signal to this process alone, and return the monotonic time just before."""
        now_ns = time.monotonic_ns()
        self._process.send_signal(signal_no)
        return now_ns

    def wait(self, within_s: float = WAIT_S) -> int:
        """Wait for its end and return the exit status as a shell shows it."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within_s} s: {self.describe()}") from None
        status = self.status
        assert status is not None
        return status

    def kill(self) -> None:
        """End it and its whole group at once, whatever its state, and reap it."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        if self.running:  # once reaped, its number may belong to another
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(WAIT_S)

    def describe(self) -> str:
        """Command, status and the ends of both outputs, for failure messages."""
        return (
            f"{' '.join(self.argv)}\n  status {self.status}\n  stdout: {self.out[-1500:]!r}\n"
            f"  stderr: {self.err[-1500:]!r}"
        )

    def json(self) -> dict:
        """The last line of its output as JSON."""
        lines = self.out.strip().splitlines()
        assert lines, f"no output: {self.describe()}"
        return json.loads(lines[-1])

    def ok(self, within_s: float = WAIT_S) -> "Process":
        """Wait for it and require exit status 0."""
        assert self.wait(within_s) == 0, self.describe()
        return self


def meso_argv() -> list[str]:
    """How to start the product: the installed script beside this interpreter, else the module."""
    script = Path(sys.executable).with_name("meso")
    return [str(script)] if script.exists() else [sys.executable, "-m", "meso_device"]


def command_of(pid: int) -> bytes:
    """Command line of a process, its words parted by zero bytes; empty where it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    """Whether a process holds anything yet: not once it is reaped, or waits to be with its last thread ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
        return state not in {"Z", "X"} or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False


def marked_processes(mark: str) -> list[int]:
    """Processes whose environment carries the mark, zombies left out."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]
