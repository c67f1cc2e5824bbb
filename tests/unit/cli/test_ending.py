"""A command that waits: what ends its process ends it in order, and leaves the signals as they were."""

import contextlib
import signal

import pytest

from meso_device.cli.ending import ended_by_signals

ENDING = [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
def test_signal_ends_what_is_within_by_its_number_with_all_that_is_to_be_closed(number):
    closed = []

    def wait():
        with ended_by_signals(), contextlib.ExitStack() as stack:
            stack.callback(closed.append, "closed")
            signal.raise_signal(number)

    with pytest.raises(SystemExit) as ended:
        wait()
    assert ended.value.code == 128 + number
    assert closed == ["closed"]


def test_afterwards_signals_are_whose_they_were():
    before = [signal.getsignal(number) for number in ENDING]
    with contextlib.suppress(ValueError), ended_by_signals():
        assert signal.getsignal(signal.SIGTERM) is not before[0]
        raise ValueError
    assert [signal.getsignal(number) for number in ENDING] == before


def test_under_nohup_a_closed_terminal_ends_nothing():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)
