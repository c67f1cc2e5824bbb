"""Every key of the console in one table. STOP can be given further keys, never lose one. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.binding import Binding

STOP_KEY: Final = "f8"
STOP_CHOICE: Final[Mapping[str, int]] = {
    "insert": 2,
    "delete": 3,
    "f5": 15,
    "f6": 17,
    "f7": 18,
    STOP_KEY: 19,
    "f9": 20,
    "f10": 21,
    "f11": 23,
    "f12": 24,
}
"""What may stop, and the number in the bytes that every kind of terminal sends for it: the host looks for those."""
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
        priority: Taken before a field or a dialog sees it: STOP, Ctrl+C and the F-keys alone.
    """

    id: str
    key: str
    act: str
    where: str
    priority: bool = field(default=False, kw_only=True)


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
    Key("stop", STOP_KEY, "stop('key')", EVERYWHERE, priority=True),
    Key("interrupt", "ctrl+c", "interrupt", EVERYWHERE, priority=True),
    *(Key(page, key, f"page('{page}')", EVERYWHERE, priority=True) for page, key in PAGES.items()),
    Key("quit", "f10", "leave", EVERYWHERE, priority=True),
    Key("lock", "ctrl+l", "lock", EVERYWHERE, priority=True),
    Key("palette", "ctrl+p", "palette", EVERYWHERE, priority=True),
    Key("guide", GUIDE, "guide", EVERYWHERE),
    Key("live.arm", "a", "arm", "live"),
    Key("live.next", "n", "next_area", "live"),
    Key("live.pause", "p", "pause", "live"),
    Key("live.pause_space", "space", "pause", "live"),
    Key("live.finish", "f", "finish", "live"),
    Key("live.unknown", "u", "unknown", "live"),
    Key("live.reset", "r", "reset", "live"),
    Key("live.confirm", "c", "confirm", "live"),
    Key("live.skip", "s", "skip", "live"),
    Key("live.note", "t", "note", "live"),
    Key("plan.edit", "e", "edit", "plan"),
    Key("plan.add", "plus", "add", "plan"),
    Key("plan.remove", "minus", "remove", "plan"),
    Key("plan.caps", "c", "caps", "plan"),
    Key("plan.cells", "k", "cells", "plan"),
    Key("plan.choose", "enter", "choose", "plan"),
    Key("plan.view_1", "1", "view('front')", "plan"),
    Key("plan.view_2", "2", "view('back')", "plan"),
    Key("plan.view_3", "3", "view('scalp')", "plan"),
    Key("plan.view_4", "4", "view('face')", "plan"),
    Key("alarms.acknowledge", "k", "acknowledge", "alarms"),
    Key("alarms.acknowledge_all", "K", "acknowledge_all", "alarms"),
    Key("alarms.silence", "z", "silence", "alarms"),
    Key("history.area", "a", "area", "history"),
    Key("history.session", "s", "session", "history"),
    Key("history.odd", "d", "odd", "history"),
    Key("history.patient", "p", "patient", "history"),
    Key("history.lot", "l", "lot", "history"),
    Key("history.since", "f", "since", "history"),
    Key("history.until", "t", "until", "history"),
    Key("history.kinds", "k", "kinds", "history"),
    Key("history.verify", "v", "verify", "history"),
    Key("history.copy", "c", "copy", "history"),
    Key("history.jump", "j", "jump", "history"),
    Key("history.amend", "e", "amend", "history"),
    Key("history.reaction", "r", "reaction", "history"),
    Key("history.upkeep", "u", "upkeep", "history"),
    Key("history.in_full", "enter", "in_full", "history"),
    Key("session.resume", "r", "resume", "session"),
    Key("session.close", "c", "abandon", "session"),
    Key("session.open", "enter", "open", "session"),
    Key("session.patient", "p", "patient", "session"),
    Key("session.sign", "s", "signature", "session"),
    Key("patient.find", "f", "find", "patient"),
    Key("patient.add", "a", "add", "patient"),
    Key("patient.names", "i", "names", "patient"),
    Key("patient.choose", "enter", "choose", "patient"),
    Key("patient.other", "escape", "other", "patient"),
    Key("patient.yes", "y", "answer('yes')", "patient"),
    Key("patient.no", "n", "answer('no')", "patient"),
    Key("patient.list_lot", "t", "list_lot", "patient"),
    Key("patient.waste", "w", "waste", "patient"),
    Key("patient.begin", "b", "begin", "patient"),
    Key("live.override", "o", "override", "live"),
    Key("live.patient", "h", "patient", "live"),
    Key("gun.connect", "enter", "connect", "gun"),
    Key("gun.home", "h", "home", "gun"),
    Key("gun.self_test", "t", "self_test", "gun"),
    Key("gun.disconnect", "x", "disconnect", "gun"),
    Key("gun.fault", "k", "clear_fault", "gun"),
    Key("gun.reset", "r", "reset", "gun"),
    Key("gun.calibrate", "m", "calibrate", "gun"),
    Key("bench.choose", "enter", "choose", "bench"),
    Key("bench.back", "escape", "back", "bench"),
    Key("bench.go_on", "r", "go_on", "bench"),
    Key("bench.pause", "p", "pause", "bench"),
    Key("bench.write", "a", "write", "bench"),
    Key("bench.leave", "l", "leave", "bench"),
    Key("bench.exclude", "e", "exclude", "bench"),
    Key("bench.give_up", "x", "give_up", "bench"),
    Key("bench.sign", "s", "sign", "bench"),
    Key("bench.other", "n", "other", "bench"),
    Key("settings.theme", "t", "theme", "settings"),
    Key("settings.bell", "b", "bell", "settings"),
    Key("settings.sign_in", "s", "sign_in", "settings"),
    Key("settings.names", "n", "see_to('names')", "settings"),
    Key("settings.key", "k", "see_to('key')", "settings"),
    Key("settings.end", "x", "see_to('end')", "settings"),
)

# Keys that a terminal with the kitty protocol sends for a modifier alone; holding one is no answer to anything.
MODIFIERS: Final = frozenset(
    f"{side}{name}"
    for side in ("left_", "right_", "iso_level3_", "iso_level5_")
    for name in ("shift", "control", "alt", "super", "hyper", "meta")
) | {"caps_lock", "num_lock", "scroll_lock"}
_BY_ID: Final[Mapping[str, Key]] = {key.id: key for key in KEYS}
# Ctrl+C is looked for in the bytes of the terminal, `g` is the way where F-keys are taken: neither can move.
_FIXED: Final = frozenset({"interrupt", "guide"})
_LETTERS: Final = re.compile(r"[A-Za-z0-9]|space|insert|delete")
# What a terminal sends for Tab, Enter, Backspace and Esc when Ctrl is held is left alone, and so is Ctrl+C.
_CHORDS: Final = re.compile(r"f(?:[1-9]|1[0-2])|ctrl\+[abdefgklnopqrstuvwxyz]")
_PAUSES: Final = frozenset({"live.arm", "live.pause", "live.pause_space"})
_SIGNS: Final[Mapping[str, str]] = {"plus": "+", "minus": "-"}
_SHOWN: Final = re.compile(r"[A-Z]")


def bindings(where: str) -> "list[Binding]":
    """Return the Textual bindings of a screen, or of all screens for the empty name."""
    from textual.binding import Binding  # noqa: PLC0415  # the host reads the table without Textual

    return [
        Binding(_sent(key.key), key.act, key.id, show=False, priority=key.priority, id=key.id)
        for key in KEYS
        if key.where == where
    ]


def keymap(wanted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the keymap to use, and for each wish that is refused why; where one is refused, none is taken.

    STOP keeps F8 whatever is wished; a key of STOP is given to nothing else, and no key to two acts of one screen.
    """
    stops = [STOP_KEY, *[key for key in _split(wanted.get("stop", "")) if key != STOP_KEY]]
    taken = {**wanted, "stop": ",".join(stops)}
    refused = {name: why for name, keys in wanted.items() if (why := _unfit(name, keys))}
    # STOP comes last: what took a key of it is what is refused.
    for name in sorted(set(wanted) - set(refused), key=lambda name: name == "stop"):
        other = _clash(name, {one: keys for one, keys in taken.items() if one not in refused})
        if other:
            refused[name] = f"{taken[name]} is the key of {other} already"
    return ({"stop": STOP_KEY} if refused else taken), refused


def _unfit(name: str, keys: str) -> str:
    """Return why an act cannot have a key by itself; empty if it can."""
    key = _BY_ID.get(name)
    if key is None:
        return "there is no such act; F1 in the console lists them"
    if name in _FIXED:
        return f"{key.key} stays"
    if name == "stop":
        odd = [one for one in _split(keys) if one not in STOP_CHOICE]
        return f"{odd[0]} cannot stop; {', '.join(STOP_CHOICE)} can" if odd else ""
    if _CHORDS.fullmatch(keys) or keys == key.key or (not key.priority and _LETTERS.fullmatch(keys)):
        return ""
    if key.priority:
        return f"{keys} would be taken out of what is typed; f1 to f12 or ctrl and a letter can be used"
    return f"{keys} cannot be used; a letter, a digit, space, f1 to f12 or ctrl and a letter can"


def _clash(name: str, changed: Mapping[str, str]) -> str:
    """Return the act that has a key of this one already, where both can be asked for; empty for none."""
    key, mine = _BY_ID[name], set(_split(changed[name]))
    for other in KEYS:
        together = other.where == key.where or EVERYWHERE in {other.where, key.where}
        if other.id != name and together and mine & set(_split(changed.get(other.id, other.key))):
            return other.id
    return ""


class Keymap:
    """Which key does what in one console: the table, and what was changed of it.

    Args:
        changed: As `keymap` returned it.
    """

    def __init__(self, changed: Mapping[str, str] | None = None) -> None:
        self.changed = dict(changed or {})
        self._keys = {key.id: self.changed.get(key.id, key.key) for key in KEYS}

    def __getitem__(self, name: str) -> str:
        """Return how people read the key of an act; KeyError for no act."""
        if name == "guide":
            return "g 0-9"
        return ", ".join(shown(key) for key in _split(self._keys[name]))

    def textual(self) -> dict[str, str]:
        """Return what was changed as Textual's keymap."""
        return {name: _sent(keys) for name, keys in self.changed.items()}

    @property
    def stops(self) -> tuple[str, ...]:
        """The keys of STOP, F8 first."""
        return tuple(_split(self._keys["stop"]))

    def page(self, digit: str | None) -> str:
        """Return the screen that ``g`` and a digit lead to; empty for none."""
        return next((page for page, key in PAGES.items() if key == f"f{digit}"), "")

    def disarm_cause(self, key: str) -> str | None:
        """Return why this key, pressed while armed, disarms; None for STOP, which does more, and a bare modifier."""
        if key in MODIFIERS or key == "ctrl+c" or key in self.stops:
            return None
        if key in {self._keys[name] for name in _PAUSES}:
            return "pause"
        return "screen" if key in {self._keys[page] for page in PAGES} else "key"


def shown(key: str) -> str:
    """Return how people read a key."""
    if key in _SIGNS:
        return _SIGNS[key]
    if len(key) == 1:
        return f"Shift+{key}" if _SHOWN.fullmatch(key) else key.upper()
    return "+".join(part.upper() if len(part) == 1 else part.capitalize() for part in key.split("+"))


def _sent(keys: str) -> str:
    """Return the keys as terminals send them: a capital letter comes as itself, or as Shift and the letter."""
    return ",".join(f"{key},shift+{key.lower()}" if _SHOWN.fullmatch(key) else key for key in _split(keys))


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]
