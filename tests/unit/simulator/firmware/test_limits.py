"""What the gun keeps by itself, whatever a host says."""

import itertools
from random import Random

import pytest
from msgspec.structs import replace

from protocols.wire.codes import Code, GrantEnd, Mode, State
from protocols.wire.messages import GrantEndedEvent, LimitsGet
from simulator.firmware import DEFAULT_LIMITS

MS = 1_000
S = 1_000_000


@pytest.mark.invariant("I-28")
@pytest.mark.hazard("HZ-09")
def test_the_guns_own_session_ends_credit_over_grants_and_resets(make_rig):
    limits = replace(DEFAULT_LIMITS, session_shots_max=5, session_idle_s=20)
    rig = make_rig(limits=limits)
    for _ in range(2):
        rig.arm(max_shots=10)
        for _ in range(2):
            rig.pull()
        rig.reset()
    rig.arm(max_shots=10)
    for _ in range(4):
        rig.pull()
    assert rig.gun.head_seq == 5
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.SPENT
    reply = rig.ask(rig.terms())
    assert (Code(reply.code), reply.field_offset) == (Code.E_LIMIT, 24)
    rig.reset()
    rig.run(15 * S).own().set()
    assert Code(rig.ask(rig.terms()).code) is Code.E_LIMIT
    rig.run(6 * S)
    rig.grant()
    rig.pull()
    assert rig.gun.head_seq == 6


@pytest.mark.invariant("I-28")
def test_the_volume_of_the_guns_own_session_is_kept(make_rig):
    rig = make_rig(limits=replace(DEFAULT_LIMITS, session_nl_max=25_000)).arm()
    for _ in range(4):
        rig.pull()
    assert rig.gun.head_seq == 2
    assert rig.gun.state is State.SAFE


@pytest.mark.invariant("I-28")
@pytest.mark.hazard("HZ-09")
def test_no_host_and_no_hand_shoots_faster_than_the_interval(make_rig):
    chance = Random(3)
    rig = make_rig(seed=3).arm(settings={"mode": Mode.CONTINUOUS, "dose_nl": 6_000}, max_shots=200, max_nl=5_000_000)
    rig.body.set_fault(rig.at, "trigger_bounce", 40)
    for _ in range(60):
        rig.pull(hold_us=chance.randrange(150) * MS, rest_us=chance.randrange(60) * MS)
    starts = [record.ticks_start_us for record in rig.records()]
    assert len(starts) > 10
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 111_000


@pytest.mark.invariant("I-28")
def test_no_message_writes_the_limits(rig):
    before = rig.own().do(LimitsGet())
    assert before == DEFAULT_LIMITS
    assert LimitsGet.SIZE == 0
