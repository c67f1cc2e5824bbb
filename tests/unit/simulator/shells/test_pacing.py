from random import Random

import pytest

from protocols.errors import UsageError
from simulator.shells.pacing import Pacer


@pytest.mark.parametrize("seed", range(10))
def test_bytes_come_out_whole_in_order_and_at_the_line_rate(seed):
    chance, pacer = Random(seed), Pacer(115_200)
    sent = [chance.randbytes(chance.randrange(1, 300)) for _ in range(40)]
    now_us, out = 0, []
    for chunk in sent:
        pacer.put(now_us, chunk)
    first_us = 0
    while pacer.backlog:
        now_us = max(now_us + chance.randrange(0, 3_000), min(pacer.next_us(16), now_us + 500))
        out.append(pacer.take(now_us))
    total = sum(map(len, sent))
    assert b"".join(out) == b"".join(sent)
    wire_us = total * 10 * 1_000_000 / 115_200
    assert wire_us <= now_us - first_us <= wire_us + 3_100, "never faster; late only by the last look"


def test_nothing_comes_out_before_it_is_due_and_all_of_it_when_it_is():
    pacer = Pacer(9_600)
    pacer.put(1_000, b"0123456789")
    assert pacer.take(1_000 + 1_041) == b""
    assert pacer.take(1_000 + 1_042) == b"0"
    assert pacer.next_us(1) == 1_000 + 2 * 1_042
    assert pacer.take(1_000 + 10 * 1_042) == b"123456789"
    assert pacer.next_us(1) is None


def test_unpaced_line_gives_everything_at_once():
    pacer = Pacer(None)
    pacer.put(0, b"a" * 10_000)
    assert pacer.take(0) == b"a" * 10_000


def test_pulled_cable_loses_what_is_in_it():
    pacer = Pacer(9_600)
    pacer.put(0, b"abc")
    pacer.clear()
    assert pacer.take(10**9) == b""
    assert pacer.backlog == 0


@pytest.mark.parametrize("baud", [0, -1, 1, 115_201])
def test_speed_that_no_line_has_is_refused(baud):
    with pytest.raises(UsageError, match="115200"):
        Pacer(baud)
