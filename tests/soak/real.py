"""Real time: three pairs of `meso simulate` and `meso session run`, each on a PTY with its log on disk, 8 shots/s each.

One gun makes 9 shots a second at most (W-096), so three share the load of more than 20. The processes are looked at
from outside alone: /proc, the size of the write-ahead file, and how far the log lags behind what happened.
"""

import json
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.soak.slope import Samples

MESO = (sys.executable, "-m", "meso_device")
RATE_PER_S = 8
AREAS = ("forehead", "cheek_left", "cheek_right")
POINTS_MAX = 5_000
GRACE_S = 60
PLAN = """\
[treatment]
id = "soak"
title = "Soak"
version = "1.0"
author = "tests"
status = "example, unapproved"
course = "general"
indications = ["test on a simulated gun"]
sources = ["invented"]
[[product]]
name = "Water"
volume = "4 mL"
viscosity = "1 mPas"
[equipment]
syringe = "bd_5ml"
needle = "30g_4mm"
head = "single"
[defaults]
depth = "1.5 mm"
spacing = "10 mm"
rate = "8 /s"
mode = "dry"
dose = "0 mL"
flow = "0 mL/s"
"""


def plan_text(shots: int) -> str:
    """Dry punctures, so that no syringe runs empty; spread over areas of at most 5,000 points."""
    share, left = divmod(shots, len(AREAS))
    if share >= POINTS_MAX:
        raise ValueError(f"{shots} shots are more than {len(AREAS)} areas hold")
    points = [share + (no < left) for no in range(len(AREAS))]
    return PLAN + "".join(
        f'[[area]]\nid = "{area}"\npoints = {n}\n' for area, n in zip(AREAS, points, strict=True) if n
    )


@dataclass
class Pair:
    """One gun and its host."""

    directory: Path
    gun: subprocess.Popen
    host: subprocess.Popen

    @classmethod
    def start(cls, directory: Path, plan: Path, no: int) -> "Pair":
        directory.mkdir()
        link, truth = directory / "gun", directory / "truth"
        options = ("--link", str(link), "--truth", str(truth), "--rate", str(RATE_PER_S), "--seed", str(no))
        gun = subprocess.Popen([*MESO, "simulate", *options], stdout=subprocess.PIPE, text=True)
        gun.stdout.readline()
        command = (*MESO, "session", "run", str(plan), "--gun", str(link), "--home", str(directory / "home"), "--json")
        out = (directory / "out").open("w")
        with out:
            host = subprocess.Popen(command, stdout=out)
        return cls(directory, gun, host)

    def fired(self) -> int:
        with (self.directory / "truth").open("rb") as truth:
            return sum(block.count(b"\n") for block in iter(lambda: truth.read(1 << 20), b""))

    def logged(self) -> int:
        path = self.directory / "home" / "audit.db"
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            return db.execute("SELECT count(*) FROM shot").fetchone()[0]
        finally:
            db.close()

    def figures(self) -> dict[str, float]:
        wal = self.directory / "home" / "audit.db-wal"
        logged = self.logged()
        found: dict[str, float] = {"wal B": wal.stat().st_size, "lag of the log": self.fired() - logged}
        for name, process in (("host", self.host), ("gun", self.gun)):
            found |= {f"{name} {what}": value for what, value in of_process(process.pid).items()}
        return found

    def stop(self) -> None:
        for process in (self.host, self.gun):
            process.terminate()
            process.wait()
        self.gun.stdout.close()


def of_process(pid: int) -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return {
        "rss B": int(status["VmRSS"].split()[0]) * 1024,
        "threads": int(status["Threads"]),
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "cpu ms": (int(ticks[11]) + int(ticks[12])) * 10,
    }


def soak(directory: Path, *, shots: int, pairs: int, every_s: float, log) -> tuple[list[Samples], dict[str, float]]:
    """Run until every host has ended; return the samples of each pair, and the figures of the whole.

    Raises:
        RuntimeError: a session did not complete, or its log is not what its gun did.
    """
    plan = directory / "plan.toml"
    plan.write_text(plan_text(shots))
    running, began_s = [], time.monotonic()
    samples = [Samples() for _ in range(pairs)]
    try:
        for no in range(pairs):
            running.append(Pair.start(directory / str(no), plan, no))  # noqa: PERF401  # ended below if the next fails
        end_s = began_s + shots / RATE_PER_S * 1.3 + GRACE_S
        due_s = began_s
        while any(pair.host.poll() is None for pair in running):
            due_s += every_s
            time.sleep(max(0, due_s - time.monotonic()))
            if time.monotonic() > end_s:
                raise RuntimeError("the sessions did not end in time")
            for pair, series in zip(running, samples, strict=True):
                # What is sampled lies between the first shot and the last: beginning and end open and close things.
                if (
                    pair.host.poll() is None
                    and 0 < (logged := pair.logged() if begun(pair) else 0) < shots - RATE_PER_S
                ):
                    figures = pair.figures()
                    cpu_ms = figures.pop("host cpu ms") + figures.pop("gun cpu ms")
                    series.add(logged, figures)
                    series.cpu_us = cpu_ms * 1_000 / max(1, logged)
            log(f"{time.monotonic() - began_s:6.0f} s, {sum(s.shots[-1] if s.shots else 0 for s in samples):.0f} shots")
        took_s = time.monotonic() - began_s
        for pair in running:
            check(pair, shots)
    finally:
        for pair in running:
            pair.stop()
    return samples, {
        "shots": shots * pairs,
        "shots_per_s": round(shots * pairs / took_s, 1),
        "minutes": round(took_s / 60, 1),
        "cpu_us_a_shot": round(sum(series.cpu_us for series in samples) / pairs),
    }


def begun(pair: Pair) -> bool:
    truth = pair.directory / "truth"
    return truth.exists() and truth.stat().st_size > 0


def check(pair: Pair, shots: int) -> None:
    """The session is complete, the log verifies, and it holds every shot once."""
    told = json.loads((pair.directory / "out").read_text().splitlines()[-1])
    home = str(pair.directory / "home")
    verified = subprocess.run(
        [*MESO, "audit", "verify", "--home", home], stdout=subprocess.PIPE, text=True, check=False
    )
    if (told["state"], told["given"], pair.host.returncode, verified.returncode) != ("complete", shots, 0, 0):
        raise RuntimeError(f"not complete: {told}, {verified.stdout}")
    if (pair.logged(), pair.fired()) != (shots, shots):
        raise RuntimeError(f"the gun made {pair.fired()} shots and the log holds {pair.logged()}")
