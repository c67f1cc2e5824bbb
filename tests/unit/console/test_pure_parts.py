"""Typing, pace, flashing, bell, rows, quantities and the catalogue: all without a screen."""

import re
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import meso_device.console
from meso_device.console import keys
from meso_device.console.alarm_text import ALARMS, about
from meso_device.console.ascii import to_ascii
from meso_device.console.bell import Bell
from meso_device.console.flash import swapped
from meso_device.console.form import Field, Form, FormEvent
from meso_device.console.lines import Span, Tone, apart, cells, columns, cut, dim, flow, line, plain, strong, wrap
from meso_device.console.pace import KEYS_APART_MS, Pace
from meso_device.console.presenters.digits import high
from meso_device.console.presenters.quantities import bar, dose_between, scaled, trace
from meso_device.console.text import CATALOGUES, ENGLISH, say
from meso_device.console.theme import THEMES, tones
from meso_device.console.typed import Heard, TypedWord
from meso_device.host.alarm_board import HostAlarm
from protocols.wire.codes import Alarm

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Mn", "Me", "Cf")), max_size=30)
ROWS = st.lists(st.builds(Span, TEXT, st.sampled_from(Tone)), max_size=5).map(tuple)


# --- typing -------------------------------------------------------------------------------------


def type_slowly(word, text, at_ms=0):
    for letter in text:
        at_ms += 100
        word.press(letter.lower(), letter, at_ms)
    return at_ms


def test_enter_alone_never_gives():
    word = TypedWord()
    assert word.press("enter", "\r", 0) is Heard.CANCELLED
    assert word.press("enter", "\r", 1_000) is Heard.CANCELLED


def test_a_word_typed_by_hand_and_enter_gives():
    word = TypedWord()
    at_ms = type_slowly(word, "f8l")
    assert word.text == "F8L"
    assert word.press("enter", "\r", at_ms + 100) is Heard.GIVEN


@pytest.mark.hazard("HZ-07")
@given(gaps=st.lists(st.integers(0, 500), min_size=2, max_size=8))
def test_a_word_stands_only_when_every_key_came_as_slowly_as_a_person_types(gaps):
    word, at_ms = TypedWord(), 0
    for gap in gaps:
        at_ms += gap
        word.press("f", "f", at_ms)
    fast = [no for no, gap in enumerate(gaps) if no and gap < KEYS_APART_MS]
    since = len(gaps) - 1 - fast[-1] if fast else len(gaps)
    assert len(word.text) == since
    assert word.on_cancel == (since == 0)


def test_a_paste_drops_what_was_typed():
    word = TypedWord()
    type_slowly(word, "f2")
    assert word.refuse() is Heard.TOO_FAST
    assert (word.text, word.on_cancel) == ("", True)


def test_cancel_keeps_the_word_and_tab_comes_back_to_it():
    word = TypedWord()
    at_ms = type_slowly(word, "f2")
    assert word.press("tab", "\t", at_ms + 100) is Heard.CHANGED
    assert word.press("enter", "\r", at_ms + 200) is Heard.CANCELLED
    word.press("tab", "\t", at_ms + 300)
    assert word.press("enter", "\r", at_ms + 400) is Heard.GIVEN


def test_pace_judges_by_the_key_before():
    pace = Pace()
    assert [pace.press(at) for at in (0, 29, 59, 88, 200)] == [True, False, True, False, True]
    pace.restart()
    assert pace.press(201)


def test_a_form_goes_on_to_what_is_empty_and_ends_when_nothing_is():
    form = Form([Field("login", "login"), Field("pin", "PIN", secret=True)])
    for letter in "meyer":
        form.press(letter, letter)
    assert form.press("enter", "\r") is FormEvent.CHANGED
    assert form.at == 1
    form.write("271828\n")
    assert form.press("enter", "\r") is FormEvent.DONE
    assert form.values() == {"login": "meyer", "pin": "271828"}
    form.forget_secrets()
    assert form.values() == {"login": "meyer", "pin": ""}
    assert form.press("escape", None) is FormEvent.LEFT


# --- alarms -------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-29")
@pytest.mark.parametrize(("mark", "low_mhz", "high_mhz"), [("***", 1_400, 2_800), ("**", 400, 800)])
def test_alarms_flash_within_their_bands(mark, low_mhz, high_mhz):
    """Counted on a virtual clock of a minute, as fine as a screen can be drawn."""
    states = [swapped(mark, now_ms) for now_ms in range(0, 60_000, 5)]
    changes = sum(before != after for before, after in pairwise(states)) + 1
    assert low_mhz <= changes * 1_000 // 2 // 60 <= high_mhz


def test_low_alarms_are_steady():
    assert not any(swapped("*", now_ms) for now_ms in range(0, 10_000, 50))


def alarm(no, mark, by="", state="active"):
    return {"no": no, "mark": mark, "by": by, "state": state}


@pytest.mark.hazard("HZ-29")
def test_the_bell_rings_once_for_what_is_new_and_again_for_what_is_high():
    bell = Bell()
    assert bell.rings([alarm(1, "**")], silenced=False, now_ms=0)
    assert not bell.rings([alarm(1, "**")], silenced=False, now_ms=60_000)
    assert bell.rings([alarm(2, "***"), alarm(1, "**")], silenced=False, now_ms=61_000)
    assert not bell.rings([alarm(2, "***")], silenced=False, now_ms=65_000)
    assert bell.rings([alarm(2, "***")], silenced=False, now_ms=66_000)
    assert not bell.rings([alarm(2, "***", by="meyer")], silenced=False, now_ms=90_000)


def test_a_silence_holds_for_all_but_a_new_high_alarm():
    bell = Bell()
    assert not bell.rings([alarm(1, "**")], silenced=True, now_ms=0)
    assert bell.rings([alarm(2, "***")], silenced=True, now_ms=0)
    assert not bell.rings([alarm(2, "***")], silenced=True, now_ms=60_000)
    assert not bell.rings([alarm(3, "*")], silenced=False, now_ms=61_000)


def test_every_alarm_has_cause_action_and_clearing_condition():
    names = {item.name for item in Alarm} | {item.name for item in HostAlarm}
    assert set(ALARMS) == names
    for words in (*ALARMS.values(), about("SOMETHING_NEW")):
        assert all(text and text == text.strip() for text in words)


# --- rows ---------------------------------------------------------------------------------------


@given(row=ROWS, width=st.integers(1, 60))
def test_a_cut_row_fits_and_one_that_fits_is_left_alone(row, width):
    assert cells(cut(row, width)) <= width
    if cells(row) <= width:
        assert cut(row, width) == row


@given(left=ROWS, right=ROWS, width=st.integers(40, 80))
def test_the_right_part_of_a_row_ends_at_its_edge(left, right, width):
    right = cut(right, 30)
    row = apart(left, right, width)
    assert cells(row) == width
    assert row[len(row) - len(right) :] == right


@given(text=TEXT, width=st.integers(1, 30))
def test_wrapped_rows_fit_and_lose_no_letter(text, width):
    rows = wrap(text, width)
    if width >= 2:
        assert all(cells(row) <= width for row in rows)
    assert "".join(plain(row) for row in rows).replace(" ", "") == "".join(text.split())


def test_a_row_that_exceeds_by_blanks_alone_says_no_ellipsis():
    assert plain(cut(line("given", "      "), 8)) == "given   "
    assert plain(columns([("a", 3), ("12", -4), ("toolong", 4)])) == "a    12too…"


@given(text=TEXT)
def test_ascii_is_ascii_and_as_wide(text):
    assert to_ascii(text).isascii()
    assert cells(line(to_ascii(text))) == cells(line(text))


def test_strokes_become_the_ascii_that_lies_like_them():
    assert to_ascii("⡇") == "|"
    assert to_ascii("⠉") == "'"
    assert to_ascii("░▓█ …µ") == ".#@ ~u"


# --- quantities ---------------------------------------------------------------------------------


@given(given_nl=st.integers(0, 10**7), held_nl=st.integers(0, 10**7), limit_nl=st.integers(1, 10**7))
def test_a_bar_shows_all_that_is_given_or_held_and_is_full_only_at_the_limit(given_nl, held_nl, limit_nl):
    drawn = bar(given_nl, held_nl, limit_nl, 20)
    assert len(drawn) == 20
    assert ("." in drawn) == (given_nl + held_nl < limit_nl)
    assert ("+" in drawn) == (held_nl > 0)
    assert re.fullmatch(r"#*\+*\.*", drawn)


def test_readings_are_written_exactly():
    assert dose_between(19_700, 19_700) == "0.0197 mL"
    assert dose_between(19_500, 19_900) == "0.0195-0.0199 mL"
    assert scaled(3_100, 2, "°C") == "31.00 °C"
    assert scaled(-5, 1, "N") == "-0.5 N"
    assert scaled(None, 1, "N") == "-"


@given(values=st.lists(st.integers(-(10**6), 10**6), max_size=60), width=st.integers(1, 24))
def test_a_trace_fits_and_is_braille(values, width):
    drawn = trace(values, width)
    assert len(drawn) <= width
    assert all(0x2800 <= ord(letter) < 0x2900 for letter in drawn)


def test_high_figures_are_three_rows_of_the_same_width():
    rows = high("0.02")
    assert len({len(row) for row in rows}) == 1
    assert "".join(rows).strip(" _|.") == ""
    assert all(row.isascii() for row in high("1234567890."))


# --- catalogue, keys, themes --------------------------------------------------------------------


def test_every_text_asked_for_is_in_the_catalogue_and_every_text_is_asked_for():
    source = "\n".join(path.read_text() for path in Path(meso_device.console.__file__).parent.rglob("*.py"))
    asked = set(re.findall(r"""say\(\s*f?["']([a-zA-Z_.0-9]+)["']""", source))
    assert asked <= set(ENGLISH), asked - set(ENGLISH)
    composed = (
        {f"help.{key.id}" for key in keys.KEYS}
        | {f"page.{page}" for page in keys.PAGES}
        | {"page.quit", "page.patient", "page.bench", "amend.key", "reaction.key"}
    )
    prefixes = (
        "gun.level_",
        "gun.trigger_",
        "gun.contact_",
        "gun.cartridge_",
        "plan.",
        "caps.",
        "link.",
        "settings.",
        "alarms.priority_",
        "alarms.head_",
        "history.of_",
        "check.",
        "effect.",
        "patient.fit_",
        "bench.",
        "upkeep.",
    )
    unused = {key for key in ENGLISH if key not in asked | composed and not key.startswith(prefixes)}
    counted = {key for key in unused if source.count(f'"{key}"') < 2}
    assert not counted, counted


def places(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_language_has_every_text_with_the_same_places_for_values(language):
    catalogue = CATALOGUES[language]
    assert set(catalogue) == set(ENGLISH)
    for key, text in catalogue.items():
        assert places(text) == places(ENGLISH[key]), key
        assert text.strip() or key == "gun.real", key


def test_no_text_names_a_key_that_a_keymap_may_change():
    changeable = re.compile(r"\bF([1-79]|1[0-2])\b|Ctrl\+[ABD-Z]|\[[A-Z]\]|\b[A-Z] (shows|resets|acknowledges|goes on)")
    assert [key for key, text in ENGLISH.items() if changeable.search(text)] == []


def test_every_key_says_what_it_does():
    for key in keys.KEYS:
        if key.id not in keys.PAGES and key.id != "stop":
            assert say(f"help.{key.id}")
    assert len({(key.where, key.key) for key in keys.KEYS}) == len(keys.KEYS)


@pytest.mark.hazard("HZ-12")
def test_no_theme_changes_how_alarms_and_stop_look():
    fixed = [Tone.STOP, Tone.HIGH, Tone.MEDIUM, Tone.LOW, Tone.STATE_ARMED, Tone.STATE_FAULT]
    coloured = [tones(theme.name) for theme in THEMES if not theme.ansi]
    assert len(coloured) == 2
    for tone in fixed:
        assert len({styles[tone] for styles in coloured}) == 1


def test_every_theme_knows_every_tone_and_the_plain_one_has_no_colour():
    for theme in THEMES:
        styles = tones(theme.name)
        assert set(styles) == set(Tone)
        if theme.ansi:
            assert all(style.color is None and style.bgcolor is None for style in styles.values())
            marks = [styles[tone] for tone in (Tone.HIGH, Tone.HIGH_FLASH, Tone.MEDIUM, Tone.MEDIUM_FLASH)]
            assert marks[0] != marks[1]
            assert marks[2] != marks[3]


@pytest.mark.parametrize("width", range(8, 40))
def test_a_row_that_flows_loses_no_word_and_parts_no_number_from_its_unit(width):
    row = line(dim("  smallest dose of bd_5ml "), "0.005712 mL", strong(" and 1.5 mm more"))
    rows = flow(row, width, 4)
    texts = ["".join(span.text for span in one) for one in rows]
    assert " ".join(" ".join(texts).split()) == "smallest dose of bd_5ml 0.005712 mL and 1.5 mm more"
    assert not any(text.split()[:1] in (["mL"], ["mm"]) for text in texts)
    assert all(len(text.rstrip()) <= max(width, len("    0.005712 mL")) for text in texts)
    assert all(text.startswith("    ") for text in texts[1:])
