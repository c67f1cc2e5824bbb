"""Directed sessions, each aimed at one rule that a world of everything meets too seldom; they return what they find."""

from meso_device.session.contract import NoticeKind
from tests.world.plans import plan_of
from tests.world.rig import Rig

SHOTS = 60
HOUR_US = 3_600_000_000
# Offsets of the wall clock: winter time, summer time, a year either way, 1970, 2038.
CLOCKS_US = (HOUR_US, -HOUR_US, 365 * 24 * HOUR_US, -365 * 24 * HOUR_US, -1_800_000_000_000_000, 347_483_648_000_000)


def clock_steps(seed: int) -> tuple[str, ...]:
    """The wall clock steps while a gun is armed and shooting: nothing that is decided may change (I-35, I-38)."""
    found = []
    taken_us = []
    for steps in ((), CLOCKS_US):
        rig = Rig(plan_of(SHOTS), seed=seed)
        rig.run_session()
        due = list(steps)
        while not rig.closed() and rig.now_us < 60_000_000:
            rig.turn()
            if due and len(rig.truth) > 4 + 8 * (len(steps) - len(due)):
                rig.utc_step_us = due.pop(0)
        taken_us.append(rig.now_us)
        refused = [notice.text for notice in rig.notices if notice.kind is not NoticeKind.INFO]
        if refused:
            found.append(f"I-35 the clock was set, and: {refused[0]}")
        elif len(rig.truth) < SHOTS:
            found.append(f"I-35 the clock was set, and {len(rig.truth)} of {SHOTS} were given")
    if not found and abs(taken_us[1] - taken_us[0]) > taken_us[0] // 10:
        found.append(f"I-35 {taken_us[0]} us without, {taken_us[1]} us with steps of the wall clock")
    return tuple(found)
