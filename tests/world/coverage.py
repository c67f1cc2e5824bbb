"""Which faults have met the host in which state, and which pairs cannot be: each with its reason.

A pair that is neither met nor declared is a corner nobody has looked into; one that is declared and met is a wrong
declaration.
"""

from collections import Counter
from collections.abc import Iterable

from tests.world.faults import KINDS

STATES = (
    "dead", "down", "connecting", "reconciling", "no session", "unconfirmed", "ready", "arming", "armed", "estopped",
    "fault", "locked", "closing", "closed",
)  # fmt: skip

Pair = tuple[str, str]


def unreachable() -> dict[Pair, str]:
    """Every pair that cannot be, and why."""
    pairs: dict[Pair, str] = {}
    for kind in KINDS:
        for state in STATES:
            reason = _reason(kind.place, kind.name, state)
            if reason:
                pairs[kind.name, state] = reason
    return pairs


def _reason(place: str, name: str, state: str) -> str:
    for places, names, states, reason in RULES:
        if (not places or place in places) and (not names or name in names) and state in states:
            return reason
    return ""


# Places, kinds (either empty for all), states, reason; the first that fits is told.
RULES: tuple[tuple[frozenset[str], frozenset[str], frozenset[str], str], ...] = (
    (frozenset({"effect", "step", "commit"}), frozenset(), frozenset({"dead"}), "there is no host"),
    (frozenset({"shot"}), frozenset(), frozenset({"connecting", "down", "no session", "unconfirmed", "closed"}),
     "no shot begins without credit, and credit ends with the takeover of a connection"),
)  # fmt: skip


def judge(met: Iterable[Pair]) -> tuple[Counter[str], list[str]]:
    """Return how many pairs there are of each sort, and what is wrong."""
    seen = set(met)
    declared = unreachable()
    every = {(kind.name, state) for kind in KINDS for state in STATES}
    open_pairs = sorted(every - seen - declared.keys())
    false = sorted(seen & declared.keys())
    wrong = [f"{name} in state {state}: never met and not declared unreachable" for name, state in open_pairs]
    wrong += [f"{name} in state {state}: met, though declared: {declared[name, state]}" for name, state in false]
    sizes = Counter(pairs=len(every), met=len(seen), declared=len(declared), open=len(open_pairs), false=len(false))
    return sizes, wrong
