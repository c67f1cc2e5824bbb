"""What the gun has to say: STOP's answers first, hints last and bounded."""

from protocols.wire.codes import State
from protocols.wire.frame import REPLY, STOP_FRAME, Deframer
from protocols.wire.messages import EVENTS, EstoppedEvent, MoveDoneEvent, Status, StatusGet
from simulator.firmware.outbox import EVENTS_MAX, REPLIES_MAX, STOP_ANSWERS_MAX, Outbox

MS = 1_000
S = 1_000_000


def drained(outbox):
    frames = []
    while data := outbox.take(5, lambda: Status(*[0] * 21), None):
        frames += Deframer().feed(data)
    return frames


def test_answers_to_stop_go_first_then_replies_then_events_then_the_status():
    outbox = Outbox()
    outbox.status_wanted = True
    outbox.event(MoveDoneEvent(1, 0))
    outbox.reply(0x95, 1, 9, b"\0\0\0\0")
    outbox.answer_stop(EstoppedEvent(1, 1, 0))
    assert [(frame.type, frame.session) for frame in drained(outbox)] == [(0x42, 0), (0x95, 9), (0x45, 0), (0x40, 0)]


def test_every_queue_is_bounded_and_the_oldest_hint_gives_way():
    outbox = Outbox()
    for n in range(EVENTS_MAX + 5):
        outbox.event(MoveDoneEvent(n, 0))
        outbox.answer_stop(EstoppedEvent(n, 1, 0))
    frames = drained(outbox)
    assert len(frames) == EVENTS_MAX + STOP_ANSWERS_MAX
    assert outbox.events_dropped == 5
    assert MoveDoneEvent.unpack(frames[STOP_ANSWERS_MAX].payload).shot_seq == 5
    for _ in range(REPLIES_MAX):
        assert outbox.room_for_reply
        outbox.reply(0x95, 1, 1, b"")
    assert not outbox.room_for_reply


def test_a_status_is_as_new_as_the_frame_that_carries_it(rig):
    rig.own()
    rig.gun.advance(rig.at + 5 * S)  # nobody has taken anything for five seconds
    rig.at += 5 * S
    rig.gun.receive(rig.at, STOP_FRAME)
    frames = rig.hear()
    assert frames[0].type == 0x42
    statuses = [EVENTS[frame.type].unpack(frame.payload) for frame in frames if frame.type == 0x40]
    assert [status.state for status in statuses] == [State.ESTOPPED]


def test_every_frame_carries_the_uptime_at_its_making(rig):
    rig.own()
    rig.run(2_345 * MS, beat=False)
    for frame in rig.send(rig.frame(StatusGet())):
        if frame.type & REPLY:
            assert frame.aux == (rig.at - 1_000_000) // 1_000


def test_the_status_comes_at_its_rate_and_at_once_when_the_state_changes(rig):
    from protocols.wire.messages import StatusRate

    rig.own()
    rig.do(StatusRate(500))
    rig.events.clear()
    rig.run(3 * S, beat=False)
    assert len(rig.of(Status)) == 6
    rig.events.clear()
    rig.stop()
    assert [status.state for status in rig.of(Status)] == [State.ESTOPPED]
