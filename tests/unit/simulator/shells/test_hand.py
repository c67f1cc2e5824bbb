from random import Random

import pytest

from protocols.errors import UsageError
from protocols.wire.codes import GrantKind, State
from simulator.physics import ContactLost, ContactMade, GunBody, TriggerEdge
from simulator.shells.hand import Hand, Look


class Play:
    """A hand on a body whose lamp the test sets; a stroke lasts ``stroke_us`` from each pull."""

    def __init__(self, rate_per_s=9, stroke_us=60_000, seed=1):
        self.body = GunBody(chance=Random(seed), on_injection=lambda _: None)
        self.hand = Hand(body=self.body, chance=Random(seed), rate_per_s=rate_per_s)
        self.stroke_us = stroke_us
        self.now_us = 0
        self.lamp = State.SAFE, None, None
        self.moving_until_us = None
        self.edge_us = -1_000_000
        self.pulls = []
        self.events = []

    def look(self):
        state, area_code, kind = self.lamp
        if self.moving_until_us is not None and state is State.ARMED:
            state = State.MOVING
        return Look(state=state, area_code=area_code, kind=kind)

    def turn(self):
        for event in self.body.advance(self.now_us):
            self.events.append(event)
            if isinstance(event, TriggerEdge):
                steady_low = event.at_us - self.edge_us > 10_000
                self.edge_us = event.at_us
                if event.level and steady_low and self.look().state is State.ARMED:
                    self.pulls.append(event.at_us)
                    self.moving_until_us = event.at_us + self.stroke_us
        if self.moving_until_us is not None and self.now_us >= self.moving_until_us:
            self.moving_until_us = None
        self.hand.act(self.now_us, self.look())

    def run(self, us):
        end_us = self.now_us + us
        while True:
            self.turn()
            self.turn()
            due = [self.hand.next_deadline_us(), self.body.next_event_us(), self.moving_until_us]
            due_us = min((at for at in due if at is not None), default=end_us)
            if due_us >= end_us:
                break
            self.now_us = max(self.now_us, due_us)
        self.now_us = end_us


def armed(area_code=3, kind=GrantKind.TREAT):
    return State.ARMED, area_code, kind


@pytest.mark.parametrize("rate", [1, 3, 9])
def test_hand_pulls_at_its_rate_and_never_before_the_beat(rate):
    play = Play(rate_per_s=rate)
    play.lamp = armed()
    play.run(20_000_000)
    gaps = [after - before for before, after in zip(play.pulls, play.pulls[1:], strict=False)]
    assert min(gaps) >= 1_000_000 // rate
    assert 20 * rate * 0.97 <= len(play.pulls) <= 20 * rate


def test_hand_waits_for_a_slow_stroke_and_pulls_once_for_each():
    play = Play(stroke_us=500_000)
    play.lamp = armed()
    play.run(10_000_000)
    assert 18 <= len(play.pulls) <= 20
    presses = [event for event in play.events if isinstance(event, TriggerEdge) and event.level]
    assert len(presses) >= len(play.pulls)


@pytest.mark.parametrize("state", [State.SAFE, State.ESTOPPED, State.FAULT, State.BOOT])
def test_hand_does_nothing_while_the_gun_is_not_armed(state):
    play = Play()
    play.lamp = state, None, None
    play.run(5_000_000)
    assert play.events == []
    assert play.hand.next_deadline_us() is None


def test_hand_touches_the_skin_before_it_pulls_and_lifts_between_areas():
    play = Play()
    play.lamp = armed(3)
    play.run(1_000_000)
    assert isinstance(play.events[0], ContactMade)
    first = len(play.events)
    play.lamp = armed(4)
    play.run(1_000_000)
    kinds = [type(event) for event in play.events[first:]]
    lost = kinds.index(ContactLost)
    made = kinds.index(ContactMade)
    assert lost < made
    assert not any(getattr(event, "level", False) for event in play.events[first:][lost:made])
    assert play.body.sensors(play.now_us).contact


def test_hand_keeps_off_the_skin_for_priming_and_leaves_the_bench_alone():
    play = Play()
    play.lamp = armed(3, GrantKind.PRIME)
    play.run(2_000_000)
    assert len(play.pulls) > 10
    assert not any(isinstance(event, ContactMade) for event in play.events)
    bench = Play()
    bench.lamp = State.SERVICE, 3, GrantKind.BENCH
    bench.run(2_000_000)
    assert bench.events == []


@pytest.mark.parametrize(("state", "within_us"), [(State.SAFE, 1_100_000), (State.ESTOPPED, 60_000)])
def test_hand_releases_and_lifts_when_the_gun_is_no_longer_armed(state, within_us):
    play = Play()
    play.lamp = armed()
    play.run(1_030_000)
    play.lamp = state, None, None
    play.run(within_us)
    sensors = play.body.sensors(play.now_us)
    assert not sensors.contact
    assert not sensors.trigger


def test_renewed_credit_in_the_same_area_keeps_the_hand_on_the_skin():
    play = Play()
    play.lamp = armed()
    play.run(1_000_000)
    play.lamp = State.SAFE, None, None
    play.run(300_000)
    play.lamp = armed()
    play.run(1_000_000)
    assert not any(isinstance(event, ContactLost) for event in play.events)


@pytest.mark.parametrize("rate", [0, 10, -1])
def test_rate_that_no_hand_has_is_refused(rate):
    with pytest.raises(UsageError, match="1 to 9"):
        Play(rate_per_s=rate)
