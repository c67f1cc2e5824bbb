from random import Random

import pytest

from simulator.physics import HAND, PEDAL
from simulator.physics.trigger import Trigger


@pytest.mark.parametrize("seed", range(50))
def test_edges_alternate_and_end_where_the_finger_is(seed):
    trigger = Trigger(Random(seed))
    for pressed in (True, False):
        edges = trigger.move(1_000, pressed=pressed, bounces=None, again_ms=0)
        assert edges[0] == (1_000, pressed)
        assert [level for _, level in edges] == [pressed ^ bool(n % 2) for n in range(len(edges))]
        assert edges[-1][1] == pressed
        assert [at for at, _ in edges] == sorted({at for at, _ in edges})
        assert edges[-1][0] <= 1_000 + 4_000


def test_pressing_twice_has_the_effect_of_pressing_once():
    trigger = Trigger(Random(1))
    assert trigger.move(0, pressed=True, bounces=0, again_ms=0) == [(0, True)]
    assert trigger.move(5, pressed=True, bounces=0, again_ms=0) == []


def test_hand_and_pedal_are_told_apart(gun):
    gun.body.press_trigger(0)
    gun.body.press_trigger(0, source=PEDAL)
    sources = {event.source for event in gun.wait(10_000)}
    assert sources == {HAND, PEDAL}
    gun.body.release_trigger(gun.now_us)
    gun.wait(10_000)
    assert gun.body.sensors(gun.now_us).trigger
    gun.body.release_trigger(gun.now_us, source=PEDAL)
    gun.wait(10_000)
    assert not gun.body.sensors(gun.now_us).trigger
