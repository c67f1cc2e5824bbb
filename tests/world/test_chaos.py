"""Whole sessions with hosts and guns killed, cables pulled, STOP pressed and bytes damaged: the log equals the truth.

Each seed is one session; `MESO_CHAOS_SEEDS` runs more of them.
"""

import os

import pytest

from meso_device.audit import canonical
from meso_device.session.contract import Stop
from protocols.treatment.library import load_library
from tests.world.rig import Rig

PLAN = load_library("practice").plan()
SEEDS = int(os.environ.get("MESO_CHAOS_SEEDS", "120"))
RESUMES = 6


def disturb(rig):
    match rig.random.choice(["host", "gun", "unplug", "drop", "stop"]):
        case "host":
            rig.kill_host()
            if not rig.resume_session():
                rig.run_session()
        case "gun":
            rig.kill_gun()
        case "unplug":
            rig.wire.unplugged = True
            rig.close_port("gone")
            back_us = rig.now_us + rig.random.randrange(50_000, 3_000_000)
            rig.run(lambda: rig.now_us >= back_us)
            rig.wire.unplugged = False
        case "drop":
            rig.close_port("pulled")
        case "stop":
            rig.host(Stop(source="test"))


def finish(rig):
    """The faults have ended: within a bound, and with an operator who resumes, the session closes (I-49)."""
    rig.wire.loss = rig.wire.corrupt = 0
    for _ in range(RESUMES):
        rig.run(lambda: rig.closed() or bool(rig.autopilot and rig.autopilot.given_up), within_s=240)
        if rig.closed():
            return True
        rig.kill_host()
        if not rig.resume_session():
            rig.run_session()
    return False


@pytest.mark.invariant("I-42")
@pytest.mark.invariant("I-43")
@pytest.mark.invariant("I-49")
@pytest.mark.hazard("HZ-01")
@pytest.mark.hazard("HZ-02")
@pytest.mark.hazard("HZ-03")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_injection_is_in_the_log_once_whatever_happens(seed):
    rig = Rig(PLAN, seed=seed)
    rig.wire.loss = rig.random.choice([0, 0, 0.01, 0.05])
    rig.wire.corrupt = rig.random.choice([0, 0, 0.0005, 0.005])
    rig.run_session()
    for _ in range(rig.random.randrange(1, 6)):
        until_us = rig.now_us + rig.random.randrange(10_000, 2_500_000)
        rig.run(lambda until_us=until_us: rig.now_us >= until_us or rig.closed())
        if rig.closed():
            break
        disturb(rig)
    assert finish(rig), rig.view
    rows = [canonical.parse(raw) for (raw,) in rig.store._db.execute("SELECT body FROM record WHERE kind = 'shot'")]
    shots = [shot for shot in rig.truth if shot.label.shot_seq]
    assert sorted(row["shot_seq"] for row in rows) == sorted(shot.label.shot_seq for shot in shots)
    truth = {shot.label.shot_seq: shot for shot in shots}
    for row in rows:
        shot = truth[row["shot_seq"]]
        assert row["dose_lo_nl"] <= shot.dose_nl <= row["dose_hi_nl"]
        assert (row["phase"], row["shot_kind"], row["area_code"]) == (
            shot.outcome,
            shot.label.kind,
            shot.label.area_code,
        )
    for area in PLAN.areas:
        assert sum(row["area_code"] == area.area_code for row in rows) == area.shots
