"""The settings: what each one is now, where that comes from, and why what is locked is locked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.console.keys import KEYS
from meso_device.console.lines import Line, Pane, Span, Tone, columns, dim, flow, key, line, strong, warn, wrap
from meso_device.console.presenters.frame import ALARM_TONES, log_span
from meso_device.console.presenters.quantities import day_and_clock
from meso_device.console.settings import DISARM_AFTER_S_LIMITS, LOCK_AFTER_MIN_LIMITS
from meso_device.console.state import Known
from meso_device.console.text import say

DATA: Final = "data"
UPKEEP: Final = ("names", "key", "end")
"""What the console can be ended for, as in SEE_TO."""
TABS: Final = ("general", "alarms", "keys", DATA, "about")
NAME: Final = 24
VALUE: Final = 14
KEY_NAME: Final = 23
KEY_SHOWN: Final = 9


def tab_row(at: int) -> Line:
    """Return the tabs, the one shown marked."""
    row: list[Span] = [Span(" ")]
    for no, name in enumerate(TABS):
        tone = Tone.CURSOR if no == at else Tone.VALUE
        row += [Span(f" {say(f'settings.tab_{name}')} ", tone, f"tab({no})"), Span(" ")]
    return tuple(row)


def settings_rows(
    known: Known,
    pane: Pane,
    at: int,
    *,
    theme: str,
    only_ascii: bool,
    no_colour: bool,
    upkeep: Mapping[str, Any] | None = None,
) -> list[Line]:
    """Return what one tab shows.

    Args:
        known: What the host said.
        pane: Its room.
        at: Index of the tab.
        theme: The theme that is shown.
        only_ascii: Nothing outside ASCII is drawn.
        no_colour: NO_COLOR is set.
        upkeep: The host's answer to UPKEEP; None while there is none.
    """
    told = known.welcome.get("settings", {})
    match TABS[at]:
        case "general":
            rows = _general(known, told, pane, theme=theme, only_ascii=only_ascii, no_colour=no_colour)
        case "alarms":
            rows = _alarms(known, told, pane)
        case "keys":
            rows = _keys(known, told, pane)
        case "data":
            rows = _data(known, told, pane, upkeep)
        case _:
            rows = _about(known, told, pane)
    # A value goes on below its beginning; in the other tabs what goes on is where it comes from.
    behind = NAME + 1 if TABS[at] == DATA else NAME + VALUE + 1
    return [part for row in rows for part in flow(row, pane.width, behind)]


def _general(
    known: Known, told: Mapping[str, Any], pane: Pane, *, theme: str, only_ascii: bool, no_colour: bool
) -> list[Line]:
    symbols = say("settings.ascii" if only_ascii else "settings.unicode")
    term = only_ascii and not told.get("ascii", False)
    rows = [
        _heads(),
        _row("settings.theme", theme, "NO_COLOR" if no_colour else _origin(told, "theme", theme)),
        _row("settings.symbols", symbols, "TERM" if term else _origin(told, "ascii", only_ascii)),
        _row("settings.bell", _flag(known.bell_on), _origin(told, "bell", known.bell_on)),
        _row("settings.lock_after", f"{told.get('lock_after_min', '-')} min", _origin(told, "lock_after_min")),
        _row("settings.language", say("settings.english"), say("settings.only_one")),
        (),
        (Span(" "), *key(known.keys["settings.theme"], say("settings.next_theme"), "theme")),
        (Span(" "), *key(known.keys["settings.bell"], say("settings.switch_bell"), "bell")),
        (Span(" "), *key(known.keys["settings.sign_in"], say("settings.sign_in"), "sign_in")),
        (),
    ]
    return [*rows, *_prose(pane, [say("settings.kept", file=told.get("file", ""))])]


def _alarms(known: Known, told: Mapping[str, Any], pane: Pane) -> list[Line]:
    marks: list[Span] = [Span(" ")]
    for mark, (tone, flashed) in ALARM_TONES.items():
        marks += [Span(f" {mark} ", one) for one in dict.fromkeys((tone, flashed))]
        marks.append(Span("  "))
    low_s, high_s = DISARM_AFTER_S_LIMITS
    low_min, high_min = LOCK_AFTER_MIN_LIMITS
    rows: list[Line] = [
        _heads(),
        _row("settings.disarm_after", f"{told.get('disarm_after_s', '-')} s", _origin(told, "disarm_after_s")),
        _row("settings.bell", _flag(known.bell_on), _origin(told, "bell", known.bell_on)),
        _row("settings.silence", "60 s", say("settings.silence_locked")),
        _row("settings.looks", say("settings.fixed"), say("settings.looks_locked")),
        (),
        tuple(marks),
        (),
    ]
    texts = [
        say("settings.limits", low_s=low_s, high_s=high_s, low_min=low_min, high_min=high_min),
        say("settings.silence_note"),
        say("settings.audio"),
    ]
    return [*rows, *_prose(pane, texts)]


def _keys(known: Known, told: Mapping[str, Any], pane: Pane) -> list[Line]:
    given = told.get("given", ())
    rows: list[Line] = [*_prose(pane, [say("settings.keys_note", file=told.get("file", ""))])]
    across = max(1, (pane.width - 1) // (KEY_NAME + KEY_SHOWN))
    down = -(-len(KEYS) // across)
    for no in range(down):
        row: list[Span] = [Span(" ")]
        for item in KEYS[no::down]:
            tone = Tone.WARN if f"keys.{item.id}" in given else Tone.KEY
            row += columns([(dim(item.id), KEY_NAME), (Span(known.keys[item.id], tone), KEY_SHOWN)])
        rows.append(tuple(row))
    return rows


def _data(known: Known, told: Mapping[str, Any], pane: Pane, upkeep: Mapping[str, Any] | None) -> list[Line]:
    snapshot = known.snapshot
    rows: list[Line] = [
        _place("settings.home", told.get("home", "-")),
        _place("settings.file", told.get("file", "-")),
    ]
    if snapshot:
        log = snapshot["log"]
        rows += [
            line(dim(f" {say('settings.log'):<{NAME}}"), log_span(snapshot)),
            _place("settings.copied", say("settings.copied_of", done=log["committed_seq"], head=log["head_seq"])),
            _place(
                "settings.house", say("settings.house_practice" if snapshot["simulated"] else "settings.house_real")
            ),
            _place("settings.people", say("settings.enrolled" if snapshot["enrolled"] else "settings.nobody")),
        ]
    outside = known.welcome.get("outside")
    if outside is not None:
        at_us = outside["at_us"]
        when = say("settings.kept_at", day=day_and_clock(at_us, pane.offset_s)[:10]) if at_us else say("settings.never")
        rows.append(_place("settings.kept_outside", say("settings.since", records=outside["since"], when=when)))
    if upkeep is not None:
        rows += [_place(f"upkeep.{name}", value) for name, value in upkeep_values(upkeep, pane.offset_s).items()]
        begun = (key(known.keys[f"settings.{what}"], say(f"upkeep.do_{what}"), f"see_to('{what}')") for what in UPKEEP)
        rows.append((Span(" "), *(span for spans in begun for span in spans)))
    texts = [say("upkeep.begin"), say("settings.verify", history=known.keys["history"]), say("settings.outside")]
    return [*rows, (), *_prose(pane, texts)]


def upkeep_values(upkeep: Mapping[str, Any], offset_s: int) -> dict[str, str]:
    """Return what is due in this data directory: how long names are kept, and the key of the log.

    Args:
        upkeep: The host's answer to UPKEEP.
        offset_s: Local time minus UTC.
    """
    over = upkeep["expired"]
    kept = say("upkeep.over", count=over, years=upkeep["years"]) if over else say("upkeep.none", years=upkeep["years"])
    since = day_and_clock(upkeep["key_since_us"], offset_s)[:10]
    return {"names": kept, "key": say("upkeep.since", day=since, number=upkeep["key_changes"] + 1)}


def _about(known: Known, told: Mapping[str, Any], pane: Pane) -> list[Line]:
    gun = known.snapshot.get("gun")
    rows: list[Line] = [
        line(" ", strong(f"meso-device {told.get('software', '')}")),
        (),
        _place("settings.gun", f"{gun['model']} {gun['firmware']}" if gun is not None else "-"),
        line(dim(f" {say('settings.sound'):<{NAME}}"), warn(say("settings.audio_short"))),
        (),
    ]
    return [*rows, *_prose(pane, [say("settings.no_device"), say("settings.audio"), say("settings.distance")])]


def _heads() -> Line:
    names = ((say("settings.what"), NAME), (say("settings.value"), VALUE), (say("settings.from"), 30))
    return line(" ", *columns([(dim(name), width) for name, width in names]))


def _row(name: str, value: str, origin: str) -> Line:
    return line(" ", *columns([(dim(say(name)), NAME), (strong(value), VALUE)]), origin)


def _place(name: str, value: str) -> Line:
    return line(dim(f" {say(name):<{NAME}}"), value)


def _origin(told: Mapping[str, Any], name: str, now: object = None) -> str:
    """Return where a value comes from: the file, the command line, this run, or the program."""
    if now is not None and name in told and told[name] != now:
        return say("settings.from_run")
    given = told.get("given", ())
    if f"--{name}" in given:
        return f"--{name}"
    return say("settings.from_file" if name in given else "settings.from_default")


def _flag(value: bool) -> str:
    return say("settings.on" if value else "settings.off")


def _prose(pane: Pane, texts: Sequence[str]) -> list[Line]:
    rows: list[Line] = []
    for text in texts:
        rows += [*[(Span(" "), *row) for row in wrap(text, pane.width - 2, Tone.DIM)], ()]
    return rows
