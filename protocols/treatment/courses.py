"""How often a treatment is repeated, and at which intervals."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from msgspec import Struct

from protocols.treatment.tables import figure, rows


class Phase(Struct, frozen=True, kw_only=True):
    """A run of sessions at one interval. None: nobody was seen to say.

    Attributes:
        sessions_min, sessions_max: How many sessions; the most is None where there is no end or none named.
        interval_*_days: From one session to the next.
        offsets_days: Days of the sessions from the first, where the source names them; else empty.
        gap_*_days: From the last session of the phase before to the first of this one.
        repeats: Goes on until somebody ends it.
        source: Where the figures come from.
    """

    sessions_min: int
    sessions_max: int | None
    interval_min_days: int | None
    interval_max_days: int | None
    offsets_days: tuple[int, ...]
    gap_min_days: int | None
    gap_max_days: int | None
    repeats: bool
    source: str


class Course(Struct, frozen=True, kw_only=True):
    """A schedule of phases, an example that no clinic approved.

    Attributes:
        id: Name in treatment protocol files.
        applies_to: What it was described for.
        area_group: Group of areas that it was described for, or ``any``.
    """

    id: str
    applies_to: str
    area_group: str
    phases: tuple[Phase, ...]


@cache
def courses() -> Mapping[str, Course]:
    """Return all courses by id."""
    found: dict[str, Course] = {}
    for row in rows("courses"):
        before = found[row["id"]].phases if row["id"] in found else ()
        found[row["id"]] = Course(
            id=row["id"],
            applies_to=row["applies_to"],
            area_group=row["area_group"],
            phases=(*before, _phase(row)),
        )
    return MappingProxyType(found)


def _phase(row: dict[str, str]) -> Phase:
    return Phase(
        sessions_min=int(row["sessions_min"]),
        sessions_max=figure(row["sessions_max"]),
        interval_min_days=figure(row["interval_min_days"]),
        interval_max_days=figure(row["interval_max_days"]),
        offsets_days=tuple(int(day) for day in row["offsets_days"].split(";") if day),
        gap_min_days=figure(row["gap_from_previous_phase_min_days"]),
        gap_max_days=figure(row["gap_from_previous_phase_max_days"]),
        repeats=row["repeats_without_end"] == "yes",
        source=row["source"],
    )
