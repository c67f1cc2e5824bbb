"""The technician's bench as an outsider sees it: a gun with balance and gauge, a bench file, commands and PINs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from support.clinic import Clinic
from support.processes import Process

BENCH_FILE = """
place = "bench 1"

[balance]
serial = "B0000001"
certificate = "M-114"
due = 2099-03-31
u_ug = 10

[thermometer]
serial = "T-7"
certificate = "T-20"
due = 2099-03-31
u_mk = 100

[gauge]
serial = "G-3"
certificate = "G-7"
due = 2099-03-31
u_nm = 1000

[room]
water_mdegc = 20000
air_mdegc = 20000
pressure_pa = 101325
humidity_permille = 500
"""


class Technician:
    """Tom, at the bench of a clinic."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.bench = clinic, clinic.bench
        self.balance, self.gauge = self.bench.path / "balance", self.bench.path / "gauge"

    def at_the_bench(self, *extra: str) -> None:
        """Put the gun on the bench, under the name that it had."""
        self.clinic.gun.kill()
        self.clinic.gun.start("--balance", str(self.balance), "--gauge", str(self.gauge), *extra, hand="technician")

    def file(self, old: str = "", new: str = "") -> Path:
        """Write the bench file, with something of it changed."""
        assert old in BENCH_FILE
        return self.clinic.file(".toml", BENCH_FILE.replace(old, new, 1) if old else BENCH_FILE)

    def calibrate(self, what: str, *words: object) -> Process:
        """Start a run, or go on with one."""
        signed = ("--as", "tom", "--pin-file", self.clinic.pins("tom"), "--json")
        return self.bench.meso("calibrate", what, "--gun", self.clinic.gun.link, *words, *signed)

    def logged(self, kind: str) -> int:
        """How many records of this kind there are."""
        with closing(sqlite3.connect(f"file:{self.bench.home / 'audit.db'}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute("SELECT count(*) FROM record WHERE kind = ?", (kind,)).fetchone()[0]

    def sign(self, *words: str) -> Process:
        """Let Tom and Ada sign the newest run."""
        pins = self.clinic.pins("tom", "ada")
        return self.bench.meso("calibrate", "sign", "--as", "tom", "--second", "ada", "--pin-file", pins, *words)
