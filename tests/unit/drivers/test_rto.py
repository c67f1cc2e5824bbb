"""Time-outs after RFC 6298."""

import random

from drivers.rto import BACK_OFF_MAX_US, RTO_MAX_US, RTO_MIN_US, RTO_START_US, RetransmitTimer


def test_first_sample_sets_the_average_and_half_of_it_as_variance():
    timer = RetransmitTimer()
    assert timer.rto_us == RTO_START_US == 250_000
    timer.sample(100_000)
    assert (timer.srtt_us, timer.rto_us) == (100_000, 300_000)


def test_second_sample_follows_the_rfc():
    timer = RetransmitTimer()
    timer.sample(100_000)
    timer.sample(180_000)
    # RTTVAR = 3/4 * 50,000 + 1/4 * 80,000 = 57,500; SRTT = 7/8 * 100,000 + 1/8 * 180,000 = 110,000
    assert (timer.srtt_us, timer.rto_us) == (110_000, 340_000)


def test_time_out_stays_between_its_bounds_whatever_the_samples():
    rng = random.Random(1)
    timer = RetransmitTimer()
    for _ in range(10_000):
        timer.sample(int(10 ** rng.uniform(0, 8)))
        assert RTO_MIN_US <= timer.rto_us <= RTO_MAX_US
    for _ in range(100):
        timer.sample(100)
    assert timer.rto_us == RTO_MIN_US == 50_000


def test_backing_off_doubles_to_its_ceiling_and_holds_until_the_next_sample():
    timer = RetransmitTimer()
    timer.sample(1_000)
    waits = [timer.rto_us]
    for _ in range(4):
        waits.append(timer.back_off(waits[-1]))
    assert waits == [50_000, 100_000, 200_000, 250_000, 250_000]
    assert timer.rto_us == BACK_OFF_MAX_US
    timer.sample(1_000)
    assert timer.rto_us == RTO_MIN_US


def test_a_line_measured_to_be_slower_than_the_ceiling_keeps_its_time_out():
    timer = RetransmitTimer()
    timer.sample(200_000)
    assert timer.back_off(timer.rto_us) == timer.rto_us == 600_000
