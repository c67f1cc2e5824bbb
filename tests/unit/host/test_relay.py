import os

import pytest

from meso_device.host import relay as relay_module
from meso_device.host.relay import INPUT_BYTES_MAX, OUTPUT_BYTES_MAX, READ_BYTES, Relay
from meso_device.session.contract import Instant, Stop

NOW = Instant(5, 6)
F8 = b"\x1b[19~"


class Ends:
    """A relay between two pipes' worth of socket pairs."""

    def __init__(self):
        import socket

        self.person, outer = socket.socketpair()
        self.screen, inner = socket.socketpair()
        for one in (self.person, outer, self.screen, inner):
            one.setblocking(False)
        self.sockets = (self.person, outer, self.screen, inner)
        self.outer, self.inner = outer.fileno(), inner.fileno()
        self.relay = Relay(self.outer, self.inner)

    def turn(self):
        reads = frozenset(self.relay.reads())
        return self.relay.ready(reads, frozenset(self.relay.writes()), NOW)

    def close(self):
        for one in self.sockets:
            one.close()


@pytest.fixture
def ends():
    made = Ends()
    yield made
    made.close()


def test_bytes_pass_both_ways_unchanged_stop_included(ends):
    ends.person.send(b"ab" + F8 + b"\xff\x00c")
    ends.screen.send(b"\x1b[2J\x80")
    assert ends.turn() == (Stop(source="terminal"),)
    assert ends.turn() == ()
    assert ends.screen.recv(99) == b"ab" + F8 + b"\xff\x00c"
    assert ends.person.recv(99) == b"\x1b[2J\x80"


@pytest.mark.hazard("HZ-12")
def test_the_tap_goes_on_reading_when_the_screen_takes_nothing_and_its_input_is_full(ends):
    sent = 0
    while sent <= INPUT_BYTES_MAX + READ_BYTES:
        try:
            sent += ends.person.send(b"x" * READ_BYTES)
        except BlockingIOError:
            assert ends.turn() == ()
    for _ in range(50):
        ends.turn()
    assert len(ends.relay._to_screen) <= INPUT_BYTES_MAX
    ends.person.send(F8)
    assert [ends.turn() for _ in range(3)].count((Stop(source="terminal"),)) == 1


def test_a_terminal_that_takes_nothing_stops_the_reading_of_the_screen_and_not_the_loop(ends):
    for _ in range(200):
        try:
            ends.screen.send(b"y" * READ_BYTES)
        except BlockingIOError:
            ends.turn()
    assert ends.inner not in ends.relay.reads()
    assert ends.outer in ends.relay.reads()
    assert len(ends.relay._to_terminal) <= OUTPUT_BYTES_MAX + READ_BYTES
    ends.person.send(F8)
    assert ends.turn() == (Stop(source="terminal"),)


def test_ctrl_c_counts_only_while_armed(ends):
    ends.person.send(b"\x03")
    assert ends.turn() == ()
    ends.relay.armed = True
    ends.person.send(b"\x03")
    assert ends.turn() == (Stop(source="terminal"),)


def test_the_end_of_either_side_is_seen_and_asked_for_no_more(ends):
    ends.screen.close()
    ends.turn()
    ends.person.send(b"abc")
    assert ends.turn() == ()
    assert ends.inner not in (*ends.relay.reads(), *ends.relay.writes())
    assert not ends.relay.hung_up
    ends.person.close()
    ends.turn()
    assert ends.relay.hung_up
    assert (list(ends.relay.reads()), list(ends.relay.writes())) == ([], [])


def test_errors_of_a_terminal_are_its_end(monkeypatch):
    def gone(*_):
        raise OSError(5, "EIO")

    monkeypatch.setattr(relay_module.os, "read", gone)
    monkeypatch.setattr(relay_module.os, "write", gone)
    relay = Relay(98, 99)
    relay._to_terminal += b"x"
    relay.push()
    assert relay.hung_up
    assert os.read is gone
