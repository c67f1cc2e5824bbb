"""Who holds the cable without the key can cut it, and nothing else: each way to try, against both ends."""

from zlib import crc32

import pytest
from cobs import cobs

from drivers.link_events import Heard, LinkDown, StopHeard
from drivers.outcome import Distrusted, Done, Refused
from protocols.wire.codes import Capability, Code, GunFlag, State
from protocols.wire.frame import REPLY, STOP_FRAME, VERSION_BYTE, decode_block, encode_frame
from protocols.wire.messages import (
    REQUESTS,
    STATE_CHANGING,
    Auth,
    BootEvent,
    EstoppedEvent,
    EventRead,
    EventReadReply,
    Goodbye,
    Heartbeat,
    Hello,
    HelloReply,
    LogRead,
    LogReadReply,
    Status,
    StatusGet,
    Takeover,
)
from protocols.wire.seal import TAGGED

pytestmark = [pytest.mark.invariant("I-60"), pytest.mark.hazard("HZ-40")]


def read(frame):
    return decode_block(frame[1:-1])


def rewrap(decoded):
    """Return header and payload as a frame with a right CRC."""
    return b"\0" + cobs.encode(decoded + crc32(decoded).to_bytes(4, "little")) + b"\0"


def decoded_of(frame):
    return cobs.decode(frame[1:-1])[:-4]


def altered_hello(frame, change):
    """Return the reply to HELLO with other capabilities or flags, CRC right."""
    got = read(frame)
    reply = HelloReply.unpack(got.payload[4:])
    values = {name: getattr(reply, name) for name in reply.__struct_fields__} | change(reply)
    return encode_frame(got.type, got.req_id, got.session, got.aux, got.payload[:4] + HelloReply(**values).pack())


def test_both_prove_the_key_and_from_then_on_all_but_stop_is_tagged(kit):
    cable = kit.Cable()
    cable.own()
    cable.beating = True
    cable.run(500 * kit.MS)
    assert cable.hello.flags & GunFlag.AUTHENTICATED
    assert cable.hello.capabilities & Capability.LINK_AUTH
    said = [read(frame) for frame in cable.said]
    assert [got.ver_flags for got in said[:2]] == [VERSION_BYTE, VERSION_BYTE]
    assert {got.ver_flags for got in said[2:]} == {TAGGED}
    assert {got.type for got in said} >= {Hello.TYPE, 0x06, Takeover.TYPE, Heartbeat.TYPE}
    told = [read(frame) for frame in cable.told]
    first = next(at for at, got in enumerate(told) if got.ver_flags == TAGGED)
    assert told[first].type == 0x86
    assert {got.ver_flags for got in told[first:]} == {TAGGED}
    assert cable.engine.stats.untrue == 0
    statuses = [event.event for event in cable.events if isinstance(event, Heard) and isinstance(event.event, Status)]
    assert len(statuses) >= 4
    assert all(status.flags & GunFlag.AUTHENTICATED for status in statuses)


def test_a_gun_without_a_key_works_as_ever_and_is_not_authenticated_whatever_it_says(kit):
    cable = kit.Cable(gun_key=None, host_key=None)
    cable.to_host = lambda frame: [
        altered_hello(frame, lambda reply: {"flags": reply.flags | GunFlag.AUTHENTICATED})
        if kit.is_hello_reply(frame)
        else frame
    ]
    cable.arm()
    assert cable.gun.firmware.state is State.ARMED
    assert not cable.hello.flags & GunFlag.AUTHENTICATED
    assert {read(frame).ver_flags for frame in (*cable.said, *cable.told)} == {VERSION_BYTE}


def test_a_host_without_the_key_may_look_and_change_nothing(kit):
    cable = kit.Cable(host_key=None)
    assert isinstance(cable.greet(), Done)
    assert isinstance(cable.ask(StatusGet()), Done)
    before = cable.standing
    assert cable.ask(Takeover(cable.hello.owner_token, bytes(16))) == Refused(Code.E_AUTH)
    assert cable.standing == before


def test_another_key_is_found_out_before_anything_is_asked(kit):
    cable = kit.Cable(host_key=kit.OTHER_KEY)
    before = cable.standing
    outcome = cable.greet()
    assert isinstance(outcome, Distrusted)
    assert "does not hold the key" in outcome.reason
    assert kit.KEY.hex() not in outcome.reason
    assert cable.engine.session == 0
    assert cable.standing == before


@pytest.mark.parametrize("how", ["capability gone", "AUTH refused", "tag stripped", "no key in it"])
def test_a_paired_gun_that_answers_without_its_key_is_refused(kit, how):
    cable = kit.Cable(gun_key=None if how == "no key in it" else kit.KEY)

    def downgrade(frame):
        got = read(frame)
        if how == "capability gone" and kit.is_hello_reply(frame):
            return [altered_hello(frame, lambda reply: {"capabilities": reply.capabilities & ~Capability.LINK_AUTH})]
        if got.type == 0x06 | REPLY and how == "AUTH refused":
            return [encode_frame(got.type, got.req_id, got.session, got.aux, bytes([Code.E_UNKNOWN_TYPE, 0, 0, 0]))]
        if got.type == 0x06 | REPLY and how == "tag stripped":
            return [encode_frame(got.type, got.req_id, got.session, got.aux, got.payload[:-8])]
        return [frame]

    cable.to_host = downgrade
    assert isinstance(cable.greet(), Distrusted)
    assert cable.engine.session == 0
    assert {read(frame).type for frame in cable.said} <= {Hello.TYPE, 0x06}


@pytest.mark.invariant("I-60")
def test_a_late_second_answer_to_hello_is_not_taken_for_the_proof_that_is_asked_for_by_then(kit):
    """Seeds 799, 829, 1451 and 1617 of intensity 3: HELLO and AUTH may have one number."""
    cable = kit.Cable()

    def twice(frame):
        if read(frame).type == Auth.TYPE:
            answers = [told for told in cable.told if kit.is_hello_reply(told)]
            assert read(frame).req_id == read(answers[-1]).req_id
            assert cable.hear(answers[-1]) == []
        return [frame]

    cable.to_gun = twice
    assert isinstance(cable.greet(), Done)
    assert cable.hello.flags & GunFlag.AUTHENTICATED


@pytest.mark.parametrize("kind", sorted(STATE_CHANGING))
def test_a_forged_request_with_a_right_crc_and_the_right_numbers_does_nothing(kit, kind):
    cable = kit.Cable()
    cable.arm()
    before = cable.standing
    payload = bytes(REQUESTS[kind].SIZE)
    answers = cable.strike(encode_frame(kind, 500, cable.engine.session, 0, payload))
    refused = [got for got in answers if got.type == kind | REPLY]
    assert [got.payload for got in refused] == [bytes([Code.E_AUTH, 0, 0, 0])]
    assert cable.standing == before
    # A tag of chance is no better, and gets no answer.
    header = bytes([TAGGED, kind]) + (501).to_bytes(2, "little") + cable.engine.session.to_bytes(4, "little") + bytes(4)
    assert not [got for got in cable.strike(rewrap(header + payload + bytes(8))) if got.type == kind | REPLY]
    assert cable.standing == before


def test_a_forged_heartbeat_does_not_keep_the_credit_alive(kit):
    cable = kit.Cable()
    cable.arm()
    cable.beating = False
    for number in range(1_000, 1_030):
        uptime_ms = cable.engine._uptime_ms
        beat = Heartbeat(number, uptime_ms, 1_000, 1, 1)
        cable.strike(encode_frame(beat.TYPE, 0, cable.engine.session, 0, beat.pack()))
        cable.run(50 * kit.MS)
    assert cable.gun.firmware.state is State.SAFE


def test_what_was_said_before_does_nothing_again_neither_in_this_session_nor_in_the_next(kit):
    cable = kit.Cable()
    cable.arm()
    said = list(cable.said)
    before = cable.standing
    for frame in said:
        cable.strike(frame)
    assert cable.standing == before
    assert cable.gun.firmware.trigger_count == 0
    cable.beating = False
    cable.own()
    cable.own()  # the session of before is not even the other one now
    before = cable.standing
    bad = cable.ask(StatusGet()).body.rx_bad_frames
    for frame in said:
        if read(frame).ver_flags == TAGGED:
            cable.strike(frame)
    assert cable.standing == before
    assert cable.ask(StatusGet()).body.rx_bad_frames >= bad + 4


def test_old_heartbeats_do_not_outlive_the_host(kit):
    cable = kit.Cable()
    cable.arm()
    cable.run(500 * kit.MS)
    beats = [frame for frame in cable.said if read(frame).type == Heartbeat.TYPE]
    cable.to_gun = lambda _: []  # the host is cut off, and its voice is played to the gun
    for turn in range(60):
        cable.strike(beats[turn % len(beats)])
        cable.run(20 * kit.MS)
    assert cable.gun.firmware.state is State.SAFE


def test_frames_sent_back_to_their_sender_do_nothing(kit):
    cable = kit.Cable()
    cable.arm()
    before, untrue = cable.standing, cable.engine.stats.untrue
    for frame in [*cable.told]:
        cable.strike(frame)
    assert cable.standing == before
    for frame in [*cable.said]:
        if read(frame).ver_flags == TAGGED:
            assert cable.hear(frame) == []
    assert cable.engine.stats.untrue > untrue


def test_every_bit_of_a_tagged_frame_counts_in_both_directions(kit):
    cable = kit.Cable()
    cable.own()
    cable.run(300 * kit.MS)
    before = cable.standing
    takeover = decoded_of(next(frame for frame in cable.said if read(frame).type == Takeover.TYPE))
    for bit in range(8 * len(takeover)):
        damaged = bytearray(takeover)
        damaged[bit // 8] ^= 1 << bit % 8
        cable.gun.feed(cable.now_us, rewrap(bytes(damaged)))
        cable.run(kit.MS)
        assert cable.standing == before, bit
    event = decoded_of([frame for frame in cable.told if read(frame).type == 0x40][-1])
    number = int.from_bytes(event[4:8], "little") + 1_000_000  # ahead of all that were heard, were it believed
    event = event[:4] + number.to_bytes(4, "little") + event[8:]
    for bit in range(8 * len(event)):
        damaged = bytearray(event)
        damaged[bit // 8] ^= 1 << bit % 8
        told = cable.hear(rewrap(bytes(damaged)))
        assert [one for one in told if not isinstance(one, Heard) or not isinstance(one.event, BootEvent)] == [], bit


@pytest.mark.parametrize("left", range(8))
def test_a_cut_tag_is_no_tag(kit, left):
    cable = kit.Cable()
    cable.own()
    cable.run(300 * kit.MS)
    before = cable.standing
    takeover = decoded_of(next(frame for frame in cable.said if read(frame).type == Takeover.TYPE))
    assert not [got for got in cable.strike(rewrap(takeover[: len(takeover) - 8 + left])) if got.type == 0x84]
    assert cable.standing == before
    event = decoded_of([frame for frame in cable.told if read(frame).type == 0x40][-1])
    assert cable.hear(rewrap(event[: len(event) - 8 + left])) == []
    assert cable.hear(rewrap(event[:12])) == []


def test_the_last_word_of_a_gun_played_for_ever_does_not_keep_the_link_up(kit):
    cable = kit.Cable()
    cable.own()
    cable.run(300 * kit.MS)
    last = [frame for frame in cable.told if read(frame).type == 0x40][-1]
    cable.to_host = lambda _: []
    for _ in range(100):
        cable.hear(last)
        cable.run(20 * kit.MS)
    assert [event for event in cable.events if isinstance(event, LinkDown)]
    assert cable.engine.session == 0


def test_stop_needs_no_tag_and_only_the_guns_own_answer_ends_it(kit):
    cable = kit.Cable()
    cable.arm()
    cable.to_gun = lambda frame: [] if frame == STOP_FRAME else [frame]
    forged = EstoppedEvent(99, 1, 0)
    cable.engine.press_stop(cable.now_us)
    for uptime_ms in (cable.engine._uptime_ms + 10, cable.engine._uptime_ms + 5_000):
        cable.run(20 * kit.MS)
        cable.hear(encode_frame(forged.TYPE, 0, 0, uptime_ms, forged.pack()))
    assert cable.engine.stop_pending
    assert not [event for event in cable.events if isinstance(event, StopHeard)]
    cable.to_gun = lambda frame: [frame]
    cable.run(100 * kit.MS)
    assert not cable.engine.stop_pending
    assert cable.gun.firmware.state is State.ESTOPPED
    assert len([event for event in cable.events if isinstance(event, StopHeard)]) == 1


def test_before_the_gun_is_known_nobody_can_answer_stop_for_it(kit):
    cable = kit.Cable()
    cable.to_gun = lambda _: []
    cable.engine.ask(cable.now_us, 99, cable.engine.hello(bytes(16)))
    cable.run(20 * kit.MS)
    cable.engine.press_stop(cable.now_us)
    cable.run(20 * kit.MS)
    forged = EstoppedEvent(99, 1, 0)
    assert cable.hear(encode_frame(forged.TYPE, 0, 0, 9_999, forged.pack())) == []
    assert cable.engine.stop_pending


def test_a_gun_that_was_reset_says_so_and_is_met_anew_under_another_key(kit):
    cable = kit.Cable()
    cable.arm()
    said = list(cable.said)
    old = cable.engine._seal.key
    cable.gun.power_off(cable.now_us)
    cable.gun.power_on(cable.now_us)
    cable.run(20 * kit.MS)
    assert [event for event in cable.events if isinstance(event, Heard) and isinstance(event.event, BootEvent)]
    cable.beating = False
    cable.own()
    assert cable.hello.flags & GunFlag.AUTHENTICATED
    assert cable.engine._seal.key != old
    before = cable.standing
    for frame in said:
        cable.strike(frame)
    # Of what was heard before the reset, HELLO alone still opens a session; it gives nobody a key.
    assert cable.standing[1:] == before[1:]
    assert cable.ask(StatusGet()).body.flags & GunFlag.AUTHENTICATED


def test_goodbye_closes_under_a_tag_and_may_come_again(kit):
    cable = kit.Cable()
    cable.own()
    assert isinstance(cable.ask(Goodbye()), Done)
    last = cable.said[-1]
    [answer] = cable.strike(last)
    assert (answer.ver_flags, answer.type, answer.payload[0]) == (TAGGED, Goodbye.TYPE | REPLY, Code.OK)
    session = cable.engine.session
    assert cable.strike(encode_frame(Goodbye.TYPE, read(last).req_id, session, 0, b""))[0].payload[0] == Code.E_SESSION


def test_long_replies_hold_what_fits_beside_the_tag(kit):
    cable = kit.Cable()
    cable.own()
    events = cable.ask(EventRead(1)).body
    assert isinstance(events, EventReadReply)
    assert 0 < len(events.records) <= 6 * 32
    page = cable.ask(LogRead(cable.hello.log_epoch, 1, 3)).body
    assert isinstance(page, LogReadReply)
    assert page.count == 0


def test_the_key_outlives_the_guns_power(kit):
    first = kit.Cable()
    again = kit.Cable(gun_key=None, store=first.store, seed="2")
    assert isinstance(again.greet(), Done)
    assert again.hello.flags & GunFlag.AUTHENTICATED


@pytest.mark.parametrize("seed", range(5))
def test_both_prove_the_key_over_a_bad_line(kit, seed):
    from random import Random

    chance = Random(seed)
    cable = kit.Cable()
    cable.to_gun = cable.to_host = lambda frame: [] if chance.random() < 0.4 else [frame]
    cable.greet()
    assert cable.hello.flags & GunFlag.AUTHENTICATED
