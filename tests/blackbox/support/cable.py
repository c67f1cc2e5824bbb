"""The tests' hand on a relay process: pull the cable, damage it, and read what passed."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.frames import Frame, stop_times, timed_frames
from support.processes import Process, wait_for

HOST_TO_GUN, GUN_TO_HOST = "h2g", "g2h"


class Cable:
    """A relay between ``gun_tty`` and the name ``link`` that the host opens."""

    def __init__(self, *, gun_tty: Path, link: Path, seed: int, out_stem: Path, env: Mapping[str, str]) -> None:
        self.link = link
        self._log = out_stem.with_suffix(".wire")
        self._orders = 0
        self.process = Process(
            [
                sys.executable, Path(__file__).with_name("relay.py"), "--gun", gun_tty, "--link", link,
                "--log", self._log, "--seed", str(seed),
            ],
            out_stem=out_stem, env=env, stdin=subprocess.PIPE,
        )  # fmt: skip
        wait_for(lambda: self.process.out.startswith("ready"), f"relay ready: {self.process.err}")

    def order(self, line: str) -> None:
        """Give the relay one command and wait until it holds."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        self._orders += 1
        wait_for(
            lambda: self.process.out.count("ok\n") >= self._orders or not self.process.running,
            line,
            every_s=0.002,
        )
        assert self.process.running, self.process.describe()

    def corrupt(self, ppm: int, way: str = "both") -> None:
        """Change each byte with this probability."""
        self.order(f"corrupt {way} {ppm}")

    def drop(self, ppm: int, way: str = "both") -> None:
        """Lose each byte with this probability."""
        self.order(f"drop {way} {ppm}")

    def stall(self, way: str, *, on: bool) -> None:
        """Hold bytes back, or let them go."""
        self.order(f"stall {way} {'on' if on else 'off'}")

    def cut_after(self, way: str, count: int) -> None:
        """Pull the cable after this many more bytes."""
        self.order(f"cut {way} {count}")

    def real(self) -> None:
        """Let the gun not say any more that it is simulated."""
        self.order("real")

    def unplug(self) -> None:
        """Pull the cable now."""
        self.order("unplug")

    def replug(self, link: Path | None = None) -> None:
        """Put it back on a new pseudo-terminal, under the same or another name."""
        self.link = link or self.link
        self.order(f"replug {self.link}")

    @property
    def plugged(self) -> bool:
        """Whether the host's end is there."""
        return self.link.is_symlink()

    def log(self) -> list[dict]:
        """All that happened on the cable, complete lines only."""
        text = self._log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def chunks(self, way: str) -> list[tuple[int, bytes]]:
        """(monotonic ns, bytes) as they came in, one way."""
        return [(row["t"], bytes.fromhex(row["in"])) for row in self.log() if row.get("dir") == way]

    def frames(self, way: str) -> list[tuple[int, Frame]]:
        """(monotonic ns, frame) as they came in, one way."""
        return timed_frames(self.chunks(way))

    def stops(self) -> list[int]:
        """Monotonic times of STOP frames from the host."""
        return stop_times(self.chunks(HOST_TO_GUN))

    def count(self, way: str) -> int:
        """Bytes that came in, one way."""
        return sum(len(data) for _, data in self.chunks(way))
