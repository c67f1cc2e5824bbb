"""STOP: from the key's bytes on the operator's terminal to the STOP frame on the gun's port, key by key.

Real processes, real pseudo-terminals, a real log. Beside each condition, in the same run: the same key by a priority
binding inside Textual, which is the way without a host process that owns the terminal.
"""

import fcntl
import os
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocols.wire.frame import Deframer

KEYS = int(os.environ.get("BENCH_STOP_KEYS", "2000"))
"""Of the host's tap, for each condition."""
BINDING_KEYS = max(100, KEYS // 10)
F8, F9 = b"\x1b[19~", b"\x1b[20~"
STOP_BYTES = bytes.fromhex("11103fffffffffffffffffffff634f312000")
ESTOPPED = 0x42
LOST_S = 2.0
QUIET_S = (0.004, 0.020)
STOPPED_S, GOING_S = 5.0, 0.7
"""A screen that stands still for 10 s is ended, so it is let go on in between."""
P50_MS, P99_MS, MAX_MS = 1.0, 10.0, 50.0


class Desk:
    """A host on a terminal, a gun behind a port whose other end is ours."""

    def __init__(self, place: Path) -> None:
        self.chance = random.Random(1)
        self.link = place / "gun.tty"
        meso = [sys.executable, "-m", "meso_device", "simulate", "--hand", "none", "--link", str(self.link)]
        self.gun_process = subprocess.Popen(meso, stdout=subprocess.PIPE, text=True)
        self.gun_process.stdout.readline()
        self.gun = os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.gun)
        self.port, slave = os.openpty()
        tty.setraw(slave)
        self.terminal, outer = os.openpty()
        fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        for fd in (self.port, self.terminal):
            os.set_blocking(fd, False)
        self.host = subprocess.Popen(
            [sys.executable, "-m", "bench.stop_host", str(place / "home"), os.ttyname(slave)],
            stdin=outer,
            stdout=outer,
            stderr=outer,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        self.ends = (slave, outer)
        self.to_gun = b""
        self.from_gun = Deframer()
        self.stop_at_ns = 0
        self.stopped_at_ns = 0
        self.screen = 0

    def pump(self, seconds: float) -> None:
        """Carry bytes between host and gun, take the terminal's; note the first STOP since it was cleared."""
        readable, _, _ = select.select([self.port, self.gun, self.terminal], [], [], seconds)
        now_ns = time.monotonic_ns()
        if self.port in readable:
            data = os.read(self.port, 4_096)
            self.to_gun = self.to_gun[-len(STOP_BYTES) + 1 :] + data
            if STOP_BYTES in self.to_gun:
                self.stop_at_ns = self.stop_at_ns or now_ns
                self.to_gun = b""
            os.write(self.gun, data)
        if self.gun in readable:
            data = os.read(self.gun, 4_096)
            if any(frame.type == ESTOPPED for frame in self.from_gun.feed(data)):
                self.stopped_at_ns = now_ns
            os.write(self.port, data)
        if self.terminal in readable:
            os.read(self.terminal, 65_536)

    def press(self, key: bytes) -> float | None:
        """Milliseconds from key to frame; None where none came."""
        self.stop_at_ns = self.stopped_at_ns = 0
        at_ns = time.monotonic_ns()
        os.write(self.terminal, key)
        while not self.stop_at_ns or not self.stopped_at_ns:
            self.pump(0.1)
            if time.monotonic_ns() - at_ns > LOST_S * 1e9:
                break
        took_ms = (self.stop_at_ns - at_ns) / 1e6 if self.stop_at_ns else None
        self.rest(self.chance.uniform(*QUIET_S))
        return took_ms

    def rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.pump(left)

    def begin(self) -> None:
        """Wait until host, gun and screen are up."""
        until = time.monotonic() + 30
        while self.press(F8) is None or not self.stopped_at_ns:
            if time.monotonic() > until:
                raise SystemExit("the console did not come up")
        children = Path(f"/proc/{self.host.pid}/task/{self.host.pid}/children")
        self.screen = int(children.read_text().split()[0])
        while self.press(F9) is None:
            if time.monotonic() > until:
                raise SystemExit("the screen did not come up")

    def close(self) -> None:
        self.host.terminate()
        until = time.monotonic() + 5
        while self.host.poll() is None and time.monotonic() < until:
            self.pump(0.05)
        self.host.kill()
        self.host.wait()
        self.gun_process.terminate()
        self.gun_process.wait()
        for fd in (self.port, self.terminal, self.gun, *self.ends):
            os.close(fd)


@contextmanager
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as name:
        one = Desk(Path(name))
        try:
            one.begin()
            yield one
        finally:
            one.close()


def figures(times: list[float | None]) -> dict[str, float]:
    """Quantiles of what arrived, and how many did not."""
    came = sorted(one for one in times if one is not None)
    return {
        "p50": came[len(came) // 2],
        "p99": came[len(came) * 99 // 100],
        "max": came[-1],
        "lost": len(times) - len(came),
    }


def stopped(one: Desk, count: int) -> list[float | None]:
    """Press while the screen stands still, letting it breathe in between."""
    times: list[float | None] = []
    while len(times) < count:
        os.kill(one.screen, signal.SIGSTOP)
        until = time.monotonic() + STOPPED_S
        while time.monotonic() < until and len(times) < count:
            times.append(one.press(F8))
        os.kill(one.screen, signal.SIGCONT)
        one.rest(GOING_S)
    return times


def rows_of(condition: str, tap: dict[str, float], binding: dict[str, float] | None) -> list[dict]:
    gates = {"p50": P50_MS, "p99": P99_MS, "max": MAX_MS}
    return [
        {
            "name": f"STOP, {condition}: {name} of {KEYS} keys",
            "value": tap[name],
            "unit": "ms",
            "floor_name": "binding in Textual" if binding is not None else "gate",
            "floor_value": binding[name] if binding is not None else gate,
            "ratio": tap[name] / (binding[name] if binding is not None else gate),
            "target": f"<= {gate:g} ms, none lost ({tap['lost']:.0f} lost)",
            "ok": tap[name] <= gate and not tap["lost"],
        }
        for name, gate in gates.items()
    ]


def run() -> list[dict]:
    """Return the rows of the bench."""
    rows = []
    with desk() as one:
        binding = figures([one.press(F9) for _ in range(BINDING_KEYS)])
        rows += rows_of("idle", figures([one.press(F8) for _ in range(KEYS)]), binding)
        os.kill(one.screen, signal.SIGUSR1)
        binding = figures([one.press(F9) for _ in range(BINDING_KEYS)])
        rows += rows_of("screen busy", figures([one.press(F8) for _ in range(KEYS)]), binding)
        os.kill(one.screen, signal.SIGUSR1)
        one.rest(1)
        rows += rows_of("screen stopped", figures(stopped(one, KEYS)), None)
    return rows
