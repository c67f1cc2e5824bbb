"""What the proof found in the product, each with the case that showed it."""

import pytest

from meso_device.session.contract import LinkState, Phase, Stop
from tests.world.plans import plan_of
from tests.world.rig import Rig


@pytest.mark.invariant("I-20")
@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
def test_a_grant_that_was_open_when_the_guns_memory_was_lost_stays_reserved_and_the_log_goes_on():
    rig = Rig(plan_of(40), seed=1)
    rig.run_session()
    assert rig.run(lambda: len(rig.truth) >= 5)
    rig.wire.unplugged = True
    rig.close_port("pulled")
    given_up_us = rig.now_us + 700_000
    rig.run(lambda: rig.now_us >= given_up_us)
    rig.gun.power_off(rig.now_us)
    rig.nvm.data[:] = b"\xff" * len(rig.nvm.data)
    rig.gun = rig.new_gun(rig.gun.body.state(rig.now_us))
    rig.wire.unplugged = False
    assert rig.run(lambda: rig.view.link is LinkState.UP, within_s=20)
    view = rig.view
    assert (view.phase, view.findings, view.write_failed) == (Phase.LOCKED, ("epoch.changed",), "")
    unread = len([shot for shot in rig.truth if shot.label.shot_seq]) - view.shots_given
    assert view.open_grants == 1
    assert view.held_shots >= unread > 0
    rig.kill_host()
    rig.open_port()
    assert rig.run(lambda: rig.view.link is LinkState.UP, within_s=20)
    assert rig.view.held_shots == view.held_shots


@pytest.mark.hazard("HZ-37")
def test_stop_held_down_on_a_line_that_answers_nothing_asks_nothing_more_of_it():
    """A key that repeats: what follows a STOP begins once, or its questions fill the link's queue and end the host."""
    rig = Rig(plan_of(40), seed=1)
    rig.run_session()
    assert rig.run(lambda: len(rig.truth) >= 2)
    rig.autopilot = None
    rig.host(Stop(source="key"))
    assert rig.run(lambda: rig.view.estop_latch_id != 0)
    rig.wire.unplugged = True
    for _ in range(100):
        rig.host(Stop(source="key"))
    assert rig.link._calls.queued <= 1
    rig.wire.unplugged = False
    assert rig.run(lambda: not rig.view.stop_unheard and rig.view.log_state == "SYNCED", within_s=20)
    assert rig.view.phase is Phase.ESTOPPED
