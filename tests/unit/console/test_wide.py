"""What a wide terminal shows beside a screen."""

import copy

import pytest

from meso_device.screen_messages import Message, ToHost, ToScreen, encode

WIDE = (120, 40)


def shot(seq, at_us, phase="DONE"):
    return {"seq": seq, "shot_seq": seq, "at_us": at_us, "area": "forehead", "area_code": 102, "depth_um": 1_480,
            "planned_depth_um": 1_500, "dose_lo_nl": 19_700, "dose_hi_nl": 19_700, "phase": phase, "reason": "NONE",
            "lot": "", "session8": "5e5e5e5e", "alias8": "a1a1a1a1", "simulated": True}  # fmt: skip


@pytest.mark.invariant("I-45")
def test_a_resume_shows_row_by_row_what_the_gun_did_meanwhile(play, idle):
    body = copy.deepcopy(idle)
    body["resume"] = {"id": "5e5e", "alias": "a1a1", "title": "Practice", "practice": True, "planned": 120,
                      "opened_us": body["utc_us"] - 10**9, "given": 57, "copied": 2}  # fmt: skip
    body["can"].update(resume="", abandon="", page="")

    async def script(stage):
        asked = await stage.asked(ToHost.PAGE)
        assert (asked.body["session"], asked.body["cursor"]) == ("5e5e", None)
        rows = [shot(18_241 - no, body["utc_us"] - no * 10**6, "INTERRUPTED" if not no else "DONE") for no in range(3)]
        stage.host.peer.send(encode(Message(ToScreen.PAGE, asked.id, {"rows": rows, "next": None, "head": 18_241})))
        await stage.shows("+#18241", "INTERRUPTED", "+#18240", " #18239", "+ made meanwhile")
        await stage.show(copy.deepcopy(body) | {"no": 43})
        assert ToHost.PAGE not in stage.host.kinds()  # once for each head of the log
        later = copy.deepcopy(body)
        later["log"]["committed_seq"] += 1
        await stage.show(later)
        stage.host.answer(await stage.asked(ToHost.PAGE), "refused", "disarm first")
        await stage.shows("disarm first", "What its gun did")

    play(script, body, WIDE)


def test_the_gun_shows_its_links_last_minute_and_its_calibration(play, ready):
    ready["round_trips_us"] = [900] * 30 + [0] * 5 + [2_400] * 25

    async def script(stage):
        await stage.press("f2")
        await stage.shows(
            "Round trips, last 60 s", "<1 ms .. 2 ms", "down 5 s", "CAL-19", "valid to 2027-01-04", "bd_5ml"
        )
        body = copy.deepcopy(ready)
        body["calibration"] = None
        await stage.show(body)
        await stage.shows("not read")

    play(script, ready, WIDE)


def test_live_shows_alarms_and_twenty_shots(play, ready):
    body = copy.deepcopy(ready)
    body["alarms"] = [
        {"no": no, "mark": "*", "code": f"H30{no}", "name": f"LOW_{no}", "text": "x", "area": "", "state": "active",
         "at_us": body["utc_us"], "by": "", "acknowledged_us": None, "count": 1}
        for no in range(4)
    ]  # fmt: skip

    async def script(stage):
        for first in range(0, 24, 6):
            body["tail"] = [
                {**ready["tail"][0], "shot_seq": 18_241 + first + no, "area": "F2"} for no in range(6, 0, -1)
            ]
            await stage.show(copy.deepcopy(body))
        await stage.shows("#18265", "#18246", "LOW 0", "LOW 2")
        assert "LOW 3" not in stage.text()
        assert "#18245" not in stage.text()

    play(script, ready, WIDE)


def test_the_sign_in_shows_who_was_here_last_and_which_guns(play, ready):
    async def script(stage):
        await stage.press("f9", "s")
        await stage.shows("Last sign-ins", "meyer", "lee", "Guns seen", "012345", "18241 records copied")

    play(script, ready, WIDE)
