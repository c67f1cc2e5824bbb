"""The operator without a screen: what it does at each view, and where it gives up."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import AreaGiven, SessionRow
from meso_device.session.autopilot import ARMINGS_WITHOUT_SHOT, RESET_TRIES, Autopilot
from meso_device.session.contract import (
    Arm,
    CloseSession,
    Confirm,
    LinkState,
    OpenSession,
    Phase,
    ResetStop,
    ResumeSession,
    View,
)
from protocols.treatment.library import load_library

PLAN = load_library("practice").plan()
OPENING = OpenSession(plan=PLAN, session="ab" * 16, alias="cd" * 16, op="practice", role="clinician", practice=True)
BLANK = View(
    link=LinkState.UP,
    phase=Phase.NO_SESSION,
    session="",
    simulated=True,
    gun_uid="00" * 12,
    serial="MG-1",
    boot_id=1,
    resets=0,
    plan=PLAN,
    file=PLAN,
    skipped={},
    cells={},
    area_id="",
    given=(),
    shots_given=0,
    shots_planned=PLAN.shots,
    dose_hi_nl=0,
    credit_shots=0,
    heard_us=0,
    head_seq=0,
    committed_seq=0,
    open_grants=0,
    held_shots=0,
    held_nl=0,
    findings=(),
    blocked=(),
    estop_latch_id=0,
    alarms=0,
    stop_unheard=False,
    write_failed="",
    log_state="SYNCED",
)
ROW = SessionRow(
    session="ef" * 16, alias="", op="practice", state="open", simulated=True, gun_uid="00" * 12,
    protocol_digest=PLAN.digest, opened_at_us=0, closed_at_us=0, opened={}, given=(),
)  # fmt: skip
READY = replace(BLANK, phase=Phase.READY, session=OPENING.session)


def pilot(**more):
    return Autopilot(more.pop("opening", OPENING), **({"how": "test", "resets_stop": False} | more))


def given(*shots):
    return tuple(
        AreaGiven(area_code=area.area_code, shots=n, dose_lo_nl=0, dose_hi_nl=0, interrupted=0)
        for area, n in zip(PLAN.areas, shots, strict=False)
    )


def test_it_waits_for_the_link_then_opens_confirms_and_arms_the_first_area():
    auto = pilot()
    assert auto.next_command(replace(BLANK, link=LinkState.RECONCILING)) is None
    assert auto.next_command(BLANK) == OPENING
    assert auto.next_command(BLANK) is None
    assert auto.next_command(replace(READY, phase=Phase.UNCONFIRMED)) == Confirm(how="test")
    assert auto.next_command(READY) == Arm(area_id=PLAN.areas[0].area)


def test_it_goes_on_in_the_first_area_that_is_not_complete():
    assert pilot().next_command(
        replace(READY, given=given(PLAN.areas[0].shots, 1), shots_given=PLAN.areas[0].shots + 1)
    ) == Arm(area_id=PLAN.areas[1].area)


def test_it_closes_when_every_point_is_given():
    done = given(*(area.shots for area in PLAN.areas))
    assert pilot().next_command(replace(READY, given=done, shots_given=PLAN.shots)) == CloseSession(state="complete")


@pytest.mark.invariant("I-32")
def test_a_session_is_resumed_before_the_gun_is_greeted():
    opening = ResumeSession(row=ROW, plan=PLAN, op="practice", role="clinician")
    assert pilot(opening=opening).next_command(replace(BLANK, link=LinkState.DOWN)) == opening


@pytest.mark.invariant("I-45")
@pytest.mark.hazard("HZ-37")
def test_a_stopped_gun_is_not_reset_unless_the_command_is_the_operators_word():
    auto = pilot()
    assert auto.next_command(replace(READY, phase=Phase.ESTOPPED, estop_latch_id=4)) is None
    assert auto.given_up


def test_a_latch_that_comes_back_is_not_reset_for_ever():
    auto = pilot(resets_stop=True)
    stopped = replace(READY, phase=Phase.ESTOPPED, estop_latch_id=4)
    resets = 0
    for _ in range(4 * RESET_TRIES):
        resets += isinstance(auto.next_command(stopped), ResetStop)
        auto.next_command(replace(stopped, link=LinkState.DOWN))
    assert resets == RESET_TRIES
    assert auto.given_up


def test_a_refused_reset_is_tried_again_but_not_while_it_is_under_way():
    auto = pilot(resets_stop=True)
    stopped = replace(READY, phase=Phase.ESTOPPED, estop_latch_id=4)
    for _ in range(RESET_TRIES):
        assert isinstance(auto.next_command(stopped), ResetStop)
        assert auto.next_command(stopped) is None
        assert not auto.given_up
        auto.refused()
    assert auto.next_command(stopped) is None
    assert auto.given_up


def test_an_area_without_an_injection_is_given_up():
    auto = pilot()
    arms = [auto.next_command(READY) for _ in range(ARMINGS_WITHOUT_SHOT + 1)]
    assert [isinstance(command, Arm) for command in arms] == [True] * ARMINGS_WITHOUT_SHOT + [False]
    assert "without an injection" in auto.given_up


def test_a_locked_host_is_given_up_with_its_reason():
    auto = pilot()
    assert auto.next_command(replace(READY, phase=Phase.LOCKED, findings=("gap",))) is None
    assert "gap" in auto.given_up


@pytest.mark.hazard("HZ-57")
def test_what_a_rule_refuses_before_the_first_injection_is_closed_as_refused_and_not_left_to_be_resumed():
    auto = pilot()
    assert auto.next_command(READY) == Arm(area_id=PLAN.areas[0].area)
    auto.refused()
    blocked = replace(READY, blocked=("too_early",))
    assert auto.next_command(blocked) == CloseSession(state="refused")
    assert auto.declined
    assert not auto.given_up


def test_what_an_earlier_session_was_refused_for_does_not_close_this_one():
    auto = pilot()
    assert auto.next_command(replace(READY, blocked=("too_early",))) == Arm(area_id=PLAN.areas[0].area)
    assert not auto.declined


def test_a_session_that_is_blocked_after_an_injection_stays_open():
    auto = pilot()
    area = PLAN.areas[0].area
    going = replace(READY, given=given(1), shots_given=1)
    assert auto.next_command(going) == Arm(area_id=area)
    for _ in range(ARMINGS_WITHOUT_SHOT - 1):
        auto.refused()
        assert auto.next_command(replace(going, blocked=("content",))) == Arm(area_id=area)
    auto.refused()
    assert auto.next_command(replace(going, blocked=("content",))) is None
    assert "armed" in auto.given_up
    assert not auto.declined


@pytest.mark.invariant("I-45")
@pytest.mark.hazard("HZ-37")
def test_a_stop_pressed_while_another_is_being_reset_ends_the_script_and_is_not_reset():
    auto = pilot(resets_stop=True)
    stopped = replace(READY, phase=Phase.ESTOPPED, estop_latch_id=3)
    assert auto.next_command(replace(stopped, stop_unheard=True)) is None
    assert isinstance(auto.next_command(stopped), ResetStop)
    assert auto.next_command(replace(stopped, stop_unheard=True)) is None
    assert "STOP was pressed" in auto.given_up
    assert auto.next_command(stopped) is None


def test_it_gives_up_when_nothing_can_be_recorded_even_before_its_session_is_taken_up():
    """Found by the world: it asked for ever to resume a session that a log with a broken disk could not take up."""
    reason = "the audit log cannot be written: disk I/O error"
    resuming = ResumeSession(row=ROW, plan=PLAN, op="practice", role="clinician")
    operator = pilot(opening=resuming)
    broken = replace(BLANK, link=LinkState.CONNECTING, phase=Phase.LOCKED, write_failed=reason)
    assert operator.next_command(broken) is None
    assert operator.given_up == reason
