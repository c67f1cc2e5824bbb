"""STOP and the same first and last rows, on every screen and every dialog."""

import copy
import inspect

import pytest

from meso_device.console import forms, keys
from meso_device.console.app import ConsoleApp
from meso_device.console.screens import afterwards, arm, ask, pages, palette, reasons, reset, unknown
from meso_device.console.screens.base import Dialog, Framed
from meso_device.console.screens.bench import AdjustDialog
from meso_device.console.screens.connect import ConnectDialog
from meso_device.console.screens.edit import EditDialog
from meso_device.console.screens.quit import QuitDialog
from meso_device.screen_messages import ToHost

OFFER = {
    "token": "t",
    "expires_ms": 10_000,
    "area": "forehead",
    "short": "F2",
    "depth_um": 1_500,
    "dose_nl": 20_000,
    "shots": 3,
    "nl": 60_000,
    "given": 9,
    "planned": 12,
    "warnings": [],
}
RECORD = {
    "seq": 7,
    "amend": {"why": "", "fields": [{"field": "form", "now": "F-1", "takes": []}] * 2, "by_two": False},
    "reaction": {"why": "", "session": "5e5e5e5e"},
}
DIALOGS = {
    "adjust": lambda: AdjustDialog([{"name": "cal_id", "old": 1, "new": 2}]),
    "arm": lambda: arm.ArmDialog(OFFER),
    "reset": lambda: reset.ResetDialog({"token": "t", "expires_ms": 10_000}),
    "unknown": unknown.UnknownDialog,
    "palette": palette.PaletteDialog,
    "ask": lambda: ask.AskDialog(forms.waste()),
    "connect": ConnectDialog,
    "quit": QuitDialog,
    "edit": lambda: EditDialog("forehead"),
    "skip": lambda: reasons.SkipDialog({"id": "forehead", "short": "F2", "given": 0, "skipped": 0}),
    "cells": lambda: reasons.CellsDialog("forehead"),
    "again": lambda: reasons.AgainDialog({"id": "forehead", "cells": [{"name": "F2a"}]}, 0),
    "note": reasons.NoteDialog,
    "field": lambda: afterwards.FieldDialog(RECORD, print),
    "reaction": lambda: afterwards.ReactionDialog(RECORD, print),
}


def all_framed():
    found, queue = set(), [Framed]
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        found.add(kind)
    return found


def test_no_screen_is_left_out_of_this_file():
    shown = {type(make()) for make in DIALOGS.values()} | {pages.page_class(name) for name in pages.NAMES}
    asking = {reasons.Asking, reasons.ChoiceDialog, reasons.ReasonDialog, afterwards.OfRecordDialog}
    bases = {Framed, Dialog, arm.TypedDialog, *asking, *[kind for kind in all_framed() if kind.__name__ == "Page"]}
    assert all_framed() - bases - shown == set()


@pytest.mark.hazard("HZ-12")
@pytest.mark.hazard("HZ-36")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_every_page_has_the_frame_and_stops_by_key_and_by_mouse(play, ready, size):
    async def script(stage):
        for name in pages.NAMES:
            await stage.app.show_page(name)
            await stage.show(ready)
            await frame_stands(stage)

    play(script, ready, size)


@pytest.mark.hazard("HZ-12")
@pytest.mark.parametrize("name", DIALOGS)
def test_every_dialog_has_the_frame_and_stops_by_key_and_by_mouse(play, ready, name):
    async def script(stage):
        stage.app.open_dialog(DIALOGS[name]())
        await stage.pilot.pause()
        await frame_stands(stage)

    play(script, ready)


async def frame_stands(stage):
    await stage.until(lambda: "[F8 STOP ■]" in stage.rows()[1])
    rows = stage.rows()
    assert rows[0].lstrip().startswith("READY ◇"), rows[0]
    assert "SIMULATED" in rows[1]
    assert "alarms 0" in rows[-2]
    assert rows[-1].startswith("F8 STOP"), rows[-1]
    await stage.press("f8")
    assert (await stage.asked(ToHost.STOP)).body == {"by": "key"}
    for x, y in ((stage.app.size.width - 4, 1), (2, stage.app.size.height - 1)):
        await stage.pilot.mouse_down(offset=(x, y))
        assert (await stage.asked(ToHost.STOP)).body == {"by": "button"}


@pytest.mark.hazard("HZ-12")
def test_nothing_but_stop_has_a_key_of_stop():
    assert [key.id for key in keys.KEYS if keys.STOP_KEY in key.key] == ["stop"]
    for kind in all_framed():
        taken = {key for binding in kind.__dict__.get("BINDINGS", ()) for key in binding.key.split(",")}
        assert keys.STOP_KEY not in taken, kind
    stops = [binding for binding in ConsoleApp.BINDINGS if keys.STOP_KEY in binding.key.split(",")]
    assert [(binding.action, binding.priority) for binding in stops] == [("stop('key')", True)]


@pytest.mark.hazard("HZ-12")
def test_stop_can_be_given_keys_and_loses_none():
    assert keys.keymap({"stop": "f12", "live.next": "m"}) == ({"stop": "f8,f12", "live.next": "m"}, {})
    taken, refused = keys.keymap({"stop": "f12", "live.arm": "f8", "live.next": "m", "nonsense": "x"})
    assert (taken, set(refused)) == ({"stop": "f8"}, {"live.arm", "nonsense"})
    assert keys.keymap({})[0] == {"stop": "f8"}


def test_only_stop_and_the_keys_of_the_frame_pass_a_dialog():
    assert {key.id for key in keys.KEYS if key.priority} == {
        "stop", "interrupt", "quit", "lock", "palette", *keys.PAGES,
    }  # fmt: skip


def test_no_screen_waits_in_a_handler():
    """A handler that waits for a dialog holds every key, STOP among them."""
    for kind in all_framed():
        assert "push_screen_wait" not in inspect.getsource(inspect.getmodule(kind))


def test_too_small_is_one_line_and_disarms(play, armed):
    async def script(stage):
        await stage.pilot.resize_terminal(79, 24)
        assert (await stage.asked(ToHost.DISARM)).body == {"cause": "size"}
        await stage.until(lambda: "too small, disarmed" in stage.rows()[0])
        assert "".join(stage.rows()[1:]).strip() == ""
        await stage.press("f8")
        await stage.asked(ToHost.STOP)
        await stage.pilot.resize_terminal(80, 24)
        await stage.until(lambda: "[F8 STOP ■]" in stage.rows()[1])

    play(script, armed)


def test_alive_is_said_by_the_loop_of_the_screen(play, ready):
    async def script(stage):
        await stage.until(lambda: stage.host.alive >= 2)

    play(script, ready)


def test_a_silent_host_is_said_so(play, ready):
    async def script(stage):
        stage.clock.ms += 3_000
        await stage.shows("NO NEWS ✕", "host silent for 3 s")

    play(script, ready)


@pytest.mark.parametrize(
    ("link", "gun", "session", "word"),
    [
        ("down", True, False, "LINK LOST ✕"),
        ("down", False, True, "LINK LOST ✕"),
        ("connecting", False, True, "LINK LOST ✕"),
        ("down", False, False, "NO GUN ○"),
        ("connecting", False, False, "CONNECTING ◌"),
    ],
)
def test_the_link_is_told_in_the_first_row(play, ready, link, gun, session, word):
    body = copy.deepcopy(ready)
    body["link"] = link
    if not gun:
        body["gun"] = None
    if not session:
        body["session"] = None

    async def script(stage):
        await stage.until(lambda: stage.rows()[0].lstrip().startswith(word))

    play(script, body)
