"""Bringing faults and states of the host together that seldom meet: what leads there, and what holds it open.

Everything here is a fault by name like any other, so that a run is replayed and shrunk in the same way.
"""

from collections.abc import Collection

from tests.world.faults import BY_NAME

Pair = tuple[str, str]

# How a session comes into a state: a fault, and the state that it is to meet for it.
WAYS: dict[str, tuple[Pair, ...]] = {
    "dead": (("host_kill", "armed"), ("host_kill", "arming")),
    "down": (("unplug", "armed"), ("unplug", "arming"), ("host_suspend", "armed")),
    "connecting": (("loose_contact", "armed"), ("alarm_at_rest", "connecting")),
    "reconciling": (("loose_contact", "armed"),),
    "unconfirmed": (("unplug", "armed"),),
    "estopped": (("stop_any_time", "armed"), ("stop_any_time", "arming")),
    "fault": (("stuck_motor", "armed"), ("occlusion", "armed")),
    "locked": (("second_host", "armed"), ("alarm_at_rest", "locked"), ("stop_any_time", "locked")),
    "closing": (("close_early", "armed"),),
    "closed": (("alarm_at_rest", "closed"), ("close_early", "armed")),
    "ready": (("alarm_at_rest", "ready"), ("pause", "armed")),
    "no session": (("alarm_at_rest", "no session"),),
}
# A stroke begins in this state only just after the disk failed.
DISK_FAILS = (("fsync_err", "armed"), ("enospc", "armed"))
WAYS_MAX = 12
WAITS_US = 3_000_000
# One chance in so many: a session is to get on meanwhile.
WAY_SELDOM = 6


class Target:
    """What one session is aimed at.

    Args:
        aims: The pairs to meet.

    Attributes:
        kinds: All kinds that may be wanted for it.
        holds: States in which the line is to hold up what would end the credit.
        asks_again: States in which a copy of the last request reaches the gun late, so that it replies.
        waits_us: How long the operator waits before the session.
        hit: Whether all was met.
    """

    def __init__(self, aims: Collection[Pair]) -> None:
        self._open = set(aims)
        self._states = {state for _, state in aims}
        places = {BY_NAME[kind].place for kind, _ in aims}
        self._ways = {pair for state in self._states for pair in WAYS.get(state, ())}
        if "shot" in places and "locked" in self._states:
            self._ways = set(DISK_FAILS)
        self.kinds = frozenset(kind for kind, _ in self._open | self._ways)
        self.holds = {state for kind, state in aims if BY_NAME[kind].place == "shot"} - {"armed", "arming"}
        self.asks_again = {state for kind, state in aims if BY_NAME[kind].place == "reply"} - {"armed", "arming"}
        self._ways_left = WAYS_MAX
        self.hit = False
        self.waits_us = WAITS_US if "no session" in self._states else 0
        self._asked = 0

    def wanted(self, kinds: tuple[str, ...], world) -> list[str]:
        """Which of these kinds are to happen now: those not met yet, else now and then one that leads there."""
        self._open -= world.pairs
        self.hit = not self._open
        if self.hit:
            return []
        state = world.state()
        found = [kind for kind in kinds if (kind, state) in self._open]
        if found or not self._ways_left:
            return found
        ways = [kind for kind in kinds if (kind, state) in self._ways]
        if ways:
            self._asked += 1
            if self._asked % WAY_SELDOM:
                return []
            self._ways_left -= 1
        return ways
