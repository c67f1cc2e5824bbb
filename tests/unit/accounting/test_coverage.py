"""Coverage: planned against given, and the warning before a place is gone over again."""

import hypothesis
import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from meso_device.accounting.coverage import CELLS_MAX, coverage, coverage_of, split
from meso_device.accounting.entries import AreaGiven
from protocols.treatment.library import load_library

PLAN = load_library("practice").plan()


def area(points=10, passes=1):
    return replace(PLAN.areas[0], points=points, passes=passes)


@pytest.mark.invariant("I-56")
@pytest.mark.hazard("HZ-47")
def test_the_warning_stands_from_the_first_injection_of_the_second_pass_on_and_not_before():
    for given in range(10):
        assert coverage_of(area(), given).warning == ""
    warned = coverage_of(area(), 10)
    assert warned.warning.startswith("SECOND PASS")
    assert "not planned" in warned.warning
    assert (warned.pass_no, warned.beyond_plan, warned.missing) == (2, True, 0)


@pytest.mark.invariant("I-56")
@pytest.mark.hazard("HZ-47")
def test_a_planned_second_pass_is_warned_of_and_is_within_the_plan():
    found = coverage_of(area(passes=2), 10)
    assert found.warning.startswith("SECOND PASS")
    assert "pass 2 of 2 planned" in found.warning
    assert (found.beyond_plan, found.missing) == (False, 10)
    assert coverage_of(area(passes=2), 20).beyond_plan


@pytest.mark.invariant("I-56")
@pytest.mark.hazard("HZ-47")
def test_grants_no_larger_than_what_is_left_never_cross_from_one_pass_into_the_next():
    for points in (1, 3, 10):
        for given in range(4 * points):
            now = coverage_of(area(points, 3), given)
            assert 1 <= now.left_in_pass <= points
            last = given + now.left_in_pass - 1
            assert coverage_of(area(points, 3), last).pass_no == now.pass_no
            assert coverage_of(area(points, 3), last + 1).pass_no == now.pass_no + 1


def test_every_area_of_a_plan_is_listed_with_what_the_records_say():
    first = PLAN.areas[0]
    given = {first.area_code: AreaGiven(area_code=first.area_code, shots=3, dose_lo_nl=0, dose_hi_nl=0, interrupted=1)}
    found = coverage(PLAN, given)
    assert [row.area for row in found] == [row.area for row in PLAN.areas]
    assert [row.given for row in found] == [3] + [0] * (len(PLAN.areas) - 1)
    assert sum(row.missing for row in found) == PLAN.shots - 3


@pytest.mark.invariant("I-56")
@pytest.mark.hazard("HZ-47")
@hypothesis.given(
    points=st.integers(1, 30),
    count=st.integers(1, CELLS_MAX),
    steps=st.lists(st.one_of(st.none(), st.integers(0, CELLS_MAX - 1)), max_size=60),
)
def test_every_place_belongs_to_the_cell_that_was_chosen_and_none_has_more_than_was_confirmed(points, count, steps):
    cells, places, told = split(points, min(count, points)), 0, {}
    model = [0] * len(cells.planned)
    for step in steps:
        if step is None and cells.left(places) > 0:
            model[cells.current] += 1
            places += 1
        elif step is not None and step < len(model):
            told[step] = told.get(step, 0) + (cells.done(places)[step] >= cells.allowed()[step])
            cells = cells.moved(step, places)
    assert cells.done(places) == tuple(model)
    assert sum(cells.planned) == points
    assert max(cells.planned) - min(cells.planned) <= 1
    for cell, done in enumerate(model):
        assert done <= cells.planned[cell] * (1 + told.get(cell, 0))
        assert cells.is_again(cell) is bool(told.get(cell))
    following = cells.next_open(places)
    assert (following is None) is all(done >= plan for done, plan in zip(model, cells.planned, strict=True))
