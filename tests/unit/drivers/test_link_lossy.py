"""Requests over a wire that loses, copies, reorders, splits and damages, in seeded worlds of virtual time."""

from collections import Counter

import pytest

from drivers.link import TRIES_MAX
from drivers.link_events import Answered
from drivers.outcome import Done, Refused, Unknown
from protocols.wire.messages import HelloReply, LogRelease, StatusGet, TimePing


def read(tag):
    return TimePing(tag)


def change(tag):
    return LogRelease(1, tag, bytes(8))


def status(_tag):
    return StatusGet()


@pytest.mark.invariant("I-43")
@pytest.mark.parametrize("damage", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("seed", range(15))
def test_each_request_ends_once_and_done_only_by_its_own_reply(kit, seed, damage):
    world = kit.World(f"{seed} {damage}", damage)
    world.put(0, "status")
    while len(world.asked) < 150:
        if world.rng.random() < 0.15 and world.engine._calls.queued < 30:
            world.ask(world.rng.choice([read, change, status]))
        if world.rng.random() < 0.002:
            world.say_hello()
        if world.rng.random() < 0.0005:
            world.take(world.engine.closed(world.now, "pulled"))
        world.step()
    answered = [event for event in world.events if isinstance(event, Answered)]
    while len(answered) < len(world.asked) and world.now < 600_000_000:
        world.step()
        answered = [event for event in world.events if isinstance(event, Answered)]
    assert Counter(event.tag for event in answered) == Counter(range(1, len(world.asked) + 1))
    executed = Counter(world.gun.executed)
    assert set(executed.values()) <= {1}, "a change was made twice"
    for event in answered:
        check(event, world.asked[event.tag - 1], executed)
    if damage == 0:
        expected = [event for event in answered if isinstance(event.outcome, Done)]
        assert len(expected) > 100


def check(event, request, executed):
    """What the outcome says must be true at the gun."""
    outcome = event.outcome
    if isinstance(outcome, Refused):
        # The gun has had a newer HELLO: it refuses the old session without doing anything.
        assert (outcome.code, event.tag in executed) == (4, False)
    elif isinstance(request, TimePing) and isinstance(outcome, Done):
        assert outcome.body.host_mono_ns == event.tag
    elif isinstance(request, LogRelease):
        if isinstance(outcome, Done):
            assert outcome.body.released_seq == event.tag
            assert executed[event.tag] == 1
        elif event.tries == 0:
            assert event.tag not in executed
    elif isinstance(outcome, Done) and isinstance(outcome.body, HelloReply):
        assert outcome.body.host_nonce == request.host_nonce
    else:
        assert isinstance(outcome, Done | Unknown)
    assert event.tries <= TRIES_MAX
    assert event.heard_us >= event.sent_us


def test_same_seed_reaches_the_same_events(kit):
    runs = []
    for _ in range(2):
        world = kit.World("again", 0.3)
        world.put(0, "status")
        for _ in range(3_000):
            if world.rng.random() < 0.05 and world.engine._calls.queued < 30:
                world.ask(world.rng.choice([read, change]))
            world.step()
        runs.append(world.events)
    assert runs[0] == runs[1]
    assert len(runs[0]) > 100
