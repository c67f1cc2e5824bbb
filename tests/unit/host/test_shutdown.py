import signal

import pytest

from meso_device.host.shutdown import ANSWER_US_MAX, RECORD_US_MAX, Shutdown
from meso_device.session.contract import LinkState


def begun(number=signal.SIGTERM):
    shutdown = Shutdown()
    assert shutdown.begin(number, 1_000)
    return shutdown


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_the_status_is_that_of_the_first_signal(number, status):
    shutdown = begun(number)
    assert not shutdown.begin(signal.SIGTERM, 2_000)
    assert shutdown.status == status


def test_before_a_signal_nothing_ends(make_view):
    shutdown = Shutdown()
    assert not shutdown.begun
    assert not shutdown.is_over(make_view(), unanswered_commits=0, now_us=10**12)
    assert shutdown.next_deadline_us(5) is None


@pytest.mark.hazard("HZ-12")
def test_the_gun_has_its_time_to_answer_and_not_more(make_view):
    shutdown, view = begun(), make_view(stop_unheard=True)
    assert not shutdown.is_over(view, unanswered_commits=0, now_us=1_000 + ANSWER_US_MAX - 1)
    assert shutdown.is_over(view, unanswered_commits=0, now_us=1_000 + ANSWER_US_MAX)


def test_an_answer_or_no_gun_ends_it_at_once(make_view):
    assert begun().is_over(make_view(), unanswered_commits=0, now_us=1_001)
    unread = make_view(open_grants=1)
    assert not begun().is_over(unread, unanswered_commits=0, now_us=1_001)
    gone = make_view(stop_unheard=True, link=LinkState.DOWN)
    assert begun().is_over(gone, unanswered_commits=0, now_us=1_001)


def test_the_record_is_waited_for_longer_than_the_gun(make_view):
    shutdown, view = begun(), make_view()
    assert not shutdown.is_over(view, unanswered_commits=1, now_us=1_000 + RECORD_US_MAX - 1)
    assert shutdown.is_over(view, unanswered_commits=1, now_us=1_000 + RECORD_US_MAX)
    broken = make_view(write_failed="full")
    assert shutdown.is_over(broken, unanswered_commits=1, now_us=1_001)


def test_the_loop_wakes_for_both_ends():
    shutdown = begun()
    assert shutdown.next_deadline_us(1_001) == 1_000 + ANSWER_US_MAX
    assert shutdown.next_deadline_us(1_000 + ANSWER_US_MAX) == 1_000 + RECORD_US_MAX
