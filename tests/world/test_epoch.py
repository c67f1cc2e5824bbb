"""A gun that comes back with an empty memory: what its lost log would have told stays unknown and reserved."""

import pytest

from meso_device.session.contract import LinkState, Phase
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
