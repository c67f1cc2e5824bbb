"""A calibration run as a state machine over its records: what has been done is what the log says, and nothing else.

So a run that was cut off anywhere goes on from the log. A reading that is not recorded was not taken; the shots that
were meant for it are in the gun's log and on the pan, and the next reading for a dose starts from a fresh `BASE`.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from meso_device.calibration.record import (
    ADJUSTED,
    BEGUN,
    ENDED,
    EXCLUDED,
    JUDGED,
    READING,
    SIGNED,
    Adjusted,
    Begun,
    CalibrationRecord,
    DepthJudged,
    DoseJudged,
    Ended,
    Excluded,
    FillingJudged,
    Judged,
    Reading,
    SensorsJudged,
    Stage,
    Use,
    What,
    kind_of,
)
from protocols.errors import UsageError

ABANDONED: Final = "abandoned"
COMPLETE: Final = "complete"
ZONES: Final = 3
SHORT_PERMILLE: Final = 980
"""A shot that gave less of its order ran out of water or against something."""


class RunState(StrEnum):
    """Where a run stands. Before `AS_FOUND` and after each pause the gun warms up anew, which leaves no trace here."""

    IDENTIFY = "IDENTIFY"
    WARM_UP = "WARM_UP"
    AS_FOUND = "AS_FOUND"
    ADJUST = "ADJUST"
    AS_LEFT = "AS_LEFT"
    JUDGE = "JUDGE"
    SIGN = "SIGN"
    DONE = "DONE"
    ABANDONED = "ABANDONED"


# From state and kind of record to the next state. What is not here cannot happen; a run can be abandoned until it ends.
NEXT: Final = {
    (RunState.IDENTIFY, BEGUN): RunState.AS_FOUND,
    (RunState.AS_FOUND, READING): RunState.AS_FOUND,
    (RunState.AS_FOUND, EXCLUDED): RunState.AS_FOUND,
    (RunState.AS_FOUND, JUDGED): RunState.ADJUST,
    (RunState.ADJUST, ADJUSTED): RunState.AS_LEFT,
    (RunState.ADJUST, ENDED): RunState.SIGN,
    (RunState.AS_LEFT, READING): RunState.AS_LEFT,
    (RunState.AS_LEFT, EXCLUDED): RunState.AS_LEFT,
    (RunState.AS_LEFT, JUDGED): RunState.JUDGE,
    (RunState.JUDGE, ENDED): RunState.SIGN,
    (RunState.SIGN, SIGNED): RunState.DONE,
}
_ENDS: Final = frozenset({RunState.SIGN, RunState.DONE, RunState.ABANDONED})


class Step(Struct, frozen=True, kw_only=True):
    """The next reading to be taken.

    Attributes:
        use: What for.
        target: Dose to set in nanolitres, or travel in micrometres; 0 for base and blank.
        shots: Shots to be made before it.
        zone: Third of the container; 0 where it does not matter.
        direction: Whether the travel before it was smaller (``up``) or larger (``down``); empty for a dose.
        cycle: Cycle of a gauge reading.
    """

    use: Use
    target: int = 0
    shots: int = 0
    zone: int = 0
    direction: str = ""
    cycle: int = 0


class Run(Struct, frozen=True):
    """A run as far as its records go."""

    records: tuple[CalibrationRecord, ...] = ()

    def __post_init__(self) -> None:
        """Refuse records that do not follow each other."""
        _ = self.state

    def then(self, record: CalibrationRecord) -> "Run":
        """Return the run with one record more.

        Raises:
            UsageError: it cannot follow.
        """
        return Run((*self.records, record))

    @property
    def state(self) -> RunState:
        """Where it stands."""
        state = RunState.IDENTIFY
        for record in self.records:
            if isinstance(record, Ended) and record.state == ABANDONED and state not in _ENDS:
                state = RunState.ABANDONED
                continue
            following = NEXT.get((state, kind_of(record)))
            if following is None:
                raise UsageError(
                    f"{kind_of(record)} cannot follow in state {state}: the records of this run are mixed up"
                )
            state = following
            if isinstance(record, Adjusted) and not record.moves_values:
                state = RunState.JUDGE
        return state

    @property
    def begun(self) -> Begun:
        """Its first record."""
        first = self.records[0] if self.records else None
        if not isinstance(first, Begun):
            raise UsageError("this run has not begun")
        return first

    @property
    def stage(self) -> Stage:
        """The stage whose readings are taken now, or were taken last."""
        return (
            Stage.AS_LEFT if any(isinstance(r, Adjusted) and r.moves_values for r in self.records) else Stage.AS_FOUND
        )

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Every reading, counted or not, in order."""
        return tuple(record for record in self.records if isinstance(record, Reading))

    @property
    def excluded(self) -> frozenset[int]:
        """Numbers of the readings that do not count."""
        return frozenset(record.no for record in self.records if isinstance(record, Excluded))

    @property
    def adjusted(self) -> Adjusted | None:
        """What was written to the gun; None before."""
        return next((record for record in self.records if isinstance(record, Adjusted)), None)

    def judged(self, stage: Stage) -> Judged | None:
        """Return what the readings of a stage came to; None before."""
        kinds = (DoseJudged, DepthJudged, SensorsJudged, FillingJudged)
        return next((record for record in self.records if isinstance(record, kinds) and record.stage is stage), None)

    def of(self, stage: Stage) -> tuple[Reading, ...]:
        """Return the readings of a stage in order."""
        return tuple(reading for reading in self.readings if reading.stage is stage)

    @property
    def planned(self) -> int:
        """Readings of one stage, without those that a pause adds."""
        begun = self.begun
        targets = len(begun.targets) * begun.readings_each
        if begun.what is What.FILLING:
            # Base, blank and drip, the balance read anew before the last doses, and one dose that is cut short.
            return 2 * targets + 5
        if begun.what.weighs:
            # The plunger driven into a third, the balance is read anew.
            return targets + 3 + begun.zones + begun.water_at_end
        return 2 * targets if begun.what is What.DEPTH else targets


def next_step(run: Run) -> Step | None:
    """Return the next reading of the stage under way; None when they are all there."""
    begun, taken = run.begun, run.of(run.stage)
    match begun.what:
        case What.DOSE | What.SYRINGE:
            return _dose_step(begun, run.readings, taken)
        case What.DEPTH:
            return _depth_step(begun, taken)
        case What.FILLING:
            return _filling_step(begun, taken)
        case What.SENSORS:
            return Step(use=Use.SENSOR) if len(taken) < run.planned else None


def _dose_step(begun: Begun, every: Sequence[Reading], taken: Sequence[Reading]) -> Step | None:
    """A base, a blank, the doses one after the other, a blank, and the water's temperature where it was said to be."""
    blanks, doses = _count(taken, Use.BLANK), _count(taken, Use.DOSE)
    if not taken:
        return Step(use=Use.BASE)
    if not blanks:
        return Step(use=Use.BLANK)
    if doses < len(begun.targets) * begun.readings_each:
        if begun.zones:
            return _zone_step(begun, doses)
        target = begun.targets[doses // begun.readings_each]
        given_nl = sum(reading.target * reading.shots for reading in every)
        content_nl = begun.pl_per_um * begun.travel_um // 1_000
        zone = 1 + min(ZONES - 1, ZONES * given_nl // content_nl) if content_nl else 0
        return Step(use=Use.DOSE, target=target, shots=begun.shots_each, zone=zone)
    if blanks < 2:
        return Step(use=Use.BLANK)
    return Step(use=Use.WATER) if begun.water_at_end and not _count(taken, Use.WATER) else None


def _zone_step(begun: Begun, doses: int) -> Step:
    """All targets in the front third, then all in the next: the plunger moves one way only."""
    each = begun.readings_each // begun.zones
    zone, place = divmod(doses, len(begun.targets) * each)
    return Step(use=Use.DOSE, target=begun.targets[place // each], shots=begun.shots_each, zone=zone + 1)


def _filling_step(begun: Begun, taken: Sequence[Reading]) -> Step | None:
    """A base, a blank, the first shots and what drips behind them, then the last doses until one is cut short.

    A series that a pause has broken is taken again from its beginning: after a pause the balance is read anew.
    """
    [target] = begun.targets
    if not taken:
        return Step(use=Use.BASE)
    if not _count(taken, Use.BLANK):
        return Step(use=Use.BLANK)
    series = in_a_row(taken)
    if not _count(taken, Use.DRIP):
        if _count(series, Use.DOSE) < begun.readings_each:
            return Step(use=Use.DOSE, target=target, shots=1, zone=1)
        return Step(use=Use.DRIP)
    if any(is_cut_short(reading) for reading in series):
        return None
    return Step(use=Use.LAST, target=target, shots=1, zone=ZONES)


def in_a_row(taken: Sequence[Reading]) -> list[Reading]:
    """Return the readings since the balance was last read anew, that one among them."""
    anew = max((at for at, reading in enumerate(taken) if reading.use is Use.BASE), default=0)
    return list(taken[anew:])


def is_cut_short(reading: Reading) -> bool:
    """Return whether this was the last dose of a filling: by the gun's log it gave less than was set."""
    return reading.use is Use.LAST and reading.logged_nl * 1_000 < reading.target * SHORT_PERMILLE


def zone_bounds_um(begun: Begun, zone: int) -> tuple[int, int]:
    """Return where a third of the container begins and ends, in micrometres of the plunger's travel."""
    return begun.travel_um * (zone - 1) // ZONES, begun.travel_um * zone // ZONES


def _depth_step(begun: Begun, taken: Sequence[Reading]) -> Step | None:
    """Each cycle through the travels upwards, then downwards."""
    points = len(begun.targets)
    cycle, place = divmod(len(taken), 2 * points)
    if cycle >= begun.readings_each:
        return None
    rising = place < points
    target = begun.targets[place if rising else 2 * points - 1 - place]
    return Step(use=Use.GAUGE, target=target, shots=1, direction="up" if rising else "down", cycle=cycle + 1)


def _count(readings: Iterable[Reading], use: Use) -> int:
    return sum(reading.use is use for reading in readings)
