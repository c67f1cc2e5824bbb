"""The host process while injections arrive: its CPU time, with the live screen on and every byte relayed.

A real host on a real terminal, its screen as its child, a simulated gun behind a PTY whose hand pulls nine times a
second. What is counted is the host process alone, with all of its threads: link, engine, commits, snapshots, relay.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import suppress
from pathlib import Path

from meso_device.audit.reader import reading

POINTS, DOSE_UL = 80, 6
"""One area of the plan, within its cap: nine seconds without a pause."""
SHARE_MAX = 5.0
SHOTS_PER_S = 9
SETTLED_S = 1.0
LOOKED_S, PACE_S = 0.4, 0.06
PRACTICE = Path(__file__).parent.parent / "protocols" / "treatment" / "library" / "practice.toml"
# The console's own simulated gun is pulled slowly, to be followed.
FAST_HAND = (
    "import meso_device.cli.console_start as start, runpy\n"
    f"start.RATE_PER_S = {SHOTS_PER_S}\n"
    "runpy.run_module('meso_device', run_name='__main__')"
)
SIZE = struct.pack("HHHH", 40, 120, 0, 0)


class Operator:
    """Hands on a terminal, and the host that was started on it."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        plan = place / "bench.toml"
        plan.write_text(long_plan())
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, SIZE)
        words = ["console", "--simulate", "--protocol", str(plan), "--home", str(self.home)]
        self.host = subprocess.Popen(
            [sys.executable, "-c", FAST_HAND, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)
        self.painted = b""

    def read(self, seconds: float) -> None:
        """Take what is painted, for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                with suppress(OSError):  # the host has ended, and its terminal with it: whoever waits sees nothing
                    self.painted += os.read(self.master, 65_536)

    def sees(self, text: str, seconds: float = 30.0) -> None:
        """Wait until a text was painted since the newest key."""
        until = time.monotonic() + seconds
        while text.encode() not in self.painted:
            if time.monotonic() > until:
                raise TimeoutError(f"{text!r} was never painted, but: {self.painted[-2_000:]!r}")
            self.read(0.05)

    def press(self, *keys: bytes) -> None:
        """Press keys one after the other, as a person does."""
        for key in keys:
            self.painted = b""
            os.write(self.master, key)
            self.read(PACE_S)

    def arm(self) -> None:
        """Come from an empty data directory to the first area under way."""
        self.sees("Welcome")
        self.press(b"\x1b")
        self.sees("bench")
        self.press(b"\r")  # a file named comes first
        self.sees("confirm and go on")
        self.press(b"c")
        self.sees("READY")
        self.press(b"a")
        self.sees("Enter to arm")
        self.read(LOOKED_S)
        self.press(b"F", b"2", b"\r")
        self.sees("ARMED")

    def cpu_s(self) -> float:
        """CPU time of the host process so far, all its threads."""
        fields = Path(f"/proc/{self.host.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def shots(self) -> int:
        """Injections that are in the log."""
        with reading(self.home) as db:
            return db.execute("SELECT count(*) FROM shot").fetchall()[0][0]

    def close(self) -> None:
        self.host.terminate()
        until = time.monotonic() + 5
        while self.host.poll() is None and time.monotonic() < until:
            self.read(0.05)
        self.host.kill()
        self.host.wait()
        os.close(self.master)


def long_plan() -> str:
    """The practice treatment with one long area."""
    head, _, _ = PRACTICE.read_text().partition("[[area]]")
    head = head.replace('id = "practice"', 'id = "bench"').replace("Practice treatment, face", "bench")
    dose = f'dose = "0.00{DOSE_UL} mL"'
    return f'{head}[[area]]\nid = "forehead"\ndepth = "1 mm"\n{dose}\npoints = {POINTS}\ncap = "0.5 mL"\n'


def share() -> tuple[float, float]:
    """Return per cent of a core, and shots a second meanwhile."""
    with tempfile.TemporaryDirectory() as place:
        one = Operator(Path(place))
        try:
            one.arm()
            one.read(SETTLED_S)
            shots, cpu_s, began = one.shots(), one.cpu_s(), time.monotonic()
            one.read((POINTS - shots) / SHOTS_PER_S - SETTLED_S)
            took = time.monotonic() - began
            return 100 * (one.cpu_s() - cpu_s) / took, (one.shots() - shots) / took
        finally:
            one.close()


def run() -> list[dict]:
    """Return the row of the bench."""
    percent, rate = share()
    return [
        {
            "name": f"host: CPU at {rate:.1f} shots/s, live screen on",
            "value": percent,
            "unit": "% of core",
            "floor_name": "gate",
            "floor_value": SHARE_MAX,
            "ratio": percent / SHARE_MAX,
            "target": f"<= {SHARE_MAX:g} % of a core",
            "ok": percent <= SHARE_MAX and rate > 0.9 * SHOTS_PER_S,
        }
    ]
