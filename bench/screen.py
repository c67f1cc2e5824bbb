"""The screen: its start beside that of a bare Textual application, key to paint while shots arrive, CPU time.

A real screen process on a pseudo-terminal; the host's end of its socket is ours. Nine shots a second, ten snapshots.
"""

import copy
import json
import os
import select
import statistics
import sys
import time
from pathlib import Path

from meso_device.host.screen_process import ScreenProcess
from meso_device.host.terminal import Size
from meso_device.screen_messages import Deframer, Message, ToHost, ToScreen, encode

SNAPSHOT = Path(__file__).parent.parent / "tests" / "unit" / "console" / "snapshot.json"
SIZE = Size(rows=40, columns=120)
STARTS = int(os.environ.get("BENCH_SCREEN_STARTS", "5"))
KEYS = int(os.environ.get("BENCH_SCREEN_KEYS", "200"))
PAINT_MS_P95 = 100.0
START_RATIO = 1.5
SNAPSHOT_S, SHOT_S, KEY_S = 0.1, 1 / 9, 0.13
BARE = """
from textual.app import App
from textual.widgets import Static
from meso_device.screen_start import begin

class Bare(App):
    def compose(self):
        yield Static("READY")

begin()
Bare().run()
"""
WELCOME = {
    "version": 1,
    "simulated": True,
    "enrolled": True,
    "treatments": [],
    "reset_reasons": [],
    "write_off_reasons": [],
    "roles": [],
    "settings": {},
}


def ready_snapshot():
    """A disarmed gun with two areas to go through."""
    body = json.loads(SNAPSHOT.read_text())
    body.update(phase="ready", alarms=[], unknown=None, disarm_in_s=None)
    body["gun"]["state"] = "SAFE"
    for area, (name, short) in zip(body["areas"], (("forehead", "F2"), ("cheek_left", "F8L")), strict=True):
        area.update(id=name, short=short)
    body["can"].update(arm_open="", page="")
    return body


class Screen:
    """A running screen and our end of everything."""

    def __init__(self, command=None):
        self.began = time.perf_counter()
        more = {} if command is None else {"command": command}
        self.process = ScreenProcess.start(SIZE, os.environ | {"TERM": "xterm-256color"}, **more)
        self.output = b""
        self.deframer = Deframer(ToHost)

    def turn(self, seconds):
        """Read what comes for at most so long."""
        ends = [self.process.terminal_fd, self.process.peer]
        for end in select.select(ends, [], [], max(0, seconds))[0]:
            if end is self.process.peer:
                for message in self.deframer.feed(self.process.peer.recv(65_536)):
                    self.heard(message)
            else:
                self.output += os.read(self.process.terminal_fd, 65_536)

    def heard(self, message):
        """Take what the screen asks for; this bench answers nothing."""

    def until(self, text, seconds=20.0):
        """Read until a text was painted; return how long that took in ms."""
        began = time.perf_counter()
        while text not in self.output:
            if time.perf_counter() - began > seconds:
                raise TimeoutError(f"{text!r} was never painted")
            self.turn(0.05)
        return (time.perf_counter() - began) * 1_000

    def say(self, kind, body):
        self.process.peer.send(encode(Message(kind, 0, body)))

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_ms(command, text, snapshot):
    """From the start of the process to the first paint of a text."""
    screen = Screen(command)
    try:
        if snapshot is not None:
            screen.say(ToScreen.WELCOME, WELCOME)
            screen.say(ToScreen.SNAPSHOT, snapshot)
        screen.until(text)
        return (time.perf_counter() - screen.began) * 1_000
    finally:
        screen.process.close()


def keys(screen, body):
    """Press a key that changes the live screen, again and again while shots arrive."""
    took, shot = [], body["tail"][0]
    seq, last_shot, last_snapshot, last_key = shot["shot_seq"], 0.0, 0.0, time.perf_counter() + 1.0
    # Where the key leads: the area chosen, as the presenter names it.
    names, at = (b"Cheek (zygoma)", b"Forehead"), 0
    while len(took) < KEYS:
        now = time.perf_counter()
        if now - last_shot >= SHOT_S:
            last_shot, seq = now, seq + 1
            body["tail"] = [{**shot, "shot_seq": seq}, *body["tail"][:5]]
            body["gun"]["needle_um"] = seq % 7 * 200
        if now - last_snapshot >= SNAPSHOT_S:
            last_snapshot = now
            body["mono_us"] += 100_000
            body["utc_us"] += 100_000
            screen.say(ToScreen.SNAPSHOT, body)
        if now - last_key >= KEY_S:
            last_key = now
            screen.output = b""
            os.write(screen.process.terminal_fd, b"n")
            took.append(screen.until(names[at]))
            at = 1 - at
        screen.turn(0.005)
    return took


def run() -> list[dict]:
    """Return the rows of the bench."""
    snapshot = ready_snapshot()
    bare, ours = [], []
    for _ in range(STARTS):  # in turns, so that a noisy machine is noisy for both
        bare.append(start_ms([sys.executable, "-c", BARE], b"READY", None))
        ours.append(start_ms(None, b"Forehead", copy.deepcopy(snapshot)))
    start, floor = statistics.median(ours), statistics.median(bare)
    screen = Screen()
    try:
        screen.say(ToScreen.WELCOME, WELCOME)
        screen.say(ToScreen.SNAPSHOT, snapshot)
        screen.until(b"Forehead")
        cpu_s, began = screen.cpu_s(), time.perf_counter()
        took = sorted(keys(screen, snapshot))
        share = 100 * (screen.cpu_s() - cpu_s) / (time.perf_counter() - began)
    finally:
        screen.process.close()
    p95 = took[len(took) * 95 // 100]
    return [
        {
            "name": f"screen: start to the live screen, of {STARTS}",
            "value": start,
            "unit": "ms",
            "floor_name": "bare Textual application",
            "floor_value": floor,
            "ratio": start / floor,
            "target": f"<= {START_RATIO} x",
            "ok": start <= START_RATIO * floor,
        },
        {
            "name": f"screen: key to paint, p95 of {KEYS}, 9 shots/s",
            "value": p95,
            "unit": "ms",
            "floor_name": "gate",
            "floor_value": PAINT_MS_P95,
            "ratio": p95 / PAINT_MS_P95,
            "target": f"<= {PAINT_MS_P95:g} ms",
            "ok": p95 <= PAINT_MS_P95,
        },
        {
            "name": "screen: CPU while shots come and keys are pressed",
            "value": share,
            "unit": "% of core",
            "floor_name": "one core",
            "floor_value": 100.0,
            "ratio": share / 100,
            "target": None,
            "ok": True,
        },
    ]
