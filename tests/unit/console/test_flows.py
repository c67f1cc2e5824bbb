"""What a person does, by keys: each flow and each refusal, against a host's end of the socket."""

import copy
import socket

import pytest
from textual import events

from meso_device.screen_messages import Message, ToHost, ToScreen, encode

SIZES = [(80, 24), (120, 40)]
OFFER = {
    "token": "t-1",
    "expires_ms": 10_000,
    "area": "forehead",
    "short": "F2",
    "depth_um": 1_500,
    "dose_nl": 20_000,
    "shots": 3,
    "nl": 60_000,
    "given": 9,
    "planned": 12,
    "warnings": ["SECOND PASS F2"],
}


async def offered(stage):
    await stage.press("a")
    opened = await stage.asked(ToHost.ARM_OPEN)
    assert opened.body == {"area": "forehead"}
    stage.host.answer(opened, **OFFER)
    await stage.shows("Type F2 and Enter to arm")


@pytest.mark.parametrize("size", SIZES)
def test_arming_takes_the_code_typed_by_hand(play, ready, size):
    async def script(stage):
        await offered(stage)
        await stage.shows("1.5 mm", "0.02 mL", "3 shots, 0.06 mL", "SECOND PASS F2", "Cancel")
        await stage.press("f", "2", "enter")
        assert (await stage.asked(ToHost.ARM_CONFIRM)).body == {"token": "t-1", "typed": "F2"}

    play(script, ready, size)


def test_enter_upon_enter_arms_nothing(play, ready):
    async def script(stage):
        await offered(stage)
        await stage.press("enter", "enter", "enter")
        await stage.until(lambda: "Type F2" not in stage.text())
        assert ToHost.ARM_CONFIRM not in stage.host.kinds()

    play(script, ready)


@pytest.mark.hazard("HZ-07")
def test_a_pasted_code_and_a_bouncing_key_arm_nothing(play, ready):
    async def script(stage):
        await offered(stage)
        stage.app.post_message(events.Paste("F2"))
        await stage.shows("Refused: pasted")
        await stage.press("f")
        await stage.pilot.press("2")  # the clock stands: no time between the two
        await stage.shows("Refused: faster than anybody types")
        await stage.press("enter")
        await stage.until(lambda: "Type F2" not in stage.text())
        assert ToHost.ARM_CONFIRM not in stage.host.kinds()

    play(script, ready)


def test_an_offer_that_lapsed_arms_nothing(play, ready):
    async def script(stage):
        await offered(stage)
        stage.clock.ms += 10_001
        await stage.shows("lapsed")
        await stage.press("f", "2", "enter")
        assert ToHost.ARM_CONFIRM not in stage.host.kinds()
        await stage.press("escape")
        await stage.until(lambda: "Type F2" not in stage.text())

    play(script, ready)


def test_a_refused_code_is_said_and_begins_anew(play, ready):
    async def script(stage):
        await offered(stage)
        await stage.press("f", "3", "enter")
        stage.host.answer(await stage.asked(ToHost.ARM_CONFIRM), "refused", "F3 is not the code of this area")
        await stage.shows("F3 is not the code of this area")
        await stage.press("enter")
        await stage.until(lambda: "Type F2" not in stage.text())

    play(script, ready)


def test_a_refused_offer_is_said_in_one_line(play, ready):
    async def script(stage):
        await stage.press("a")
        stage.host.answer(await stage.asked(ToHost.ARM_OPEN), "refused", "cap area F2: asked 0.06 mL, 0.02 mL fits")
        await stage.shows("cap area F2: asked 0.06 mL, 0.02 mL fits")

    play(script, ready)


@pytest.mark.parametrize(
    ("key", "cause"),
    [("p", "pause"), ("space", "pause"), ("a", "pause"), ("x", "key"), ("n", "key"), ("down", "key"), ("enter", "key"),
     ("f6", "screen"), ("f10", "key")],
)  # fmt: skip
def test_every_key_disarms(play, armed, key, cause):
    async def script(stage):
        await stage.press(key)
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": cause}

    play(script, armed)


def test_a_bare_modifier_is_no_key(play, armed):
    async def script(stage):
        await stage.press("left_shift", "caps_lock")
        assert stage.host.kinds() == []

    play(script, armed)


def test_ctrl_c_stops_while_armed_and_else_says_how_to_quit(play, armed, ready):
    async def script(stage):
        await stage.press("ctrl+c")
        assert (await stage.asked(ToHost.STOP)).body == {"by": "key"}
        await stage.show(ready)
        await stage.press("ctrl+c")
        await stage.shows("F10 quits")
        assert ToHost.QUIT not in stage.host.kinds()

    play(script, armed)


def test_lost_focus_and_a_paste_disarm(play, armed):
    async def script(stage):
        stage.app.post_message(events.AppBlur())
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "focus"}
        stage.app.post_message(events.Paste("anything"))
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "key"}

    play(script, armed)


def test_a_key_between_the_confirmation_and_its_answer_disarms(play, ready):
    """The snapshot is older than the hand: what was just asked for counts as armed."""

    async def script(stage):
        await offered(stage)
        await stage.press("f", "2", "enter")
        confirm = await stage.asked(ToHost.ARM_CONFIRM)
        stage.app.post_message(events.AppBlur())
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "focus"}
        stage.host.answer(confirm)
        await stage.until(lambda: "Type F2" not in stage.text())

    play(script, ready)


@pytest.mark.hazard("HZ-26")
def test_what_is_unknown_comes_back_before_the_next_arming(play, ready):
    body = copy.deepcopy(ready)
    body["unknown"] = {"shots": 3, "nl": 60_000, "area": "F2", "since_us": body["utc_us"] - 5_000_000}
    body["log"]["state"] = "UNKNOWN"

    async def script(stage):
        await stage.show(body)
        await stage.shows("Outcome unknown", "0..3 injections, 0..0.06 mL at F2 not proven", "UNKNOWN 0..3")
        await stage.press("escape")
        await stage.until(lambda: "Outcome unknown" not in stage.text())
        await stage.press("a")
        await stage.shows("Outcome unknown")
        assert ToHost.ARM_OPEN not in stage.host.kinds()

    play(script, ready)


def test_writing_off_takes_a_reason_and_two_people(play, ready):
    body = copy.deepcopy(ready)
    body["unknown"] = {"shots": 3, "nl": 60_000, "area": "F2", "since_us": body["utc_us"]}
    body["can"]["write_off"] = ""

    async def script(stage):
        await stage.shows("[W] write off")
        await stage.press("w", "down", "enter", *"271828", "enter", *"lee", "enter", *"314159", "enter")
        asked = await stage.asked(ToHost.WRITE_OFF)
        assert asked.body == {"reason": "lost", "pin": "271828", "login2": "lee", "pin2": "314159"}
        stage.host.answer(asked, "refused", "the PIN of lee is wrong")
        await stage.shows("the PIN of lee is wrong")
        assert "271828" not in stage.text()

    play(script, body)


def test_resetting_takes_a_reason_and_the_word(play, ready):
    body = copy.deepcopy(ready)
    body["phase"], body["gun"]["state"] = "estopped", "ESTOPPED"
    body["stop"] = {"latched": True, "unheard": False, "pressed_ms_ago": 900, "answered_ms": 38, "by": "key"}

    async def script(stage):
        await stage.shows("ESTOPPED ■", "STOP sent -> gun stopped 38 ms")
        await stage.press("r")
        stage.host.answer(await stage.asked(ToHost.RESET_OPEN), token="t-2", expires_ms=10_000)  # noqa: S106  # no password
        await stage.shows("Reset the stop", "patient moved")
        await stage.press("2", *"reset", "enter")
        assert (await stage.asked(ToHost.RESET_CONFIRM)).body == {"token": "t-2", "typed": "RESET", "reason": 2}

    play(script, body)


@pytest.mark.hazard("HZ-12")
def test_a_stop_without_an_answer_says_what_to_do(play, ready):
    body = copy.deepcopy(ready)
    body["stop"] = {"latched": False, "unheard": True, "pressed_ms_ago": 300, "answered_ms": None, "by": "key"}

    async def script(stage):
        await stage.until(lambda: "NO ANSWER: RELEASE TRIGGER, CUT POWER" in stage.rows()[-2])

    play(script, body)


def test_alarms_are_listed_acknowledged_and_silenced(play, ready, snapshot):
    body = copy.deepcopy(ready)
    body["alarms"] = [{**snapshot["alarms"][0], "no": 7, "by": "", "acknowledged_us": None}, snapshot["alarms"][0]]

    async def script(stage):
        await stage.press("f6")
        await stage.shows("OCCLUSION", "ACTIVE", "needle or line blocked", "[K] acknowledge")
        await stage.press("k")
        assert (await stage.asked(ToHost.ACKNOWLEDGE)).body == {"no": 7}
        await stage.press("down", "k")
        assert (await stage.asked(ToHost.ACKNOWLEDGE)).body == {"no": 3}
        await stage.press("z")
        await stage.asked(ToHost.SILENCE)

    play(script, body)


def test_the_first_minute(play, idle, ready):
    """A new data directory: the administrator, a practice session, its confirmation."""
    fresh = copy.deepcopy(idle)
    fresh["enrolled"], fresh["operator"] = False, None

    async def script(stage):
        await stage.shows("Welcome", "login", "PIN")
        await stage.press(*"meyer", "enter", *"Dr", "enter", *"271828", "enter")
        enrol = await stage.asked(ToHost.ENROL)
        assert enrol.body == {"login": "meyer", "name": "Dr", "pin": "271828", "roles": ["clinician"]}
        assert "271828" not in stage.text()
        await stage.show(idle)
        stage.host.answer(enrol, login="meyer", role="clinician")
        await stage.shows("choose a treatment")
        await stage.press("down", "enter")
        opening = await stage.asked(ToHost.OPEN)
        assert opening.body == {"treatment": "hydration"}
        unconfirmed = copy.deepcopy(ready)
        unconfirmed["phase"], unconfirmed["can"]["confirm"] = "unconfirmed", ""
        await stage.show(unconfirmed)
        stage.host.answer(opening)
        await stage.shows("press C to confirm")
        await stage.press("c")
        await stage.asked(ToHost.CONFIRM)

    play(script, fresh)


def test_after_a_closed_session_enter_begins_the_next(play, ready):
    closed = copy.deepcopy(ready)
    closed["phase"], closed["session"]["state"], closed["can"]["open"] = "closed", "closed", ""

    async def script(stage):
        stage.app.call_next(stage.app.show_page, "summary")
        await stage.shows("The session is closed.", "[Enter] the next session", "[F7] what was recorded")
        await stage.press("enter")
        await stage.shows("[Enter] begin")
        await stage.press("enter")
        assert (await stage.asked(ToHost.OPEN)).body == {"treatment": "practice"}

    play(script, closed)


def test_signing_in_and_a_wrong_pin(play, ready):
    out = copy.deepcopy(ready)
    out["operator"] = None

    async def script(stage):
        await stage.shows("Sign in", "nobody signed in")
        await stage.press(*"meyer", "enter", *"111", "enter")
        asked = await stage.asked(ToHost.SIGN_IN)
        assert asked.body == {"login": "meyer", "pin": "111"}
        stage.host.answer(asked, "refused", "wrong PIN; 4 more tries")
        await stage.shows("wrong PIN; 4 more tries")
        await stage.press("f8")
        await stage.asked(ToHost.STOP)

    play(script, out)


def test_a_session_left_open_is_offered_first(play, idle):
    body = copy.deepcopy(idle)
    body["resume"] = {
        "id": "5e5e5e5e",
        "alias": "a1a1",
        "title": "Practice: face",
        "practice": True,
        "opened_us": body["utc_us"] - 3_600_000_000,
        "planned": 120,
        "given": 57,
        "copied": 3,
    }
    body["can"].update(resume="", abandon="")

    async def script(stage):
        await stage.shows("was left without being closed", "57 of 120", "3 records made meanwhile")
        await stage.press("r")
        await stage.asked(ToHost.RESUME)

    play(script, body)


def test_the_plan_is_chosen_from_by_arrows_code_and_mouse(play, ready):
    async def script(stage):
        await stage.press("f4")
        await stage.shows(">░F2", "Forehead")
        await stage.press("down")
        await stage.shows("F3 Glabella")
        await stage.press("f", "8", "l")
        await stage.shows("F8L Cheek (zygoma), left")
        await stage.press("p", "2")
        await stage.shows("P2 Upper back", "not in this plan")
        await stage.press("tab", "enter")
        await stage.shows("AREA F2 Forehead")

    play(script, ready)


@pytest.mark.hazard("HZ-52")
def test_the_eye_can_be_looked_at_and_not_chosen(play, ready):
    async def script(stage):
        await stage.press("f4", "f", "6")
        await stage.shows("F6 Eye itself", "Never: nothing may be injected here")
        assert "[Enter]" not in stage.text()
        await stage.press("enter")
        assert stage.app.known.chosen == "forehead"
        await stage.shows("F6 Eye itself")

    play(script, ready)


@pytest.mark.parametrize("size", SIZES)
def test_the_mouse_chooses_on_map_and_table(play, ready, size):
    async def script(stage):
        await stage.press("f4")
        await stage.shows("Forehead")
        rows = stage.rows()
        y = next(no for no, row in enumerate(rows) if "F8L" in row[:70] and no > 8)
        await stage.pilot.mouse_down(offset=(rows[y].index("F8L"), y))
        await stage.shows("F8L Cheek (zygoma), left")
        y = next(no for no, row in enumerate(stage.rows()) if (" F2 " in row and "1.5 mm" in row) or "░F2" in row)
        await stage.pilot.mouse_down(offset=(stage.rows()[y].rindex("F2"), y))
        await stage.shows("F2 Forehead")

    play(script, ready, size)


def test_leaving_asks_and_staying_is_the_default(play, ready):
    async def script(stage):
        await stage.press("f10")
        await stage.shows("Quit the console?")
        await stage.press("enter")
        await stage.until(lambda: "Quit the console?" not in stage.text())
        await stage.press("f10", "right", "enter")
        stage.host.answer(await stage.asked(ToHost.QUIT), "refused", "disarm first")
        await stage.shows("disarm first")

    play(script, ready)


def test_the_summary_closes_the_session(play, ready):
    async def script(stage):
        await stage.press("f")
        await stage.shows("given in all", "Forehead")
        await stage.press("enter")
        stage.host.answer(await stage.asked(ToHost.FINISH), "refused", "the gun's log is not read yet")
        await stage.shows("the gun's log is not read yet")

    play(script, ready)


def test_guide_and_digit_go_where_the_f_keys_go(play, ready):
    async def script(stage):
        await stage.press("g", "2")
        await stage.shows("plunger force")
        await stage.press("g", "5")
        await stage.shows("AREA F2")

    play(script, ready)


def test_locking_signs_out(play, ready):
    async def script(stage):
        await stage.press("ctrl+l")
        await stage.asked(ToHost.LOCK)
        await stage.shows("Sign in")

    play(script, ready)


def test_the_host_says_goodbye_and_the_screen_ends_with_its_status(play, ready):
    async def script(stage):
        stage.host.peer.send(encode(Message(ToScreen.BYE, 0, {"reason": "quit", "status": 7})))
        await stage.until(lambda: stage.app.return_code == 7 or stage.app.return_value == 7)

    play(script, ready)


@pytest.mark.parametrize("how", ["closed", "nonsense"])
def test_a_host_that_is_gone_or_broken_ends_the_screen(play, ready, how):
    async def script(stage):
        if how == "closed":
            stage.host.peer.shutdown(socket.SHUT_RDWR)
        else:
            stage.host.peer.send(b"\xff" * 64)
        await stage.until(lambda: stage.app.return_value == 1)

    play(script, ready)


def test_a_text_that_would_steer_the_terminal_is_shown_as_text(play, ready):
    body = copy.deepcopy(ready)
    body["session"]["title"] = "A\x1b[2JB\u009bC\u202eD"

    async def script(stage):
        await stage.press("f")
        await stage.shows("A?[2JB?C?D")

    play(script, body)
