"""What the engine knows of a calibration run while it is under way, and what of it may be shown."""

from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from meso_device.calibration.run import Run, RunState, Step


class Doing(StrEnum):
    """What a run is at; each but the last three goes on by itself."""

    NOTHING = ""
    TEST = "test"
    HOMING = "homing"
    PRIMING = "priming"
    DRIVING = "driving"
    SHOOTING = "shooting"
    WAITING = "waiting"
    SENSING = "sensing"
    WRITING = "writing"
    BUTTON = "button"
    READING = "reading"
    DECIDING = "deciding"


class Change(Struct, frozen=True):
    """A field of the gun's calibration, as it is and as it would be written."""

    name: str
    old: int
    new: int


@dataclass(slots=True)
class Bench:
    """A run under way.

    Attributes:
        run: As far as its records are durable.
        op, role: Who does it.
        running: Whether its flow still goes on.
        warming: Whether the gun is being made ready.
        fault: Why the flow ended before the end; empty otherwise.
        block: Settings that the gun has from this run.
        shooting_us: How long the shots of one reading take: what a blank waits.
        doing: What it is at.
        step: The reading under way; None between two.
        proposal: What would be written to the gun, while the technician is asked; empty otherwise.
        decision: The technician's word on that; None before.
    """

    run: Run
    op: str
    role: str
    running: bool = True
    warming: bool = False
    fault: str = ""
    block: bytes = b""
    shooting_us: int = 0
    doing: Doing = Doing.NOTHING
    step: Step | None = None
    proposal: tuple[Change, ...] = field(default=())
    decision: bool | None = None

    def view(self) -> "BenchView":
        """Return what may be shown."""
        begun, taken = bool(self.run.records), len(self.run.of(self.run.stage))
        return BenchView(
            run=self.run.begun.run if begun else "",
            state=RunState.WARM_UP if begun and self.warming else self.run.state,
            taken=taken,
            planned=max(taken, self.run.planned) if begun else 0,
            running=self.running,
            fault=self.fault,
            doing=self.doing if self.running else Doing.NOTHING,
            step=self.step if self.running else None,
            proposal=self.proposal if self.running else (),
        )


class BenchView(Struct, frozen=True, kw_only=True):
    """A run as it may be shown.

    Attributes:
        run: Its id; empty before it has begun.
        state: Where it stands.
        taken: Readings of the stage.
        planned: How many there will be at least: a pause adds one.
        running: Whether it goes on by itself.
        fault: What a person must mend before it can go on; empty otherwise.
        doing: What it is at; `Doing.NOTHING` where it is over.
        step: The reading under way.
        proposal: What would be written to the gun, while that is asked; empty otherwise.
    """

    run: str
    state: RunState
    taken: int
    planned: int
    running: bool
    fault: str
    doing: Doing = Doing.NOTHING
    step: Step | None = None
    proposal: tuple[Change, ...] = ()
