"""The plan at the console, with real processes: edited, skipped and split, and still so after a kill."""

import time

import pytest
from support.console import (
    CONFIRM,
    FINISH,
    LOOKED_S,
    QUIT,
    RESUME,
    Console,
)

PLAN_EDIT, PLAN_CONFIRM, SKIP, NOTE, CELL = 54, 55, 56, 57, 58


def edit(console: Console, what: str, text: str, *, area: str = "forehead") -> None:
    """Change the plan in the two acts."""
    offer = console.do(PLAN_EDIT, area=area, what=what, text=text)
    time.sleep(LOOKED_S)
    console.do(PLAN_CONFIRM, token=offer["token"], typed=offer["typed"])


def area(shot: dict, name: str = "forehead") -> dict:
    return next(one for one in shot["areas"] if one["id"] == name)


def given(console: Console, shots: int) -> None:
    console.until(f"{shots} given", lambda shot: shot["phase"] == "ready" and area(shot)["given"] == shots)


@pytest.mark.hazard("HZ-06")
@pytest.mark.hazard("HZ-07")
@pytest.mark.hazard("HZ-47")
@pytest.mark.invariant("I-40")
@pytest.mark.invariant("I-56")
def test_a_plan_that_was_edited_is_what_the_gun_does_and_what_the_next_start_takes_up(bench):
    gun = bench.gun(seed=5, rate=9)
    console = Console(bench, str(gun.link)).begin()
    console.open_practice()
    for what, text, why in (
        ("depth", "1.5", "the file's depth"),
        ("depth", "0.50", "write 0.5"),
        ("dose", "10 uL", "unit 'uL'"),
        ("dose", "0.1", "in steps of"),
        ("points", "21", "the file's points"),
    ):
        assert why in console.refused(PLAN_EDIT, area="forehead", what=what, text=text)["text"]
    edit(console, "depth", "0.5")
    edit(console, "points", "8")
    offer = console.do(PLAN_EDIT, area="forehead", what="dose", text="0.015")
    time.sleep(LOOKED_S)
    assert "type 0.015" in console.refused(PLAN_CONFIRM, token=offer["token"], typed="")["text"]
    edit(console, "dose", "0.015")
    edit(console, "out", "", area="neck_front")
    console.do(CELL, area="forehead", cells=2, cell=0, reason="")
    console.do(SKIP, area="forehead", reason="lesion")
    assert "no patient" in console.refused(NOTE, text="a bruise")["text"]
    console.arm("forehead")
    given(console, 3)  # the first cell's four points, one of them skipped
    assert gun.shots() == 3
    assert "say why" in console.refused(CELL, area="forehead", cells=2, cell=0, reason="")["text"]

    before = console.snapshot
    console.signal(9)
    assert console.wait() == 137
    console = Console(bench, str(gun.link)).begin()
    console.until("a gun", lambda shot: shot["link"] == "up")
    console.do(RESUME)
    console.do(CONFIRM)
    after = console.phase("ready")
    assert [one["id"] for one in after["left_out"]] == ["neck_front"]
    for name in ("depth_um", "dose_nl", "points", "skipped", "cell", "cells", "given", "file_dose_nl"):
        assert area(after)[name] == area(before)[name], name

    console.do(CELL, area="forehead", cells=2, cell=0, reason="missed")
    console.until("the low alarm", lambda shot: any(one["code"] == "H301" for one in shot["alarms"]))
    console.do(CELL, area="forehead", cells=2, cell=1, reason="")
    console.arm("forehead")
    given(console, 7)
    console.do(FINISH)
    console.do(QUIT)
    assert console.wait() == 0
    bench.assert_proven(gun, planned=7)
    for stroke in gun.truth():  # what was injected, not what was asked for
        assert abs(stroke.depth_um - 500) <= 50, stroke
        assert abs(stroke.dose_nl - 15_000) <= 1_500, stroke
