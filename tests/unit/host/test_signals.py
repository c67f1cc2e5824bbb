import os
import select
import signal

import pytest

from meso_device.host.signals import ENDING, STOPPING, Signals


def wait(signals):
    assert select.select([signals.fd], [], [], 5)[0]
    return signals.take()


@pytest.mark.parametrize("number", [*ENDING, *STOPPING])
def test_a_signal_is_a_byte_to_read_and_nothing_else_happens(number):
    with Signals() as signals:
        os.kill(os.getpid(), number)
        assert wait(signals) == (number,)
        assert signals.take() == ()


def test_of_signals_that_come_together_the_lowest_number_is_first():
    with Signals() as signals:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.raise_signal(number)
        assert signals.take() == (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def test_afterwards_everything_is_as_it_was():
    before = [signal.getsignal(number) for number in (*ENDING, *STOPPING)]
    with Signals():
        assert signal.getsignal(signal.SIGINT) is not before[1]
    assert [signal.getsignal(number) for number in (*ENDING, *STOPPING)] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_under_nohup_a_closed_terminal_ends_nothing():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            assert wait(signals) == (signal.SIGTERM,)
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_flood_of_signals_blocks_nobody():
    with Signals() as signals:
        for _ in range(70_000):
            signal.raise_signal(signal.SIGUSR1)
        assert set(signals.take()) == {signal.SIGUSR1}


def test_once_ended_by_a_signal_no_later_one_changes_the_end():
    former = [signal.getsignal(number) for number in (*ENDING, *STOPPING)]
    try:
        with Signals() as signals:
            signals.ignore()
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, handler in zip((*ENDING, *STOPPING), former, strict=True):
            signal.signal(number, handler)
