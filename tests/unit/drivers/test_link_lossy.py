"""Requests over a wire that loses, copies, reorders, splits and damages, in seeded worlds of virtual time."""

import heapq
import random
from collections import Counter
from itertools import count

import pytest

from drivers.link import LinkEngine
from drivers.link_events import Answered, LinkDown
from drivers.outcome import Done, Refused, Unknown
from protocols.wire.messages import HelloReply, LogRelease, StatusGet, TimePing


class Wire:
    """One direction. Damage is done to frames; the bytes then arrive split anywhere."""

    def __init__(self, rng, damage):
        self.rng = rng
        self.damage = damage

    def carry(self, now_us, frame):
        """Yield (arrival, bytes)."""
        rng = self.rng
        if rng.random() < self.damage:
            kind = rng.choice(["lose", "copy", "late", "flip", "cut", "noise"])
            if kind == "lose":
                return
            if kind == "copy":
                yield now_us + rng.randrange(500, 400_000), frame
            elif kind == "late":
                now_us += rng.randrange(20_000, 3_000_000)
            elif kind == "flip":
                damaged = bytearray(frame)
                damaged[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
                frame = bytes(damaged)
            elif kind == "cut":
                frame = frame[: rng.randrange(len(frame))]
            else:
                frame = rng.randbytes(rng.randrange(1, 300)) + frame
        at = now_us + rng.randrange(300, 6_000)
        while frame:
            size = rng.randrange(1, len(frame) + 1)
            yield at, frame[:size]
            frame = frame[size:]


class World:
    def __init__(self, kit, seed, damage):
        self.rng = random.Random(seed)
        self.kit = kit
        self.gun = kit.ScriptedGun()
        self.engine = LinkEngine(kit.HOST_ID)
        self.out = Wire(self.rng, damage)
        self.back = Wire(self.rng, damage)
        self.order = count()
        self.queue = []
        self.now = 0
        self.events = []
        self.asked = []
        self.downs = 0
        self.open()

    def open(self):
        self.queue = [entry for entry in self.queue if entry[2] == "status"]  # what was on the cable is gone
        self.engine.opened(self.now)
        self.say_hello()

    def ask(self, request):
        tag = len(self.asked) + 1
        self.asked.append(request(tag))
        self.engine.ask(self.now, tag, self.asked[-1])

    def say_hello(self):
        nonce = self.rng.randbytes(16)
        self.ask(lambda _: self.engine.hello(nonce))

    def put(self, at, kind, data=b""):
        heapq.heappush(self.queue, (at, next(self.order), kind, data))

    def send(self):
        for frame in self.kit.drain(self.engine, self.now):
            for at, data in self.out.carry(self.now, frame):
                self.put(at, "gun", data)

    def answer(self, frame):
        for at, data in self.back.carry(self.now, frame):
            self.put(at, "host", data)

    def take(self, events):
        self.events += events
        if any(isinstance(event, LinkDown) for event in events):
            self.downs += 1
            self.engine.closed(self.now, "down")
            self.open()
        elif not self.engine.session and self.engine._calls.hello is None:
            self.say_hello()

    def step(self):
        deadline = self.engine.next_deadline_us()
        if self.queue and (deadline is None or self.queue[0][0] <= deadline):
            self.now, _, kind, data = heapq.heappop(self.queue)
            if kind == "gun":
                for frame in self.gun.feed(data):
                    self.answer(frame)
            elif kind == "host":
                self.take(self.engine.received(self.now, data))
            else:
                self.answer(self.gun.status())
                self.put(self.now + 100_000, "status")
        elif deadline is not None:
            self.now = max(self.now, deadline)
            self.take(self.engine.tick(self.now))
        self.send()


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
    world = World(kit, f"{seed} {damage}", damage)
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
    assert event.tries <= 4
    assert event.heard_us >= event.sent_us


def test_same_seed_reaches_the_same_events(kit):
    runs = []
    for _ in range(2):
        world = World(kit, "again", 0.3)
        world.put(0, "status")
        for _ in range(3_000):
            if world.rng.random() < 0.05 and world.engine._calls.queued < 30:
                world.ask(world.rng.choice([read, change]))
            world.step()
        runs.append(world.events)
    assert runs[0] == runs[1]
    assert len(runs[0]) > 100
