"""Further checkers, for single rules: what the order of the records says, and what must not outlive a host that hangs.

They look at the log as it lies there and at the hidden motion, like the other checkers.
"""

import json
from collections import Counter

from tests.world.checkers import SILENT_US
from tests.world.dice import Draw
from tests.world.session import _live
from tests.world.world import World

# What takes back a person's word that the session goes on.
_UNCONFIRMS = frozenset({"session.opened", "link.up", "link.down", "stop", "estop.reset", "log.opened"})


class StrictWorld(World):
    """A world that also looks at what must not go on while the host hangs."""

    def __init__(self, seed: int, **bounds) -> None:
        self._hangs_since_us = 0
        super().__init__(seed, **bounds)

    def _harm_host(self, kind: str, draw: Draw) -> None:
        if self._hung_until_us <= self.now_us:
            self._hangs_since_us = self.now_us
        super()._harm_host(kind, draw)

    def _stroke(self) -> None:
        hung_us = self.now_us - self._hangs_since_us
        calm = not {"lease_ignored", "lease_timer_stuck", "tick_jump", "tick_drift"} & self.harmed
        if self._hung_until_us > self.now_us and hung_us > SILENT_US and calm:
            self.watch.found("W4", f"a shot begins {hung_us / 1e6:.3f} s after the host began to hang")
        super()._stroke()


def run_strictly(seed: int, *, shots: int) -> tuple[tuple[str, ...], World]:
    """Run a seed as `run_seed` does, with these checkers too; returns what they found."""
    world = StrictWorld(seed, shots=shots)
    _live(world)
    world.watch.judge()
    bodies = [json.loads(body) for (body,) in world.store._db.execute("SELECT body FROM record ORDER BY seq")]
    for text in in_order(bodies):
        world.watch.found(*text.split(" ", 1))
    for key, times in Counter((motion.uid, motion.epoch, motion.seq) for motion in world.watch.motions).items():
        if times > 1:
            world.watch.found("I-02", f"number {key[2]} was given to {times} strokes")
    return tuple(world.watch.findings), world


def in_order(bodies: list[dict]) -> list[str]:
    """What the records' order shows that must not be."""
    wrong = []
    confirmed, findings, bound = False, {}, {}
    newest: dict[tuple[str, int], int] = {}
    booked: Counter = Counter()
    closed: dict[tuple[str, int, int], int] = {}
    for body in bodies:
        kind, gun = body["kind"], body.get("gun", {})
        place = (gun.get("gun_uid", ""), gun.get("log_epoch", 0))
        if kind in _UNCONFIRMS:
            confirmed = False
        elif kind == "session.confirmed":
            confirmed = True
        elif kind == "finding.closed":
            findings.pop(body["finding"], None)
        elif kind.startswith("finding."):
            findings[body["key"]] = body["code"]
        elif kind == "shot":
            newest[place] = max(newest.get(place, 0), body["shot_seq"])
            grant = (*place, body["grant_no"])
            booked[grant] += 1
            if grant in closed:
                wrong.append(f"I-20 shot {body['shot_seq']} came after its grant {body['grant_no']} was proven over")
        elif kind == "grant.closed":
            grant = (*place, body["grant_no"])
            closed[grant] = body["seq"]
            if body["used_shots"] != booked[grant]:
                wrong.append(f"I-20 grant {grant[2]} is closed with {body['used_shots']}, the log has {booked[grant]}")
        elif kind == "grant.prepared":
            if not confirmed:
                wrong.append(f"I-45 grant {body['grant_no']} without a person's word")
            if findings:
                wrong.append(f"I-22 grant {body['grant_no']} while {next(iter(findings.values()))} is open")
            if bound.setdefault(body["sess"], place[0]) != place[0]:
                wrong.append(f"I-32 grant {body['grant_no']} to gun {place[0]}, the session is bound to another")
            if place in newest and body["expect_head_seq"] != newest[place]:
                wrong.append(f"I-47 grant {body['grant_no']} before record {body['expect_head_seq']} was read")
        if kind == "session.opened" and gun:
            bound[body["sess"]] = place[0]
    return wrong
