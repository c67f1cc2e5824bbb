"""What may grow by how much, and the claim that follows from the fits."""

from collections.abc import Iterable
from math import inf

from meso_device.accounting.clockmap import BOOTS_KEPT
from meso_device.audit.shot_rows import GIVEN_REMEMBERED_MAX
from tests.claims import Figure
from tests.soak.slope import CONSTANT, Fit, Gate

MIB = 1024 * 1024
# See tests/soak/memory.py.
HELD = Gate(per_thousand=128, in_all=MIB)
RSS = Gate(per_thousand=1024, in_all=MIB)
# One host makes fewer shots in real time than the C allocator of two threads takes to settle: with all Python objects
# and SQLite's memory flat it took 10 to 17 KiB per 1,000 shots up to 10,000 shots, and nothing more from 27,000 on.
RSS_REAL = Gate(per_thousand=32 * 1024, in_all=5 * MIB)
RSS_SHORT = Gate(per_thousand=inf, in_all=5 * MIB)
# A few objects more or less hang on what the last treatment was like.
OBJECTS = Gate(per_thousand=0.5, in_all=200, least=60)
CONTAINER = Gate(per_thousand=0.05, in_all=64, least=12)
# Caches that fill up to a bound of their own.
BOUNDED = {"ShotRows._given": GIVEN_REMEMBERED_MAX, "ClockMaps._rows": BOOTS_KEPT}
WAL_BYTES_MAX = 8 * MIB
LAG_MAX = 27  # three seconds of a gun


def gate_of(name: str, *, short: bool) -> Gate:
    what = name.split(maxsplit=1)[1] if name.startswith(("host ", "gun ")) else name
    if what == "held B":
        return RSS_SHORT if short else HELD
    if what.endswith(" B") or what == "B":
        return RSS_SHORT if short else RSS_REAL if what != name else RSS
    if what in ("threads", "descriptors"):
        return CONSTANT
    return OBJECTS if what == "gc objects" else CONTAINER


def leaks(fits: Iterable[Fit], *, short: bool = False) -> list[str]:
    """Return one line for each figure that grows by more than it may; memory of a short run is judged in all alone."""
    return [
        f"{fit.name}: {fit.first:.0f} to {fit.last:.0f}, {fit.per_thousand:+.2f} per 1,000 shots, "
        f"standard error {fit.error * 1_000:.2f}"
        for fit in fits
        if (fit.last > BOUNDED[fit.name] if fit.name in BOUNDED else fit.leaks(gate_of(fit.name, short=short)))
    ]


def highest(values: Iterable[Iterable[float]]) -> float:
    return max((max(series) for series in values), default=0)


def memory_figures(fits: list[Fit]) -> dict[str, Figure]:
    """The steepest memory of all fits: how it grows and how sure that is."""
    worst = max(fits, key=lambda fit: fit.per_thousand)
    return {
        "rss_b_per_1000_shots": round(worst.per_thousand),
        "rss_standard_error_b": round(worst.error * 1_000),
        "rss_grown_kib": round(worst.grown / 1024),
    }
