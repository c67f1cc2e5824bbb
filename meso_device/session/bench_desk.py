"""What the engine knows of a calibration run while it is under way, and what of it may be shown."""

from dataclasses import dataclass

from msgspec import Struct

from meso_device.calibration.run import Run, RunState


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
    """

    run: Run
    op: str
    role: str
    running: bool = True
    warming: bool = False
    fault: str = ""
    block: bytes = b""
    shooting_us: int = 0

    def view(self) -> "BenchView":
        """Return what may be shown."""
        if not self.run.records:
            return BenchView(
                run="", state=RunState.IDENTIFY, taken=0, planned=0, running=self.running, fault=self.fault
            )
        taken = len(self.run.of(self.run.stage))
        return BenchView(
            run=self.run.begun.run,
            state=RunState.WARM_UP if self.warming else self.run.state,
            taken=taken,
            planned=max(taken, self.run.planned),
            running=self.running,
            fault=self.fault,
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
    """

    run: str
    state: RunState
    taken: int
    planned: int
    running: bool
    fault: str
