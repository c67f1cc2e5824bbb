"""One seed, one session: the signature everything else in the simulated world stands on."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from tests.world.faults import RUIN
from tests.world.settling import settle
from tests.world.world import FAULTY_US_MAX, World

LIVENESS_US = 240_000_000
# What cannot be finished is seen to be so after a few starts of the program.
LOCKED_US = 15_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one seed did.

    Attributes:
        seed: The seed.
        findings: What must not be, one line each, with the checker's name first (``W1 ...``); empty when all is well.
        fingerprint: Hash over everything that happened: equal for equal seeds on every Python, in any process.
        cpu_s: CPU time of the session.
        faults: Names ``kind@object`` of the faults that happened, in order; any subset can be handed back in.
        pairs: Faults met, each with the state of the host that it met.
        shots: Injections physically made.
        simulated_s: Simulated time.
        trace: What happened, one line each, for reading; empty unless asked for.
    """

    seed: int
    findings: tuple[str, ...]
    fingerprint: str
    cpu_s: float
    faults: tuple[str, ...]
    pairs: frozenset[tuple[str, str]] = frozenset()
    shots: int = 0
    simulated_s: float = 0.0
    trace: tuple[str, ...] = ()


def run_seed(
    seed: int,
    *,
    shots: int = 300,
    only_faults: Collection[str] | None = None,
    traced: bool = False,
    intensity: int = 1,
    aims: Collection[tuple[str, str]] = (),
) -> Outcome:
    """Run the session of this seed to its end and judge it.

    Args:
        seed: Decides everything.
        shots: Injections planned.
        only_faults: Let only these faults happen, by the names of an earlier `Outcome`; None for all that are drawn.
        traced: Keep the readable trace.
        intensity: Factor on the rate of every fault, for rare corners.
        aims: Kinds of faults and states of the host that are to meet, beside what is drawn.
    """
    begun_s = time.process_time()
    world = World(seed, shots=shots, only=only_faults, traced=traced, intensity=intensity, aims=aims)
    _live(world)
    world.watch.judge()
    return Outcome(
        seed=seed,
        findings=tuple(world.watch.findings),
        fingerprint=world.fingerprint(),
        cpu_s=time.process_time() - begun_s,
        faults=tuple(world.dice.happened),
        pairs=frozenset(world.pairs),
        shots=len(world.truth),
        simulated_s=world.now_us / 1e6,
        trace=tuple(world.trace or ()),
    )


def _live(world: World) -> None:
    """L1: faults end at 80 % of the shots, and from then on the plan is finished within a bound."""
    ruined = RUIN.get(world.ruin)
    ruined_us = 0
    while not (world.closing and world.rested()):
        world.turn()
        if world.now_us > FAULTY_US_MAX:
            world.heal()
        if world.healed_us and world.now_us - world.healed_us > LIVENESS_US:
            world.watch.found("L1", f"not finished {LIVENESS_US // 1_000_000} s after the last fault: {_why(world)}")
            return
        locked = world.locked()
        if locked and ruined is not None and world.ruin in world.harmed:
            ruined_us = ruined_us or world.now_us
            # Something that passes may lock it besides, such as another host: then the next start is looked at.
            if world.now_us - ruined_us > LOCKED_US and set(locked.split(",")) <= ruined:
                if world.settled or not settle(world):
                    return
                world.settled, ruined_us, world.healed_us = True, 0, world.now_us


def _why(world: World) -> str:
    view = world.view
    said = world.notices[-1].text if world.notices else ""
    return (
        f"link {view.link.value}, {view.phase.value}, {view.shots_given} of {view.shots_planned} given, "
        f"{', '.join(view.findings) or 'no findings'}, gun {world.gun.firmware.state.name}; last said: {said}"
    )
