import os
import termios
import time
from contextlib import suppress

import pytest

from meso_device.host.terminal import USABLE, Size, Terminal, set_size
from protocols.errors import UsageError


@pytest.fixture
def pair():
    master, slave = os.openpty()
    os.set_blocking(master, False)
    os.set_blocking(slave, False)
    yield master, slave
    os.close(master)
    os.close(slave)


def read(fd):
    try:
        return os.read(fd, 65_536)
    except BlockingIOError:
        return b""


def test_it_is_raw_until_it_is_given_back_exactly_as_it_was(pair):
    master, slave = pair
    before = termios.tcgetattr(slave)
    terminal = Terminal(slave)
    terminal.raw()
    terminal.raw()
    assert termios.tcgetattr(slave)[3] & (termios.ISIG | termios.ICANON | termios.ECHO) == 0
    terminal.restore(clean=False)
    assert termios.tcgetattr(slave) == before
    assert read(master) == USABLE
    terminal.restore(clean=False)
    assert read(master) == b""


def test_a_screen_that_left_in_order_is_left_alone(pair):
    master, slave = pair
    terminal = Terminal(slave)
    terminal.raw()
    terminal.restore(clean=True)
    assert read(master) == b""


def test_keys_meant_for_the_screen_never_reach_the_shell(pair):
    master, slave = pair
    terminal = Terminal(slave)
    terminal.raw()
    os.write(master, b"rm -r everything\r")
    terminal.restore(clean=True)
    with pytest.raises(BlockingIOError):
        os.read(slave, 99)


def test_a_stalled_terminal_does_not_hold_up_the_end(pair):
    _, slave = pair
    before = termios.tcgetattr(slave)
    terminal = Terminal(slave)
    terminal.raw()
    with suppress(BlockingIOError):
        while True:
            os.write(slave, b"x" * 4_096)
    began = time.monotonic()
    terminal.restore(clean=False)
    assert time.monotonic() - began < 30
    assert termios.tcgetattr(slave) == before


def test_everything_that_textual_turns_on_is_turned_off():
    for mode in (1000, 1003, 1015, 1006, 1016, 1004, 2004, 2048, 1049):
        assert b"\x1b[?%dl" % mode in USABLE
    for on in (b"\x1b[?25h", b"\x1b[?7h", b"\x1b[0m", b"\x1b[<u"):
        assert on in USABLE
    # The keyboard's own stack is one of each screen: it is popped before the alternate one is left.
    assert USABLE.index(b"\x1b[<u") < USABLE.index(b"\x1b[?1049l")


def test_sizes_are_told_and_given(pair):
    _, slave = pair
    terminal = Terminal(slave)
    assert terminal.size() == Size(24, 80)  # one that does not know
    set_size(slave, Size(30, 100, 5, 6))
    assert terminal.size() == Size(30, 100, 5, 6)
    assert [Size(*one).is_enough for one in ((24, 80), (23, 80), (24, 79))] == [True, False, False]
    assert terminal.is_ours  # job control does not apply to it


def test_a_terminal_that_is_gone_changes_nothing():
    master, slave = os.openpty()
    terminal = Terminal(slave)
    terminal.raw()
    os.close(master)
    terminal.restore(clean=False)
    assert terminal.size() == Size(24, 80)
    terminal.close()


def test_without_a_terminal_it_says_what_to_use_instead(monkeypatch):
    monkeypatch.setattr("os.isatty", lambda _: False)
    with pytest.raises(UsageError, match="meso session run"):
        Terminal.open()
