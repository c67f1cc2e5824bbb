"""Whole frames that mean harm, against the gun: nothing changes, nothing moves, and it is said why."""

import random

import pytest

from protocols.wire.codes import Code, State
from protocols.wire.frame import STOP_FRAME, Deframer, encode_frame
from protocols.wire.messages import REQUESTS, STATE_CHANGING, GrantSet
from protocols.wire.seal import TAGGED
from tests.fuzz.attacker import STATES, Bench, Malice, bring, replay, wrong_frames

SEEDS = range(7)  # 6 showed that the end of a lost link was taken for a change by what was refused


@pytest.mark.invariant("I-13")
@pytest.mark.invariant("I-16")
@pytest.mark.invariant("I-30")
@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-06")
@pytest.mark.hazard("HZ-38")
@pytest.mark.parametrize("state", STATES)
def test_a_frame_with_one_thing_wrong_changes_nothing_and_is_refused(state):
    bench = Bench("wrong")
    bring(bench, state)
    before = bench.image()
    tried = 0
    for wrong in wrong_frames(bench, random.Random(state)):
        bench.send(wrong.raw)
        assert bench.image() == before, wrong.name
        answer = bench.last_reply
        assert (answer is not None) is wrong.answered, wrong.name
        assert answer is None or answer.code != Code.OK, wrong.name
        tried += 1
    assert tried > 300


@pytest.mark.invariant("I-60")
@pytest.mark.hazard("HZ-40")
@pytest.mark.parametrize("state", STATES)
def test_a_gun_that_holds_a_link_key_takes_nothing_without_its_tag(state):
    """Not one of the frames that are right but for the tag, nor any that is wrong besides, or has a tag of chance."""
    bench, chance = Bench("locked"), random.Random(state)
    bring(bench, state)
    right = [bench.settings(), bench.terms()]
    bench.board.sessions.link_key = chance.randbytes(16)
    before = bench.image()
    for request in right:
        assert bench.ask(request).code == (Code.E_SESSION if state == "left" else Code.E_AUTH)
        assert bench.image() == before
    for wrong in wrong_frames(bench, chance):
        bench.send(wrong.raw)
        assert bench.image() == before, wrong.name
    for kind in sorted(STATE_CHANGING):
        size = REQUESTS[kind].SIZE
        raw = encode_frame(kind, 60_000 + kind, bench.session, 0, chance.randbytes(size + 8), ver_flags=TAGGED)
        bench.send(raw)
        assert bench.image() == before, kind
    bench.send(STOP_FRAME)
    assert bench.board.latch.latch_id


def test_the_frames_that_are_refused_would_be_taken_were_they_right():
    """Otherwise the test above would show nothing."""
    bench = Bench("right")
    bring(bench, "armed")
    assert bench.firmware.state is State.ARMED
    assert bench.ask(bench.terms()).code == Code.OK
    assert bench.ask(bench.settings()).code == Code.OK


@pytest.mark.invariant("I-50")
@pytest.mark.hazard("HZ-11")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_frames_whatever_move_anything_without_a_trigger(seed):
    malice = Malice(seed, finger=False)
    malice.run(2_500)
    assert malice.grants > 20
    assert malice.refused > 500


@pytest.mark.invariant("I-12")
@pytest.mark.invariant("I-28")
@pytest.mark.hazard("HZ-09")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_malicious_owner_gets_no_more_than_grants_and_hard_limits_allow(seed):
    malice = Malice(seed, finger=True)
    malice.run(2_500)
    assert len(malice.bench.truth) > 20


def recorded(seed):
    """An honest session, and every frame of it."""
    bench = Bench(seed)
    said = []
    send = bench.send

    def listening(data):
        said.append(data)
        return send(data)

    bench.send = listening
    bring(bench, "fired")
    bench.pull()
    bench.grant()
    bench.pull()
    bench.send = send
    return bench, said


@pytest.mark.invariant("I-14")
@pytest.mark.invariant("I-15")
@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-38")
@pytest.mark.hazard("HZ-01")
@pytest.mark.parametrize("when", ["at once", "later", "after a reset", "by another gun"])
def test_a_whole_capture_said_again_gives_no_injection(when):
    bench, said = recorded("capture")
    assert len(bench.truth) == 3
    if when == "later":
        bench.run(10_000_000)
    elif when == "after a reset":
        bench = Bench("capture, second boot", store=bench.store)
    elif when == "by another gun":
        bench = Bench("another")
    if when == "at once":
        bench.run(600_000)  # the lease of the honest host ends
    grants = bench.board.grants.last_no
    shots = len(bench.truth)
    for _ in range(3):
        replay(said, bench)
    assert len(bench.truth) == shots
    assert bench.board.grants.last_no == grants
    assert bench.firmware.state is State.SAFE


@pytest.mark.hazard("HZ-38")
def test_a_capture_said_again_over_a_reset_finds_another_session_each_time():
    bench, said = recorded("numbers")
    numbers = {bench.session}
    for boot in range(20):
        fresh = Bench(f"numbers, boot {boot}", store=bench.store)
        numbers.add(fresh.hello().session)
    assert len(numbers) == 21
    kinds = [frame.type for raw in said if raw != STOP_FRAME for frame in Deframer().feed(raw)]
    assert kinds.count(GrantSet.TYPE) == 2
