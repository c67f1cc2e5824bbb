"""Who may ask, in which order it is checked, and that nothing is done twice."""

import pytest

from protocols.wire.codes import Code, State
from protocols.wire.frame import encode_frame
from protocols.wire.messages import (
    Goodbye,
    GrantRevoke,
    Hello,
    LimitsGet,
    Settings,
    Status,
    StatusGet,
    StatusRate,
    Takeover,
    TimePing,
)

MS = 1_000


def raw(rig, type_code, req_id, session, payload, *, ver=0x10, aux=0):
    """Send a frame with any header; returns the one reply or None."""
    from zlib import crc32

    from cobs import cobs

    decoded = bytes([ver, type_code]) + req_id.to_bytes(2, "little") + session.to_bytes(4, "little")
    decoded += aux.to_bytes(4, "little") + payload
    rig.replies.pop(req_id, None)
    rig.send(b"\0" + cobs.encode(decoded + crc32(decoded).to_bytes(4, "little")) + b"\0")
    return rig.replies.get(req_id)


def test_hello_works_in_every_state_and_disarms_nothing(gun_in):
    for state in (State.ARMED, State.MOVING, State.SERVICE, State.ESTOPPED, State.FAULT):
        rig = gun_in(state)
        before = rig.image()
        hello = rig.hello(nonce=b"other" + bytes(11))
        assert (hello.state, hello.host_nonce[:5]) == (state, b"other")
        assert rig.image() == before


def test_hello_says_who_the_gun_is_and_that_it_is_simulated(rig):
    hello = rig.hello()
    assert hello.flags & 1
    assert (hello.gun_uid, hello.serial, hello.boot_id) == (bytes(range(12)), "SIM-1", 1)
    assert (hello.head_seq, hello.released_seq, hello.oldest_seq, hello.log_capacity) == (0, 0, 1, 64)
    assert hello.accounting_level == ord("A")
    assert hello.self_test == 511
    from protocols.wire.hashes import chain_seed8, hash8

    assert hello.chain_head8 == chain_seed8(hello.gun_uid, hello.log_epoch)
    assert hello.limits_hash8 == hash8(rig.do(LimitsGet()).pack())
    assert hello.settings_hash8 == hash8(bytes(72))


def test_the_same_hello_again_is_the_same_session_and_another_is_a_new_one(rig):
    first = rig.hello(nonce=b"1" * 16).session
    assert rig.hello(nonce=b"1" * 16).session == first
    rig.do(Takeover(0, b"h" * 16))
    assert rig.hello(nonce=b"1" * 16).session == first
    other = rig.hello(nonce=b"2" * 16).session
    assert other != first
    third = rig.hello(nonce=b"3" * 16).session
    assert rig.ask(StatusGet(), session=other).code == Code.E_SESSION
    assert rig.ask(StatusGet(), session=third).code == Code.OK
    assert rig.ask(StatusGet(), session=first).code == Code.OK  # the owner's


@pytest.mark.parametrize(("lowest", "highest", "code"), [(1, 1, Code.OK), (1, 9, Code.OK), (2, 9, Code.E_VERSION)])
def test_hello_agrees_on_a_major_or_is_refused(rig, lowest, highest, code):
    reply = rig.ask(Hello(bytes(16), lowest, highest, bytes(16)), session=0)
    assert Code(reply.code) is code
    assert reply.detail == (1 if code is Code.E_VERSION else 0)


@pytest.mark.hazard("HZ-32")
@pytest.mark.parametrize("ver", [0x00, 0x20, 0xF0, 0x18, 0x11, 0x12, 0x14])
def test_another_major_or_flag_is_refused_but_hello_is_heard(rig, ver):
    rig.own()
    before = rig.image()
    reply = raw(rig, StatusRate.TYPE, 50, rig.session, StatusRate(500).pack(), ver=ver)
    assert (Code(reply.code), reply.detail) == (Code.E_VERSION, 1)
    assert rig.image() == before
    assert raw(rig, Hello.TYPE, 9, 0, Hello(b"v" * 16, 1, 1, bytes(16)).pack(), ver=ver).code == Code.OK


@pytest.mark.invariant("I-30")
@pytest.mark.hazard("HZ-15")
def test_an_older_owner_is_fenced_changes_nothing_and_may_still_read(rig):
    rig.arm()
    old, old_token = rig.session, rig.token
    rig.hello(nonce=b"2" * 16)
    assert rig.do(Takeover(old_token, b"2" * 16)).owner_token == old_token + 1
    assert rig.gun.state is State.SAFE
    before = rig.image()
    for request in (rig.block(), rig.terms(owner_token=old_token), GrantRevoke(0), StatusRate(500), Goodbye()):
        rig.req_id += 1
        assert rig.ask(request, session=old, req_id=rig.req_id + 100).code == Code.E_FENCED
    assert rig.image() == before
    assert rig.ask(StatusGet(), session=old).code == Code.OK
    assert rig.do(rig.block()).settings_hash8
    assert rig.ask(rig.terms(owner_token=old_token)).code == Code.E_FENCED


def test_a_takeover_starts_the_status_period_anew_at_once(rig):
    rig.own()
    rig.do(StatusRate(2_000))
    rig.run(10 * MS)
    rig.own()
    rig.events.clear()
    rig.run(250 * MS, beat=False)
    assert len(rig.of(Status)) == 2


def test_a_takeover_with_an_old_token_is_refused_and_a_reset_keeps_the_token(rig):
    rig.own()
    rig.reset()
    assert rig.hello().owner_token == rig.token
    assert rig.ask(Takeover(rig.token - 1, bytes(16))).code == Code.E_STALE
    assert rig.do(Takeover(rig.token, bytes(16))).owner_token == rig.token + 1


def test_the_last_token_is_not_raised(rig):
    rig.hello()
    rig.gun._board.sessions.owner_token = 2**32 - 1
    assert rig.ask(Takeover(2**32 - 1, bytes(16))).code == Code.E_STATE


def test_sessions_end_with_a_reset(rig):
    rig.own()
    session = rig.session
    rig.reset()
    assert rig.ask(StatusGet(), session=session).code == Code.E_SESSION


@pytest.mark.invariant("I-15")
@pytest.mark.hazard("HZ-01")
def test_a_repeated_request_gets_the_kept_reply_and_no_second_effect(rig):
    rig.own()
    token = rig.token
    frame = rig.frame(Takeover(token, b"h" * 16))
    rig.send(frame)
    first = rig.replies.pop(rig.req_id)
    for _ in range(5):
        rig.send(frame)
        assert rig.replies.pop(rig.req_id) == first
    assert rig.gun._board.sessions.owner_token == token + 1


def test_a_kept_reply_comes_before_the_fence(rig):
    rig.own()
    frame = rig.frame(rig.block())
    rig.send(frame)
    req_id, first = rig.req_id, rig.replies[rig.req_id]
    rig.hello(nonce=b"2" * 16)
    rig.do(Takeover(rig.token, bytes(16)))
    rig.send(frame)
    assert rig.replies[req_id] == first


def test_refusals_of_state_changing_requests_are_kept_too(rig):
    rig.own()
    frame = rig.frame(rig.terms())
    rig.send(frame)
    assert rig.replies[rig.req_id].code == Code.E_SETTINGS
    req_id = rig.req_id
    rig.set()
    assert rig.ask(rig.terms(), req_id=req_id).code == Code.E_ID_OLD
    rig.req_id += 1
    rig.send(rig.frame(rig.block(depth_um=5), req_id=rig.req_id))
    assert rig.replies[rig.req_id].code == Code.E_GRID
    assert rig.ask(rig.block(depth_um=10), req_id=rig.req_id).code == Code.E_ID_REUSED
    assert rig.ask(rig.block(depth_um=5), req_id=rig.req_id).code == Code.E_GRID
    assert rig.ask(rig.block(depth_um=5), req_id=rig.req_id, aux=1).code == Code.E_ID_REUSED


def test_reads_need_no_order_and_numbers_end_at_65000(rig):
    rig.own()
    for req_id in (64_999, 3, 64_999, 7):
        assert rig.ask(TimePing(1), req_id=req_id).code == Code.OK
    assert rig.ask(TimePing(1), req_id=65_000).code == Code.E_ID_EXHAUSTED
    assert rig.ask(StatusRate(100), req_id=65_535).code == Code.E_ID_EXHAUSTED
    assert rig.ask(Hello(b"n" * 16, 1, 1, b"h" * 16), session=0, req_id=65_535).code == Code.OK


@pytest.mark.parametrize("type_code", [0x06, 0x0D, 0x13, 0x17, 0x26, 0x3E])
def test_an_unknown_type_is_refused_in_a_session_only(rig, type_code):
    rig.hello()
    assert raw(rig, type_code, 9, rig.session, b"").code == Code.E_UNKNOWN_TYPE
    assert raw(rig, type_code, 9, rig.session ^ 1, b"").code == Code.E_SESSION


@pytest.mark.parametrize("type_code", [0x00, 0x40, 0x41, 0x7F, 0x81, 0x88, 0xFF])
def test_an_echo_of_the_guns_own_frames_is_never_answered(rig, type_code):
    rig.own()
    before = rig.image()
    assert rig.send(encode_frame(type_code, 9, rig.session, 0, bytes(20))) == []
    assert rig.send(encode_frame(StatusGet.TYPE, 0, rig.session, 0, b"")) == []
    assert rig.image() == before


def test_a_gun_that_no_one_has_greeted_says_only_that_it_booted(make_rig):
    rig = make_rig()
    assert [type(event).__name__ for event in rig.events] == ["BootEvent"]
    rig.run(5_000 * MS)
    rig.gun.press_own_stop(rig.at)
    rig.run(MS)
    assert len(rig.events) == 1
    rig.stop()
    assert [type(event).__name__ for event in rig.events[1:]] == ["EstoppedEvent"]
    rig.hello()
    rig.run(1_000 * MS, beat=False)
    assert 9 <= len([event for event in rig.events if type(event).__name__ == "Status"]) <= 11


def test_goodbye_leaves_safely_is_answered_again_and_then_the_gun_is_silent(rig):
    rig.arm()
    frame = rig.frame(Goodbye())
    rig.send(frame)
    assert rig.replies.pop(rig.req_id).code == Code.OK
    assert rig.gun.state is State.SAFE
    rig.send(frame)
    assert rig.replies.pop(rig.req_id).code == Code.OK
    assert rig.ask(StatusGet(), req_id=rig.req_id).code == Code.E_SESSION
    assert rig.ask(Goodbye()).code == Code.E_SESSION
    count = len(rig.events)
    rig.session = 0
    rig.run(1_000 * MS)
    assert len(rig.events) == count
    rig.hello(nonce=b"2" * 16)
    rig.run(500 * MS, beat=False)
    assert len(rig.events) > count


def test_requests_without_room_for_a_reply_are_dropped_undone_and_counted(rig):
    rig.own()
    data = b"".join(rig.frame(rig.block(depth_um=10 * n)) for n in range(30))
    rig.gun.receive(rig.at, data)
    rig.hear()
    done = sorted(req_id for req_id in rig.replies if req_id > 1)
    assert len(done) == 12
    assert rig.gun._board.settings.values.depth_um == 110
    assert rig.do(StatusGet()).rx_dropped == 18


@pytest.mark.parametrize("kind", [Settings, Takeover, StatusRate, TimePing, Hello, Goodbye])
@pytest.mark.parametrize("more", [-1, 1, 30])
def test_a_request_of_another_length_is_refused_whole(rig, kind, more):
    rig.own()
    payload = bytes(max(0, kind.SIZE + more))
    if len(payload) == kind.SIZE:
        return
    before = rig.image()
    reply = raw(rig, kind.TYPE, 60, 0 if kind is Hello else rig.session, payload)
    assert Code(reply.code) is Code.E_LENGTH
    assert rig.image() == before


@pytest.mark.invariant("I-60")
def test_this_gun_never_claims_an_authenticated_link(rig):
    hello = rig.hello()
    assert not hello.capabilities & 1
    assert not hello.flags & 1 << 7
    assert not rig.do(StatusGet()).flags & 1 << 7
