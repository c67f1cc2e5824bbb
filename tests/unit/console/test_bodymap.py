"""Every area of the catalogue is on the map: in one view, in one piece, large enough to hit; and arrows reach all."""

import pytest

from meso_device.bodymap.grid import LARGE, SMALL, grid, size_for
from meso_device.bodymap.views import PIECES, VIEW_OF, VIEWS
from meso_device.console.lines import plain
from meso_device.console.map_rows import map_rows
from meso_device.console.presenters.plan import ZoneState
from protocols.treatment.areas import catalogue

SIZES = (SMALL, LARGE)
ARROWS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def cells_of(view, size):
    found = {}
    for y, row in enumerate(grid(view, size).zones):
        for x, area in enumerate(row):
            if area:
                found.setdefault(area, set()).add((x, y))
    return found


def pieces(cells):
    rest, count = set(cells), 0
    while rest:
        count += 1
        queue = [rest.pop()]
        while queue:
            x, y = queue.pop()
            for near in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                if near in rest:
                    rest.remove(near)
                    queue.append(near)
    return count


def test_every_area_of_the_catalogue_is_in_exactly_one_view():
    named = [area for areas in VIEWS.values() for area in areas.values()]
    assert sorted(named) == sorted(catalogue())
    assert set(VIEW_OF) == set(catalogue())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_a_mask_holds_its_areas_and_no_other(view, size):
    assert set(cells_of(view, size)) == set(VIEWS[view].values())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_each_area_is_connected_and_three_cells_wide(view, size):
    for area, cells in cells_of(view, size).items():
        assert pieces(cells) == PIECES.get(area, 1), area
        widest = max(len({x for x, row in cells if row == y}) for y in {y for _, y in cells})
        assert widest >= 3 * PIECES.get(area, 1), area


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_each_area_bears_its_code(view, size):
    shown = grid(view, size)
    for area in VIEWS[view].values():
        texts = [run.text for y in range(len(shown.art)) for run in shown.runs(y) if run.area == area]
        assert any(catalogue()[area].short in text for text in texts), area


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_art_and_mask_are_equal_rectangles(view, size):
    shown = grid(view, size)
    assert {len(row) for row in shown.art} == {len(row) for row in shown.zones} == {shown.width}
    assert (shown.width, len(shown.art)) == ((34, 17) if size == SMALL else (58, 33))


@pytest.mark.parametrize("view", VIEWS)
def test_sides_are_the_patients(view):
    """Seen from the front the patient's right is at the left; from behind and from above it is not."""
    shown = grid(view, SMALL)
    for area, (_, column) in shown.centres.items():
        side = catalogue()[area].side
        if side == "midline":
            assert abs(column - 5 * (shown.width - 1)) <= 10, area
        else:
            at_left = column < 5 * shown.width
            assert at_left == ((side == "right") == (view in {"front", "face"})), area
    first = "R" if view in {"front", "face"} else "L"
    assert shown.art[0][0] == first
    assert shown.art[0][-1] == {"R": "L", "L": "R"}[first]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_arrows_reach_every_area_from_every_other(view, size):
    shown = grid(view, size)
    for start in shown.centres:
        reached, queue = {start}, [start]
        while queue:
            area = queue.pop()
            fresh = {shown.towards(area, *step) for step in ARROWS} - reached
            reached |= fresh
            queue += fresh
        assert reached == set(shown.centres), start


def test_an_arrow_goes_the_way_it_points():
    face = grid("face", SMALL)
    assert face.towards("cheek_right", 1, 0) == "nose"
    assert face.towards("cheek_left", -1, 0) == "nose"
    assert face.towards("glabella", 0, -1) == "forehead"
    assert face.towards("forehead", 0, -1) == "forehead"


def test_a_pattern_tells_each_state_without_colour():
    face = grid("face", SMALL)
    patterns = set()
    for state in ZoneState:
        rows = map_rows(face, dict.fromkeys(VIEWS["face"].values(), state))
        patterns.add(tuple(plain(row) for row in rows))
    assert len(patterns) == len(ZoneState)


def test_a_click_on_an_area_picks_it():
    face = grid("face", SMALL)
    rows = map_rows(face, dict.fromkeys(VIEWS["face"].values(), ZoneState.BLANK))
    acts = {span.act for row in rows for span in row}
    assert acts == {"", *[f"pick('{area}')" for area in VIEWS["face"].values()]}


def test_the_large_map_is_taken_where_it_fits():
    assert size_for(57, 40) == SMALL
    assert size_for(58, 32) == SMALL
    assert size_for(58, 33) == LARGE
