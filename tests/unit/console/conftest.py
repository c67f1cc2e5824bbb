"""A host's end of the socket, snapshots to show, and a clock that a test holds."""

import asyncio
import copy
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meso_device.console.app import ConsoleApp
from meso_device.console.client import Client
from meso_device.screen_messages import Deframer, Message, ToHost, ToScreen, encode

WELCOME = {
    "version": 1,
    "simulated": True,
    "enrolled": True,
    "treatments": [
        {
            "name": "practice",
            "title": "Practice",
            "version": "1",
            "status": "practice",
            "points": 12,
            "volume_nl": 240_000,
        },
        {"name": "hydration", "title": "Hydration", "version": "1", "status": "example", "points": 140, "volume_nl": 1},
    ],
    "two_people": ["sensitive_area"],
    "write_off_reasons": [
        {"code": "stolen", "text": "the gun was stolen"},
        {"code": "lost", "text": "the gun is lost"},
    ],
    "skip_reasons": [{"code": "lesion", "text": "a mole or wound"}, {"code": "pain", "text": "too painful there"}],
    "again_reasons": [{"code": "missed", "text": "did not go in"}, {"code": "layer", "text": "a second layer"}],
    "reset_reasons": [{"code": 1, "text": "operator's decision"}, {"code": 2, "text": "patient moved"}],
    "roles": ["clinician"],
    "reactions": [
        *("bruise", "scratch_marks", "redness", "swelling", "allergic_reaction", "nodule", "infection"),
        *("mycobacterial_infection", "necrosis", "vascular_occlusion", "pain", "other"),
    ],
    "severities": ["mild", "moderate", "severe", "life_threatening"],
    "reporters": ["patient", "relative", "clinician", "authority"],
    "settings": {
        "file": "~/.config/meso-device/console.toml",
        "given": [],
        "theme": "meso-grey",
        "bell": True,
        "ascii": False,
        "disarm_after_s": 30,
        "lock_after_min": 10,
        "keys": {},
        "home": "~/.local/share/meso-device",
        "software": "0.1.0",
    },
    "logins": [{"login": "meyer", "at_us": 1_795_350_000_000_000}, {"login": "lee", "at_us": 1_795_270_000_000_000}],
    "outside": {"at_us": 1_795_270_000_000_000, "since": 1_204},
    "guns": [{"uid": "0123456789abcdef01234567", "records": 18_241, "contact_us": 0}],
    "checklist": [
        {"item": "identity", "question": "Is this the patient of the session?", "answers": ["yes", "no"]},
        {"item": "allergy", "question": "Is there a known allergy?", "answers": ["none", "listed"]},
        {"item": "pregnancy", "question": "Is the patient pregnant?", "answers": ["no", "yes"]},
        {"item": "aftercare", "question": "Is aftercare given?", "answers": ["yes", "no"]},
    ],
    "needles": ["30g_4mm"],
    "heads": ["single"],
    "syringes": ["bd_5ml"],
}
TURNS_MAX = 400


class FakeHost:
    """The other end: says what it is told to, and keeps what it hears but ALIVE and HELLO."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        peer.setblocking(False)
        self._deframer = Deframer(ToHost)
        self.heard: list[Message] = []
        self.alive = 0

    def listen(self) -> None:
        try:
            data = self.peer.recv(1_000_000)
        except BlockingIOError:
            return
        for message in self._deframer.feed(data):
            if message.kind == ToHost.ALIVE:
                self.alive += 1
            elif message.kind != ToHost.HELLO:
                self.heard.append(message)

    def show(self, snapshot: dict[str, Any]) -> None:
        self.peer.send(encode(Message(ToScreen.SNAPSHOT, 0, snapshot)))

    def answer(self, message: Message, outcome: str = "done", text: str = "", **more: Any) -> None:
        body = {"outcome": outcome, "code": "" if outcome == "done" else "no", "text": text, **more}
        self.peer.send(encode(Message(ToScreen.ANSWER, message.id, body)))

    def kinds(self) -> list[ToHost]:
        self.listen()
        return [ToHost(message.kind) for message in self.heard]

    def last(self, kind: ToHost) -> Message:
        self.listen()
        return next(message for message in reversed(self.heard) if message.kind == kind)


class Stage:
    """A running application, its host, and a person at the keys."""

    def __init__(self, app: ConsoleApp, host: FakeHost, pilot: Any, clock: SimpleNamespace) -> None:
        self.app, self.host, self.pilot, self.clock = app, host, pilot, clock

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(TURNS_MAX):
            self.host.listen()
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"never came to it; the screen shows:\n{self.text()}")

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.clock.ms += 200
            await self.pilot.press(key)

    async def show(self, snapshot: dict[str, Any]) -> None:
        before = self.app.known.snapshot
        self.host.show(snapshot)
        await self.until(lambda: self.app.known.snapshot is not before)
        await self.pilot.pause()

    async def greet(self, **settings: Any) -> None:
        """Say hello anew, with other settings."""
        welcome = copy.deepcopy(WELCOME)
        welcome["settings"].update(settings)
        before = self.app.known.welcome
        self.host.peer.send(encode(Message(ToScreen.WELCOME, 0, welcome)))
        await self.until(lambda: self.app.known.welcome is not before)
        await self.pilot.pause()

    async def asked(self, kind: ToHost) -> Message:
        await self.until(lambda: kind in self.host.kinds())
        message = self.host.last(kind)
        self.host.heard.remove(message)
        return message

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text() for text in texts))

    def rows(self) -> list[str]:
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).ljust(width)[:width] for strip in lines][:height]

    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.rows())


@pytest.fixture
def snapshot() -> dict[str, Any]:
    """A snapshot of an armed gun; change it as needed."""
    return json.loads((Path(__file__).parent / "snapshot.json").read_text())


@pytest.fixture
def ready(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The same gun, disarmed, with everything there for arming, and no alarm."""
    body = copy.deepcopy(snapshot)
    body["phase"], body["gun"]["state"], body["disarm_in_s"] = "ready", "SAFE", None
    body["credit"] = {"shots": 0, "nl": 0, "lease_left_ms": None}
    body["held"] = {"shots": 0, "nl": 0}
    body["alarms"], body["unknown"] = [], None
    for area, (name, code, short) in zip(body["areas"], (("forehead", 2, "F2"), ("cheek_left", 8, "F8L")), strict=True):
        area.update(id=name, code=code, short=short, unknown=0, held_nl=0)
    body["area"] = {"id": "forehead", "code": 2, "short": "F2"}
    for cap in body["caps"]:
        cap["held_nl"] = 0
    body["can"].update(dict.fromkeys(("arm_open", "finish", "page", "afterwards", "plan", "note", "quit"), ""))
    body["can"]["sign_in"] = ""
    return body


@pytest.fixture
def armed(ready: dict[str, Any]) -> dict[str, Any]:
    """The same, armed."""
    body = copy.deepcopy(ready)
    body["phase"], body["gun"]["state"], body["disarm_in_s"] = "armed", "ARMED", 24
    body["can"]["arm_open"] = "armed already"
    return body


@pytest.fixture
def idle(ready: dict[str, Any]) -> dict[str, Any]:
    """No session."""
    body = copy.deepcopy(ready)
    body.update(session=None, area=None, areas=[], caps=[], tail=[], phase="no session")
    body["can"].update(open="", arm_open="no session is open")
    return body


@pytest.fixture
def prepared(idle: dict[str, Any]) -> dict[str, Any]:
    """A patient's session in preparation: some answered, one against treating, some missing."""
    body = copy.deepcopy(idle)
    passes = {
        "answer": "yes", "effect": "passes", "noted": False, "ingredients": [], "by": "meyer",
        "at_us": 1_795_354_980_000_000,
    }  # fmt: skip
    body["clinic"] = {
        "session": "5e" * 16, "alias": "a1" * 16, "title": "Mesolift", "version": "1.0",
        "status": "example, unapproved",
        "answers": {
            "identity": passes,
            "allergy": {**passes, "answer": "listed", "ingredients": ["latex"],
                        "effect": "ingredients"},
        },
        "parts": {"needle": "N-553"}, "wanted": {"needle": "30g_4mm", "head": "single"}, "aftercare": None,
        "missing": ["pregnancy", "head"], "product": "HYA-2", "syringe": "bd_5ml", "smallest_nl": 5_712,
        "material": {
            "clean": False,
            "cartridge": {"product": "HYA-2", "lot": "7781", "syringe": "bd_5ml", "loaded_nl": 5_000_000,
                          "left_lo_nl": 4_190_000, "left_hi_nl": 4_300_000},
            "lots": [{"product": "HYA-2", "lot": "7781", "expiry": "2027-03-31", "usable": True}],
        },
    }  # fmt: skip
    body["can"].update(patient="", prepare="", check="", begin="", material="")
    return body


@pytest.fixture
def signed_in(idle: dict[str, Any]) -> dict[str, Any]:
    """Somebody who may treat, and no session."""
    body = copy.deepcopy(idle)
    body["can"].update(patient="", prepare="")
    return body


Script = Callable[[Stage], Awaitable[None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Run a script against the application, from a first snapshot on."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    pairs: list[socket.socket] = []

    def run(
        script: Script,
        first: dict[str, Any],
        size: tuple[int, int] = (80, 24),
        *,
        no_colour: bool = False,
        **options: Any,
    ) -> None:
        if no_colour:
            monkeypatch.setenv("NO_COLOR", "1")
        near, far = socket.socketpair()
        pairs.extend((near, far))
        host, clock = FakeHost(far), SimpleNamespace(ms=1_000_000)

        async def perform() -> None:
            client = Client(near)
            client.hello()
            app = ConsoleApp(client, now_ms=lambda: clock.ms, **{"self_test_ms": 0, **options})
            app.key_ms = lambda _key: clock.ms
            async with app.run_test(size=size) as pilot:
                stage = Stage(app, host, pilot, clock)
                far.send(encode(Message(ToScreen.WELCOME, 0, WELCOME)))
                await stage.show(first)
                await pilot.pause()
                await script(stage)

        asyncio.run(perform())

    yield run
    for end in pairs:
        end.close()
