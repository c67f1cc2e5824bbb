"""The accounting rules hold in every order of a few faults, and none of them can be left out."""

import pytest

from tests.world.explore import RULES, Explorer, without


@pytest.mark.invariant("I-08")
@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-01")
@pytest.mark.parametrize("grant_shots", [2, 3])
def test_any_one_fault_anywhere_leaves_every_shot_in_the_log_once_and_no_cap_exceeded(grant_shots):
    result = Explorer(shots=3, faults=1, grant_shots=grant_shots).run()
    assert not result.violations
    assert result.states > 10_000
    assert result.ends > 100


@pytest.mark.invariant("I-08")
@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-01")
@pytest.mark.parametrize(
    "kinds",
    [("brown-out", "host kill"), ("lost", "doubled", "host kill"), ("takeover", "board swap", "torn write")],
    ids=" and ".join,
)
def test_any_two_faults_of_a_kind_anywhere_leave_every_shot_in_the_log_once(kinds):
    result = Explorer(shots=2, faults=2, kinds=kinds).run()
    assert not result.violations
    assert result.ends > 100


@pytest.mark.parametrize("name", RULES)
def test_each_rule_left_out_gives_the_violation_that_it_prevents(name):
    found = without(name)
    assert [text for text in found.violations if text.startswith(RULES[name].finding)], found.violations
