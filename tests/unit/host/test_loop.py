import os
import select
import signal

import pytest

from drivers.link_events import LinkDown
from meso_device.accounting.entries import CommitFailed, Entry
from meso_device.audit.pages import Looked, Page, PageQuery
from meso_device.host.members import End, Keep, Leave, Look
from meso_device.session.contract import NoticeKind, Phase, Stop
from meso_device.session.engine import SessionEngine
from protocols.errors import InvariantError
from protocols.wire.codes import State
from protocols.wire.frame import TYPE_ESTOP
from protocols.wire.messages import GrantSet, LogRelease, StatusGet
from tests.unit.host.rig import Rig, small_plan

ESTOP = TYPE_ESTOP


@pytest.fixture
def rig():
    rigs = []

    def make(*points, **options):
        rigs.append(Rig(small_plan(*points), **options))
        return rigs[-1]

    yield make
    for one in rigs:
        one.close()


def once(condition, act):
    """Act in the first turn in which the condition holds."""
    done = []

    def turn():
        if not done and condition():
            done.append(True)
            act()

    return turn


def assert_log_equals_truth(rig):
    logged = {row["shot_seq"]: row for row in rig.logged()}
    assert sorted(logged) == sorted(rig.made())
    for made in rig.gun.truth:
        row = logged[made.label.shot_seq]
        assert row["dose_lo_nl"] <= made.dose_nl <= row["dose_hi_nl"]
        assert row["area"] == made.label.area_code


def test_a_whole_session_ends_with_a_log_that_equals_the_truth(rig):
    one = rig(4, 3)
    assert one.run() == End(0)
    assert len(one.made()) == 7
    assert_log_equals_truth(one)
    assert one.watch.view.phase is Phase.CLOSED


@pytest.mark.invariant("I-08")
@pytest.mark.invariant("I-10")
def test_nothing_is_granted_or_released_before_it_is_durable(rig, monkeypatch):
    one = rig(4)
    committed = {"grant.prepared": 0, "shot": 0}
    submitted, commit = {}, one.store.commit

    def note_commit(batches, stamp):
        results = commit(batches, stamp)
        for batch in batches:
            for entry in batch.entries:
                if entry.kind in committed:
                    committed[entry.kind] += 1
        return results

    ask = type(one.link).ask

    def check_ask(link, now_us, tag, request):
        if isinstance(request, GrantSet):
            submitted["grants"] = submitted.get("grants", 0) + 1
            assert committed["grant.prepared"] >= submitted["grants"]
        if isinstance(request, LogRelease):
            assert committed["shot"] >= request.upto_seq
        return ask(link, now_us, tag, request)

    monkeypatch.setattr(one.store, "commit", note_commit)
    monkeypatch.setattr(type(one.link), "ask", check_ask)
    assert one.run() == End(0)
    assert submitted["grants"] >= 1
    assert committed["shot"] == 4


@pytest.mark.hazard("HZ-12")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_an_ending_signal_stops_the_gun_records_it_and_ends_with_its_status(rig, number, status):
    one = rig(9)
    sent = []

    def end():
        sent.append(len(one.gun.frames()))
        os.kill(os.getpid(), number)

    one.gun.on_turn = once(lambda: len(one.gun.truth) == 2, end)
    assert one.run() == End(status)
    after = one.gun.frames()[sent[0] :]
    assert ESTOP in after[:3]  # frames that were under way may still be read before it
    assert GrantSet.TYPE not in after
    assert one.gun.gun.firmware.state is State.ESTOPPED
    assert [body["source"] for body in one.bodies("stop")] == [number.name]
    assert len(one.made()) <= 3


def test_sigusr1_stops_the_gun_and_the_run(rig):
    one = rig(9)
    one.gun.on_turn = once(lambda: len(one.gun.truth) == 2, lambda: signal.raise_signal(signal.SIGUSR1))
    assert one.run() == End(1, "the gun was stopped")
    assert one.gun.gun.firmware.state is State.ESTOPPED
    assert_log_equals_truth(one)


class Stopping:
    """A member that stops once."""

    def __init__(self):
        self.commands = []

    def reads(self):
        return ()

    writes = reads

    def ready(self, readable, writable, now):
        commands, self.commands = self.commands, []
        return commands


@pytest.mark.hazard("HZ-12")
def test_a_stop_of_a_member_leaves_before_anything_else_of_its_turn(rig):
    member = Stopping()
    one = rig(9, members=(member,))
    frames = []

    def stop():
        frames.append(len(one.gun.frames()))
        member.commands.append(Stop(source="member"))

    one.gun.on_turn = once(lambda: len(one.gun.truth) == 2, stop)
    assert one.run() == End(1, "the gun was stopped")
    assert ESTOP in one.gun.frames()[frames[0] :][:3]


class Painting:
    """A member whose descriptor always has something more."""

    def __init__(self):
        self.fd, self._other = os.pipe()
        os.write(self._other, b"x")
        self.turns = 0

    def reads(self):
        return (self.fd,)

    def writes(self):
        return ()

    def ready(self, readable, writable, now):
        self.turns += 1
        return ()

    def close(self):
        os.close(self.fd)
        os.close(self._other)


@pytest.mark.invariant("I-14")
def test_a_screen_that_paints_without_end_asks_nobody_anything_and_keeps_no_heartbeat_waiting(rig):
    member = Painting()
    one = rig(9, members=(member,), passed_on=(member.fd,))
    asked = []
    one.watch.seen = lambda view, now: asked.append(now)
    try:
        assert one.run() == End(0)
    finally:
        member.close()
    assert len(one.made()) == 9
    assert_log_equals_truth(one)
    assert len(one.bodies("grant.prepared")) == 1  # no lease has ended meanwhile
    assert 0 < len(asked) < member.turns / 2


@pytest.mark.invariant("I-42")
@pytest.mark.invariant("I-45")
def test_a_cable_pulled_and_put_back_loses_nothing_and_is_confirmed_by_the_command(rig):
    one = rig(6, 3)

    def pull():
        one.gun.unplug()
        one.gun.ends.append(one.gun.plug())

    one.gun.on_turn = once(lambda: len(one.gun.truth) == 3, pull)
    assert one.run() == End(0)
    assert len(one.made()) == 9
    assert_log_equals_truth(one)
    assert NoticeKind.UNKNOWN in {notice.kind for notice in one.watch.notices}
    assert [body["how"] for body in one.bodies("session.confirmed")] == ["test", "test"]


@pytest.mark.invariant("I-14")
def test_a_cable_that_stays_away_ends_the_run_and_the_gun_has_disarmed_itself(rig, monkeypatch):
    monkeypatch.setattr("meso_device.host.headless.LOST_US_MAX", 1_200_000)
    one = rig(9)
    one.gun.on_turn = once(lambda: len(one.gun.truth) == 2, one.gun.unplug)
    end = one.run()
    assert end.status == 1
    assert "lost" in end.reason
    assert one.gun.gun.firmware.state is State.SAFE
    assert one.gun.gun.firmware.remaining_shots == 0


@pytest.mark.invariant("I-45")
def test_a_gun_that_was_reset_is_reconciled_and_not_armed_again(rig):
    one = rig(9)

    def reset():
        now_us = one.clock.now().mono_us
        one.gun.gun.power_off(now_us)
        one.gun.gun.firmware.boot(now_us)

    one.gun.on_turn = once(lambda: len(one.gun.truth) == 3, reset)
    assert one.run() == End(1, "the gun was reset")
    assert len(one.made()) <= 4
    assert_log_equals_truth(one)


def test_a_gun_that_falls_silent_on_an_open_port_is_looked_for_again(rig):
    one = rig(6)
    take = one.gun.gun.take
    silent_until = []

    def fall_silent():
        silent_until.append(one.clock.now().mono_us + 1_700_000)

    def heard_take(now_us):
        data = take(now_us)
        return b"" if silent_until and now_us < silent_until[0] else data

    one.gun.gun.take = heard_take
    one.gun.on_turn = once(lambda: len(one.gun.truth) == 3, fall_silent)
    assert one.run() == End(0)
    assert len(one.made()) == 6
    assert_log_equals_truth(one)
    assert [body["cause"][:2] for body in one.bodies("link.down")] == ["no"]


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
def test_a_commit_that_fails_stops_the_gun_and_acknowledges_nothing_more(rig, monkeypatch):
    one = rig(9)
    commit = one.store.commit
    failed = []

    def fail_later(batches, stamp):
        if failed or len(one.gun.truth) >= 3:
            failed.extend(batches)
            return [CommitFailed(no=batch.no, reason="the disk is full") for batch in batches]
        return commit(batches, stamp)

    monkeypatch.setattr(one.store, "commit", fail_later)
    end = one.run()
    assert end.status == 1
    assert "the disk is full" in end.reason
    assert one.gun.gun.firmware.state is State.ESTOPPED
    assert one.gun.gun.firmware.released_seq <= len(one.logged())


class Broken(SessionEngine):
    """Contradicts itself after the second shot, while there is a gun to hear of it."""

    before = staticmethod(lambda now: None)

    def step(self, now, event):
        if self.view().committed_seq >= 2 and not isinstance(event, LinkDown):
            self.before(now)
            raise InvariantError("two and two are five")
        return super().step(now, event)


@pytest.mark.hazard("HZ-12")
@pytest.mark.parametrize("waiting", [0, 3])
def test_a_program_that_contradicts_itself_says_stop_before_it_ends(rig, waiting):
    """And nothing behind it, whatever waits to be sent."""
    one = rig(9, engine=Broken(host_id=bytes(16), host_boot="b0" * 16))
    one.engine.before = lambda now: [one.link.ask(now.mono_us, 10_000 + no, StatusGet()) for no in range(waiting)]
    with pytest.raises(InvariantError, match="five"):
        one.run()
    readable = True
    while readable and ESTOP not in one.gun.frames():  # what was written may still be on its way
        readable = select.select(one.gun.reads(), [], [], 10)[0]
        one.gun.ready(frozenset(readable), frozenset(), one.clock.now())
    assert one.gun.frames()[-1] == ESTOP


@pytest.mark.invariant("I-45")
def test_a_sleep_of_the_computer_drops_the_link_and_ends_the_run(rig, monkeypatch):
    one = rig(9)
    slept = []
    monkeypatch.setattr(one.clock, "take_suspend_us", lambda: slept.pop() if slept else 0)
    one.gun.on_turn = once(lambda: len(one.gun.truth) == 2, lambda: slept.append(60_000_000))
    assert one.run() == End(1, "the computer was asleep")


class Narrow:
    """A port that takes few bytes a turn, so that frames are cut at every place."""

    def __init__(self, port, chance):
        self._port = port
        self._chance = chance
        self.name = port.name
        self.flushes = 0

    def fileno(self):
        return self._port.fileno()

    def read(self):
        return self._port.read()

    def write(self, data):
        return self._port.write(data[: self._chance.randrange(1, 40)])

    def flush_output(self):
        self.flushes += 1

    def close(self):
        self._port.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_port_that_takes_a_few_bytes_at_a_time_changes_nothing(rig, seed):
    import random

    one = rig(4, seed=seed)
    port = Narrow(one.gun.plug(), random.Random(seed))
    one.gun.on_turn = once(lambda: len(one.gun.truth) == 3, lambda: signal.raise_signal(signal.SIGTERM))
    assert one.run(port) == End(143)
    assert port.flushes >= 1
    assert one.gun.gun.firmware.state is State.ESTOPPED


@pytest.mark.hazard("HZ-12")
def test_an_operator_that_leaves_stops_the_gun_and_waits_for_its_word_and_its_record(rig):
    one = rig(9)
    wish = one.operator.next_wish
    left = Leave(status=1, reason="the screen is gone", source="screen gone")
    one.operator.next_wish = lambda view, now: left if view.committed_seq >= 2 else wish(view, now)
    assert one.run() == End(1, "the screen is gone")
    assert one.gun.gun.firmware.state is State.ESTOPPED
    [stop] = one.bodies("stop")
    assert stop["source"] == "screen gone"
    assert len(one.bodies("stop.heard")) == 1
    assert_log_equals_truth(one)


def test_what_people_owe_is_kept_and_pages_are_read_while_a_session_runs(rig):
    one = rig(6)
    wish = one.operator.next_wish
    asked = [Look(5, PageQuery()), Keep((Entry(kind="alarm.acknowledged", key="seen/1"),))]
    looked = []

    class Attendant:
        def stepped(self, event, effects, now):
            assert not isinstance(event, Looked)

        def looked(self, answer):
            looked.append(answer)

    one.operator.next_wish = lambda view, now: asked.pop() if asked and view.committed_seq >= 2 else wish(view, now)
    assert one.run(attendant=Attendant()) == End(0)
    assert len(one.bodies("alarm.acknowledged")) == 1
    assert [answer.no for answer in looked] == [5]
    assert isinstance(looked[0].found, Page)
    assert looked[0].found.rows
    assert_log_equals_truth(one)
