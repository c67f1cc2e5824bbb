"""The settings file: strict, with the line of what is wrong; and the keys that it changes."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meso_device.console import keys
from meso_device.console.keys import KEYS, STOP_CHOICE, Keymap, keymap
from meso_device.console.settings import FILE_BYTES_MAX, read_settings
from meso_device.console.state import Known
from meso_device.screen_messages import ToHost
from protocols.errors import UsageError


def read(tmp_path, text):
    path = tmp_path / "console.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_settings(path)


def test_without_a_file_everything_is_as_delivered(tmp_path):
    settings = read_settings(tmp_path / "console.toml")
    assert (settings.theme, settings.bell, settings.given, settings.keys) == ("meso-grey", True, frozenset(), {})


def test_what_is_set_is_read_and_known_to_be_set(tmp_path):
    settings = read(
        tmp_path,
        'theme = "meso-light"\nbell = false\ndisarm_after_s = 20\n[keys]\nstop = "f12"\nlive.arm = "b"\n'
        '"alarms.silence" = "q"\n',
    )
    assert (settings.theme, settings.bell, settings.disarm_after_s) == ("meso-light", False, 20)
    assert settings.keys == {"stop": "f8,f12", "live.arm": "b", "alarms.silence": "q"}
    assert settings.given == {
        "theme", "bell", "disarm_after_s", "keys.stop", "keys.live.arm", "keys.alarms.silence",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('theme = "meso-grey"\n\ncolour = 3\n', 3, "there is no setting colour"),
        ('theme = "green"\n', 1, "meso-grey, meso-light, meso-mono"),
        ("bell = 1\n", 1, "true or false"),
        ("bell = true\ndisarm_after_s = 61\n", 2, "from 10 to 60"),
        ("lock_after_min = true\n", 1, "from 1 to 60"),
        ('\n[keys]\nlive.armm = "b"\n', 3, "there is no such act"),
        ('[keys]\n"live.arm" = "f8"\n', 2, "key of stop"),
        ('[keys.live]\nnext = "m"\narm = "n"\nnext_area = "x"\n', 4, "no such act"),
        ('[keys]\nlive.arm = "n"\n', 2, "key of live.next"),
        ('[keys]\nlive.arm = "b"\nstop = "pause"\n', 3, "cannot stop"),
        ('[keys]\nstop = "f5"\n', 2, "key of live already"),
        ('[keys]\ninterrupt = "ctrl+x"\n', 2, "ctrl+c stays"),
        ('[keys]\nlock = "l"\n', 2, "taken out of what is typed"),
        ("[keys]\nlive.arm = 3\n", 2, "a key in quotes"),
        ("theme = \n", 1, "line 1"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path, text, line, words):
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    said = str(refused.value)
    assert said.startswith(str(tmp_path / "console.toml"))
    assert f"line {line}" in said
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize("text", [b"\xff\xfe", b"#" * (FILE_BYTES_MAX + 1)])
def test_what_is_no_text_of_settings_is_refused(tmp_path, text):
    with pytest.raises(UsageError):
        read(tmp_path, text)


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="not a file"):
        read_settings(tmp_path)


@pytest.mark.hazard("HZ-12")
@given(
    st.dictionaries(
        st.sampled_from([key.id for key in KEYS]),
        st.sampled_from([*STOP_CHOICE, "a", "n", "ctrl+c", "ctrl+x", "f1", "f3", "escape", "f8,f12", "f9,insert"]),
    )
)
def test_whatever_is_wished_stop_keeps_f8_and_shares_no_key(wanted):
    changed, refused = keymap(wanted)
    taken = Keymap(changed)
    assert taken.stops[0] == "f8"
    assert set(taken.stops) <= set(STOP_CHOICE)
    assert changed == {"stop": "f8"} if refused else set(wanted) <= set(changed)
    others = {one for key in KEYS if key.id != "stop" for one in changed.get(key.id, key.key).split(",")}
    assert not others & set(taken.stops)
    for where in {key.where for key in KEYS}:
        here = [changed.get(key.id, key.key) for key in KEYS if key.where in {"", where} and key.id != "stop"]
        assert len(set(here)) == len(here), (where, changed)


def test_keys_are_read_as_people_read_them():
    taken = Keymap({"stop": "f8,f12", "live.arm": "ctrl+a"})
    assert (taken["stop"], taken["live.arm"], taken["alarms.acknowledge_all"]) == ("F8, F12", "Ctrl+A", "Shift+K")
    assert taken.textual()["live.arm"] == "ctrl+a"


def greeted(keys_changed):
    known = Known()
    known.greet({"settings": {"keys": keys_changed}})
    return known.keys


@pytest.mark.hazard("HZ-12")
def test_while_armed_a_changed_key_disarms_or_stops_as_its_act_does(play, armed):
    changes = keymap({"stop": "f12", "live.pause": "b", "history": "ctrl+y"})[0]
    assert greeted(changes).disarm_cause("f12") is None
    assert greeted(changes).disarm_cause("b") == "pause"
    assert greeted(changes).disarm_cause("ctrl+y") == "screen"
    assert greeted(changes).disarm_cause("f7") == "key"

    async def script(stage):
        await stage.greet(keys=changes)
        await stage.press("f12")
        assert (await stage.asked(ToHost.STOP)).body == {"by": "key"}
        await stage.press("f8")
        assert (await stage.asked(ToHost.STOP)).body == {"by": "key"}
        await stage.press("b")
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "pause"}

    play(script, armed)


def test_a_changed_key_acts_and_is_shown_where_its_act_is(play, ready):
    changes = keymap({"live.arm": "b", "alarms": "f11", "alarms.silence": "q"})[0]

    async def script(stage):
        await stage.greet(keys=changes)
        await stage.show(ready)
        await stage.shows("[B] arm", "F11 Alarms")
        await stage.press("a")
        assert ToHost.ARM_OPEN not in stage.host.kinds()
        await stage.press("b")
        await stage.asked(ToHost.ARM_OPEN)
        await stage.press("f11")
        await stage.shows("[Q] silence")
        await stage.press("q")
        await stage.asked(ToHost.SILENCE)
        await stage.press("f1")
        await stage.shows("B arm", "Q bell off")

    play(script, ready)


def test_settings_show_what_holds_and_where_it_comes_from(play, ready):
    async def script(stage):
        await stage.greet(
            keys={"stop": "f8,f12"}, theme="meso-light", given=["theme", "keys.stop", "--ascii"], ascii=True
        )
        await stage.press("f9")
        await stage.shows("meso-light", "the file", "ASCII", "--ascii", "default")
        await stage.press("b")
        await stage.shows("off", "this run", "audio off")
        await stage.press("right", "right")
        await stage.shows("F8, F12")
        await stage.press("right", "right")
        await stage.shows("terminal bell only, unverified")

    play(script, ready)


def test_the_palette_goes_where_its_words_lead_and_holds_nothing_dangerous(play, ready, armed):
    from meso_device.console.palette import offers

    acts = {offer.act.partition("(")[0] for offer in offers()}
    assert acts == {"page", "lock", "silence", "theme", "bell_switch", "leave"}

    async def script(stage):
        await stage.press("ctrl+p")
        await stage.shows("What to do?", "[F8 STOP ■]")
        await stage.press(*"alar", "enter")
        await stage.until(lambda: stage.app.shown.PAGE == "alarms")
        await stage.show(armed)
        await stage.press("ctrl+p")
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "key"}
        assert "What to do?" not in stage.text()

    play(script, ready)


def test_the_keys_of_stop_have_the_numbers_that_terminals_send():
    assert STOP_CHOICE[keys.STOP_KEY] == 19
    assert len(set(STOP_CHOICE.values())) == len(STOP_CHOICE)


def test_whoever_reads_the_settings_does_without_the_screens_toolkit():
    code = "import meso_device.cli.console_start, sys; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_data_tab_asks_what_is_due_and_ends_the_console_for_it_once_that_is_said_again(play, ready):
    due = {"years": 10, "expired": 0, "key_since_us": 1_795_270_000_000_000, "key_changes": 2}

    async def script(stage):
        await stage.press("f9")
        assert ToHost.UPKEEP not in stage.host.kinds()
        for over, told in ((0, "nobody's past 10 years"), (3, "3 patients past 10 years")):
            await stage.press("left", "left")
            stage.host.answer(await stage.asked(ToHost.UPKEEP), **{**due, "expired": over})
            await stage.shows(told, "since 2026-11-21, number 3 of this log", "[X] end this console")
            await stage.press("right", "right")
        await stage.press("k")
        assert ToHost.SEE_TO not in stage.host.kinds(), "only where it is told what is due"
        await stage.press("left", "left")
        for pressed, says in (("n", "forgotten for ever"), ("k", "secret is destroyed"), ("x", "Nothing is recorded")):
            await stage.press(pressed)
            await stage.shows(says, "Quit the console?")
            await stage.press("enter")  # staying is the default
            assert ToHost.SEE_TO not in stage.host.kinds()
        await stage.press("x", "tab", "enter")
        asked = await stage.asked(ToHost.SEE_TO)
        assert asked.body == {"what": "end"}
        stage.host.answer(asked, outcome="refused", text="a technician may not retire")
        await stage.shows("a technician may not retire")

    play(script, ready)


def test_from_the_history_it_is_one_key_to_what_is_due(play, ready):
    async def script(stage):
        await stage.press("f7", "u")
        stage.host.answer(
            await stage.asked(ToHost.UPKEEP), years=10, expired=0, key_since_us=1_795_270_000_000_000, key_changes=0
        )
        await stage.shows("nobody's past 10 years", "[N] forget names")

    play(script, ready)
