"""Which faults have met the host in which state, and which pairs cannot be: each with its reason.

A pair that is neither met nor declared is a corner nobody has looked into; one that is declared and met is a wrong
declaration. Seeds drawn at random meet most pairs; at what they leave open, further seeds are aimed
(`tests.world.corners`).
"""

from collections import Counter
from collections.abc import Iterable

from tests.world.faults import BY_NAME, KINDS

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
    (
        frozenset({"effect", "step", "commit"}),
        frozenset(),
        frozenset({"dead"}),
        "there is no host that could do anything",
    ),
    (
        frozenset({"send"}),
        frozenset(),
        frozenset({"dead", "down"}),
        "no port is open",
    ),
    (
        frozenset({"shot"}),
        frozenset(),
        frozenset({"no session", "unconfirmed", "ready", "fault", "closed"}),
        "the host is in these states only when the gun has said that no credit is left",
    ),
    (
        frozenset({"reply"}),
        frozenset(),
        frozenset({"no session"}),
        "a host that has had no session yet has asked the gun for no change since it connected",
    ),
)


def still_open(met: Iterable[Pair]) -> list[Pair]:
    """Return every pair that was neither met nor declared."""
    return sorted({(kind.name, state) for kind in KINDS for state in STATES} - set(met) - unreachable().keys())


def judge(met: Iterable[Pair]) -> tuple[Counter[str], list[str]]:
    """Return how many pairs there are of each sort, and what is wrong."""
    seen = {pair for pair in met if pair[0] in BY_NAME}
    declared = unreachable()
    open_pairs = still_open(seen)
    false = sorted(pair for pair in seen & declared.keys())
    wrong = [f"{name} in state {state}: never met and not declared unreachable" for name, state in open_pairs]
    wrong += [f"{name} in state {state}: met, though declared: {declared[name, state]}" for name, state in false]
    sizes = Counter(
        pairs=len(KINDS) * len(STATES), met=len(seen), declared=len(declared), open=len(open_pairs), false=len(false)
    )
    return sizes, wrong
