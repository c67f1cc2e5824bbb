"""From a failing seed to the few faults that it takes: fewer shots, then whole kinds, then single faults."""

from collections.abc import Callable

from tests.world.session import Outcome, run_seed

RUNS_MAX = 400


def shrink(
    seed: int, *, shots: int, tell: Callable[[str], None] = lambda _: None
) -> tuple[int, tuple[str, ...], Outcome]:
    """Return the shots planned, the faults and the outcome of the shortest failure found.

    A shorter run counts when it breaks the same rule.
    """
    whole = run_seed(seed, shots=shots)
    rules = {finding.split(" ", 1)[0] for finding in whole.findings}
    if not rules:
        return shots, whole.faults, whole
    best = whole
    left = RUNS_MAX

    def fails(shots_tried: int, faults: list[str]) -> bool:
        nonlocal best, left
        left -= 1
        tried = run_seed(seed, shots=shots_tried, only_faults=faults)
        if not any(finding.split(" ", 1)[0] in rules for finding in tried.findings):
            return False
        best = tried
        return True

    faults = list(whole.faults)
    for fewer in (10, 30, 100):
        if fewer < shots and left > 0 and fails(fewer, faults):
            shots = fewer
            faults = list(best.faults)
            break
    tell(f"{shots} shots, {len(faults)} faults")
    for kind in sorted({fault.split("@", 1)[0] for fault in faults}):
        without = [fault for fault in faults if fault.split("@", 1)[0] != kind]
        if len(without) < len(faults) and left > 0 and fails(shots, without):
            faults = list(best.faults)
    tell(f"{len(faults)} faults of {len({fault.split('@', 1)[0] for fault in faults})} kinds")
    size = max(1, len(faults) // 2)
    while left > 0:
        at = 0
        smaller = False
        while at < len(faults) and left > 0:
            without = faults[:at] + faults[at + size :]
            if fails(shots, without):
                faults = list(best.faults)
                smaller = True
            else:
                at += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2)
    if not best.findings or list(best.faults) != faults:
        best = run_seed(seed, shots=shots, only_faults=faults)
    return shots, tuple(faults), best
