"""Edits of a plan, skipped points and cells, made in the engine against a simulated gun and its log."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meso_device.accounting.coverage import SPLIT_AREAS_MAX
from meso_device.audit import canonical
from meso_device.session.contract import Arm, CloseSession, Confirm, NoticeKind, Phase
from meso_device.session.plan_commands import ChooseCell, EditPlan, PlanArea, Setpoint, SkipPoint
from meso_device.session.plan_edit import PlanLimits
from protocols.errors import UsageError
from protocols.treatment.areas import catalogue
from protocols.treatment.library import library, load_library
from protocols.wire.messages import LimitsGetReply
from tests.world.rig import Rig

WHO = {"op": "ada", "role": "clinician"}
PLAN = load_library("practice").plan()
FOREHEAD, CHEEK = PLAN.areas[0], PLAN.areas[1]
GUN = replace(
    LimitsGetReply.unpack(bytes(LimitsGetReply.SIZE)),
    depth_um_max=13_000,
    depth_grid_um=100,
    dose_grid_nl=10,
    dose_nl_min=1_000,
    dose_nl_max=200_000,
)


def small_plan(points=4):
    return replace(PLAN, areas=tuple(replace(area, points=points) for area in PLAN.areas[:2]))


@pytest.fixture
def rig():
    """A session that is open and ready, nothing given, and nobody who goes on by himself."""
    made = Rig(small_plan())
    made.run_session()
    assert made.run(lambda: bool(made.view.session))
    made.autopilot = None
    made.host(Confirm(how="test"))
    assert made.run(lambda: made.view.phase is Phase.READY)
    return made


def ask(rig, command):
    """Give a command and let it come about; returns what was said last."""
    said = len(rig.notices)
    rig.host(command)
    assert rig.run(lambda: len(rig.notices) > said)
    return rig.notices[-1]


def give(rig, area, places):
    """Arm an area until so many of its places are behind."""
    rig.host(Arm(area_id=area.area))
    there = {given.area_code: given.shots for given in rig.view.given}
    assert rig.run(lambda: {g.area_code: g.shots for g in rig.view.given}.get(area.area_code, 0) >= places, within_s=30)
    assert rig.run(lambda: rig.view.phase is Phase.READY, within_s=30), there


def bodies(rig, kind):
    rows = rig.store._db.execute("SELECT body FROM record WHERE kind = ? ORDER BY seq", (kind,))
    return [canonical.parse(body) for (body,) in rows]


def edit(area, setpoint, value):
    return EditPlan(area_id=area.area, setpoint=setpoint, value=value, **WHO)


@pytest.mark.hazard("HZ-06")
@pytest.mark.invariant("I-41")
def test_an_edited_setpoint_is_recorded_with_who_did_it_and_reaches_the_gun_with_the_next_arming(rig):
    assert "depth 0.5 mm, was 1 mm" in ask(rig, edit(FOREHEAD, Setpoint.DEPTH, 500)).text
    [record] = bodies(rig, "plan.edited")
    assert [record[name] for name in ("op", "area", "setpoint", "old", "new", "file")] == [
        "ada", "forehead", "depth_um", 1_000, 500, 1_000,
    ]  # fmt: skip
    assert rig.view.plan.areas[0].depth_um == 500
    assert rig.view.file.areas[0].depth_um == 1_000
    give(rig, FOREHEAD, 4)
    assert {body["planned_depth_um"] for body in bodies(rig, "shot")} == {500}
    assert {body["depth_um"] for body in bodies(rig, "settings.readback")} == {500}


@pytest.mark.hazard("HZ-07")
@pytest.mark.hazard("HZ-58")
@pytest.mark.parametrize(
    ("setpoint", "value", "why"),
    [
        (Setpoint.DEPTH, 1_500, "the file's depth"),
        (Setpoint.DEPTH, 525, "off the grid"),
        (Setpoint.DOSE, 200_000, "cap of a point"),
        (Setpoint.POINTS, 5, "the file's points"),
        (Setpoint.POINTS, 0, "1 to 4"),
    ],
)
def test_what_the_file_does_not_allow_is_refused_with_the_limits_and_changes_nothing(rig, setpoint, value, why):
    said = ask(rig, edit(FOREHEAD, setpoint, value))
    assert said.kind is NoticeKind.REFUSED
    assert why in said.text
    assert "in steps of" in said.text
    assert rig.view.plan == rig.view.file
    assert not bodies(rig, "plan.edited")


def test_nothing_of_the_plan_changes_while_armed(rig):
    rig.host(Arm(area_id="forehead"))
    assert rig.run(lambda: rig.view.phase is Phase.ARMED)
    for command in (
        edit(FOREHEAD, Setpoint.DEPTH, 500),
        SkipPoint(area_id="forehead", reason="skin", **WHO),
        ChooseCell(area_id="cheek_left", cells=2, cell=0, reason="", **WHO),
    ):
        rig.host(command)
        assert rig.notices[-1].kind is NoticeKind.REFUSED
    assert rig.view.plan == rig.view.file


def test_an_untouched_area_is_left_out_and_put_back_and_one_that_was_begun_stays(rig):
    ask(rig, PlanArea(area_id="cheek_left", planned=False, **WHO))
    assert [area.area for area in rig.view.plan.areas] == ["forehead"]
    assert "last area" in ask(rig, PlanArea(area_id="forehead", planned=False, **WHO)).text
    ask(rig, PlanArea(area_id="cheek_left", planned=True, **WHO))
    assert rig.view.plan == rig.view.file
    assert "does not have it" in ask(rig, PlanArea(area_id="neck_front", planned=True, **WHO)).text
    give(rig, CHEEK, 4)
    assert "stays in the plan" in ask(rig, PlanArea(area_id="cheek_left", planned=False, **WHO)).text


@pytest.mark.hazard("HZ-47")
def test_a_skipped_point_is_not_given_later_and_the_area_ends_without_it(rig):
    assert "point 1 skipped (mole)" in ask(rig, SkipPoint(area_id="forehead", reason="mole", **WHO)).text
    give(rig, FOREHEAD, 3)
    assert "1 of them skipped" in rig.notices[-1].text
    assert Counter(body["area_code"] for body in bodies(rig, "shot")) == {FOREHEAD.area_code: 3}
    assert "no point is left" in ask(rig, SkipPoint(area_id="forehead", reason="mole", **WHO)).text
    rig.host(CloseSession(state="interrupted"))
    assert rig.run(lambda: rig.view.phase is Phase.CLOSED)
    [closed] = bodies(rig, "session.closed")
    assert [area["points_skipped"] for area in closed["areas"]] == [1, 0]


@pytest.mark.invariant("I-56")
@pytest.mark.hazard("HZ-47")
def test_a_cell_ends_its_credit_and_is_gone_over_again_only_with_a_reason(rig):
    ask(rig, ChooseCell(area_id="forehead", cells=2, cell=0, reason="", **WHO))
    give(rig, FOREHEAD, 2)
    assert "N goes on" in rig.notices[-1].text
    assert rig.view.shots_given == 2  # never into the next cell by itself
    assert "SECOND PASS" in ask(rig, Arm(area_id="forehead")).text
    assert "SECOND PASS F2a" in ask(rig, ChooseCell(area_id="forehead", cells=2, cell=0, reason="", **WHO)).text
    assert rig.view.shots_given == 2
    assert (
        "SECOND PASS F2a (missed)"
        in ask(rig, ChooseCell(area_id="forehead", cells=2, cell=0, reason="missed", **WHO)).text
    )
    assert bodies(rig, "cell.chosen")[-1]["again"] is True
    give(rig, FOREHEAD, 4)
    cells = rig.view.cells[FOREHEAD.area_code]
    assert cells.done(4) == (4, 0)
    assert cells.is_again(0)


@pytest.mark.invariant("I-45")
@pytest.mark.hazard("HZ-47")
def test_a_session_taken_up_again_has_the_same_plan_cells_and_skipped_points(rig):
    ask(rig, edit(FOREHEAD, Setpoint.DOSE, 8_000))
    ask(rig, ChooseCell(area_id="forehead", cells=2, cell=0, reason="", **WHO))
    ask(rig, SkipPoint(area_id="forehead", reason="mole", **WHO))
    ask(rig, PlanArea(area_id="cheek_left", planned=False, **WHO))
    before = rig.view
    rig.kill_host()
    rig.resume_session()
    assert rig.run(lambda: rig.view.phase is Phase.UNCONFIRMED)
    after = rig.view
    for name in ("plan", "file", "skipped", "cells"):
        assert getattr(after, name) == getattr(before, name), name
    assert rig.run(rig.closed)  # without a person the cells are gone through in their order
    assert Counter(body["area_code"] for body in bodies(rig, "shot")) == {FOREHEAD.area_code: 3}
    assert {body["dose_nl"] for body in bodies(rig, "settings.readback")} == {8_000}


def test_a_confirmation_is_asked_for_before_anything_of_a_left_session_is_changed(rig):
    rig.kill_host()
    rig.resume_session()
    assert rig.run(lambda: bool(rig.view.session))
    rig.autopilot = None
    assert rig.run(lambda: rig.up() and rig.view.phase is Phase.UNCONFIRMED)
    rig.host(edit(FOREHEAD, Setpoint.DEPTH, 500))
    assert rig.notices[-1].kind is NoticeKind.REFUSED
    rig.host(Confirm(how="test"))
    assert rig.run(lambda: rig.view.phase is Phase.READY)
    assert "was 1 mm" in ask(rig, edit(FOREHEAD, Setpoint.DEPTH, 500)).text


def test_only_so_many_areas_are_in_cells_at_once():
    rig = Rig(replace(PLAN, areas=tuple(replace(area, points=4) for area in many_areas())))
    rig.run_session()
    assert rig.run(lambda: bool(rig.view.session))
    rig.autopilot = None
    rig.host(Confirm(how="test"))
    assert rig.run(lambda: rig.view.phase is Phase.READY)
    for area in rig.view.plan.areas[:SPLIT_AREAS_MAX]:
        ask(rig, ChooseCell(area_id=area.area, cells=2, cell=0, reason="", **WHO))
    assert len(rig.view.cells) == SPLIT_AREAS_MAX
    last = rig.view.plan.areas[-1]
    assert "make one of them whole" in ask(rig, ChooseCell(area_id=last.area, cells=2, cell=0, reason="", **WHO)).text
    ask(rig, ChooseCell(area_id=rig.view.plan.areas[0].area, cells=1, cell=0, reason="", **WHO))
    assert "chosen" in ask(rig, ChooseCell(area_id=last.area, cells=2, cell=0, reason="", **WHO)).text


def many_areas():
    known = [area for area in catalogue().values() if not area.no_go][: SPLIT_AREAS_MAX + 1]
    return [replace(CHEEK, area=one.id, area_code=one.code, short=one.short) for one in known]


@pytest.mark.hazard("HZ-07")
@pytest.mark.hazard("HZ-58")
@given(
    name=st.sampled_from(sorted(library())),
    edits=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(list(Setpoint)), st.integers(0, 4), st.integers(-3, 3)), max_size=8
    ),
)
def test_no_row_of_edits_leads_out_of_what_the_file_says(name, edits):
    file = load_library(name).plan()
    plan = file
    for at, setpoint, quarters, beside in edits:
        area = plan.areas[at % len(plan.areas)]
        judge = PlanLimits(file=file, plan=plan, gun=GUN)
        try:
            limits = judge.of(area.area, setpoint, 0)
            value = limits.low + (limits.high - limits.low) * quarters // 4 // limits.grid * limits.grid + beside
            judge.check(area.area, setpoint, value, 0)
        except UsageError:
            continue
        changed = replace(area, **{setpoint.value: value})
        plan = replace(plan, areas=tuple(changed if one is area else one for one in plan.areas))
    for now, filed in zip(plan.areas, file.areas, strict=True):
        assert now.depth_um <= filed.depth_um
        assert now.points <= filed.points
        assert now.dose_nl <= file.per_point_cap_nl
        assert now.volume_nl <= filed.cap_nl
        assert replace(now, depth_um=filed.depth_um, dose_nl=filed.dose_nl, points=filed.points) == filed
    assert plan.volume_nl <= file.session_cap_nl
