import socket

import pytest

from meso_device.host.screen_link import ANSWERS_MAX, ScreenLink
from meso_device.screen_messages import BrokenPeer, Deframer, Message, ToHost, ToScreen, encode
from meso_device.session.contract import Disarm, Instant

START_US = 1_000_000


class Ends:
    def __init__(self):
        near, self.screen = socket.socketpair()
        near.setblocking(False)
        self.screen.setblocking(False)
        self.near = near
        self.heard = []
        self.link = ScreenLink(near, self.hear, START_US)

    def hear(self, message, now):
        self.heard.append(message)
        if message.kind is ToHost.QUIT:
            raise BrokenPeer("not now")
        return (Disarm(cause="x"),) if message.kind is ToHost.DISARM else ()

    def turn(self, at_us=START_US):
        fds = frozenset((*self.link.reads(), *self.link.writes()))
        return self.link.ready(fds, fds, Instant(at_us, 0))

    def say(self, kind, number=0, **body):
        self.screen.send(encode(Message(kind, number, body)))

    def shown(self):
        messages, deframer = [], Deframer(ToScreen)
        while True:
            try:
                messages += deframer.feed(self.screen.recv(1 << 20))
            except BlockingIOError:
                return messages
            self.link.push()


@pytest.fixture
def ends():
    made = Ends()
    yield made
    made.near.close()
    made.screen.close()


def test_messages_come_in_and_their_commands_go_on_at_once(ends):
    ends.say(ToHost.HELLO, 1, version=1)
    ends.say(ToHost.DISARM, 2, cause="pause")
    assert ends.turn() == [Disarm(cause="x")]
    assert [message.kind for message in ends.heard] == [ToHost.HELLO, ToHost.DISARM]


def test_a_slow_screen_gets_every_answer_and_the_newest_snapshot_only(ends):
    big = "x" * 60_000
    for n in range(40):
        ends.link.show({"no": n, "big": big})
        ends.link.say(ToScreen.ANSWER, n, {"n": n})
    shown = ends.shown()
    assert [message.id for message in shown if message.kind is ToScreen.ANSWER] == list(range(40))
    snapshots = [message.body["no"] for message in shown if message.kind is ToScreen.SNAPSHOT]
    assert snapshots[-1] == 39
    assert snapshots == sorted(set(snapshots))
    assert len(snapshots) < 20
    assert not ends.link.gone


def test_that_something_is_done_is_said_behind_a_snapshot_that_shows_it_and_a_refusal_at_once(ends):
    ends.link.say(ToScreen.ANSWER, 1, {"outcome": "done"})
    ends.link.say(ToScreen.ANSWER, 2, {"outcome": "refused"})
    assert ends.link.wants_snapshot
    assert [message.id for message in ends.shown()] == [2]
    ends.link.show({"no": 1})
    assert not ends.link.wants_snapshot
    assert [(message.kind, message.id) for message in ends.shown()] == [(ToScreen.SNAPSHOT, 0), (ToScreen.ANSWER, 1)]


def test_a_slow_screen_hears_that_it_is_done_behind_the_snapshot_too(ends):
    for n in range(8):
        ends.link.show({"no": n, "big": "x" * 60_000})
    ends.link.say(ToScreen.ANSWER, 9, {"outcome": "done"})
    ends.link.show({"no": 8, "big": "x" * 60_000})
    ends.link.show({"no": 9, "big": "x" * 60_000})
    told = [message.body.get("no", "done") for message in ends.shown()]
    assert told[-3:] == [8, "done", 9]


@pytest.mark.hazard("HZ-12")
def test_only_its_own_loops_word_counts_as_alive(ends):
    ends.say(ToHost.HELLO, 1, version=1)
    ends.turn(START_US + 900)
    assert ends.link.silent_us(Instant(START_US + 1_000, 0)) == 1_000
    ends.say(ToHost.ALIVE, 0, count=1)
    ends.turn(START_US + 2_000)
    assert ends.link.silent_us(Instant(START_US + 2_500, 0)) == 500
    ends.link.excuse(Instant(START_US + 9_000, 0))
    assert ends.link.silent_us(Instant(START_US + 9_500, 0)) == 500


@pytest.mark.parametrize(
    "breaks",
    [
        lambda ends: ends.screen.close(),
        lambda ends: ends.screen.send(b"\xff" * 20),
        lambda ends: ends.say(ToHost.QUIT),
        lambda ends: [ends.link.say(ToScreen.ANSWER, n, {"x": "y" * 60_000}) for n in range(2 * ANSWERS_MAX)],
    ],
    ids=["closed", "nonsense", "refused by the desk", "does not read"],
)
def test_a_broken_screen_is_gone_for_good(ends, breaks):
    breaks(ends)
    ends.turn()
    assert ends.link.gone
    assert (ends.link.reads(), ends.link.writes(), ends.turn()) == ((), (), ())
    ends.link.show({"no": 1})
