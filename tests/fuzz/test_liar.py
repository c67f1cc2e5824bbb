"""A host whose gun lies in whole frames, or is another: it does not fall over, and logs only what has happened."""

import pytest

from drivers.link import LinkEngine
from drivers.link_events import Answered, Heard
from drivers.outcome import Done
from meso_device.session.contract import LinkState
from protocols.wire.frame import STOP_FRAME, Deframer, encode_frame
from protocols.wire.messages import EVENTS, REPLIES, GrantSet, StatusGet
from tests.fuzz import liar, stream

SEEDS = range(40)


@pytest.mark.invariant("I-07")
@pytest.mark.invariant("I-17")
@pytest.mark.invariant("I-43")
@pytest.mark.hazard("HZ-03")
@pytest.mark.hazard("HZ-40")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_lie_of_the_line_gets_into_the_log_or_ends_the_host(seed):
    assert liar.run(seed).told > 0


def test_the_sessions_under_few_lies_go_on():
    """Otherwise the test above would show nothing."""
    assert sum(len(liar.run(seed).truth) for seed in (0, 5, 10)) >= 30


@pytest.mark.invariant("I-23")
@pytest.mark.hazard("HZ-40")
def test_what_a_gun_once_said_said_again_arms_nothing_and_logs_nothing():
    first = liar.LyingWire(1, 0.0)
    heard = []
    take = first.from_gun
    first.from_gun = lambda now_us, data: (heard.append(data), take(now_us, data))
    first.run_session()
    assert first.run(first.closed)
    second = liar.LyingWire(2, 0.0)
    second.rate_per_s = None
    second.run_session()
    second.gun.set_plugged(False)  # the real gun is not there: only its voice of another day
    for data in heard:
        second.turn()
        liar.Rig.from_gun(second, second.now_us, data)
    sent = [frame for _, raw in second.sent_to_gun if raw != STOP_FRAME for frame in Deframer().feed(raw)]
    assert all(frame.type != GrantSet.TYPE for frame in sent)
    assert second.view.link is not LinkState.UP
    assert second.truth == []
    assert second.store._db.execute("SELECT count(*) FROM record WHERE kind = 'shot'").fetchall() == [(0,)]


def test_a_reply_with_any_header_but_its_own_answers_nothing():
    """Type, number and session must be those asked for; what else comes is counted and dropped."""
    link = LinkEngine(bytes(16))
    link.opened(0)
    link.ask(0, 1, link.hello(bytes(16)))
    link.transmit(0)
    hello = next(raw for raw in stream.VECTORS if Deframer().feed(raw)[0].type == 0x81)
    body = bytearray(Deframer().feed(hello)[0].payload)
    assert [type(event) for event in link.received(1, encode_frame(0x81, 2, 0, 0, bytes(body)))] == []
    events = link.received(1, encode_frame(0x81, 1, 0, 0, bytes(body)))
    assert not any(isinstance(event, Answered) and isinstance(event.outcome, Done) for event in events)
    for kind, reply in REPLIES.items():
        payload = bytes(4 + (reply.SIZE if reply else 0))
        assert link.received(2, encode_frame(kind | 0x80, 7, 0x1234, 0, payload)) == []
    assert link.stats.unmatched > 20
    assert link.session == 0


def test_every_length_of_every_answer_and_event_is_taken_or_counted():
    link = LinkEngine(bytes(16))
    link.opened(0)
    for kind, event in EVENTS.items():
        for size in range(120):
            heard = link.received(0, encode_frame(kind, 0, 0, 0, b"\xff" * size))
            assert (len(heard) > 0 and isinstance(heard[0], Heard)) is (size >= event.SIZE)
    link.ask(0, 2, StatusGet())
