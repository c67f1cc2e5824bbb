"""The link engine, call by call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers.link import JAM_US, QUEUE_MAX, SILENCE_US, LinkEngine
from drivers.link_events import Answered, Heard, LinkDown
from drivers.outcome import Done, Refused, Unknown
from protocols.errors import InvariantError, UsageError
from protocols.wire.codes import Code
from protocols.wire.messages import Heartbeat, LogRelease, LogReleaseReply, StatusGet, StatusRate, TimePing

S = 1_000_000


def release(seq=1):
    return LogRelease(1, seq, bytes(8))


def answers(events):
    return [event for event in events if isinstance(event, Answered)]


def only(events):
    (event,) = events
    return event


@pytest.fixture
def gun(kit):
    return kit.ScriptedGun()


@pytest.fixture
def engine(kit, gun):
    return kit.connected(gun)


def ok(kit, frame, body, **changes):
    """The good reply to a frame."""
    kind, req_id, session, _, _ = kit.frames_in(frame)[0]
    values = {"kind": kind | 0x80, "req_id": req_id, "session": session, "aux": 5} | changes
    return kit.make_frame(payload=bytes(4) + body, **values)


# --- requests and replies -----------------------------------------------------------------------


def test_request_is_answered_with_times_tries_and_uptime(kit, engine):
    engine.ask(10, 42, release(9))
    frame = engine.transmit(20)
    event = only(engine.received(90, ok(kit, frame, LogReleaseReply(9).pack())))
    assert event == Answered(42, Done(LogReleaseReply(9)), sent_us=20, heard_us=90, uptime_ms=5, tries=1)
    assert engine.stats.srtt_us == 0 + (70 - 0) // 8
    assert engine.transmit(100) == b""


def test_refusal_carries_code_detail_and_offset(kit, engine):
    engine.ask(0, 1, release())
    kind, req_id, session, _, _ = kit.frames_in(engine.transmit(0))[0]
    frame = kit.make_frame(kind | 0x80, req_id, session, 0, bytes([12, 3, 16, 0]))
    assert only(engine.received(1, frame)).outcome == Refused(Code.E_RANGE, 3, 16)


def test_code_of_a_newer_version_is_a_refusal(kit, engine):
    engine.ask(0, 1, release())
    kind, req_id, session, _, _ = kit.frames_in(engine.transmit(0))[0]
    frame = kit.make_frame(kind | 0x80, req_id, session, 0, bytes([200, 0, 0, 0]))
    assert only(engine.received(1, frame)).outcome == Refused(200)


def test_reply_that_has_grown_at_the_end_is_taken(kit, engine):
    engine.ask(0, 1, release(4))
    frame = ok(kit, engine.transmit(0), LogReleaseReply(4).pack() + b"newer fields")
    assert only(engine.received(1, frame)).outcome == Done(LogReleaseReply(4))


def test_one_state_change_and_four_reads_are_in_flight_at_most(kit, engine):
    for tag in range(6):
        engine.ask(0, tag, TimePing(tag))
        engine.ask(0, 100 + tag, release(tag))
    kinds = [kit.frames_in(frame)[0][0] for frame in kit.drain(engine, 0)]
    assert kinds == [LogRelease.TYPE] + [TimePing.TYPE] * 4


def test_next_state_change_goes_out_when_the_one_before_has_ended(kit, engine):
    engine.ask(0, 1, release(1))
    engine.ask(0, 2, release(2))
    first = engine.transmit(0)
    assert engine.transmit(0) == b""
    engine.received(1, ok(kit, first, LogReleaseReply(1).pack()))
    assert LogRelease.unpack(kit.frames_in(engine.transmit(1))[0][4]).upto_seq == 2


def test_reads_may_be_answered_in_any_order(kit, engine):
    for tag in range(4):
        engine.ask(0, tag, TimePing(tag))
    frames = kit.drain(engine, 0)
    got = []
    for i in (2, 0, 3, 1):
        reply = ok(kit, frames[i], TimePing(i).pack() + bytes(12))
        got += [(event.tag, event.outcome.body.host_mono_ns) for event in answers(engine.received(1, reply))]
    assert got == [(2, 2), (0, 0), (3, 3), (1, 1)]


@pytest.mark.parametrize(
    "changes", [{"req_id": 999}, {"session": 6}, {"session": 0}, {"kind": 0x95}, {"version": 0x20}], ids=str
)
def test_reply_of_another_number_session_type_or_version_is_counted_and_not_taken(kit, engine, changes):
    engine.ask(0, 1, release())
    frame = engine.transmit(0)
    assert engine.received(1, ok(kit, frame, LogReleaseReply(1).pack(), **changes)) == []
    assert engine.stats.unmatched == 1
    assert len(answers(engine.received(2, ok(kit, frame, LogReleaseReply(1).pack())))) == 1


def test_second_copy_of_a_reply_is_counted_and_not_taken(kit, engine):
    engine.ask(0, 1, release())
    reply = ok(kit, engine.transmit(0), LogReleaseReply(1).pack())
    engine.received(1, reply)
    engine.ask(2, 2, release(2))
    engine.transmit(2)
    assert engine.received(3, reply) == []
    assert engine.stats.duplicates == 1


def test_reply_too_short_for_its_type_is_counted_and_not_taken(kit, engine):
    engine.ask(0, 1, release())
    frame = engine.transmit(0)
    assert engine.received(1, ok(kit, frame, b"\1")) == []
    assert engine.stats.malformed == 1


@pytest.mark.invariant("I-43")
def test_every_single_bit_flip_of_a_reply_is_dropped(kit):
    gun = kit.ScriptedGun()
    engine = kit.connected(gun)
    engine.ask(0, 1, StatusGet())
    (reply,) = gun.feed(engine.transmit(0))
    for bit in range(8, 8 * (len(reply) - 1)):
        damaged = bytearray(reply)
        damaged[bit // 8] ^= 1 << bit % 8
        assert answers(engine.received(1, bytes(damaged) + b"\0")) == [], f"bit {bit}"
    assert len(answers(engine.received(2, reply))) == 1


@pytest.mark.invariant("I-43")
@given(st.lists(st.binary(max_size=600), max_size=8))
def test_arbitrary_bytes_answer_nothing_and_leave_the_engine_working(kit, chunks):
    gun = kit.ScriptedGun()
    engine = kit.connected(gun)
    engine.ask(0, 1, TimePing(5))
    frame = engine.transmit(0)
    for chunk in chunks:
        assert engine.received(1, chunk) == []
    engine.received(1, b"\0")
    (reply,) = gun.feed(frame)
    assert len(answers(engine.received(2, reply))) == 1


def test_text_of_a_boot_loader_costs_one_block_and_is_a_resync(kit, engine, gun):
    assert engine.received(1, b"U-Boot 2020\r\nready\r\n") == []
    assert isinstance(only(engine.received(2, gun.status())), Heard)
    assert (engine.stats.bad_blocks, engine.stats.resyncs) == (1, 1)


# --- retransmission -----------------------------------------------------------------------------


def test_the_same_hello_goes_out_at_a_steady_pace_for_three_seconds_and_then_the_end_is_unknown(kit, gun):
    fresh = LinkEngine(kit.HOST_ID)
    fresh.opened(0)
    fresh.ask(0, 3, fresh.hello(bytes(16)))
    sent = []
    events = []
    while not events:
        now = fresh.next_deadline_us() if sent else 0
        events = fresh.tick(now)
        sent += [(now, frame) for frame in kit.drain(fresh, now)]
    assert [at for at, _ in sent] == [100_000 * n for n in range(30)]
    assert now == 3_000_000
    assert len({frame for _, frame in sent}) == 1
    assert only(events) == Answered(3, Unknown("no answer to 30 tries"), 2_900_000, now, 0, 30)
    assert (fresh.stats.retransmits, fresh.stats.given_up) == (29, 1)


def test_hint_in_the_header_is_frozen_with_the_first_copy(kit, engine):
    engine.committed_seq = 5
    engine.ask(0, 1, release())
    first = engine.transmit(0)
    engine.committed_seq = 6
    engine.tick(engine.next_deadline_us())
    assert engine.transmit(60_000) == first
    assert kit.frames_in(first)[0][3] == 5


def test_retransmitted_request_gives_no_sample(kit, engine):
    before = engine.stats.srtt_us
    engine.ask(0, 1, release())
    frame = engine.transmit(0)
    engine.tick(engine.next_deadline_us())
    engine.transmit(300_000)
    reply = ok(kit, frame, LogReleaseReply(1).pack())
    assert only(engine.received(600_000, reply)).tries == 2
    assert engine.stats.srtt_us == before


def test_late_reply_after_giving_up_is_not_taken_for_the_next_request(kit, engine, gun):
    engine.ask(0, 1, release(1))
    late = gun.feed(engine.transmit(0))[0]
    events = []
    now = 0
    while not answers(events):
        now = engine.next_deadline_us()
        engine.received(now, gun.status())
        events = engine.tick(now)
        kit.drain(engine, now)
    assert isinstance(answers(events)[0].outcome, Unknown)
    engine.ask(now, 2, release(2))
    frame = engine.transmit(now)
    assert engine.received(now, late) == []
    assert engine.stats.duplicates == 1
    assert only(engine.received(now, gun.feed(frame)[0])).outcome == Done(LogReleaseReply(2))


@pytest.mark.invariant("I-21")
@pytest.mark.parametrize("code", [Code.E_SESSION, Code.E_ID_OLD, Code.E_ID_REUSED])
def test_refusal_of_a_second_copy_by_session_or_number_proves_nothing_about_the_first(kit, engine, code):
    engine.ask(0, 1, release())
    kind, req_id, session, _, _ = kit.frames_in(engine.transmit(0))[0]
    engine.tick(engine.next_deadline_us())
    engine.transmit(300_000)
    refusal = kit.make_frame(kind | 0x80, req_id, session, 0, bytes([code, 0, 0, 0]))
    outcome = only(engine.received(300_100, refusal)).outcome
    assert isinstance(outcome, Unknown)
    assert code.name in outcome.reason


def test_refusal_of_the_only_copy_is_a_refusal(kit, engine):
    engine.ask(0, 1, release())
    kind, req_id, session, _, _ = kit.frames_in(engine.transmit(0))[0]
    refusal = kit.make_frame(kind | 0x80, req_id, session, 0, bytes([Code.E_SESSION, 0, 0, 0]))
    assert only(engine.received(1, refusal)).outcome == Refused(Code.E_SESSION)


# --- sessions -----------------------------------------------------------------------------------


def test_requests_wait_for_hello_and_are_numbered_from_one_in_its_session(kit, gun):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    engine.ask(0, 1, engine.hello(b"n" * 16))
    engine.ask(0, 2, StatusGet())
    hello = engine.transmit(0)
    assert kit.frames_in(hello)[0][:3] == (1, 1, 0)
    assert engine.transmit(0) == b""
    engine.received(1, gun.feed(hello)[0])
    assert kit.frames_in(engine.transmit(1))[0][:3] == (0x15, 1, gun.session)


def test_late_hello_reply_with_another_nonce_is_dropped(kit, engine, gun):
    reply = gun.feed(kit.make_frame(1, 2, 0, 0, b"x" * 16 + b"\1\1" + kit.HOST_ID))[0]
    engine.ask(0, 1, engine.hello(b"y" * 16))
    hello = engine.transmit(0)
    assert kit.frames_in(hello)[0][1] == 2
    assert engine.received(1, reply) == []
    assert engine.stats.unmatched == 1
    assert isinstance(only(engine.received(2, gun.feed(hello)[0])).outcome, Done)


def test_new_session_ends_what_the_old_one_had_in_flight_as_unknown(kit, engine, gun):
    engine.ask(0, 1, release(1))
    old = engine.transmit(0)
    engine.ask(0, 2, engine.hello(b"y" * 16))
    engine.ask(0, 3, StatusGet())
    hello = engine.transmit(0)
    assert engine.transmit(0) == b"", "nothing new while a session is about to begin"
    reply = gun.feed(hello)[0]
    events = engine.received(1, reply)
    assert [(event.tag, type(event.outcome)) for event in events] == [(1, Unknown), (2, Done)]
    assert kit.frames_in(engine.transmit(1))[0][:3] == (0x15, 1, gun.session)
    assert engine.received(2, gun.feed(old)[0]) == []


def test_second_hello_takes_the_place_of_the_first(kit, gun):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    engine.ask(0, 1, engine.hello(b"a" * 16))
    first = gun.feed(engine.transmit(0))[0]
    engine.ask(1, 2, engine.hello(b"b" * 16))
    assert only(engine.tick(1)).tag == 1
    second = gun.feed(engine.transmit(1))[0]
    assert engine.received(2, first) == []
    assert only(engine.received(3, second)).tag == 2
    assert engine.session == gun.session


def test_another_major_is_told_and_not_talked_to(kit):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    engine.ask(0, 1, engine.hello(b"n" * 16))
    engine.ask(0, 2, StatusGet())
    engine.transmit(0)
    body = replace(kit.HELLO_REPLY, major=2, host_nonce=b"n" * 16).pack()
    events = engine.received(1, kit.make_frame(0x81, 1, 0, 0, bytes(4) + body, version=0x20))
    assert [event.tag for event in events] == [1, 2]
    assert events[0].outcome.body.major == 2
    assert (type(events[1].outcome), events[1].tries) == (Unknown, 0)
    assert engine.session == 0


def test_hello_reply_too_short_or_of_session_zero_begins_nothing(kit, gun):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    engine.ask(0, 1, engine.hello(b"n" * 16))
    hello = engine.transmit(0)
    body = replace(kit.HELLO_REPLY, session=0, host_nonce=b"n" * 16).pack()
    assert engine.received(1, kit.make_frame(0x81, 1, 0, 0, bytes(4) + body)) == []
    assert engine.received(1, kit.make_frame(0x81, 1, 0, 0, bytes(4) + body[:-1])) == []
    assert (engine.session, engine.stats.unmatched, engine.stats.malformed) == (0, 1, 1)
    assert isinstance(only(engine.received(2, gun.feed(hello)[0])).outcome, Done)


def test_refused_hello_is_a_refusal_and_ends_what_waited_for_it(kit):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    engine.ask(0, 1, engine.hello(b"n" * 16))
    engine.ask(0, 2, StatusGet())
    engine.transmit(0)
    events = engine.received(1, kit.make_frame(0x81, 1, 0, 0, bytes([Code.E_VERSION, 2, 0, 0]), version=0x20))
    assert [type(event.outcome) for event in events] == [Refused, Unknown]


def test_request_without_port_or_session_ends_unknown_with_no_try_at_the_next_tick(kit):
    engine = LinkEngine(kit.HOST_ID)
    engine.ask(5, 1, StatusGet())
    assert engine.next_deadline_us() is not None
    assert only(engine.tick(5)).tries == 0
    assert engine.next_deadline_us() is None
    engine.opened(6)
    engine.ask(6, 2, StatusGet())
    assert (only(engine.tick(6)).tag, engine.transmit(6)) == (2, b"")


def test_request_numbers_end_at_65000_and_begin_anew_on_a_new_port(kit, engine, gun):
    engine._next_id = 64_999
    engine.ask(0, 2, StatusGet())
    assert kit.frames_in(engine.transmit(0))[0][1] == 64_999
    engine.ask(0, 3, StatusGet())
    assert (only(engine.tick(0)).tag, engine.transmit(0)) == (3, b"")
    kit.connected(gun, 1, _reopened(engine))
    engine.ask(0, 4, StatusGet())
    assert kit.frames_in(engine.transmit(0))[0][1] == 1


def _reopened(engine):
    engine.closed(0, "test")
    return engine


# --- bounds and misuse --------------------------------------------------------------------------


def test_queue_is_bounded_and_more_is_refused_before_a_byte_left(engine):
    for tag in range(QUEUE_MAX):
        engine.ask(0, tag, StatusGet())
    with pytest.raises(UsageError, match="64 wait already"):
        engine.ask(0, 99, StatusGet())


def test_field_that_does_not_fit_is_refused_before_a_byte_left(engine):
    with pytest.raises(UsageError, match="LogRelease refused"):
        engine.ask(0, 1, LogRelease(1, 2**32, bytes(8)))
    assert engine.transmit(0) == b""


def test_misuse_is_named(kit, engine):
    with pytest.raises(UsageError, match="beat"):
        engine.ask(0, 1, Heartbeat(1, 0, 500, 0, 1))
    with pytest.raises(InvariantError, match="while another is open"):
        engine.opened(0)
    with pytest.raises(InvariantError, match="host_id"):
        LinkEngine(b"short")
    with pytest.raises(InvariantError, match="nonce"):
        engine.hello(b"short")


# --- heartbeats and order -----------------------------------------------------------------------


def test_newest_heartbeat_replaces_an_unsent_one_and_goes_before_requests(kit, engine):
    engine.ask(0, 1, release())
    engine.beat(0, Heartbeat(1, 0, 500, 0, 1))
    engine.beat(1, Heartbeat(2, 0, 500, 0, 1))
    frames = [kit.frames_in(frame)[0] for frame in kit.drain(engine, 2)]
    assert [frame[0] for frame in frames] == [Heartbeat.TYPE, LogRelease.TYPE]
    assert frames[0][1:3] == (0, engine.session)
    assert Heartbeat.unpack(frames[0][4]).hb_no == 2


@pytest.mark.invariant("I-52")
def test_heartbeat_that_waited_a_lease_for_the_port_is_not_sent(engine):
    engine.beat(0, Heartbeat(1, 0, 500, 0, 1))
    assert engine.transmit(500_000) == b""
    engine.beat(500_000, Heartbeat(2, 0, 500, 0, 1))
    assert engine.transmit(999_999) != b""


def test_heartbeat_without_a_session_is_dropped_and_none_survives_a_new_one(kit, gun):
    engine = LinkEngine(kit.HOST_ID)
    engine.beat(0, Heartbeat(1, 0, 500, 0, 1))
    engine.opened(0)
    engine.beat(0, Heartbeat(2, 0, 500, 0, 1))
    assert engine.transmit(0) == b""
    engine = kit.connected(gun)
    engine.ask(0, 1, engine.hello(b"z" * 16))
    hello = engine.transmit(0)
    engine.beat(0, Heartbeat(3, 0, 500, 0, 1))
    engine.received(1, gun.feed(hello)[0])
    assert engine.transmit(1) == b""


def test_repeated_requests_go_before_new_ones_of_the_session(kit, engine):
    engine.ask(0, 1, TimePing(1))
    first = engine.transmit(0)
    engine.tick(engine.next_deadline_us())
    engine.ask(300_000, 2, TimePing(2))
    assert kit.drain(engine, 300_000)[0] == first


# --- events -------------------------------------------------------------------------------------


def test_event_before_the_reply_that_causes_it_and_after_are_both_heard(kit, engine, gun):
    engine.ask(0, 1, release())
    reply = ok(kit, engine.transmit(0), LogReleaseReply(1).pack())
    kinds = [type(event) for event in engine.received(1, gun.status() + reply + gun.status())]
    assert kinds == [Heard, Answered, Heard]


def test_event_is_heard_whatever_its_session_number(kit, engine):
    for session in (0, engine.session, 99):
        event = only(engine.received(1, kit.make_frame(0x44, 0, session, 3, bytes(12))))
        assert (event.heard_us, event.uptime_ms) == (1, 3)


def test_event_of_a_newer_version_and_one_too_short_are_passed_over(kit, engine):
    assert engine.received(1, kit.make_frame(0x5F, 0, engine.session, 0, b"new")) == []
    assert engine.received(1, kit.make_frame(0x40, 0, engine.session, 0, b"short")) == []
    assert engine.stats.malformed == 1


def test_frames_that_only_a_host_sends_are_counted_as_echoes(kit, engine):
    engine.ask(0, 1, StatusGet())
    assert engine.received(1, engine.transmit(0)) == []
    assert engine.stats.echoes == 1


# --- ends ---------------------------------------------------------------------------------------


def test_closing_answers_everything_once_and_then_says_that_the_link_is_down(kit, engine):
    engine.ask(0, 1, release())
    engine.ask(0, 2, TimePing(2))
    kit.drain(engine, 0)
    engine.ask(0, 3, release(3))
    engine.ask(0, 4, engine.hello(b"q" * 16))
    events = engine.closed(9, "unplugged")
    assert [(event.tag, event.tries) for event in events[:-1]] == [(1, 1), (2, 1), (3, 0), (4, 0)]
    assert {event.outcome for event in events[:-1]} == {Unknown("unplugged")}
    assert events[-1] == LinkDown("unplugged")
    assert (engine.closed(10, "again"), engine.tick(10), engine.next_deadline_us()) == ([], [], None)
    assert (engine.transmit(10), engine.received(10, b"\0late\0")) == (b"", [])


def test_silence_ends_the_link_once_with_what_was_in_flight_first(kit, engine):
    engine.ask(SILENCE_US - 60_000, 1, release())
    engine.transmit(SILENCE_US - 60_000)
    assert engine.tick(SILENCE_US - 1) == []
    events = engine.tick(SILENCE_US)
    assert [type(event) for event in events] == [Answered, LinkDown]
    assert events[1].reason == "no bytes for 1.5 s"
    assert (engine.session, engine.closed(SILENCE_US + 1, "closed")) == (0, [])


def test_port_on_which_a_gun_answered_stays_so_until_the_next_is_opened(kit, gun):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    assert not engine.met_gun
    engine.closed(0, "nothing there")
    kit.connected(gun, 0, engine)
    engine.tick(SILENCE_US)
    assert (engine.session, engine.met_gun) == (0, True)
    engine.closed(SILENCE_US, "silent")
    assert engine.met_gun
    engine.opened(SILENCE_US)
    assert not engine.met_gun


def test_noise_is_no_sign_of_life_and_is_named(engine):
    engine.received(SILENCE_US - 1, b"noise")
    assert only(engine.tick(SILENCE_US)).reason == "no whole frame for 1.5 s"


def test_any_event_ends_the_silence(engine, gun):
    for i in range(1, 20):
        engine.received(i * S, gun.status())
        assert engine.tick(i * S + S // 3) == []


def test_slower_status_rate_stretches_the_silence(kit, engine):
    engine.ask(0, 1, StatusRate(2_000))
    kind, req_id, session, _, _ = kit.frames_in(engine.transmit(0))[0]
    engine.received(0, kit.make_frame(kind | 0x80, req_id, session, 0, bytes(4)))
    assert engine.tick(6 * S - 1) == []
    assert only(engine.tick(6 * S)).reason == "no bytes for 6.0 s"


def test_port_that_takes_nothing_is_found_out(engine, gun):
    engine.ask(0, 1, release())
    engine.received(S, gun.status())
    assert engine.tick(JAM_US - 1) == []
    events = engine.tick(JAM_US)
    assert [type(event) for event in events] == [Answered, LinkDown]
    assert events[0].tries == 0
    assert events[1].reason == "the port took no bytes for 1.5 s"


def test_without_a_session_silence_is_no_loss(kit):
    engine = LinkEngine(kit.HOST_ID)
    engine.opened(0)
    assert engine.next_deadline_us() is None
    assert engine.tick(100 * S) == []


def test_half_a_frame_of_the_port_before_does_not_damage_the_first_of_the_next(kit, engine, gun):
    engine.received(1, gun.status()[:20])
    engine.closed(2, "cut")
    kit.connected(gun, 3, engine)
    assert engine.stats.bad_blocks == 0


# --- the owner's loop ---------------------------------------------------------------------------


def test_a_deadline_that_has_passed_is_never_given_again_after_its_tick(kit, engine, gun):
    """Else the owner's loop would spin."""
    engine.press_stop(0)
    for tag in range(9):
        engine.ask(0, tag, release(tag) if tag % 2 else TimePing(tag))
    now = 0
    for turn in range(400):
        if turn % 3:
            engine.transmit(now)
        deadline = engine.next_deadline_us()
        if deadline is None:
            break
        assert turn == 0 or deadline >= now
        now = deadline
        engine.tick(now)
        after = engine.next_deadline_us()
        assert after is None or after > now
