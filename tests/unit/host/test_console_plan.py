"""An edit of the plan at the console: offered, then confirmed; and the other changes, each answered once it stands."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.coverage import Cells
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_plan import ConsolePlan
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.host.snapshot import Treatment
from meso_device.host.two_steps import TwoSteps
from meso_device.session.contract import Instant, Phase
from meso_device.session.plan_commands import ChooseCell, EditPlan, PlanArea, Setpoint, SkipPoint
from protocols.errors import UsageError
from protocols.treatment.library import load_library
from protocols.wire.messages import LimitsGetReply

PLAN = load_library("practice").plan()
FOREHEAD = PLAN.areas[0]
WHO = ("ada", "clinician")
LIMITS = replace(
    LimitsGetReply.unpack(bytes(LimitsGetReply.SIZE)), depth_um_max=13_000, depth_grid_um=50, dose_grid_nl=10,
    dose_nl_min=1_000, dose_nl_max=200_000,
)  # fmt: skip


class Screen:
    """Somebody who asks, and what was answered."""

    def __init__(self, make_view):
        self.said = []
        self.answers = ScreenAnswers(lambda _kind, number, body: self.said.append((number, body)))
        self.facts = ConsoleFacts()
        self.facts.limits = LIMITS
        self.plan = ConsolePlan(TwoSteps(bytes), self.facts, self.answers, people=None)
        self.view = make_view(plan=PLAN, file=PLAN)
        self.us = 10_000_000
        self.number = 0

    def at(self, seconds=1.0):
        self.us += int(seconds * 1_000_000)
        self.number += 1
        return Instant(self.us, self.us)

    def offer(self, what, text, area="forehead"):
        self.plan.edit(self.number + 1, {"area": area, "what": what, "text": text}, self.view, self.at())
        return self.said[-1][1]

    def confirm(self, offer, typed=None, seconds=1.0):
        body = {"token": offer["token"], "typed": offer["typed"] if typed is None else typed}
        return self.plan.confirm(self.number + 1, body, self.view, WHO, self.at(seconds))


@pytest.fixture
def screen(make_view):
    return Screen(make_view)


def edited(view, setpoint, value):
    area = replace(view.plan.areas[0], **{setpoint.value: value})
    return replace(view, plan=replace(view.plan, areas=(area, *view.plan.areas[1:])))


def test_an_offer_says_what_it_was_what_is_allowed_and_what_the_file_has_and_changes_nothing(screen):
    offer = screen.offer("depth", "0.5")
    assert offer["offered"] == "depth 0.5 mm (was 1 mm; allowed 0.05-1 mm; file 1 mm)"
    assert (offer["typed"], offer["outcome"]) == ("", "done")


def test_it_is_done_when_the_plan_has_it_and_not_before(screen):
    assert screen.confirm(screen.offer("depth", "0.5")) == (
        EditPlan(area_id="forehead", setpoint=Setpoint.DEPTH, value=500, op="ada", role="clinician"),
    )
    before = len(screen.said)
    screen.answers.seen(screen.view, screen.at())
    assert len(screen.said) == before
    screen.answers.seen(edited(screen.view, Setpoint.DEPTH, 500), screen.at())
    assert screen.said[-1][1]["outcome"] == "done"


@pytest.mark.hazard("HZ-07")
def test_a_dose_over_the_files_own_has_to_be_typed_a_second_time(screen):
    offer = screen.offer("dose", "0.015")
    assert offer["typed"] == "0.015"
    with pytest.raises(Refuse, match=r"type 0\.015 exactly"):
        screen.confirm(offer, typed="")
    with pytest.raises(Refuse):
        screen.confirm(offer)  # the offer is used up
    [command] = screen.confirm(screen.offer("dose", "0.015"), typed="0.015")
    assert command.value == 15_000


@pytest.mark.hazard("HZ-07")
@pytest.mark.parametrize("text", [".01", "0.010", "0,01", "0.1", "10 uL", "0.01 l", "0.0100001", ""])
def test_what_is_written_otherwise_or_too_much_is_refused_in_words(screen, text):
    with pytest.raises(UsageError, match="refused"):
        screen.offer("dose", text)


@pytest.mark.parametrize("change", ["plan", "boot", "late", "early"])
def test_a_confirmation_is_worth_nothing_once_anything_else_has_changed(screen, change):
    offer = screen.offer("depth", "0.5")
    seconds = {"late": 10.1, "early": 0.1}.get(change, 1)
    if change == "plan":
        screen.view = edited(screen.view, Setpoint.DOSE, 8_000)
    elif change == "boot":
        screen.view = replace(screen.view, boot_id=9)
    with pytest.raises(Refuse, match="begin again"):
        screen.confirm(offer, seconds=seconds)


def test_an_area_is_left_out_and_one_of_another_file_cannot_be_put_in(screen):
    assert screen.confirm(screen.offer("out", "")) == (
        PlanArea(area_id="forehead", planned=False, op="ada", role="clinician"),
    )
    with pytest.raises(Refuse, match="another file"):
        screen.offer("in", "", area="nose")
    with pytest.raises(Refuse, match="depth, dose or points"):
        screen.offer("flow", "1")


def test_skips_and_cells_wait_until_they_are_recorded(screen):
    body = {"area": "forehead", "reason": "lesion"}
    assert screen.plan.skip(90, body, screen.view, WHO, screen.at()) == (
        SkipPoint(area_id="forehead", reason="lesion", op="ada", role="clinician"),
    )
    screen.answers.seen(replace(screen.view, skipped={FOREHEAD.area_code: 1}), screen.at())
    assert screen.said[-1] == (90, {"outcome": "done", "code": "", "text": ""})
    body = {"area": "forehead", "cells": 2, "cell": 1, "reason": ""}
    assert screen.plan.choose_cell(91, body, screen.view, WHO, screen.at()) == (
        ChooseCell(area_id="forehead", cells=2, cell=1, reason="", op="ada", role="clinician"),
    )
    screen.answers.seen(replace(screen.view, cells={FOREHEAD.area_code: Cells((10, 10), ((1, 0),))}), screen.at())
    assert screen.said[-1][0] == 91
    for bad in ({"reason": "because"}, {"cells": 99}):
        with pytest.raises(Refuse):
            screen.plan.choose_cell(92, body | bad, screen.view, WHO, screen.at())


@pytest.mark.invariant("I-63")
def test_a_practice_session_keeps_no_note_and_nobody_writes_one_unnamed(screen):
    treatment = Treatment(session="5e", alias="a1", practice=True, opened_us=1, plan=PLAN)
    for there, why in (
        (treatment, "no patient"),
        (None, "no patient"),
        (replace(treatment, practice=False), "sign in"),
    ):
        with pytest.raises(Refuse, match=why):
            screen.plan.note(1, {"text": "bruise"}, there, None, screen.at())


@pytest.mark.invariant("I-61")
@pytest.mark.hazard("HZ-47")
def test_a_second_pass_over_a_cell_is_a_low_alarm_as_long_as_the_hand_is_there(screen):
    code = FOREHEAD.area_code
    again = Cells((10, 10), ((0, 0), (0, 10)))
    for cells, active in ((again, True), (again.moved(1, 12), False)):
        screen.facts.seen(replace(screen.view, phase=Phase.READY, cells={code: cells}), screen.at())
        [row] = [row for row in screen.facts.alarms.rows() if row.code == "H301"] or [None]
        assert (row is not None and row.active) is active
    screen.facts.seen(replace(screen.view, cells={code: again}), screen.at())
    [row] = [row for row in screen.facts.alarms.rows() if row.code == "H301"]
    assert (row.priority.mark, row.text) == ("*", "SECOND PASS F2a: counted, not measured")
