"""Dose by weighing: readings of a balance that fills up, blanks for what evaporates, and what follows from them."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev

from msgspec import Struct

from protocols.errors import UsageError


class Weighing(Struct, frozen=True, kw_only=True):
    """Readings of one dose, as the balance gave them.

    Attributes:
        cumulative_ug: The balance before the first delivery and after each, never tared in between.
        blank_before_ug: Balance before and after one cycle without a delivery, before the run.
        blank_after_ug: The same after the run.
        shots_each: Shots between two readings; above 1 the spread of single shots cannot be judged.
    """

    cumulative_ug: tuple[int, ...]
    blank_before_ug: tuple[int, int]
    blank_after_ug: tuple[int, int]
    shots_each: int = 1

    def __post_init__(self) -> None:
        if len(self.cumulative_ug) < 3:
            raise UsageError("a dose is judged by at least two deliveries; weigh more")
        if self.shots_each < 1:
            raise ValueError(f"{self.shots_each} shots between two readings")


class Delivered(Struct, frozen=True):
    """What was delivered, in nanolitres a shot; floats, as they are statistics.

    Attributes:
        volumes_nl: One a reading.
        mean_nl: Mean of all.
        s_nl: Standard deviation, n - 1; of single shots only if there was one a reading.
        evaporation_ug: What one cycle lost to the air.
    """

    volumes_nl: tuple[float, ...]
    mean_nl: float
    s_nl: float
    evaporation_ug: float

    @property
    def cv_percent(self) -> float:
        """The spread in percent of the mean."""
        return 100 * self.s_nl / self.mean_nl


def evaporation_ug(weighing: Weighing) -> float:
    """Return what evaporates in one cycle: the mean of the two blanks, positive when the balance loses."""
    return fmean(before - after for before, after in (weighing.blank_before_ug, weighing.blank_after_ug))


def delivered(weighing: Weighing, nl_per_ug: float) -> Delivered:
    """Return the volumes of a run, given how much volume shows as one microgram (see `water.nl_per_ug`)."""
    gained_ug = [after - before for before, after in pairwise(weighing.cumulative_ug)]
    return of_gains(gained_ug, evaporation_ug(weighing), nl_per_ug, shots_each=weighing.shots_each)


def of_gains(gained_ug: Sequence[int], evaporated_ug: float, nl_per_ug: float, *, shots_each: int) -> Delivered:
    """Return the volumes of readings that need not follow each other without a pause.

    Args:
        gained_ug: What the balance gained by each delivery.
        evaporated_ug: What one cycle lost.
        nl_per_ug: Z, see `water.nl_per_ug`.
        shots_each: Shots a delivery.

    Raises:
        UsageError: fewer than two deliveries.
    """
    if len(gained_ug) < 2:
        raise UsageError("a dose is judged by at least two deliveries; weigh more")
    volumes = tuple((gained + evaporated_ug) * nl_per_ug / shots_each for gained in gained_ug)
    return Delivered(volumes, fmean(volumes), stdev(volumes), evaporated_ug)


def zone_means_nl(volumes_nl: Sequence[float], zones: Sequence[int]) -> dict[int, float]:
    """Return the mean of each third of the container, 1 front to 3 rear; ``zones`` names that of each volume."""
    found = sorted(set(zones))
    return {zone: fmean(v for v, its in zip(volumes_nl, zones, strict=True) if its == zone) for zone in found}
