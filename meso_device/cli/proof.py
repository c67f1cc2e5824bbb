"""Compares the log with what the gun physically did: the demonstration's proof. Pure.

Truth is written by the simulated body, the log by the host from what the gun's firmware reported.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

ShotKey: TypeAlias = tuple[str, int, int]


class Proof(Struct, frozen=True, kw_only=True):
    """What a comparison found.

    Attributes:
        injections: Made by the gun.
        logged: Records of injections in the log.
        missing: Made, and not in the log.
        duplicated: In the log more than once.
        invented: In the log, and never made.
        differing: Logged with another area, or with a range of dose that does not hold what was given.
    """

    injections: int
    logged: int
    missing: int
    duplicated: int
    invented: int
    differing: int

    @property
    def holds(self) -> bool:
        """Whether the log equals the truth."""
        return not (self.missing or self.duplicated or self.invented or self.differing)


def compare(truth: Iterable[Mapping[str, Any]], log: Iterable[Mapping[str, Any]]) -> Proof:
    """Compare by identity (gun, epoch, number), then what was given where."""
    made = {_key(row): row for row in truth}
    logged = [*log]
    counts = Counter(_key(row) for row in logged)
    return Proof(
        injections=len(made),
        logged=len(logged),
        missing=len(made.keys() - counts.keys()),
        duplicated=sum(count - 1 for count in counts.values()),
        invented=len(counts.keys() - made.keys()),
        differing=sum(_differs(made[_key(row)], row) for row in logged if _key(row) in made),
    )


def _key(row: Mapping[str, Any]) -> ShotKey:
    return (row["gun_uid"], row["log_epoch"], row["shot_seq"])


def _differs(made: Mapping[str, Any], logged: Mapping[str, Any]) -> bool:
    in_range = logged["dose_lo_nl"] <= made["dose_nl"] <= logged["dose_hi_nl"]
    return not in_range or any(made[name] != logged[name] for name in ("area", "kind"))
