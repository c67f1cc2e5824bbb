from collections import deque

import pytest

from drivers.stream_port import port_pair
from meso_device.host.cable import Cable
from protocols.errors import LinkLost


class Opener:
    """Opens the ports it was given, in turn, whenever asked."""

    problem = ""

    def __init__(self, ports=()):
        self.ports = deque(ports)
        self.rejections = 0

    def step(self, now_us):
        return self.ports.popleft() if self.ports else None

    def rejected(self, now_us):
        self.rejections += 1

    def next_deadline_us(self):
        return 7


class NarrowPort:
    """Takes one byte at a time."""

    name = "narrow"

    def __init__(self):
        self.sent = b""
        self.flushed = False
        self.room = 0

    def fileno(self):
        return 99

    def read(self):
        return b""

    def write(self, data):
        taken = min(self.room, len(data))
        self.room -= taken
        self.sent += data[:taken]
        return taken

    def flush_output(self):
        self.flushed = True

    def close(self):
        self.name = "closed"


def opened(port, opener=None):
    cable = Cable(port, lambda _name, _now: opener or Opener())
    assert cable.open_if_due(0) is port
    return cable


def test_the_first_port_is_the_one_that_was_named_and_counts_as_opened_once():
    port = NarrowPort()
    cable = opened(port)
    assert cable.is_open
    assert cable.open_if_due(0) is None


def test_a_frame_that_does_not_fit_holds_back_the_next_and_is_written_on():
    port = NarrowPort()
    cable = opened(port)
    port.room = 2
    cable.send(b"frame")
    assert not cable.is_ready
    assert cable.writes() == (99,)
    port.room = 9
    cable.push()
    assert port.sent == b"frame"
    assert cable.is_ready
    assert cable.writes() == ()


@pytest.mark.hazard("HZ-12")
def test_stop_goes_ahead_of_what_has_not_left():
    port = NarrowPort()
    cable = opened(port)
    port.room = 2
    cable.send(b"frame")
    cable.flush()
    assert port.flushed
    assert cable.is_ready
    port.room = 9
    cable.send(b"\0STOP")
    assert port.sent == b"fr\0STOP"


def test_after_a_gun_was_there_the_search_begins_anew_and_else_it_goes_on():
    searches = []
    opener = Opener([NarrowPort()])

    def reopen(name, now_us):
        searches.append((name, now_us))
        return opener

    port = NarrowPort()
    cable = Cable(port, reopen)
    cable.open_if_due(0)
    cable.drop(5, was_gun=True)
    assert port.name == "closed"
    assert searches == [("narrow", 5)]
    assert cable.next_deadline_us() == 7
    assert cable.open_if_due(8) is not None
    cable.drop(9, was_gun=False)
    assert opener.rejections == 1
    assert len(searches) == 1


def test_nothing_unsent_survives_the_port():
    port, other = NarrowPort(), NarrowPort()
    cable = opened(port, Opener([other]))
    cable.send(b"old")
    cable.drop(1, was_gun=True)
    cable.open_if_due(2)
    other.room = 9
    cable.push()
    assert other.sent == b""


def test_a_closed_end_is_a_lost_link():
    near, far = port_pair()
    cable = opened(near)
    far.close()
    with pytest.raises(LinkLost):
        cable.read()
    cable.close()
    assert not cable.is_open
    assert cable.read() == b""
    assert cable.reads() == ()


def test_a_cable_at_rest_looks_for_nothing_until_a_port_is_plugged_in():
    cable = opened(NarrowPort(), Opener([NarrowPort()]))
    cable.drop(1, was_gun=True)
    cable.rest()
    assert cable.next_deadline_us() is None
    assert cable.open_if_due(2) is None
    stale, other = NarrowPort(), NarrowPort()
    cable.plug(stale)
    cable.plug(other)
    assert stale.name == "closed"
    assert cable.next_deadline_us() == 0
    assert cable.open_if_due(3) is other


def test_a_port_plugged_in_waits_for_the_end_of_the_one_that_is_open():
    silent, other = NarrowPort(), NarrowPort()
    cable = opened(silent)
    cable.plug(other)
    assert cable.open_if_due(1) is None
    cable.drop(2, was_gun=False)
    assert cable.open_if_due(2) is other
