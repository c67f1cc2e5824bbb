"""Changing the plan at the screen: numbers typed by hand, two acts, skipped points, cells."""

import copy

import pytest
from textual import events

from meso_device.screen_messages import ToHost

OFFER = {
    "token": "t", "expires_ms": 10_000, "short": "F2", "what": "depth", "typed": "",
    "offered": "depth 1 mm (was 1.5 mm; allowed 0.05-1.5 mm; file 1.5 mm)",
}  # fmt: skip
DOSE = OFFER | {"what": "dose", "typed": "0.03", "offered": "dose 0.03 mL (was 0.02 mL; allowed 0.004-0.05 mL)"}


def in_cells(ready, *done, at=0, again=()):
    body = copy.deepcopy(ready)
    cells = [
        {"name": f"F2{'abc'[no]}", "planned": 4, "done": count, "again": no in again} for no, count in enumerate(done)
    ]
    body["areas"][0].update(cells=cells, cell=at, given=sum(done))
    return body


async def edit(stage, *keys):
    await stage.press("f4", "e")
    await stage.shows("Edit F2 Forehead")
    await stage.press(*keys)


@pytest.mark.hazard("HZ-06")
def test_a_setpoint_changes_in_two_acts_and_the_old_one_is_said_to_hold(play, ready):
    async def script(stage):
        await edit(stage, "1", "enter")
        asked = await stage.asked(ToHost.PLAN_EDIT)
        assert asked.body == {"area": "forehead", "what": "depth", "text": "1"}
        stage.host.answer(asked, **OFFER)
        await stage.shows("depth 1 mm (was 1.5 mm", "Until then the old one holds", "[C] take it")
        await stage.press("enter", "enter", "1")  # no Enter-Enter path
        assert ToHost.PLAN_CONFIRM not in stage.host.kinds()
        await stage.press("c")
        confirm = await stage.asked(ToHost.PLAN_CONFIRM)
        assert confirm.body == {"token": "t", "typed": ""}
        stage.host.answer(confirm)
        await stage.shows("F2: in the plan and recorded; set and read back when armed next")

    play(script, ready)


@pytest.mark.hazard("HZ-07")
def test_a_number_far_from_the_files_is_typed_a_second_time(play, ready):
    async def script(stage):
        await edit(stage, "down", *"0,03", "enter")
        asked = await stage.asked(ToHost.PLAN_EDIT)
        assert asked.body == {"area": "forehead", "what": "dose", "text": "0.03"}
        stage.host.answer(asked, **DOSE)
        await stage.shows("Type 0.03 again:")
        await stage.press("c", "enter")
        assert ToHost.PLAN_CONFIRM not in stage.host.kinds()
        await stage.press(*"0.03", "enter")
        assert (await stage.asked(ToHost.PLAN_CONFIRM)).body == {"token": "t", "typed": "0.03"}

    play(script, ready)


@pytest.mark.hazard("HZ-07")
def test_a_bouncing_key_a_paste_and_other_digits_make_no_number(play, ready):
    async def script(stage):
        await edit(stage, "1")
        stage.app.key_ms = lambda _key: stage.clock.ms - 200 + 29  # what follows comes 29 ms after the key before
        await stage.press("0")
        await stage.shows("Refused: faster than anybody types")
        stage.app.key_ms = lambda _key: stage.clock.ms
        await stage.press("enter")
        assert ToHost.PLAN_EDIT not in stage.host.kinds()
        await stage.press("2")
        stage.app.screen.post_message(events.Paste("0.5"))
        await stage.shows("Refused: pasted")
        await stage.press("enter", "\u0661", "\u00b2", "enter")
        assert ToHost.PLAN_EDIT not in stage.host.kinds()
        await stage.press(*"0,5")
        await stage.shows("0.5")  # a comma is shown at once as what it will be read as
        assert "0,5" not in stage.text()

    play(script, ready)


@pytest.mark.hazard("HZ-08")
def test_a_refusal_is_shown_with_its_limits_and_nothing_is_left_typed(play, ready):
    async def script(stage):
        await edit(stage, "9", "enter")
        refusal = "depth 9 mm refused: 0.05 mm to 1.5 mm in steps of 0.05 mm is allowed"
        stage.host.answer(await stage.asked(ToHost.PLAN_EDIT), "refused", refusal)
        await stage.shows("0.05 mm to 1.5 mm in steps of 0.05 mm")
        await stage.press("enter")
        assert ToHost.PLAN_EDIT not in stage.host.kinds()
        await stage.press("escape")
        await stage.until(lambda: "Edit F2" not in stage.text())

    play(script, ready)


def test_an_offer_lapses(play, ready):
    async def script(stage):
        await edit(stage, "1", "enter")
        stage.host.answer(await stage.asked(ToHost.PLAN_EDIT), **OFFER)
        await stage.shows("lapses in")
        stage.clock.ms += 10_000
        await stage.press("c")
        await stage.shows("lapsed: press Esc")
        assert ToHost.PLAN_CONFIRM not in stage.host.kinds()

    play(script, ready)


def test_an_area_is_left_out_in_two_acts_and_put_back(play, ready):
    body = copy.deepcopy(ready)
    out = body["areas"].pop()
    body["left_out"] = [{name: out[name] for name in ("id", "code", "short")}]

    async def script(stage):
        await stage.press("f4", *"f8l", "minus")
        asked = await stage.asked(ToHost.PLAN_EDIT)
        assert asked.body == {"area": "cheek_left", "what": "out", "text": ""}
        stage.host.answer(asked, **OFFER | {"what": "out", "short": "F8L", "offered": "leave F8L out of the plan"})
        await stage.shows("Change F8L?", "leave F8L out of the plan")
        await stage.press("c")
        stage.host.answer(await stage.asked(ToHost.PLAN_CONFIRM))
        await stage.show(body)
        await stage.shows("F8L is left out of the plan; recorded")
        await stage.press("escape")
        await stage.shows("left out of the plan: F8L", "[+] put back")
        await stage.press("plus")
        assert (await stage.asked(ToHost.PLAN_EDIT)).body == {"area": "cheek_left", "what": "in", "text": ""}

    play(script, ready)


def test_nothing_is_edited_while_the_host_would_refuse_it(play, ready):
    ready["can"]["plan"] = "look at the state and confirm it first"

    async def script(stage):
        for key in ("e", "k", "minus"):
            await stage.press("f4", key)
            await stage.shows("look at the state and confirm it first")
        await stage.press("f5", "s")
        await stage.shows("look at the state and confirm it first")
        assert not stage.host.kinds()

    play(script, ready)


@pytest.mark.hazard("HZ-47")
def test_a_point_is_skipped_with_a_reason(play, ready):
    async def script(stage):
        await stage.press("s")
        await stage.shows("Skip point 10 of F2?", "too painful there")
        await stage.press("2", "enter")
        asked = await stage.asked(ToHost.SKIP)
        assert asked.body == {"area": "forehead", "reason": "pain"}
        stage.host.answer(asked)
        await stage.until(lambda: "Skip point" not in stage.text())
        body = copy.deepcopy(ready)
        body["areas"][0]["skipped"] = 3
        await stage.show(body)
        await stage.shows("all 12 points")

    play(script, ready)


@pytest.mark.hazard("HZ-47")
@pytest.mark.invariant("I-56")
def test_an_area_is_split_and_n_goes_from_cell_to_cell_and_then_to_the_next_area(play, ready):
    async def script(stage):
        await stage.press("f4", "k")
        await stage.shows("Cells of F2 Forehead", "counted; position is not measured")
        await stage.press("3", "enter")
        asked = await stage.asked(ToHost.CELL)
        assert asked.body == {"area": "forehead", "cells": 3, "cell": 0, "reason": ""}
        stage.host.answer(asked)
        await stage.show(in_cells(ready, 4, 0, 0))
        await stage.press("f5")
        await stage.shows("CELL    F2a  4 of 4", "counted; position is not measured", "[N] next cell")
        await stage.press("n")
        assert (await stage.asked(ToHost.CELL)).body["cell"] == 1
        await stage.show(in_cells(ready, 4, 4, 4, at=2))
        await stage.press("n")
        await stage.shows("AREA F8L")
        assert ToHost.CELL not in stage.host.kinds()

    play(script, ready)


@pytest.mark.hazard("HZ-47")
@pytest.mark.invariant("I-56")
def test_a_full_cell_is_chosen_again_only_with_a_reason_and_says_second_pass(play, ready):
    async def script(stage):
        await stage.press("f4", "k")
        await stage.shows("> F2b")
        await stage.press("up", "enter")
        await stage.shows("SECOND PASS F2a: go over it again?", "position is not measured")
        assert ToHost.CELL not in stage.host.kinds()
        await stage.press("down", "enter")
        asked = await stage.asked(ToHost.CELL)
        assert asked.body == {"area": "forehead", "cells": 3, "cell": 0, "reason": "layer"}
        stage.host.answer(asked)
        await stage.show(in_cells(ready, 4, 2, 0, at=0, again=(0,)))
        await stage.press("f5")
        await stage.shows("SECOND PASS F2a  4 of 4")

    play(script, in_cells(ready, 4, 2, 0, at=1))


def test_a_note_is_for_patients_and_goes_to_the_host_alone(play, ready):
    async def script(stage):
        await stage.press("t")
        await stage.shows("a practice session has no patient")
        body = copy.deepcopy(ready)
        body["session"]["practice"] = False
        await stage.show(body)
        await stage.press("t", *"small", "enter")
        asked = await stage.asked(ToHost.NOTE)
        assert asked.body == {"text": "small"}
        stage.host.answer(asked)
        await stage.until(lambda: "small" not in stage.text())

    play(script, ready)


@pytest.mark.hazard("HZ-50")
@pytest.mark.hazard("HZ-51")
def test_the_plan_tells_skin_and_travel_apart_and_shows_the_caps_instead_when_asked(play, ready):
    async def script(stage):
        await stage.press("f4")
        await stage.shows("skin about 1.06 mm (0.74-1.38)", "likely below the dermis", "commanded needle travel")
        await stage.press("c")
        await stage.shows("Caps of F2", "of 4 mL")
        assert "skin about" not in stage.text()

    play(script, ready)


@pytest.mark.hazard("HZ-52")
def test_the_eye_zone_has_no_setpoint_to_edit(play, ready):
    async def script(stage):
        await stage.press("f4", *"f6", "e")
        await stage.shows("nothing may be injected here", "not in this plan")
        assert not stage.host.kinds()

    play(script, ready)
