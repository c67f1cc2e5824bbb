import random

import pytest

from meso_device.host.two_steps import LOOK_US_MIN, VALID_US, Bound, TwoSteps

ARM = Bound("arm", "FH", ("forehead", "aa55", "gun", 3))
NOW_US = 1_000_000


@pytest.fixture
def steps():
    return TwoSteps(random.Random(1).randbytes)


def take(steps, token, *, bound=ARM, typed="FH", after_us=1_000_000):
    return steps.take(token, bound, typed, NOW_US + after_us)


def test_a_token_is_good_once(steps):
    token = steps.open(ARM, NOW_US)
    assert take(steps, token) == ""
    assert "not the one" in take(steps, token)


@pytest.mark.hazard("HZ-06")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"typed": "FL"}, "type FH"),
        ({"typed": "fh"}, "type FH"),
        ({"typed": ""}, "type FH"),
        ({"after_us": LOOK_US_MIN - 1}, "look at it first"),
        ({"after_us": VALID_US + 1}, "10 s have passed"),
        ({"bound": Bound("arm", "FH", ("forehead", "aa56", "gun", 3))}, "changed"),
        ({"bound": Bound("arm", "FH", ("forehead", "aa55", "gun", 4))}, "changed"),
        ({"bound": Bound("reset", "RESET", ())}, "not the one"),
    ],
)
def test_anything_else_than_what_was_looked_at_is_refused_and_uses_it_up(steps, changed, said):
    token = steps.open(ARM, NOW_US)
    assert said in take(steps, token, **changed)
    assert "not the one" in take(steps, token)


def test_only_the_newest_token_is_good_and_a_guess_uses_it_up(steps):
    first, second = steps.open(ARM, NOW_US), steps.open(ARM, NOW_US)
    assert "not the one" in take(steps, first)
    assert "not the one" in take(steps, second)


def test_what_is_forgotten_is_worth_nothing(steps):
    token = steps.open(ARM, NOW_US)
    steps.forget()
    assert "not the one" in take(steps, token)
    assert "not the one" in take(TwoSteps(random.randbytes), "")
