"""How each screen looks, letter by letter, at both sizes; without colour and in ASCII it says the same.

With UPDATE_SHOWN=1 in the environment the files in ``shown/`` are written anew; look before keeping them.
"""

import importlib
import json
import os
import pkgutil
from pathlib import Path

import pytest

from meso_device.console import forms_afterwards, screens
from meso_device.console.ascii import to_ascii
from meso_device.console.screens.afterwards import FieldDialog, ReactionDialog
from meso_device.console.screens.arm import ArmDialog
from meso_device.console.screens.ask import AskDialog
from meso_device.console.screens.base import Framed
from meso_device.console.screens.bench import AdjustDialog
from meso_device.console.screens.connect import ConnectDialog
from meso_device.console.screens.edit import EditDialog
from meso_device.console.screens.quit import QuitDialog
from meso_device.console.screens.reasons import AgainDialog, CellsDialog, NoteDialog
from meso_device.console.screens.reset import ResetDialog
from meso_device.console.screens.unknown import UnknownDialog
from meso_device.screen_messages import Message, ToHost, ToScreen, encode
from tests.unit.console import bench_states
from tests.unit.console.conftest import WELCOME

SHOWN = Path(__file__).parent / "shown"
SIZES = [(80, 24), (120, 40)]
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
    "warnings": ["SECOND PASS F2: its points are done"],
}
NO_TECHNICIAN = "meyer (clinician) may not calibrate: that takes technician"
BENCH = ("ctrl+p", *"bench", "enter")
ROW = {"profile": "syringe", "found": bench_states.SYRINGE, "proposal": bench_states.NEW_ROW}
NO_READING = {"asked": None, "taken": 0, "newest": [], "step": None}
GAUGED = [
    {"no": no, "stage": "as_found", "use": "gauge", "target": target, "raw": raw, "unit": "nm", "sensor": "",
     "direction": "down", "counted": True}
    for no, target, raw in ((20, 4_000, "4.021 mm"), (19, 6_000, "6.013 mm"))
]  # fmt: skip
GAUGE = {
    "what": "depth", "profile": "depth", "asked": {"no": 3, "unit": "nm"}, "taken": 20, "planned": 70, "newest": GAUGED,
    "step": {"use": "gauge", "target": 2_000, "shots": 1, "direction": "down", "cycle": 2},
}  # fmt: skip
FILLING = {
    "what": "filling",
    "profile": "filling",
    "found": bench_states.FILLING,
    "left": None,
    "adjusted": False,
    "verdict": "fail",
    "due_day": 0,
}
TRAVEL = {
    "what": "depth",
    "profile": "depth",
    "found": bench_states.TRAVEL,
    "left": None,
    "state": "DONE",
    "adjusted": False,
}
SENSORS = {
    "what": "sensors",
    "profile": "sensors",
    "found": bench_states.SENSORS,
    "left": None,
    "due_day": 0,
    "adjusted": False,
}
PROOF = {"size": 18_400, "root": "fedcba9876543210" * 4, "path": ["0f1e2d3c4b5a6978" * 4] * 3, "problem": ""}
FIELDS = [
    {"field": "code", "now": "nodule", "takes": ["bruise", "nodule", "other"]},
    {"field": "severity", "now": "mild", "takes": ["mild", "moderate", "severe", "life_threatening"]},
    {"field": "onset_day", "now": "12", "takes": []},
]
AMENDABLE = {
    "seq": 18_362,
    "amend": {"why": "", "fields": FIELDS, "by_two": True},
    "reaction": {"why": "", "session": "5e5e5e5e"},
}
ALARMS = [
    ("***", "A106", "DEPTH_FAULT", "0.6 mm off", "F2", "active", 1),
    ("**", "A208", "OCCLUSION", "90 kPa", "F2", "active", 1),
    ("*", "H301", "BATTERY_LOW", "19 %", "", "cleared", 3),
]


def full(ready):
    """A session in its middle: alarms of each priority, shots of each kind."""
    body = bench_states.copied(ready)
    body["alarms"] = [
        {"no": no, "mark": mark, "code": code, "name": name, "text": text, "area": area, "state": state,
         "at_us": body["utc_us"] - no * 10**6, "by": "", "acknowledged_us": None, "count": count}
        for no, (mark, code, name, text, area, state, count) in enumerate(ALARMS, 1)
    ]  # fmt: skip
    body["alarms"][1].update(by="meyer", acknowledged_us=body["utc_us"] - 10**6)
    body["tail"] = [
        {"shot_seq": 18_241 - no, "at_us": body["utc_us"] - no * 10**6, "area": "F2", "depth_um": 1_480,
         "reason": reason,
         "planned_depth_um": 1_500, "dose_lo_nl": lo_nl, "dose_hi_nl": 19_700, "phase": phase}
        for no, (lo_nl, phase, reason) in enumerate(
            [(19_700, "DONE", "NONE"), (19_500, "DONE", "NONE"), (4_000, "ABORTED", "LIFT")]
        )
    ]  # fmt: skip
    body["areas"][1]["interrupted"] = 1
    return body


def unproven(ready):
    body = bench_states.copied(ready)
    body["unknown"] = {"shots": 3, "nl": 60_000, "area": "F2", "since_us": body["utc_us"] - 5 * 10**6}
    body["log"]["state"] = "UNKNOWN"
    return body


def first_of_all(idle):
    body = bench_states.copied(idle)
    body["enrolled"], body["operator"] = False, None
    return body


def left_open(idle):
    body = bench_states.copied(idle)
    body["resume"] = {"id": "5e5e5e5e", "alias": "a1a1", "title": "Practice: face", "practice": True, "planned": 120,
                      "opened_us": body["utc_us"] - 3_600 * 10**6, "given": 57, "copied": 3}  # fmt: skip
    body["can"].update(resume="", abandon="")
    return body


def split(ready):
    """An area in three cells, one of them gone over again; its plan edited, and one area left out."""
    body = bench_states.copied(ready)
    body["areas"][0].update(
        depth_um=1_000, skipped=1, cell=1,
        cells=[
            {"name": f"F2{name}", "planned": 4, "done": done, "again": again}
            for name, done, again in (("a", 4, False), ("b", 6, True), ("c", 0, False))
        ],
    )  # fmt: skip
    out = body["areas"].pop()
    body["left_out"] = [{name: out[name] for name in ("id", "code", "short")}]
    return body


def closed(ready):
    """A patient's session that is closed and waits for its signature: more areas than rows, and a grant written off."""
    body = full(ready)
    body["session"].update(state="closed", practice=False)
    body.update(phase="closed", to_sign=body["session"]["id"], written_off={"shots": 2, "nl": 40_000})
    body["areas"] *= 7
    body["closing"] = {
        "material": {
            "loaded_nl": 5_000_000, "patient_lo_nl": 1_380_000, "patient_hi_nl": 1_420_000, "prime_nl": 120_000,
            "waste_nl": 0, "left_lo_nl": 3_460_000, "left_hi_nl": 3_500_000,
        }
    }  # fmt: skip
    body["tree_head"] = {"size": 18_363, "root": "a41f09c277de" + "0" * 52}
    return body


def offered():
    dialog = EditDialog("forehead")
    offer = "dose 0.03 mL (was 0.02 mL; allowed 0.004-0.05 mL; file 0.02 mL)"
    dialog._offer = {"token": "t", "short": "F2", "what": "dose", "offered": offer, "typed": "0.03"}
    dialog._ends_ms = 1_010_000
    return dialog


@pytest.fixture
def scenes(ready, armed, idle, prepared, signed_in):
    """Name: first snapshot, keys, dialog to open."""
    return {
        "live": (full(ready), (), None),
        "armed": (armed, (), None),
        "plan": (full(ready), ("f4",), None),
        "plan_front": (full(ready), ("f4", "1"), None),
        "plan_back": (full(ready), ("f4", "2"), None),
        "plan_scalp": (full(ready), ("f4", "3"), None),
        "plan_split": (split(ready), ("f4",), None),
        "plan_caps": (ready, ("f4", "c"), None),
        "live_split": (split(ready), (), None),
        "edit": (ready, (), lambda: EditDialog("forehead")),
        "edit_offered": (ready, (), offered),
        "cells": (split(ready), (), lambda: CellsDialog("forehead")),
        "again": (split(ready), (), lambda: AgainDialog(split(ready)["areas"][0], 1)),
        "connect": (ready, ("f2",), ConnectDialog),
        "cells_split": (ready, (), lambda: CellsDialog("forehead")),
        "skip": (ready, ("s",), None),
        "note": (ready, (), NoteDialog),
        "alarms": (full(ready), ("f6", "down"), None),
        "history": (ready, ("f7", "down"), None),
        "history_record": (ready, ("f7", "down", "enter"), None),
        "history_fields": (ready, ("f7",), lambda: FieldDialog(AMENDABLE, print)),
        "history_amend": (ready, ("f7",), lambda: AskDialog(forms_afterwards.amend(AMENDABLE, FIELDS[1]))),
        "history_reactions": (ready, ("f7",), lambda: ReactionDialog(AMENDABLE, print)),
        "history_reaction": (
            ready,
            ("f7",),
            lambda: AskDialog(forms_afterwards.reaction(AMENDABLE, "nodule", WELCOME)),
        ),
        "gun": (ready, ("f2",), None),
        "bench_refused": (bench_states.at_bench(ready, bench_open=NO_TECHNICIAN), BENCH, None),
        "bench_kind": (bench_states.at_bench(idle), (*BENCH, "down"), None),
        "bench_form": (bench_states.at_bench(idle), (*BENCH, "enter"), None),
        "bench_prepared": (bench_states.at_bench(idle), (*BENCH, "enter", *"b.toml", "enter"), None),
        "bench_reading": (bench_states.under_way(idle), (*BENCH, "3"), None),
        "bench_button": (bench_states.under_way(idle, state="WARM_UP", doing="button", **NO_READING), BENCH, None),
        "bench_gauge": (bench_states.under_way(idle, **GAUGE), BENCH, None),
        "bench_still": (bench_states.still(idle), BENCH, None),
        "bench_deciding": (bench_states.deciding(idle), BENCH, None),
        "bench_row": (bench_states.deciding(idle, what="syringe", **ROW), BENCH, None),
        "bench_syringe": (bench_states.at_bench(idle), (*BENCH, "up", "up", "enter"), None),
        "bench_adjust": (bench_states.deciding(idle), BENCH, lambda: AdjustDialog(bench_states.PROPOSAL)),
        "bench_complete": (bench_states.complete(idle), BENCH, None),
        "bench_sign": (bench_states.complete(idle, verdict="conditional_pass"), (*BENCH, "s"), None),
        "bench_depth": (bench_states.complete(idle, **TRAVEL), BENCH, None),
        "bench_sensors": (bench_states.complete(idle, **SENSORS), BENCH, None),
        "bench_filling": (bench_states.complete(idle, **FILLING), BENCH, None),
        "help": (ready, ("f1",), None),
        "settings": (ready, ("f9",), None),
        "settings_alarms": (ready, ("f9", "right"), None),
        "settings_keys": (ready, ("f9", "right", "right"), None),
        "settings_data": (ready, ("f9", "left", "left"), None),
        "settings_about": (ready, ("f9", "left"), None),
        "palette": (ready, ("ctrl+p", "g", "o"), None),
        "summary": (full(ready), ("f",), None),
        "summary_closed": (closed(ready), ("f",), None),
        "session": (ready, ("f3",), None),
        "choose": (idle, (), None),
        "patient_who": (signed_in, ("p",), None),
        "patient": (prepared, ("p", "down"), None),
        "patient_part": (prepared, ("p", *["down"] * 5, "enter"), None),
        "resume": (left_open(idle), (), None),
        "sign_in": (ready, ("f9", "s"), None),
        "first": (first_of_all(idle), (), None),
        "arm": (ready, (), lambda: ArmDialog(OFFER)),
        "reset": (ready, (), lambda: ResetDialog({"token": "t", "expires_ms": 10_000})),
        "unknown": (unproven(ready), (), UnknownDialog),
        "quit": (ready, (), QuitDialog),
    }


SCREENS = {
    "AlarmsScreen": ("alarms",),
    "BenchScreen": (
        *("bench_refused", "bench_kind", "bench_prepared", "bench_reading", "bench_still", "bench_deciding"),
        *(
            "bench_button",
            "bench_gauge",
            "bench_row",
            "bench_complete",
            "bench_depth",
            "bench_sensors",
            "bench_filling",
        ),
    ),
    "GunScreen": ("gun",),
    "HelpScreen": ("help",),
    "HistoryScreen": ("history", "history_record"),
    "LiveScreen": ("live", "armed", "live_split"),
    "PatientScreen": ("patient_who", "patient"),
    "PlanScreen": ("plan", "plan_front", "plan_back", "plan_scalp", "plan_split", "plan_caps"),
    "SessionScreen": ("session", "choose", "resume"),
    "SettingsScreen": ("settings", "settings_alarms", "settings_keys", "settings_data", "settings_about"),
    "SignInScreen": ("sign_in", "first"),
    "SummaryScreen": ("summary", "summary_closed"),
    "AdjustDialog": ("bench_adjust",),
    "AgainDialog": ("again",),
    "ArmDialog": ("arm",),
    "AskDialog": (
        *("patient_part", "bench_form", "bench_syringe", "bench_sign"),
        *("history_amend", "history_reaction"),
    ),
    "CellsDialog": ("cells", "cells_split"),
    "ConnectDialog": ("connect",),
    "EditDialog": ("edit", "edit_offered"),
    "FieldDialog": ("history_fields",),
    "ReactionDialog": ("history_reactions",),
    "NoteDialog": ("note",),
    "PaletteDialog": ("palette",),
    "QuitDialog": ("quit",),
    "ResetDialog": ("reset",),
    "SkipDialog": ("skip",),
    "UnknownDialog": ("unknown",),
}
"""The scenes of each screen and dialog."""
SCREEN_OF = {name: screen for screen, names in SCREENS.items() for name in names}
NAMES = list(SCREEN_OF)
PORTS = [
    {"port": "/dev/ttyACM0", "serial": "MG-0042", "model": "MG-1", "simulated": False, "problem": ""},
    {"port": "/dev/pts/7", "serial": "SIM-1", "model": "SIM", "simulated": True, "problem": ""},
    {"port": "/dev/ttyUSB1", "serial": "", "model": "", "simulated": False, "problem": "no answer"},
]


ANSWERED = {ToHost.PAGE, ToHost.RECORD, ToHost.PORTS, ToHost.BENCH_PREPARE, ToHost.UPKEEP}
UPKEEP = {"years": 10, "expired": 3, "key_since_us": 1_795_270_000_000_000, "key_changes": 1}


def shot(seq, at_us):
    phase, reason, lo_nl = ("ABORTED", "LIFT", 4_000) if seq % 50 == 8 else ("DONE", "NONE", 19_700)
    return {"seq": seq, "shot_seq": seq, "at_us": at_us, "area": "forehead", "area_code": 102, "depth_um": 1_480,
            "planned_depth_um": 1_500, "dose_lo_nl": lo_nl, "dose_hi_nl": 19_700, "phase": phase, "reason": reason,
            "lot": "V-77", "session8": "5e5e5e5e", "alias8": "a1a1a1a1", "simulated": True}  # fmt: skip


def answer(stage):
    """Answer what was asked of a log of 60 shots, and of the ports of the computer."""
    stage.host.listen()
    heard, at_us = stage.host.heard, stage.app.known.snapshot["utc_us"]
    for message in [one for one in heard if one.kind in ANSWERED]:
        heard.remove(message)
        if message.kind == ToHost.PAGE:
            rows = [shot(seq, at_us - (18_362 - seq) * 10**6) for seq in range(18_362, 18_302, -1)]
            page = {"rows": rows, "next": None, "head": 18_363}
            stage.host.peer.send(encode(Message(ToScreen.PAGE, message.id, page)))
        elif message.kind == ToHost.BENCH_PREPARE:
            stage.host.answer(message, **bench_states.PREPARED)
        elif message.kind == ToHost.UPKEEP:
            stage.host.answer(message, **UPKEEP)
        elif message.kind == ToHost.PORTS:
            stage.host.answer(message, ports=PORTS)
        else:
            fields = shot(message.body["seq"], at_us) | {"grant": {"no": 7, "of": "0" * 32}, "fw": "3.0.1"}
            proof = {
                "kind": "shot", "leaf": "0123456789abcdef" * 4, "proof": PROOF, "amendments": [], "over": True,
                "amend": {"why": "of the gun", "fields": [], "by_two": True}, "reaction": {"why": "", "session": "5e"},
            }  # fmt: skip
            stage.host.answer(message, seq=message.body["seq"], fields=json.dumps(fields), **proof)


async def come_to(stage, keys, dialog):
    for key in keys:
        await stage.pilot.press(key)
        if "f7" in keys or "f9" in keys or key == "enter":
            for _ in range(5):
                answer(stage)
                await stage.pilot.pause(0.02)
    if dialog is not None:
        stage.app.open_dialog(dialog())
        await stage.pilot.pause()
        answer(stage)
    await settled(stage)


async def settled(stage):
    """Wait until nothing changes on the screen."""
    await stage.pilot.pause()
    before = ""
    for _ in range(50):
        await stage.pilot.pause(0.01)
        if stage.text() == before:
            return
        before = stage.text()


def test_every_screen_has_a_scene_and_every_scene_its_pictures(scenes):
    for module in pkgutil.iter_modules(screens.__path__):
        importlib.import_module(f"{screens.__name__}.{module.name}")
    assert sorted(SCREENS) == sorted(one.__name__ for one in kinds(Framed))
    assert sorted(NAMES) == sorted(scenes)
    files = {path.stem for path in SHOWN.glob("*.txt")}
    assert files == {f"{name}_{width}x{height}" for name in NAMES for width, height in SIZES}


def kinds(of):
    """Return the classes below this one that have none below them."""
    below = of.__subclasses__()
    return {kind for one in below for kind in kinds(one)} if below else {of}


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_looks_as_it_did(play, scenes, name):
    first, keys, dialog = scenes[name]

    async def script(stage):
        await come_to(stage, keys, dialog)
        for width, height in SIZES:
            if stage.app.size != (width, height):
                await stage.pilot.resize_terminal(width, height)
                await settled(stage)
            if "f7" in keys:  # a larger screen asks for the record beside its row
                answer(stage)
                await settled(stage)
            path = SHOWN / f"{name}_{width}x{height}.txt"
            if os.environ.get("UPDATE_SHOWN"):
                path.parent.mkdir(exist_ok=True)
                path.write_text(stage.text() + "\n")
            assert stage.text() + "\n" == path.read_text()

    play(script, first)


@pytest.mark.parametrize("name", NAMES)
def test_without_colour_it_says_the_same(play, scenes, name, monkeypatch):
    first, keys, dialog = scenes[name]
    wanted = (SHOWN / f"{name}_80x24.txt").read_text()

    async def script(stage):
        await come_to(stage, keys, dialog)
        assert type(stage.app.screen).__name__ == SCREEN_OF[name]
        grey = "meso-grey     default "
        assert stage.text() + "\n" == wanted.replace(grey, "meso-mono     NO_COLOR")
        for strip in stage.app.screen._compositor.render_strips():
            for segment in strip:
                pair = (segment.style.color, segment.style.bgcolor) if segment.style else ()
                colours = {colour.name for colour in pair if colour is not None}
                assert colours <= {"default"}, (segment.text, colours)

    play(script, first, no_colour=True)


@pytest.mark.parametrize("name", ["live", "armed", "plan", "alarms", "history", "gun", "choose", "first", "arm"])
def test_in_ascii_it_says_the_same(play, scenes, name):
    first, keys, dialog = scenes[name]
    wanted = (SHOWN / f"{name}_80x24.txt").read_text()

    async def script(stage):
        await come_to(stage, keys, dialog)
        rows = stage.text()
        assert rows + "\n" == to_ascii(wanted)

    play(script, first, only_ascii=True)
