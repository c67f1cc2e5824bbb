"""Self-test, homing and leave-taking, against the real firmware model: each recorded, each refused while armed."""

import pytest

from meso_device.session.contract import HomeNeedle, LeaveGun, LinkState, NoticeKind, Phase, SelfTestGun, Stop
from protocols.wire.codes import State
from protocols.wire.messages import Goodbye, SelfTest, ServiceEnter, ServiceMove
from simulator.firmware.requests import HANDLERS
from tests.unit.session.test_engine import armed, assert_log_is_truth, bodies, frames, small_plan
from tests.world.rig import Rig


class CareRig(Rig):
    """A rig that keeps what the engine dropped the link for."""

    dropped = None

    def do(self, effect):
        if type(effect).__name__ == "DropLink":
            self.dropped = effect
        super().do(effect)


@pytest.fixture
def rig():
    made = CareRig(small_plan())
    assert made.run(lambda: made.view.link is LinkState.UP)
    return made


def said(rig, kind):
    return [notice.text for notice in rig.notices if notice.kind is kind]


def test_a_self_test_is_recorded_with_who_asked_and_what_it_came_to(rig):
    rig.host(SelfTestGun(op="lee"))
    assert rig.run(lambda: bool(bodies(rig, "gun.self_test")))
    [body] = bodies(rig, "gun.self_test")
    assert (body["by"], body["items"], body["failed"]) == ("lee", 511, [])
    assert "self-test: every item passed" in said(rig, NoticeKind.INFO)
    assert rig.view.phase is Phase.NO_SESSION


def test_an_item_that_fails_is_named_in_record_and_alarm(rig, monkeypatch):
    monkeypatch.setattr("simulator.firmware.requests.failed_items", lambda *_: 64)
    rig.host(SelfTestGun(op="lee"))
    assert rig.run(lambda: bool(bodies(rig, "gun.self_test")))
    assert bodies(rig, "gun.self_test")[0]["failed"] == ["PRESSURE"]
    assert any("PRESSURE not passed" in text for text in said(rig, NoticeKind.ALARM))


def test_a_self_test_whose_end_is_never_told_is_given_up_and_the_gun_can_be_used(rig, monkeypatch):
    monkeypatch.setitem(HANDLERS, SelfTest.TYPE, lambda *_: None)
    rig.host(SelfTestGun(op="lee"))
    assert rig.run(lambda: any("run it again" in text for text in said(rig, NoticeKind.REFUSED)))
    assert not bodies(rig, "gun.self_test")
    rig.run_session()
    armed(rig)


def test_the_needle_is_homed_only_after_the_guns_own_button(rig):
    rig.host(HomeNeedle(op="lee"))
    assert rig.run(lambda: any("press the service button" in text for text in said(rig, NoticeKind.REFUSED)))
    assert not frames(rig, ServiceMove)
    rig.gun.body.press_service_button(rig.now_us)
    rig.host(HomeNeedle(op="lee"))
    assert rig.run(lambda: "the needle is home" in said(rig, NoticeKind.INFO))
    assert rig.gun.firmware.state is State.SAFE
    [body] = bodies(rig, "gun.homed")
    assert body["by"] == "lee"
    assert body["shot_seq"] == rig.view.committed_seq == rig.view.head_seq
    rig.run_session()
    assert rig.run(rig.closed)
    assert_log_is_truth(rig)


def test_a_stop_while_the_needle_is_drawn_home_ends_stopped_and_settled(rig):
    rig.gun.body.press_service_button(rig.now_us)
    rig.host(HomeNeedle(op="lee"))
    assert rig.run(lambda: bool(frames(rig, ServiceMove)))
    rig.host(Stop(source="test"))
    assert rig.run(lambda: rig.view.estop_latch_id != 0 and rig.view.log_state == "SYNCED")
    assert rig.view.phase is Phase.ESTOPPED


@pytest.mark.invariant("I-45")
def test_taking_leave_is_recorded_said_to_the_gun_and_lasts(rig):
    rig.host(LeaveGun(op="lee"))
    assert rig.run(lambda: rig.view.link is LinkState.DOWN)
    assert [body["by"] for body in bodies(rig, "gun.left")] == ["lee"]
    assert frames(rig, Goodbye)
    assert rig.dropped.rest
    assert rig.gun.firmware.state is State.SAFE


@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("command", [SelfTestGun(op="lee"), HomeNeedle(op="lee"), LeaveGun(op="lee")])
def test_nothing_of_it_is_done_while_armed(rig, command):
    rig.run_session()
    armed(rig)
    rig.gun.body.press_service_button(rig.now_us)
    rig.host(command)
    assert any("is not possible now" in text for text in said(rig, NoticeKind.REFUSED))
    assert rig.run(rig.closed)
    assert not any(frames(rig, message) for message in (SelfTest, ServiceEnter, Goodbye))
