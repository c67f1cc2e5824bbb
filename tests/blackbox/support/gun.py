"""The simulated gun as an outsider sees it: a process, a port, a file of what really happened."""

import fcntl
import os
import select
import signal
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path

from support import frames
from support.processes import Process, wait_for
from support.records import Truth, read_truth

LEASE_MS = 500


class SimulatedGun:
    """``meso simulate`` with its memory and truth in files, so that it can be killed and started again."""

    def __init__(self, *, start: Callable[..., Process], folder: Path, name: str, seed: int, rate: int) -> None:
        self.link = folder / f"{name}.tty"
        self.nvm = folder / f"{name}.nvm"
        self.truth_path = folder / f"{name}.truth"
        self._start = start
        self._seed = seed
        self._rate = rate
        self.process: Process | None = None

    def start(self, *extra: str, hand: str = "auto") -> "SimulatedGun":
        """Start it (again) and wait until it says that it is ready."""
        self.process = self._start(
            "simulate", "--link", self.link, "--nvm", self.nvm, "--truth", self.truth_path,
            "--seed", str(self._seed), "--hand", hand, "--rate", str(self._rate), *extra,
        )  # fmt: skip
        process = self.process
        wait_for(
            lambda: f"ready {self.link}" in process.out.splitlines() or not process.running,
            "ready line of the simulated gun",
        )
        assert process.running, process.describe()
        return self

    def kill(self) -> None:
        """Cut its power: SIGKILL. The name of its port goes, as it does for a device: its number is soon another's."""
        assert self.process is not None
        self.process.send(signal.SIGKILL)
        self.process.wait()
        self.link.unlink(missing_ok=True)

    def truth(self) -> list[Truth]:
        """What physically happened so far."""
        return read_truth(self.truth_path)

    def shots(self) -> int:
        """Number of strokes that physically ended so far; cheap enough to poll."""
        try:
            return self.truth_path.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0


def open_port(path: Path) -> int:
    """Open a port as an impolite outsider: raw, non-blocking, asking nobody."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(fd)
    except termios.error:
        os.close(fd)
        raise
    return fd


def ask_hello(path: Path, *, within_s: float = 3.0) -> dict[str, int | bytes]:
    """Say HELLO as a reader, which changes nothing at the gun, and return its answer."""
    fd = open_port(path)
    try:
        nonce = os.urandom(16)
        reader = frames.Reader()
        request = frames.hello_request(nonce, os.urandom(16))
        end = time.monotonic() + within_s
        asked = 0.0
        while time.monotonic() < end:
            if time.monotonic() - asked > 0.3:
                asked = time.monotonic()
                os.write(fd, request)
            if not select.select([fd], [], [], 0.05)[0]:
                continue
            for frame in reader.feed(os.read(fd, 4096)):
                if frame.type == frames.HELLO | frames.REPLY and frame.payload[-16:] == nonce:
                    return frames.parse_hello(frame.payload)
    finally:
        os.close(fd)
    raise AssertionError(f"no HELLO reply from {path} within {within_s} s")


def assert_gun_disarmed(path: Path) -> dict[str, int | bytes]:
    """Require that within the lease the gun says, asked by HELLO, that it has no credit and is not armed."""
    end = time.monotonic() + LEASE_MS / 1000 + 1.5  # a stroke under way may end first
    while True:
        hello = ask_hello(path)
        if (
            hello["state"] in {frames.STATE_SAFE, frames.STATE_ESTOPPED}
            and not hello["active_grant_no"]
            and not hello["remaining_shots"]
        ):
            return hello
        assert time.monotonic() < end, f"gun still {frames.STATES[int(hello['state'])]}: {hello}"
        time.sleep(0.02)


def lock_port(path: Path) -> int:
    """Hold a port the way serial programs do, with an advisory lock; close the descriptor to let go."""
    fd = open_port(path)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd
