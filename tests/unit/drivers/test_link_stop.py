"""STOP: its rhythm, what proves that it was heard, and that nothing keeps it back."""

import random

import pytest

from drivers.link import LinkEngine
from drivers.link_events import Answered, Heard, LinkDown, StopHeard
from drivers.outcome import Unknown
from protocols.wire.messages import (
    EstopResetConfirm,
    EstopResetPrepare,
    GrantSet,
    Heartbeat,
    LogRelease,
    StatusGet,
    TimePing,
)


@pytest.fixture
def gun(kit):
    return kit.ScriptedGun()


@pytest.fixture
def engine(kit, gun):
    return kit.connected(gun)


def stops_sent(kit, engine, until_us, begin_us=0):
    """Run an engine whose port takes everything; return when STOP frames went out."""
    now, times = begin_us, []
    while now <= until_us:
        engine.tick(now)
        times += [now for frame in kit.drain(engine, now) if frame == kit.STOP]
        now = engine.next_deadline_us()
    return times


def heard(events):
    return [event for event in events if isinstance(event, StopHeard)]


def estopped(kit, engine, latch_id, uptime_ms=1_000):
    return kit.make_frame(0x42, 0, engine.session, uptime_ms, latch_id.to_bytes(4, "little") + b"\1\0\0\0" + bytes(4))


def test_stop_goes_out_at_0_5_20_50_ms_and_then_every_50_ms(kit, engine, gun):
    engine.press_stop(1_000)
    assert stops_sent(kit, engine, 260_000, 1_000) == [
        1_000, 6_000, 21_000, 51_000, 101_000, 151_000, 201_000, 251_000,
    ]  # fmt: skip
    assert engine.stop_pending


def test_stop_is_the_frozen_frame_and_goes_before_all_else(kit, engine):
    engine.beat(0, Heartbeat(1, 0, 500, 0, 1))
    engine.ask(0, 1, LogRelease(1, 1, bytes(8)))
    engine.ask(0, 2, StatusGet())
    engine.press_stop(0)
    frames = kit.drain(engine, 0)
    assert frames[0] == kit.STOP
    assert len(frames) == 4


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-13")
@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(
    "request_",
    [GrantSet(1, 0, 1, 1, 3, bytes(8), 1, 1, 500, 600, 450, bytes(8)), EstopResetPrepare(), EstopResetConfirm(1, 2, 3)],
    ids=lambda one: type(one).__name__,
)
def test_what_could_undo_a_stop_does_not_follow_it(kit, engine, request_, sent):
    engine.ask(0, 1, request_)
    before = kit.drain(engine, 0) if sent else []
    engine.ask(0, 2, LogRelease(1, 1, bytes(8)))
    engine.press_stop(1)
    ended = [event for event in engine.tick(1) if isinstance(event, Answered)]
    assert [(event.tag, type(event.outcome), event.tries) for event in ended] == [(1, Unknown, int(sent))]
    now, frames = 1, []
    while now is not None and now < 400_000:
        engine.tick(now)
        frames += kit.drain(engine, now)
        now = engine.next_deadline_us()
    assert frames[0] == kit.STOP
    assert not set(before) & set(frames), "sent again behind STOP"
    others = {frame for frame in frames if frame != kit.STOP}
    assert len(others) == 1, "the release goes on, and nothing else"
    engine.ask(now, 3, request_)
    [refused] = [event for event in engine.tick(now) if isinstance(event, Answered) and event.tag == 3]
    assert (type(refused.outcome), refused.tries) == (Unknown, 0)


def test_answer_to_stop_ends_it_and_says_how_long_it_took(kit, engine):
    engine.press_stop(100)
    assert engine.transmit(400) == kit.STOP
    events = engine.received(2_500, estopped(kit, engine, 5))
    assert [type(event) for event in events] == [Heard, StopHeard]
    assert heard(events) == [StopHeard(latch_id=5, after_us=2_400, sent_us=300)]
    assert not engine.stop_pending
    assert kit.drain(engine, 10_000_000) == []


def test_answer_in_any_session_counts(kit, engine):
    engine.press_stop(0)
    engine.transmit(0)
    frame = kit.make_frame(0x42, 0, 0xDEAD, 9, b"\5" + bytes(11))
    assert len(heard(engine.received(1, frame))) == 1


def test_nothing_counts_as_heard_before_a_stop_frame_went_out(kit, engine, gun):
    engine.press_stop(0)
    assert heard(engine.received(1, estopped(kit, engine, 5) + gun.status())) == []
    assert engine.transmit(2) == kit.STOP


def test_status_with_a_new_latch_proves_it(kit, engine, gun):
    engine.received(0, gun.status())
    engine.press_stop(1)
    engine.transmit(1)
    assert heard(engine.received(2, gun.status())) == [], "still clear"
    gun.latch_id = 12
    assert heard(engine.received(3, gun.status()))[0].latch_id == 12


def test_reply_to_status_get_with_a_new_latch_proves_it(kit, engine, gun):
    engine.ask(0, 1, StatusGet())
    engine.press_stop(0)
    _, ask = kit.drain(engine, 0)
    gun.latch_id = 12
    assert heard(engine.received(3, gun.feed(ask)[0]))[0].latch_id == 12


def test_latch_of_before_the_press_proves_nothing_but_an_answer_does(kit, engine, gun):
    gun.latch_id = 12
    engine.received(0, gun.status())
    engine.press_stop(1)
    engine.transmit(1)
    assert heard(engine.received(2, gun.status())) == []
    assert engine.stop_pending
    assert len(heard(engine.received(3, estopped(kit, engine, 12)))) == 1


@pytest.mark.hazard("HZ-38")
@pytest.mark.hazard("HZ-12")
def test_words_of_an_earlier_stop_that_lay_in_a_buffer_prove_nothing(kit, engine, gun):
    gun.latch_id = 12
    old = [gun.status(), estopped(kit, engine, 12, uptime_ms=gun.uptime_ms)]
    gun.latch_id = 0
    engine.received(0, gun.status())
    engine.press_stop(1)
    engine.transmit(1)
    for at, frame in enumerate([*old, *old, gun.status()], 2):
        assert heard(engine.received(at, frame)) == []
    assert engine.stop_pending
    assert len(heard(engine.received(9, gun.feed(kit.STOP)[0]))) == 1


@pytest.mark.hazard("HZ-12")
def test_a_gun_that_started_anew_proves_it_with_its_own_small_uptime(kit, engine, gun):
    gun.uptime_ms = 90_000
    engine.received(0, gun.status())
    engine.press_stop(1)
    engine.transmit(1)
    gun.uptime_ms = 3
    engine.received(2, gun.event(0x44, bytes(12)))
    assert len(heard(engine.received(3, gun.feed(kit.STOP)[0]))) == 1


def test_second_press_before_the_answer_is_the_same_press(kit, engine):
    engine.press_stop(0)
    engine.transmit(0)
    engine.press_stop(3_000)
    assert engine.transmit(3_000) == b""
    assert heard(engine.received(4_000, estopped(kit, engine, 5)))[0].after_us == 4_000
    engine.press_stop(9_000)
    assert engine.transmit(9_000) == kit.STOP


@pytest.mark.invariant("I-46")
def test_stop_pressed_without_a_port_goes_out_first_on_a_known_one(kit, engine):
    engine.closed(0, "unplugged")
    engine.press_stop(1)
    assert (engine.transmit(1), engine.tick(1)) == (b"", [])
    engine.opened(2, known_port=True)
    engine.ask(2, 1, engine.hello(bytes(16)))
    frames = kit.drain(engine, 2)
    assert frames[0] == kit.STOP
    assert kit.frames_in(frames[1])[0][0] == 1


@pytest.mark.invariant("I-46")
def test_stop_follows_hello_at_once_on_a_port_not_known(kit):
    engine = LinkEngine(kit.HOST_ID)
    engine.press_stop(0)
    engine.opened(1)
    assert engine.transmit(1) == b""
    engine.ask(2, 1, engine.hello(bytes(16)))
    frames = kit.drain(engine, 2)
    assert kit.frames_in(frames[0])[0][0] == 1
    assert frames[1] == kit.STOP


@pytest.mark.invariant("I-46")
def test_stop_unheard_when_the_port_went_is_sent_in_the_dense_rhythm_on_the_next(kit, engine):
    engine.press_stop(0)
    assert stops_sent(kit, engine, 400_000)[-1] == 400_000
    engine.closed(410_000, "unplugged")
    engine.opened(900_000, known_port=True)
    assert stops_sent(kit, engine, 960_000, 900_000) == [900_000, 905_000, 920_000, 950_000]


def test_hello_with_a_latch_newer_than_the_press_proves_it(kit, engine, gun):
    engine.press_stop(0)
    engine.transmit(0)
    engine.closed(1, "unplugged")
    gun.latch_id = 31
    engine.opened(2)
    engine.ask(2, 1, engine.hello(bytes(16)))
    assert heard(engine.received(3, gun.feed(engine.transmit(2))[0])) == [StopHeard(31, 3, 0)]


def test_latch_of_another_gun_proves_nothing(kit, engine):
    engine.press_stop(0)
    engine.transmit(0)
    engine.closed(1, "unplugged")
    other = kit.ScriptedGun(latch_id=31, uid=b"uid-of-gun-2")
    engine.opened(2)
    engine.ask(2, 1, engine.hello(bytes(16)))
    assert heard(engine.received(3, other.feed(engine.transmit(2))[0])) == []
    assert heard(engine.received(4, other.feed(engine.transmit(4))[0])), "its answer to STOP does"


def test_stop_goes_on_when_the_gun_is_silent_and_the_session_given_up(kit, engine):
    engine.press_stop(0)
    now, events = 0, []
    while now < 3_000_000:
        events += engine.tick(now)
        kit.drain(engine, now)
        now = engine.next_deadline_us()
    assert [type(event) for event in events] == [LinkDown]
    assert engine.stats.stops_sent > 55


def test_stop_at_any_byte_of_any_frame_is_found_by_the_gun(kit):
    """The owner drops the rest of a half-written frame; the leading zero of STOP ends it."""
    for cut in range(1, 60):
        gun = kit.ScriptedGun()
        engine = kit.connected(gun)
        engine.ask(0, 1, TimePing(3))
        engine.ask(0, 2, LogRelease(1, 3, bytes(8)))
        frame = engine.transmit(0)
        gun.feed(frame[:cut])
        engine.press_stop(1)
        (answer,) = [out for out in gun.feed(engine.transmit(1)) if out[1:]][-1:]
        assert gun.stops == 1, f"cut at {cut}"
        assert len(heard(engine.received(2, answer))) == 1


@pytest.mark.hazard("HZ-02")
@pytest.mark.parametrize("seed", range(40))
def test_stop_is_heard_under_half_the_frames_lost_and_cuts_in_mid_frame(kit, seed):
    rng = random.Random(seed)
    gun = kit.ScriptedGun()
    engine = kit.connected(gun)
    now = half_us = 0
    unsent = b""
    events = []
    press_us = rng.randrange(200_000)
    pressed = False
    while not heard(events):
        assert now < press_us + 2_000_000, f"STOP not heard in 2 s, seed {seed}"
        if not pressed and now >= press_us:
            pressed = True
            unsent = b""  # flushed, as the owner of a port does
            engine.press_stop(now)
        if rng.random() < 0.2 and engine._calls.queued < 20:
            engine.ask(now, rng.randrange(10**6), TimePing(rng.randrange(10**6)))
        if not unsent:
            unsent = engine.transmit(now)
            half_us = now
        if unsent:
            take = rng.randrange(1, len(unsent) + 1)
            piece, unsent = unsent[:take], unsent[take:]
            for answer in gun.feed(piece) if rng.random() < 0.5 else []:
                if rng.random() < 0.5:
                    events += engine.received(now, answer)
        if rng.random() < 0.05:
            events += engine.received(now, gun.status())
        now += rng.randrange(200, 3_000)
        deadline = engine.next_deadline_us()
        if deadline is not None and deadline <= now:
            events += engine.tick(now)
    assert gun.stops >= 1
    assert half_us >= press_us
    assert heard(events)[0].latch_id == gun.latch_id
