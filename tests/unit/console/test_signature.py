"""What has to be signed is offered where it is seen: totals that were left unsigned, and a rule to be gone over."""

import copy

import pytest

from meso_device.console.lines import plain
from meso_device.console.presenters.treatments import choice_rows
from meso_device.screen_messages import ToHost

BODY_80, BODY_120 = 78, 66
"""Cells between the hatches, by the width of the terminal."""
UNSIGNED = "5e5e5e5e" * 4


@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize("no_colour", [False, True])
def test_a_session_left_unsigned_is_offered_at_the_next_start(play, idle, no_colour):
    body = copy.deepcopy(idle)
    body["to_sign"], body["can"]["sign"] = UNSIGNED, ""

    async def script(stage):
        await stage.shows("Session S-5e5e5e is closed and not signed for.", "[S] sign")
        await stage.press("s")
        await stage.shows("Sign these totals", "S-5e5e5e")
        await stage.press(*"482615", "enter")
        asked = await stage.asked(ToHost.SIGN)
        assert asked.body == {"session": UNSIGNED, "pin": "482615"}
        assert "482615" not in stage.text()
        stage.host.answer(asked, "refused", "name or PIN not accepted")
        await stage.shows("name or PIN not accepted", "Sign these totals")

    play(script, body, no_colour=no_colour)


def test_nobody_signs_where_the_host_would_refuse_it(play, idle):
    body = copy.deepcopy(idle)
    body["to_sign"], body["can"]["sign"] = UNSIGNED, "sign in first: F9, then S"

    async def script(stage):
        await stage.shows("not signed for")
        await stage.press("s")
        await stage.pilot.pause()
        assert "Sign these totals" not in stage.text()

    play(script, body)


@pytest.mark.hazard("HZ-57")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_rule_that_may_be_gone_over_is_offered_on_live_and_no_other(play, ready, size):
    stopped = copy.deepcopy(ready)
    stopped["overridable"], stopped["can"]["override"] = ["pregnancy"], ""

    async def script(stage):
        await stage.shows("[A] arm")
        assert "go over it" not in stage.text()
        await stage.show(stopped)
        await stage.shows("[O] go over it")
        await stage.press("o")
        await stage.shows("pregnancy", "your PIN")
        await stage.press(*"agreed", "tab", *"482615", "enter")
        asked = await stage.asked(ToHost.OVERRIDE)
        assert asked.body == {"code": "pregnancy", "reason": "agreed", "pin": "482615", "login2": "", "pin2": ""}

    play(script, ready, size)


@pytest.mark.hazard("HZ-58")
@pytest.mark.parametrize("width", [BODY_80, BODY_120])
def test_what_a_treatment_calls_itself_is_never_cut(width):
    choice = {"title": "Skin ageing and mesolift: face, neck, decollete", "points": 220, "volume_nl": 99_999_999}
    row = choice_rows([{**choice, "status": "example, unapproved"}], 0, 3, width)[1]
    assert plain(row).rstrip().endswith("example, unapproved")
    assert len(plain(row)) <= width
