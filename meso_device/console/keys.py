"""Every key of the console in one table. STOP can be given further keys, never lose one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding

STOP_KEY: Final = "f8"
EVERYWHERE: Final = ""
GUIDE: Final = "g"
"""`g` and a digit go where the F-keys go, for terminals that take those."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        id: Name under which a keymap gives it another key.
        key: As Textual names it.
        act: Action of the screen or the application.
        where: Screen it belongs to; empty for all of them.
        shown: How people read it.
        priority: Taken before a field or a dialog sees it: STOP, Ctrl+C and the F-keys alone.
    """

    id: str
    key: str
    act: str
    where: str
    shown: str
    priority: bool = False


PAGES: Final[Mapping[str, str]] = {
    "help": "f1",
    "gun": "f2",
    "session": "f3",
    "plan": "f4",
    "live": "f5",
    "alarms": "f6",
    "history": "f7",
    "settings": "f9",
}
"""Screens and their F-keys, in the order of the footer; `g` takes the digit of the F-key."""

KEYS: Final[tuple[Key, ...]] = (
    Key("stop", STOP_KEY, "stop('key')", EVERYWHERE, "F8", priority=True),
    Key("interrupt", "ctrl+c", "interrupt", EVERYWHERE, "Ctrl+C", priority=True),
    *(Key(page, key, f"page('{page}')", EVERYWHERE, key.upper(), priority=True) for page, key in PAGES.items()),
    Key("quit", "f10", "leave", EVERYWHERE, "F10", priority=True),
    Key("lock", "ctrl+l", "lock", EVERYWHERE, "Ctrl+L", priority=True),
    Key("guide", GUIDE, "guide", EVERYWHERE, "g 0-9"),
    Key("live.arm", "a", "arm", "live", "A"),
    Key("live.next", "n", "next_area", "live", "N"),
    Key("live.pause", "p", "pause", "live", "P"),
    Key("live.pause_space", "space", "pause", "live", "Space"),
    Key("live.finish", "f", "finish", "live", "F"),
    Key("live.unknown", "u", "unknown", "live", "U"),
    Key("live.reset", "r", "reset", "live", "R"),
    Key("live.confirm", "c", "confirm", "live", "C"),
    Key("plan.choose", "enter", "choose", "plan", "Enter"),
    Key("plan.view_1", "1", "view('front')", "plan", "1"),
    Key("plan.view_2", "2", "view('back')", "plan", "2"),
    Key("plan.view_3", "3", "view('scalp')", "plan", "3"),
    Key("plan.view_4", "4", "view('face')", "plan", "4"),
    Key("alarms.acknowledge", "k", "acknowledge", "alarms", "K"),
    Key("alarms.acknowledge_all", "shift+k", "acknowledge_all", "alarms", "Shift+K"),
    Key("alarms.silence", "z", "silence", "alarms", "Z"),
    Key("history.area", "a", "area", "history", "A"),
    Key("history.session", "s", "session", "history", "S"),
    Key("history.odd", "d", "odd", "history", "D"),
    Key("history.jump", "j", "jump", "history", "J"),
    Key("history.in_full", "enter", "in_full", "history", "Enter"),
    Key("session.resume", "r", "resume", "session", "R"),
    Key("session.close", "c", "abandon", "session", "C"),
    Key("session.open", "enter", "open", "session", "Enter"),
    Key("gun.fault", "k", "clear_fault", "gun", "K"),
    Key("gun.reset", "r", "reset", "gun", "R"),
    Key("settings.theme", "t", "theme", "settings", "T"),
    Key("settings.bell", "b", "bell", "settings", "B"),
    Key("settings.sign_in", "s", "sign_in", "settings", "S"),
)

# Keys that a terminal with the kitty protocol sends for a modifier alone; holding one is no answer to anything.
MODIFIERS: Final = frozenset(
    f"{side}{name}"
    for side in ("left_", "right_", "iso_level3_", "iso_level5_")
    for name in ("shift", "control", "alt", "super", "hyper", "meta")
) | {"caps_lock", "num_lock", "scroll_lock"}
_HARMLESS: Final = frozenset({STOP_KEY, "ctrl+c", *MODIFIERS})
_PAUSES: Final = frozenset({"a", "p", "space"})


def bindings(where: str, also_stop: tuple[str, ...] = ()) -> list[Binding]:
    """Return the Textual bindings of a screen, or of all screens for the empty name."""
    return [
        Binding(
            ",".join((key.key, *also_stop)) if key.id == "stop" else key.key,
            key.act,
            key.id,
            show=False,
            priority=key.priority,
            id=key.id,
        )
        for key in KEYS
        if key.where == where
    ]


def keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the keymap to use, and a line for each wish that was refused.

    STOP keeps F8 whatever is wished; a key of STOP is given to nothing else.
    """
    known = {key.id: key for key in KEYS}
    stops = [STOP_KEY, *[key for key in _keys(wanted.get("stop", "")) if key != STOP_KEY]]
    taken: dict[str, str] = {"stop": ",".join(stops)}
    refused = []
    for name, keys in wanted.items():
        if name not in known:
            refused.append(f"{name}: no such key id")
        elif name != "stop" and set(_keys(keys)) & set(stops):
            refused.append(f"{name}: {keys} is a key of STOP")
        elif name != "stop":
            taken[name] = keys
    return taken, refused


def disarm_cause(key: str) -> str | None:
    """Return why this key, pressed while armed, disarms; None for STOP, which does more, and for a bare modifier."""
    if key in _HARMLESS:
        return None
    if key in _PAUSES:
        return "pause"
    return "screen" if key in PAGES.values() else "key"


def _keys(text: str) -> list[str]:
    return [key.strip() for key in text.split(",") if key.strip()]
