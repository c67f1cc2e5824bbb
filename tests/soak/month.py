"""A month in a process of its own: lived, verified, compared with what happened, and fitted."""

import sqlite3
import subprocess
import tempfile
from pathlib import Path

from tests.soak.clinic import BRIEF, MONTH, Count, live
from tests.soak.real import MESO
from tests.soak.slope import Fit, Samples


def of_clinic(short: bool, restarts: bool) -> tuple[list[Fit], Samples, int]:
    """Live through a month in this process; return fits, samples and shots.

    Raises:
        RuntimeError: the log does not verify, or is not what the gun did.
    """
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        clinic, samples = live(home, BRIEF if short else MONTH, restarts=restarts)
        compare(home, clinic.count)
    return list(samples.fits().values()), samples, clinic.count.shots


def compare(home: Path, truth: Count) -> None:
    db = sqlite3.connect(f"file:{home / 'audit.db'}?mode=ro", uri=True)
    rows, low_nl, high_nl = db.execute("SELECT count(*), sum(dose_lo_nl), sum(dose_hi_nl) FROM shot").fetchone()
    db.close()
    if rows != truth.shots or not low_nl <= truth.dose_nl <= high_nl:
        raise RuntimeError(f"{truth.shots} shots of {truth.dose_nl} nL; logged {rows}, {low_nl} to {high_nl} nL")
    verify = [*MESO, "audit", "verify", "--home", str(home)]
    done = subprocess.run(verify, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout)
