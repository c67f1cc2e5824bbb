"""Does anything grow?  `python -m tests.soak days` (30 simulated days, twice)  `python -m tests.soak real` (20 minutes)

`--short` runs the same in seconds; then memory is judged in all alone, for most of it is still being warmed up.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.claims import Figure, tell
from tests.soak import real
from tests.soak.clinic import BRIEF, MONTH
from tests.soak.memory import PLAIN
from tests.soak.month import of_clinic
from tests.soak.report import LAG_MAX, WAL_BYTES_MAX, highest, leaks, memory_figures
from tests.soak.slope import Fit

MINUTES = 20
PAIRS = 3
SHORT_SHOTS = 30


def show(fits: list[Fit], found: list[str]) -> None:
    for fit in fits:
        if fit.spread:
            print(
                f"  {fit.name:<40}{fit.first:>12.0f} ->{fit.last:>12.0f} {fit.per_thousand:>+12.2f} per 1,000 shots, "
                f"standard error {fit.error * 1_000:.2f}"
            )
    for line in found:
        print(f"LEAK {line}")


def days(*, short: bool) -> int:
    """One host for all the days, and one that is ended each night, each in a process of its own."""
    os.environ.update(PLAIN)  # the processes of the pool begin with it
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        forms = list(pool.map(of_clinic, (short, short), (False, True)))
    found: list[str] = []
    for name, (fits, _, shots) in zip(("one host", "a restart each day"), forms, strict=True):
        leaking = leaks(fits, short=short)
        print(f"{name}: {shots} shots")
        show(fits, leaking)
        found += leaking
    wal_bytes = highest(samples.values["wal B"] for _, samples, _ in forms)
    simulated = BRIEF.days if short else MONTH.days
    figures: dict[str, Figure] = {
        "days": simulated,
        "forms": len(forms),
        "shots": sum(shots for *_, shots in forms),
        "figures_fitted": sum(len(fits) for fits, *_ in forms),
        "leaks": len(found),
        **memory_figures([fit for fits, *_ in forms for fit in fits if fit.name == "rss B"]),
        "wal_kib_max": round(wal_bytes / 1024),
        "ring_backlog_max": highest(samples.values["ring backlog"] for _, samples, _ in forms),
    }
    return tell(f"nothing grows in {simulated} simulated days", figures, ok=not found and wal_bytes <= WAL_BYTES_MAX)


def run_real(*, short: bool, minutes: float) -> int:
    """Three pairs of real processes."""
    shots = SHORT_SHOTS if short else round(minutes * 60 * real.RATE_PER_S)
    with tempfile.TemporaryDirectory() as name:
        series, figures = real.soak(
            Path(name), shots=shots, pairs=1 if short else PAIRS, every_s=0.25 if short else 5.0, log=progress
        )
    fits = [fit for samples in series for fit in samples.fits().values()]
    found = leaks(fits, short=short)
    show(fits, found)
    wal_bytes = highest(samples.values["wal B"] for samples in series)
    lag = highest(samples.values["lag of the log"] for samples in series)
    figures |= {
        "leaks": len(found),
        **memory_figures([fit for fit in fits if fit.name.endswith("rss B")]),
        "descriptors": highest(samples.values["host descriptors"] for samples in series),
        "threads": highest(samples.values["host threads"] for samples in series),
        "wal_kib_max": round(wal_bytes / 1024),
        "log_lag_max_shots": lag,
    }
    claim = f"nothing grows in {figures['minutes']} minutes of real time at {figures['shots_per_s']} shots/s"
    return tell(claim, figures, ok=not found and wal_bytes <= WAL_BYTES_MAX and lag <= LAG_MAX)


def progress(text: str) -> None:
    if sys.stdout.isatty():
        print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("what", choices=("days", "real"))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    options = parser.parse_args()
    if options.what == "days":
        return days(short=options.short)
    return run_real(short=options.short, minutes=options.minutes)


if __name__ == "__main__":
    raise SystemExit(main())
