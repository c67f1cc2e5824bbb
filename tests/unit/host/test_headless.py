import pytest

from meso_device.host.headless import LOST_US_MAX, PAUSE_US, WIND_DOWN_US_MAX, Headless
from meso_device.host.members import End
from meso_device.session.contract import Arm, Disarm, Instant, LinkState, Notice, NoticeKind, Phase


class Script:
    """Arms the forehead whenever asked."""

    def __init__(self):
        self.asked = 0
        self.refusals = 0
        self.given_up = ""
        self.declined = False

    def next_command(self, view):
        self.asked += 1
        return Arm(area_id="forehead")

    def refused(self):
        self.refusals += 1


class Run:
    """A headless operator and its clock."""

    def __init__(self, make_view):
        self.script = Script()
        self.headless = Headless(self.script, port="/dev/gun")
        self.us = 1_000_000
        self._make_view = make_view

    def wish(self, after_us=0, **view):
        self.us += after_us
        return self.headless.next_wish(self._make_view(**view), Instant(self.us, 0))


@pytest.fixture
def run(make_view):
    return Run(make_view)


def test_the_script_decides_while_nothing_forbids_it(run):
    assert run.wish() == Arm(area_id="forehead")


def test_a_closed_session_is_the_good_end(run):
    assert run.wish(phase=Phase.CLOSED) == End(0)


def test_a_session_that_a_rule_refused_ends_with_its_line_though_it_is_closed(run):
    run.headless.notice(Notice(NoticeKind.REFUSED, "too early by 2 days"))
    run.script.declined = True
    assert run.wish(phase=Phase.CLOSED) == End(1, "too early by 2 days")


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-36")
@pytest.mark.parametrize("link", [LinkState.RECONCILING, LinkState.UP])
def test_a_gun_that_is_not_simulated_is_left_alone_before_the_script_is_asked(run, link):
    end = run.wish(link=link, simulated=False, session="")
    assert isinstance(end, End)
    assert end.status == 1
    assert "not simulated" in end.reason
    assert "/dev/gun" in end.reason
    assert run.script.asked == 0


@pytest.mark.parametrize("link", [LinkState.DOWN, LinkState.CONNECTING])
def test_before_the_gun_is_known_the_script_is_not_asked(run, link):
    assert run.wish(link=link, gun_uid="", simulated=False) is None
    assert run.script.asked == 0


@pytest.mark.invariant("I-45")
def test_a_link_back_in_time_goes_on_and_one_away_longer_ends_the_run(run):
    run.wish()
    assert run.wish(after_us=LOST_US_MAX, link=LinkState.DOWN) is None
    assert isinstance(run.wish(after_us=1), Arm)
    assert run.wish(after_us=LOST_US_MAX, link=LinkState.CONNECTING) is None
    end = run.wish(after_us=1, link=LinkState.CONNECTING)
    assert end == End(1, "the link stayed lost for 5 s")


def test_a_port_on_which_no_gun_ever_answers_ends_the_run(run):
    assert run.wish(link=LinkState.CONNECTING, gun_uid="") is None
    assert run.wish(after_us=LOST_US_MAX + 1, link=LinkState.CONNECTING, gun_uid="") == End(
        1, "no gun answers on /dev/gun; what is there instead says: meso guns /dev/gun"
    )


@pytest.mark.invariant("I-45")
def test_after_a_reset_the_gun_is_reconciled_and_never_armed_again(run):
    run.wish()
    asked = run.script.asked
    assert run.wish(resets=1, link=LinkState.RECONCILING, open_grants=1) is None
    assert run.wish(after_us=10, resets=1, phase=Phase.UNCONFIRMED, head_seq=5, committed_seq=4) is None
    assert run.wish(after_us=10, resets=1, phase=Phase.UNCONFIRMED, head_seq=5, committed_seq=5) == End(
        1, "the gun was reset"
    )
    assert run.script.asked == asked


def test_a_reset_gun_that_does_not_come_back_is_not_waited_for_longer_than_its_time(run):
    run.wish(resets=1, link=LinkState.RECONCILING)
    assert run.wish(after_us=WIND_DOWN_US_MAX, resets=1, link=LinkState.DOWN) is None
    assert isinstance(run.wish(after_us=1, resets=1, link=LinkState.DOWN), End)


def test_after_a_refusal_the_script_tries_again_but_not_at_once(run):
    run.headless.notice(Notice(NoticeKind.INFO, "nothing"))
    run.headless.notice(Notice(NoticeKind.REFUSED, "trigger held"))
    assert run.wish() is None
    assert run.wish(after_us=PAUSE_US - 1) is None
    assert run.wish(after_us=1) == Arm(area_id="forehead")
    assert run.script.refusals == 1


def test_a_script_that_gives_up_after_a_refusal_ends_with_its_words_and_takes_the_credit_back_once(run):
    run.headless.notice(Notice(NoticeKind.REFUSED, "depth 9 mm refused"))
    run.script.given_up = "armed 3 times without an injection"
    assert run.wish(phase=Phase.ARMING, open_grants=1) == Disarm(cause="run ended")
    assert run.wish(after_us=10, phase=Phase.ARMING, open_grants=1) is None
    assert run.wish(after_us=10, open_grants=0) == End(1, "depth 9 mm refused")


def test_a_refusal_that_was_overcome_is_not_what_a_later_end_tells(run):
    run.headless.notice(Notice(NoticeKind.REFUSED, "trigger held"))
    run.wish()
    run.wish(after_us=PAUSE_US, phase=Phase.ARMED)
    run.script.given_up = "armed 3 times without an injection"
    assert run.wish() == End(1, "armed 3 times without an injection")


@pytest.mark.hazard("HZ-32")
def test_a_gun_that_refuses_to_talk_ends_the_run_at_once(run):
    run.headless.notice(Notice(NoticeKind.REFUSED, "newer wire protocol"))
    assert run.wish(link=LinkState.CONNECTING, gun_uid="", simulated=False) == End(1, "newer wire protocol")


@pytest.mark.invariant("I-48")
def test_when_nothing_can_be_recorded_the_gun_is_heard_out_and_the_run_ends(run):
    assert run.wish(phase=Phase.LOCKED, write_failed="disk full", stop_unheard=True) is None
    end = run.wish(after_us=10, phase=Phase.LOCKED, write_failed="disk full")
    assert end == End(1, "recording has stopped: disk full")


def test_a_stop_in_the_run_ends_it_and_a_stop_from_before_is_for_the_script(run):
    assert isinstance(run.wish(phase=Phase.ESTOPPED), Arm)
    run.wish()
    assert run.wish(phase=Phase.ESTOPPED) == End(1, "the gun was stopped")


def test_findings_end_the_run_by_name(run):
    end = run.wish(phase=Phase.LOCKED, findings=("CONFLICT",))
    assert end == End(1, "the gun is locked: CONFLICT")


def test_a_script_that_gives_up_says_why(run):
    run.script.given_up = "armed 3 times without an injection"
    assert run.wish() == End(1, "armed 3 times without an injection")


@pytest.mark.invariant("I-45")
def test_after_a_sleep_of_the_computer_nothing_goes_on_by_itself(run):
    run.headless.slept(3_600_000_000)
    assert run.wish() == End(1, "the computer was asleep")


def test_it_is_asked_again_even_when_nothing_happens(run):
    run.wish()
    assert run.us < run.headless.next_deadline_us() <= run.us + LOST_US_MAX
