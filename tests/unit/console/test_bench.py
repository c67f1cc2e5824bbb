"""The bench at the keys: one step after the other, back where nothing is recorded, and what is typed by hand alone."""

import pytest

from meso_device.console import forms_bench
from meso_device.console.presenters.bench_figures import micrometres, percent
from meso_device.console.reading import ReadingEntry
from meso_device.console.typed import Heard
from meso_device.screen_messages import ToHost
from tests.unit.console.bench_states import PREPARED, at_bench, complete, deciding, still, under_way

BENCH = {kind for kind in ToHost if kind.name.startswith("BENCH_")}


def nothing_asked(stage):
    return not BENCH & set(stage.host.kinds())


async def at_the_bench(stage):
    await stage.press("f2", "m")
    await stage.shows("nobody is treated here")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_from_the_kind_to_the_first_shot_with_a_way_back_from_each_step(play, idle, size):
    async def script(stage):
        await at_the_bench(stage)
        await stage.shows("[kind]", "> dose")
        await stage.press("enter")
        await stage.shows("Calibrate the dose", "bench file")
        await stage.press("escape")
        await stage.shows("[kind]", "> dose")
        await stage.press("enter", *"bench.toml", "tab", *"/dev/b", "enter")
        asked = await stage.asked(ToHost.BENCH_PREPARE)
        assert asked.body == {
            "what": "dose", "file": "bench.toml", "port": "/dev/b", "profile": "reference", "targets": "",
            "readings": "10", "shots": "1", "syringe": "", "lot": "", "needle": "30g_4mm", "head": "single",
        }  # fmt: skip
        stage.host.answer(asked, "refused", "REFERENCE_EXPIRED: balance B0000001 was due on 2026-03-31")
        await stage.shows("REFERENCE_EXPIRED", "Calibrate the dose")
        await stage.press("enter")
        stage.host.answer(await stage.asked(ToHost.BENCH_PREPARE), **PREPARED)
        await stage.shows("[identify]", "B0000001", "M-2026-114", "water 20.0", "full of water")
        # Back: what was typed is there again, for another kind the bench file too.
        await stage.press("escape")
        await stage.shows("Calibrate the dose", "bench.toml", "/dev/b")
        await stage.press("escape", "down", "down", "enter")
        await stage.shows("Check the sensors", "bench.toml")
        await stage.press("enter")
        asked = await stage.asked(ToHost.BENCH_PREPARE)
        assert (asked.body["what"], asked.body["file"], asked.body["port"]) == ("sensors", "bench.toml", "")
        stage.host.answer(asked, **PREPARED)
        await stage.shows("[identify]")
        assert nothing_asked(stage)
        await stage.press("enter")
        stage.host.answer(await stage.asked(ToHost.BENCH_BEGIN))
        await stage.show(under_way(idle, state="WARM_UP", doing="button", asked=None))
        await stage.shows("[as found]", "PRESS THE SERVICE BUTTON", "BENCH")

    play(script, at_bench(idle), size)


@pytest.mark.hazard("HZ-20")
@pytest.mark.parametrize(
    "why", ["meyer (clinician) may not calibrate: that takes technician", "close the session first"]
)
def test_who_may_not_is_told_why_and_nothing_is_asked(play, idle, why):
    async def script(stage):
        await stage.press("f2")
        assert "[M]" not in stage.text()
        await stage.press("m")
        await stage.shows(why)
        await stage.press("ctrl+p", *"bench", "enter")
        await stage.shows("nobody is treated here", why)
        await stage.press(*"raplesxn", "enter", "escape")
        await stage.pilot.pause()
        assert nothing_asked(stage)

    play(script, at_bench(idle, bench_open=why, bench=why))


def test_a_reading_is_keyed_in_with_the_unit_of_its_field_and_what_is_refused_is_asked_again(play, idle):
    async def script(stage):
        await at_the_bench(stage)
        await stage.shows("After 1 shot of 0.01 mL")
        await stage.press(*"35,12345", "enter")
        asked = await stage.asked(ToHost.BENCH_READ)
        assert asked.body == {"no": 7, "text": "35.12345 g"}
        stage.host.answer(asked, "refused", "mass '35.12345 g' refused")
        await stage.shows("refused", "35.12345_")
        await stage.press("tab", "ctrl+u", *"35123.4", "enter")
        assert (await stage.asked(ToHost.BENCH_READ)).body == {"no": 7, "text": "35123.4 mg"}
        # The next question begins with an empty field in the same unit; Enter alone records nothing.
        await stage.show(under_way(idle, asked={"no": 8, "unit": "ug"}))
        await stage.shows(" _ ", " mg ")
        await stage.press("enter")
        await stage.pilot.pause()
        assert nothing_asked(stage)

    play(script, under_way(idle))


def test_what_nobody_typed_is_no_reading(play, idle):
    async def script(stage):
        await at_the_bench(stage)
        await stage.press("3")
        await stage.pilot.press("5")
        await stage.shows("faster than anybody types", " _ ")
        await stage.press("enter")
        await stage.pilot.pause()
        assert nothing_asked(stage)

    play(script, under_way(idle))


def test_the_screen_is_left_and_opened_again_while_a_run_goes_on(play, idle):
    async def script(stage):
        await at_the_bench(stage)
        await stage.press("f6")
        await stage.shows("BENCH")
        await stage.press("f2", "m")
        await stage.shows("After 1 shot of 0.01 mL")
        await stage.press("p")
        stage.host.answer(await stage.asked(ToHost.BENCH_PAUSE))
        await stage.shows("Paused")
        await stage.show(still(idle, why=""))
        await stage.shows("stands still", "[R] go on")

    play(script, under_way(idle))


def test_a_run_that_stands_still_says_why_and_goes_on_from_a_port_or_the_keys(play, idle):
    async def script(stage):
        await at_the_bench(stage)
        await stage.shows("UNSTABLE")
        await stage.press("r", *"/dev/b", "enter")
        asked = await stage.asked(ToHost.BENCH_RESUME)
        assert asked.body == {"port": "/dev/b"}
        stage.host.answer(asked)
        await stage.until(lambda: "its port" not in stage.text())
        await stage.press("e", *"3", "enter", *"bumped", "enter")
        asked = await stage.asked(ToHost.BENCH_EXCLUDE)
        assert asked.body == {"no": "3", "reason": "bumped"}
        stage.host.answer(asked)
        await stage.shows("It does not count")
        await stage.press("x", *"broken", "enter")
        asked = await stage.asked(ToHost.BENCH_ABANDON)
        assert asked.body == {"reason": "broken"}
        stage.host.answer(asked)
        await stage.shows("given up")
        await stage.show(still(idle, state="ABANDONED"))
        await stage.shows("[kind]", "What is calibrated?")

    play(script, still(idle))


@pytest.mark.hazard("HZ-20")
def test_what_is_written_to_the_gun_is_confirmed_by_a_word_or_left(play, idle):
    async def script(stage):
        await at_the_bench(stage)
        await stage.shows("[adjust]", "-19781 ppm", "-19781", "FAIL")
        await stage.press("enter")
        await stage.pilot.pause()
        assert nothing_asked(stage)
        await stage.press("a")
        await stage.shows("Type ADJUST and Enter")
        await stage.press("enter")
        await stage.until(lambda: "Type ADJUST" not in stage.text())
        assert nothing_asked(stage)
        await stage.press("a")
        await stage.shows("Type ADJUST and Enter")
        await stage.press(*"adjust", "enter")
        assert (await stage.asked(ToHost.BENCH_ADJUST)).body == {"adjust": True, "typed": "ADJUST"}
        await stage.press("escape", "l")
        assert (await stage.asked(ToHost.BENCH_ADJUST)).body == {"adjust": False, "typed": ""}

    play(script, deciding(idle))


@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize("no_colour", [False, True])
def test_two_people_sign_and_then_another_run_can_begin(play, idle, no_colour):
    async def script(stage):
        await at_the_bench(stage)
        await stage.shows("as left: PASS", "Next one due on 2027-05-23")
        await stage.press("s")
        await stage.shows("Sign for run 5c3f9d1a: PASS")
        await stage.press(*"615948", "enter", *"ada", "enter", *"482615", "enter")
        asked = await stage.asked(ToHost.BENCH_SIGN)
        assert asked.body == {
            "run": "5c3f9d1a" * 4, "pin": "615948", "login2": "ada", "pin2": "482615", "reason": "",
        }  # fmt: skip
        assert "615948" not in stage.text()
        stage.host.answer(asked)
        await stage.show(complete(idle, state="DONE"))
        await stage.shows("Signed by two people", "meso calibration certificate 5c3f9d1a")
        await stage.press("n")
        await stage.shows("[kind]", "What is calibrated?")
        # Another one that is under way is shown, whatever was put aside.
        await stage.show(under_way(idle))
        await stage.shows("[as found]")

    play(script, complete(idle), no_colour=no_colour)


def test_a_conditional_pass_takes_a_reason():
    names = [field.name for field in forms_bench.sign({"run": "5c" * 16, "verdict": "conditional_pass"}).fields]
    assert names == ["pin", "login2", "pin2", "reason"]


def test_a_field_that_is_not_asked_for_passes_on_what_is_not_a_reading():
    entry = ReadingEntry()
    entry.ask(1, "nm")
    assert (entry.unit, entry.takes("p", "p"), entry.takes("1", "1"), entry.takes("tab", None)) == (
        "mm", False, True, True,
    )  # fmt: skip
    assert entry.press("1", "1", 0) is Heard.CHANGED
    entry.ask(1, "nm")
    assert entry.text == "1"
    entry.press("tab", None, 100)
    entry.ask(2, "nm")
    assert (entry.text, entry.unit) == ("", "um")
    entry.ask(3, "ug")
    assert entry.unit == "g"


@pytest.mark.parametrize(
    ("ppm", "text"), [(0, "+0.00 %"), (20_180, "+2.02 %"), (-310, "-0.03 %"), (-19_951, "-2.00 %"), (49, "+0.00 %")]
)
def test_figures_are_written_exactly(ppm, text):
    assert percent(ppm) == text
    assert (micrometres(41_260), micrometres(-8_350), micrometres(12_040, sign=False)) == ("+41.3", "-8.4", "12.0")
