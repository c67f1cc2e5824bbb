"""Every planted bug is caught by the method named for it, and the seed that caught it finds nothing without it."""

import pytest

from tests.world.bugs import planted_bugs
from tests.world.planted import PLANTED, catch, control


def test_every_bug_that_can_be_planted_is_in_the_table_and_there_are_enough():
    assert set(PLANTED) == set(planted_bugs())
    assert len(PLANTED) >= 46


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_bug_is_caught(name):
    caught = catch(name)
    assert caught is not None
    assert control(name, range(caught.seeds)[-1:]) == ()
