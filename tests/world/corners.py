"""Every corner looked into: few seeds, each aimed at all that is still to be met in one state of the host."""

from collections.abc import Iterator

from tests.world import coverage
from tests.world.faults import BY_NAME
from tests.world.session import Outcome, run_seed

# Strokes and commits in odd states are few a session, and end it: these are short.
SHOTS = {"shot": 10, "commit": 6}
SHOTS_OTHERWISE = 16
ROUNDS_MAX = 40


def visit(met: set[coverage.Pair], *, rounds: int = ROUNDS_MAX) -> Iterator[tuple[str, Outcome]]:
    """Run seeds aimed at what is open, one for each state and sort of place, round by round, until nothing is.

    Calm sessions and wild ones in turn: some states need what others are disturbed by. Adds to ``met``; yields the
    arguments of `replay` beside the seed, and the outcome of each.
    """
    seed = 0
    for round_no in range(rounds):
        if not coverage.still_open(met):
            return
        for state in coverage.STATES:
            for sort in (*SHOTS, ""):
                aims = [
                    (kind, where)
                    for kind, where in coverage.still_open(met)
                    if where == state and (BY_NAME[kind].place if BY_NAME[kind].place in SHOTS else "") == sort
                ]
                if aims:
                    seed += 1
                    shots = SHOTS.get(sort, SHOTS_OTHERWISE)
                    intensity = (1, 1, 3)[round_no % 3]
                    outcome = run_seed(seed, shots=shots, intensity=intensity, aims=aims)
                    met |= outcome.pairs
                    aimed = " ".join(f"--aim {kind} '{where}'" for kind, where in aims)
                    yield f"--shots {shots} --intensity {intensity} {aimed}", outcome
