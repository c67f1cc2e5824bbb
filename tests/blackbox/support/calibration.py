"""The technician's bench as an outsider sees it: a gun with balance and gauge, a bench file, commands and PINs."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from support.clinic import Clinic
from support.processes import Process, wait_for

# Water at 20 degrees, weighed in air against steel.
GRAMS_SHOWN_PER_NL = 0.998_207 * 0.998_949 / 1e6

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

    def calibrate(self, what: str, *words: object, says: str = "") -> Process:
        """Start a run, or go on with one; what the technician types is there from the beginning."""
        signed = ("--as", "tom", "--pin-file", self.clinic.pins("tom"), "--json")
        typed = self.clinic.file(".txt", says)

        def prepare() -> None:
            os.dup2(os.open(typed, os.O_RDONLY), 0)

        return self.bench.meso("calibrate", what, "--gun", self.clinic.gun.link, *words, *signed, prepare=prepare)

    def logged(self, kind: str) -> int:
        """How many records of this kind there are."""
        with closing(sqlite3.connect(f"file:{self.bench.home / 'audit.db'}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute("SELECT count(*) FROM record WHERE kind = ?", (kind,)).fetchone()[0]

    def sign(self, *words: str) -> Process:
        """Let Tom and Ada sign the newest run."""
        pins = self.clinic.pins("tom", "ada")
        return self.bench.meso("calibrate", "sign", "--as", "tom", "--second", "ada", "--pin-file", pins, *words)


class Emulator:
    """``mt-sics-emulator`` as a process: a balance on a TCP port, and a hand that puts loads on its pan."""

    serial = "B246813579"

    def __init__(self, folder: Path) -> None:
        self._log = folder / "emulator.log"
        self._port, self._control = free_port(), free_port()
        self.port_name = f"socket://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name("mtsics-tcp")), "--host", "127.0.0.1", "--profile", "mt-xs204",
                    "--port", str(self._port), "--control-port", str(self._control),
                ],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_for(self._listens, "the emulator")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def load(self, grams: float) -> None:
        """Let the pan bear this."""
        request = urllib.request.Request(  # our own address
            f"http://127.0.0.1:{self._control}/weight", data=json.dumps({"target": grams}).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  # likewise

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self._control), timeout=5).close()
            return True
        return False


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
