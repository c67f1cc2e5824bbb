"""STOP: found in anything, at once, latched over resets, cleared in two steps."""

from random import Random

import pytest

from protocols.wire.codes import Code, EstopSource, Phase, Reason, State
from protocols.wire.frame import STOP_FRAME, encode_frame
from protocols.wire.messages import (
    AlarmAck,
    EstoppedEvent,
    EstopResetConfirm,
    EstopResetPrepare,
    MoveDoneEvent,
    StatusGet,
    Takeover,
)
from simulator.firmware.estop import StopRecogniser

MS = 1_000
S = 1_000_000


def reset_of(rig, reason=1):
    prepared = rig.do(EstopResetPrepare())
    return rig.do(EstopResetConfirm(prepared.nonce, prepared.latch_id, reason))


@pytest.mark.hazard("HZ-12")
@pytest.mark.parametrize("cut", range(len(STOP_FRAME) + 1))
def test_the_frame_is_found_split_anywhere(cut):
    for noise in (b"", b"\0", b"\x11\x10\x3f", STOP_FRAME[:10], b"\0\x11"):
        stop = StopRecogniser()
        assert stop.count(noise + STOP_FRAME[:cut]) + stop.count(STOP_FRAME[cut:]) == 1
        assert stop.count(b"") == 0


@pytest.mark.hazard("HZ-12")
def test_the_frame_is_found_in_garbage_and_in_the_middle_of_other_frames_as_often_as_it_is_there():
    chance = Random(7)
    frame = encode_frame(8, 1, 2, 3, bytes(range(72)))
    for _ in range(300):
        stream, there = b"", 0
        for _ in range(chance.randrange(1, 6)):
            piece = bytes(chance.randrange(256) for _ in range(chance.randrange(30)))
            at = chance.randrange(len(frame))
            stream += chance.choice((piece, frame[:at] + STOP_FRAME + frame[at:], STOP_FRAME, STOP_FRAME[1:]))
        at = stream.find(STOP_FRAME)
        while at >= 0:
            there += 1
            at = stream.find(STOP_FRAME, at + len(STOP_FRAME) - 1)
        stop, found = StopRecogniser(), 0
        while stream:
            size = chance.randrange(1, 40)
            found += stop.count(stream[:size])
            stream = stream[size:]
        assert found == there


@pytest.mark.hazard("HZ-12")
def test_stop_acts_in_every_state_and_every_frame_is_answered_at_once(gun_in):
    for state in (State.SAFE, State.ARMED, State.MOVING, State.SERVICE, State.ESTOPPED, State.FAULT):
        rig = gun_in(state)
        rig.events.clear()
        for _ in range(3):
            rig.stop()
        assert rig.gun.state is State.ESTOPPED
        answers = rig.of(EstoppedEvent)
        assert len(answers) == 3
        assert {(answer.latch_id, answer.source) for answer in answers} == {(1, EstopSource.FRAME)}
        rig.run(50 * MS)
        assert not rig.gun._board.moving


def test_stop_needs_no_session_and_comes_before_all_that_came_with_it(rig):
    rig.stop()
    assert rig.gun.state is State.ESTOPPED
    rig = type(rig)().own()
    rig.body.set_contact(rig.at, True)
    rig.run(MS)
    rig.set()
    rig.send(rig.frame(rig.terms()) + STOP_FRAME)
    assert rig.replies[rig.req_id].code == Code.E_ESTOPPED


@pytest.mark.parametrize(
    "odd", [encode_frame(0x3F, 1, 0, 0, b""), encode_frame(0x3F, 0xFFFF, 2**32 - 1, 2**32 - 1, b"x"), STOP_FRAME[1:]]
)
def test_whatever_is_of_its_type_stops_too(rig, odd):
    rig.arm()
    rig.send(odd)
    assert rig.gun.state is State.ESTOPPED
    assert len(rig.of(EstoppedEvent)) == 1


def test_stop_in_mid_frame_costs_that_frame_and_not_the_next(rig):
    rig.own()
    frame = rig.frame(StatusGet())
    rig.send(frame[:9] + STOP_FRAME + frame)
    assert rig.replies[rig.req_id].body.state == State.ESTOPPED


@pytest.mark.invariant("I-49")
@pytest.mark.parametrize("after_ms", [1, 6, 9, 15, 30, 55, 70])
def test_stop_at_any_moment_of_a_shot_leaves_one_final_record_that_holds_the_truth(rig, after_ms):
    rig.arm(settings={"dose_nl": 20_000, "needle_speed_um_per_s": 150_000})
    rig.body.press_trigger(rig.at)
    rig.run(after_ms * MS)
    rig.stop()
    rig.run(200 * MS)
    records, shots = rig.records(), rig.shots()
    assert len(records) == len(shots) <= 1
    for record, shot in zip(records, shots, strict=True):
        assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl
        stopped = (Phase.ABORTED, Reason.STOP)
        assert (record.phase, record.reason) == (stopped if shot.outcome == "ABORTED" else (Phase.DONE, Reason.NONE))
    assert rig.gun.state is State.ESTOPPED
    assert rig.gun._board.body.sensors(rig.at).needle_um == 0


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-13")
def test_the_latch_outlives_resets_takeovers_and_reconnects(rig):
    rig.arm().stop()
    for _ in range(3):
        rig.reset()
        assert rig.gun.state is State.ESTOPPED
        hello = rig.hello()
        assert (hello.estop_latch_id, hello.estop_source, hello.flags >> 1 & 1) == (1, EstopSource.FRAME, 1)
        rig.do(Takeover(hello.owner_token, bytes(16)))
        rig.pull()
    assert rig.shots() == []


@pytest.mark.invariant("I-46")
def test_power_lost_at_any_byte_of_the_latch_leaves_it_set_or_never_set_and_the_shot_stopped(make_rig, cut_store):
    from simulator.firmware import nvm_size

    seen = set()
    for cut in range(0, 60, 3):
        store = cut_store(nvm_size(64))
        rig = make_rig(store=store).arm()
        store.left = cut
        rig.stop()
        store.left = None
        rig.reset()
        seen.add(rig.gun.state)
        assert rig.gun.state in {State.SAFE, State.ESTOPPED}
        rig.pull()
        assert rig.shots() == []
    assert seen == {State.SAFE, State.ESTOPPED}


def test_the_guns_own_stop_latches_alike_and_power_may_go_with_it(make_rig, cut_store):
    from simulator.firmware import nvm_size

    store = cut_store(nvm_size(64))
    rig = make_rig(store=store).arm()
    rig.gun.press_own_stop(rig.at)
    rig.hear()
    assert (rig.of(EstoppedEvent)[0].source, rig.gun.state) == (EstopSource.BUTTON, State.ESTOPPED)
    rig = make_rig(store=cut_store(nvm_size(64))).arm()
    rig.store.left = 3
    rig.gun.press_own_stop(rig.at)
    assert not rig.gun.powered
    assert (rig.gun.state, rig.gun.armed_area, rig.gun.armed_kind) == (State.BOOT, 0, None)


def test_only_both_steps_clear_it_and_they_end_safe(rig):
    rig.arm().stop()
    rig.body.set_contact(rig.at, False)
    rig.run(MS)
    assert rig.ask(EstopResetConfirm(1, 1, 1)).code == Code.E_NONCE
    prepared = rig.do(EstopResetPrepare())
    assert prepared.latch_id == 1
    before = rig.image()
    for nonce, latch in ((prepared.nonce ^ 1, 1), (prepared.nonce, 2)):
        assert rig.ask(EstopResetConfirm(nonce, latch, 1)).code == Code.E_NONCE
        assert rig.image() == before
    rig.do(EstopResetConfirm(prepared.nonce, 1, 3))
    assert rig.gun.state is State.SAFE
    assert [(done.shot_seq, done.reason) for done in rig.of(MoveDoneEvent)] == [(0, 0)]
    rig.pull()
    assert rig.gun.head_seq == 0
    rig.stop()
    assert rig.of(EstoppedEvent)[-1].latch_id == 2
    assert rig.ask(EstopResetConfirm(prepared.nonce, 2, 1)).code == Code.E_NONCE  # used


@pytest.mark.hazard("HZ-12")
def test_a_stop_after_the_first_step_makes_a_late_second_step_worth_nothing(rig):
    """Found by the world: the lost CONFIRM was sent again after the operator had pressed STOP once more."""
    rig.own().stop()
    prepared = rig.do(EstopResetPrepare())
    rig.stop()
    assert rig.ask(EstopResetConfirm(prepared.nonce, prepared.latch_id, 1)).code == Code.E_NONCE
    assert (rig.gun.state, rig.of(EstoppedEvent)[-1].latch_id) == (State.ESTOPPED, prepared.latch_id)
    reset_of(rig)
    assert rig.gun.state is State.SAFE


@pytest.mark.parametrize(("wait_us", "code"), [(9_900 * MS, Code.OK), (10_100 * MS, Code.E_NONCE)])
def test_the_nonce_lives_ten_seconds(rig, wait_us, code):
    rig.own().stop()
    prepared = rig.do(EstopResetPrepare())
    rig.run(wait_us)
    assert Code(rig.ask(EstopResetConfirm(prepared.nonce, 1, 1)).code) is code


def test_the_reset_is_refused_while_trigger_contact_or_a_fault_is_there(rig):
    rig.own()
    assert rig.ask(EstopResetPrepare()).code == Code.E_STATE
    rig.body.set_contact(rig.at, True)
    rig.press().stop()
    assert rig.ask(EstopResetPrepare()).code == Code.E_TRIGGER_HELD
    rig.let_go()
    assert rig.ask(EstopResetPrepare()).code == Code.E_CONTACT
    rig.body.set_contact(rig.at, False)
    rig.body.set_fault(rig.at, "overtemp")
    rig.run(150 * MS)
    assert rig.ask(EstopResetPrepare()).code == Code.E_STATE
    rig.body.heal(rig.at, "overtemp")
    rig.run(150 * MS)
    rig.do(AlarmAck(16))
    assert rig.gun.state is State.ESTOPPED
    reset_of(rig)
    assert rig.gun.state is State.SAFE


def test_a_needle_left_out_by_a_power_cut_is_drawn_home_at_boot_in_every_state(rig):
    rig.arm(settings={"dose_nl": 200_000, "flow_nl_per_s": 200_000})
    rig.press().run(200 * MS)
    rig.body.release_trigger(rig.at)
    rig.stop()
    rig.gun.power_off(rig.at)
    assert rig.body.sensors(rig.at).needle_um > 0
    rig.reset()
    assert rig.gun.state is State.ESTOPPED
    rig.own()
    assert rig.ask(EstopResetPrepare()).code == Code.E_BUSY
    rig.run(200 * MS)
    assert rig.body.sensors(rig.at).needle_um == 0
    assert rig.of(MoveDoneEvent)[-1].shot_seq == 0
    assert rig.gun.head_seq == 1
    assert len(rig.shots()) == 1


def test_homing_after_boot_shows_as_moving_and_ends_safe(rig):
    rig.arm(settings={"dose_nl": 200_000, "flow_nl_per_s": 200_000})
    rig.press().run(200 * MS)
    rig.body.release_trigger(rig.at)
    rig.run(10 * MS).reset()
    assert rig.gun.state is State.MOVING
    rig.run(200 * MS)
    assert rig.gun.state is State.SAFE
