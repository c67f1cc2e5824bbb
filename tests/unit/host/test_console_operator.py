"""What disarms and what ends a console, second by second on a clock of the test's own."""

import signal
from collections import deque
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from drivers.link_stats import LinkStats
from meso_device.audit.pages import PageQuery
from meso_device.calibration.run import RunState
from meso_device.host.alarm_board import Priority
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_operator import ConsoleOperator, ended_by
from meso_device.host.console_settings import DISARM_AFTER_S as IDLE_S
from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.members import End, Keep, Leave, Look
from meso_device.host.owed import Owed
from meso_device.host.screen_link import SILENT_ARMED_US, SILENT_US_MAX
from meso_device.host.terminal import Size
from meso_device.session.bench_desk import BenchView
from meso_device.session.contract import Disarm, Instant, Notice, NoticeKind, Phase

SECOND = 1_000_000


class Console:
    """An operator whose neighbours do what the test says."""

    def __init__(self, make_view):
        self.make_view = make_view
        self.now_us = 100 * SECOND
        self.heard_us = self.now_us
        self.size = Size(24, 80)
        self.killed = self.aside = self.left_alone = 0
        self.refused, self.shown, self.sizes = [], [], []
        self.late = None
        self.facts = ConsoleFacts()
        self.desk = SimpleNamespace(
            ending=None, owed=Owed(lambda *_: None), heard_hello=True, treatment=None, left_open=None,
            silenced_until_us=0, simulated=True, clinic_shown=lambda _: None, to_sign="",
            people=SimpleNamespace(shown_as=None, enrolled=False), history=SimpleNamespace(asked=[]),
            can=dict, seen=lambda *_: False, next_deadline_us=lambda: None, forget_steps=lambda: None,
            engine_refused=self.refused.append, verify=SimpleNamespace(state=None),
            tree_head=SimpleNamespace(shown=None), approved=(), leave_alone=self.leave_alone,
            bench=SimpleNamespace(shown=lambda: None, stepped=lambda *_: None),
        )  # fmt: skip
        self.relay = SimpleNamespace(armed=False, hung_up=False, heard_us=0)
        self.link = SimpleNamespace(
            wants_snapshot=False,
            gone="",
            silent_us=lambda now: now.mono_us - self.heard_us,
            show=self.shown.append,
            excuse=self.excuse,
        )
        self.process = SimpleNamespace(
            kill=self.kill, resize=self.sizes.append, wait=lambda _: True, status=lambda: -int(signal.SIGKILL)
        )
        self.viewers = SimpleNamespace(next_look=lambda _: None, show=lambda *_: None)
        self.operator = ConsoleOperator(
            desk=self.desk, facts=self.facts, relay=self.relay, link=self.link, process=self.process,
            terminal=SimpleNamespace(size=lambda: self.size), viewers=self.viewers, stats=LinkStats(),
            settings=ConsoleSettings(), put_aside=self.go_aside, backup_late=lambda _: self.late,
        )  # fmt: skip

    def kill(self):
        self.killed += 1

    def leave_alone(self, now):
        self.left_alone += 1
        return True

    def go_aside(self):
        self.aside += 1

    def excuse(self, now):
        self.heard_us = now.mono_us

    @property
    def now(self):
        return Instant(self.now_us, self.now_us)

    def turn(self, seconds=0.0, *, alive=True, **view):
        """Let time pass, and ask what is wished."""
        self.now_us += int(seconds * SECOND)
        if alive:
            self.heard_us = self.now_us
        made = self.make_view(**view)
        self.operator.seen(made, self.now)
        return self.operator.next_wish(made, self.now)


@pytest.fixture
def console(make_view):
    made = Console(make_view)
    assert made.turn(phase=Phase.READY) is None
    assert made.turn(phase=Phase.ARMED, shots_given=1) is None
    return made


@pytest.mark.hazard("HZ-10")
def test_armed_without_a_shot_for_half_a_minute_is_over_and_a_shot_begins_it_anew(console):
    assert console.turn(IDLE_S - 1, phase=Phase.ARMED, shots_given=1) is None
    assert console.turn(1, phase=Phase.ARMED, shots_given=2) is None
    assert console.turn(IDLE_S, phase=Phase.ARMED, shots_given=2) is None
    assert console.turn(0.1, phase=Phase.ARMED, shots_given=2) == Disarm(cause="30 s without a shot")
    assert console.turn(0.1, phase=Phase.ARMED, shots_given=2) is None  # asked for once
    assert console.turn(0.1, phase=Phase.READY, shots_given=2) is None


@pytest.mark.hazard("HZ-12")
def test_a_silent_screen_disarms_after_two_seconds_and_is_ended_after_ten(console):
    assert console.turn(SILENT_ARMED_US / SECOND, alive=False, phase=Phase.ARMED) is None
    assert console.turn(0.01, alive=False, phase=Phase.ARMED) == Disarm(cause="screen silent")
    assert console.facts.alarms.rows()[0].code == "H203"
    assert console.turn(3, alive=False, phase=Phase.READY) is None  # unarmed it has more time
    left = (SILENT_US_MAX - SILENT_ARMED_US) / SECOND - 3
    wish = console.turn(left, alive=False, phase=Phase.READY)
    assert isinstance(wish, Leave)
    assert (wish.status, console.killed) == (1, 1)


@pytest.mark.invariant("I-61")
@pytest.mark.parametrize(
    ("priority", "disarms"), [(Priority.HIGH, True), (Priority.MEDIUM, True), (Priority.LOW, False)]
)
def test_a_fresh_alarm_disarms_unless_it_is_low(console, priority, disarms):
    console.facts.alarms.raised("X", "x", "x", priority, area="", at_us=1, mono_us=1)
    wish = console.turn(0.1, phase=Phase.ARMED)
    assert wish == (Disarm(cause="alarm") if disarms else None)


def test_an_alarm_from_before_the_arming_does_not_end_it(make_view):
    console = Console(make_view)
    console.facts.alarms.raised("X", "x", "x", Priority.HIGH, area="", at_us=1, mono_us=1)
    assert console.turn(phase=Phase.READY) is None
    assert console.turn(phase=Phase.ARMED) is None


def test_a_terminal_too_small_disarms_and_the_screen_hears_its_size(console):
    console.size = Size(23, 80)
    console.operator.signalled(signal.SIGWINCH, console.now)
    assert console.sizes == [Size(23, 80)]
    assert console.turn(0.1, phase=Phase.ARMED) == Disarm(cause="terminal too small")
    console.size = Size(24, 80)
    console.operator.signalled(signal.SIGWINCH, console.now)
    assert console.turn(0.1, phase=Phase.READY) is None
    assert console.turn(0.1, phase=Phase.ARMED) is None


def test_put_aside_it_disarms_first_and_waits_for_that_a_moment(console):
    console.operator.signalled(signal.SIGTSTP, console.now)
    assert console.turn(0.01, phase=Phase.ARMED) == Disarm(cause="console put aside")
    assert console.turn(0.1, phase=Phase.ARMED) is None
    assert console.aside == 0
    console.turn(0.15, phase=Phase.ARMED)
    assert console.aside == 1  # the gun's lease ends it if nothing else does
    console.turn(0.1, phase=Phase.READY)
    assert console.aside == 1


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (lambda one: setattr(one.relay, "hung_up", True), 129, "the terminal was closed"),
        (lambda one: setattr(one.link, "gone", "it ended"), 1, "ended by SIGKILL"),
    ],
)
def test_without_terminal_or_screen_it_leaves_with_a_stop(console, change, status, said):
    change(console)
    wish = console.turn(0.01, phase=Phase.ARMED)
    assert isinstance(wish, Leave)
    assert wish.status == status
    assert said in wish.reason
    assert wish.source


def test_the_operators_end_comes_before_everything_but_a_lost_terminal(console):
    console.desk.ending = End(0)
    console.link.gone = "it ended"
    assert console.turn(0.1, phase=Phase.READY) == End(0)


def test_what_is_owed_and_what_is_asked_goes_on_one_by_one(console):
    entry, look = object(), Look(3, PageQuery())
    console.desk.owed.put([entry])
    console.desk.history.asked = deque([look])
    assert console.turn(0.1, phase=Phase.READY) == Keep((entry,))
    assert console.operator.next_deadline_us() == 0
    assert console.turn(0.1, phase=Phase.READY) == look
    assert console.turn(0.1, phase=Phase.READY) is None


def test_snapshots_are_ten_a_second_at_most_and_one_at_least(console):
    before = len(console.shown)
    for _ in range(100):
        console.turn(0.01, phase=Phase.ARMED)
    assert 8 <= len(console.shown) - before <= 11
    still = console.make_view(phase=Phase.READY)
    console.operator.seen(still, console.now)
    before = len(console.shown)
    for _ in range(30):
        console.now_us += SECOND // 10
        console.operator.seen(still, console.now)
    assert 2 <= len(console.shown) - before <= 4


def test_an_answer_that_waits_for_a_snapshot_gets_one_at_once(console):
    still = console.make_view(phase=Phase.READY)
    console.operator.seen(still, console.now)
    before = len(console.shown)
    console.operator.seen(still, console.now)
    assert len(console.shown) == before
    console.link.wants_snapshot = True
    console.operator.seen(still, console.now)
    assert len(console.shown) == before + 1


def test_a_refusal_answers_what_waits(console):
    console.operator.notice(Notice(NoticeKind.REFUSED, "no"))
    console.operator.notice(Notice(NoticeKind.INFO, "well"))
    assert console.refused == ["no"]
    assert [line.notice.text for line in console.facts.lines] == ["no", "well"]


def test_statuses_of_signals_are_named():
    assert (ended_by(143), ended_by(0), ended_by(1)) == ("ended by SIGTERM", "", "")


def test_a_late_backup_is_a_low_alarm_until_there_is_one_and_disarms_nothing(console):
    console.late = "backed up 8 days ago"
    assert console.turn(0.1, phase=Phase.ARMED) is None
    [row] = console.facts.alarms.rows()
    assert (row.code, row.priority, row.text, row.active) == ("H303", Priority.LOW, "backed up 8 days ago", True)
    console.late = None
    assert console.turn(0.1, phase=Phase.ARMED) is None
    assert console.facts.alarms.rows()[0].active
    console.late = ""
    assert console.turn(0.1, phase=Phase.ARMED) is None
    assert not any(row.active for row in console.facts.alarms.rows())


def test_a_run_at_the_bench_is_watched_and_not_keyed_so_nobody_is_signed_out_meanwhile(console):
    running = BenchView(run="5c", state=RunState.AS_FOUND, taken=1, planned=4, running=True, fault="")
    for _ in range(4):
        console.turn(3_600, phase=Phase.NO_SESSION, bench=running)
    assert console.left_alone == 0
    console.turn(3_600, phase=Phase.NO_SESSION, bench=replace(running, running=False))
    assert console.left_alone == 1
