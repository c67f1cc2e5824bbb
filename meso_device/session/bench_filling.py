"""A filling at the bench: where each of its series begins, and what is special about taking its readings."""

from collections.abc import Generator

from meso_device.calibration.filling import DRIP_US
from meso_device.calibration.order import PRIME_SHOTS
from meso_device.calibration.record import Use, What
from meso_device.calibration.run import Run, Step, in_a_row
from meso_device.session.bench_desk import Bench
from meso_device.session.bench_shots import drive_to, fire, plunger_um_now, shoot
from meso_device.session.contract import NoticeKind
from meso_device.session.desk import Desk
from meso_device.session.flow import Answer, FlowEnded, LinkTrouble, Need, Until


def to_the_place(desk: Desk, bench: Bench, step: Step, *, fresh: bool) -> Generator[Need, Answer, bool]:
    """Bring the plunger to where a series of a filling begins; return whether the balance has to be read anew.

    Raises:
        FlowEnded: the first shots need a syringe that is full.
    """
    begun, limits = bench.run.begun, desk.limits
    uses = {one.use for one in in_a_row(bench.run.of(bench.run.stage))}
    # Within a series the plunger goes by the doses alone; the last one begins behind the drip, with a base of its own.
    begins = step.use not in uses if step.use is Use.DOSE else Use.DRIP in uses
    if step.use not in {Use.DOSE, Use.LAST} or not (fresh or begins):
        return False
    if limits is None:
        raise LinkTrouble("the gun did not give its limits")
    plunger_um = yield from plunger_um_now()
    dose_um = step.target * 1_000 // begun.pl_per_um + 1
    if step.use is Use.DOSE:
        if plunger_um > (PRIME_SHOTS + 1) * dose_um:
            raise FlowEnded(
                f"SYRINGE_USED: the plunger is at {plunger_um} um, and the first shots after priming are those of a "
                "full syringe: fill it, then go on"
            )
        return False
    first_um = begun.travel_um - begun.readings_each * dose_um - dose_um // 2
    if plunger_um < first_um:
        desk.tell(NoticeKind.INFO, f"driving the plunger to the last {begun.readings_each} doses, not weighed")
        yield from drive_to(desk, bench, limits, plunger_um, first_um)
    return True


def needs_prime(run: Run) -> bool:
    """Return whether shots that are not weighed come before the next reading; at the end of a filling none do."""
    filling = run.begun.what is What.FILLING
    return not (filling and any(one.use is Use.DRIP for one in run.of(run.stage)))


def shots_of_filling(desk: Desk, bench: Bench, step: Step) -> Generator[Need, Answer, int]:
    """Make the shots of a step, or wait as long as a drip is waited for; return what the gun's log says of a last dose.

    A last dose may be cut short; by it the syringe is empty. Before a base is read, what dripped behind the shots that
    are not weighed has to have fallen.
    """
    if step.use is Use.LAST:
        return (yield from fire(desk, bench, step.target, step.shots)).used_nl
    if step.shots:
        yield from shoot(desk, bench, step.target, step.shots)
    else:
        due_us = desk.now.mono_us + DRIP_US
        yield Until(lambda: desk.now.mono_us >= due_us)
    return 0
