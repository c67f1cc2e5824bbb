"""The rows that every screen and every dialog has: state, people, alarm, keys."""

from collections.abc import Mapping
from typing import Any, Final

from meso_device.console.flash import swapped
from meso_device.console.keys import shown
from meso_device.console.lines import Line, Pane, Span, Tone, apart, cells, dim, line, warn
from meso_device.console.presenters.quantities import clock, round_trip
from meso_device.console.state import Known, may
from meso_device.console.text import say

STOP_ACT: Final = "stop('button')"
UNANSWERED_MS: Final = 250
SHORT_ID: Final = 6
_STATES: Final[Mapping[str, tuple[str, Tone]]] = {
    "BOOT": ("◌", Tone.STATE_QUIET),
    "SAFE": ("○", Tone.STATE_QUIET),
    "READY": ("◇", Tone.STATE_QUIET),
    "ARMED": ("◆", Tone.STATE_ARMED),
    "MOVING": ("▶", Tone.STATE_MOVING),
    "SERVICE": ("◌", Tone.STATE_SERVICE),
    "ESTOPPED": ("■", Tone.STATE_FAULT),
    "FAULT": ("✕", Tone.STATE_FAULT),
    "LINK LOST": ("✕", Tone.STATE_FAULT),
    "NO NEWS": ("✕", Tone.STATE_FAULT),
    "NO GUN": ("○", Tone.STATE_QUIET),
    "CONNECTING": ("◌", Tone.STATE_QUIET),
}
ALARM_TONES: Final[Mapping[str, tuple[Tone, Tone]]] = {
    "***": (Tone.HIGH, Tone.HIGH_FLASH),
    "**": (Tone.MEDIUM, Tone.MEDIUM_FLASH),
    "*": (Tone.LOW, Tone.LOW),
}
"""Of each mark: as it is drawn, and as it is drawn while it flashes the other way."""
FOOTER: Final = ("help", "gun", "session", "plan", "live", "alarms", "history")


def state_word(snapshot: Mapping[str, Any], silent_ms: int = 0) -> str:
    """Return the word for the state: the gun's own, or the host's READY, LINK LOST and the like."""
    if silent_ms:
        return "NO NEWS"
    gun, session = snapshot["gun"], snapshot["session"]
    away = gun is not None or (session is not None and session["state"] == "open")
    if away and snapshot["link"] in {"down", "connecting"}:
        return "LINK LOST"
    if snapshot["link"] == "down":
        return "NO GUN"
    if gun is None or snapshot["link"] in {"connecting", "reconciling"}:
        return "CONNECTING"
    ready = gun["state"] == "SAFE" and snapshot["phase"] == "ready" and may(snapshot, "arm_open")
    return "READY" if ready else str(gun["state"])


def state_span(word: str) -> Span:
    """Return the word, its symbol and its colour."""
    symbol, tone = _STATES.get(word, ("✕", Tone.STATE_FAULT))
    return Span(f" {word} {symbol} ", tone)


def status_rows(known: Known, pane: Pane) -> list[Line]:
    """Return rows 1 and 2."""
    button = say("frame.stop_button", stop=shown(known.keys.stops[0]))
    return state_rows(known, pane, Span(button, Tone.STOP, STOP_ACT))


def state_rows(known: Known, pane: Pane, stop: Span) -> list[Line]:
    """Return rows 1 and 2 with what stands where the console has STOP."""
    snapshot = known.snapshot
    if not snapshot:
        return [line(dim(say("frame.waiting"))), apart((), line(stop), pane.width)]
    silent_ms = known.silent_ms(pane.now_ms)
    word = state_word(snapshot, silent_ms)
    left: list[Span] = [state_span(word), Span(" ")]
    if silent_ms:
        left += [warn(say("frame.silent", seconds=silent_ms // 1_000)), Span("  ")]
    gun = snapshot["gun"]
    if gun is not None:
        left += [dim("gun "), Span(gun["serial"] or gun["uid"][:SHORT_ID]), Span("  ")]
        left += [dim("link "), Span(round_trip(gun["round_trip_us"])), Span("  ")]
        if gun["battery_pct"] is not None:
            left += [dim("battery "), Span(f"{gun['battery_pct']} %"), Span("  ")]
        left += [dim("log "), log_span(snapshot), Span(f" #{snapshot['log']['committed_seq']}")]
    right = line(Span(clock(snapshot["utc_us"], pane.offset_s)))
    return [apart(tuple(left), right, pane.width), apart(_people(snapshot), line(stop), pane.width)]


def log_span(snapshot: Mapping[str, Any]) -> Span:
    """Return the state of the log: what is not SYNCED stands out."""
    state = snapshot["log"]["state"]
    if snapshot["log"]["write_failed"]:
        return warn(say("frame.write_failed"))
    unknown = snapshot["unknown"]
    if state == "UNKNOWN" and unknown is not None:
        return warn(f"UNKNOWN 0..{unknown['shots']}")
    return Span(state) if state == "SYNCED" else warn(state)


def _people(snapshot: Mapping[str, Any]) -> Line:
    operator, session, gun = snapshot["operator"], snapshot["session"], snapshot["gun"]
    parts: list[list[Span]] = []
    if operator is None:
        parts.append([dim(say("frame.nobody"))])
    else:
        parts.append([Span(f" {operator['login'] or say('frame.training')}"), dim(f" ({operator['role']})")])
    if session is not None:
        who = say("frame.practice") if session["practice"] else f"P-{session['alias'][:SHORT_ID]}"
        parts.append([Span(who)])
        parts.append([Span(f"S-{session['id'][:SHORT_ID]}")])
    bench = snapshot.get("bench")
    if bench is not None and bench["running"]:
        parts.append([Span(f" {say('frame.bench')} ", Tone.STATE_SERVICE)])
    if snapshot["simulated"]:
        parts.append([Span("SIMULATED", Tone.WARN)])
    if gun is not None:
        if gun["level"] != "A":
            parts.append([warn(f"LEVEL {gun['level']}")])
        if not gun["authenticated"]:
            parts.append([dim("NO LINK KEY")])
    row: list[Span] = []
    for no, part in enumerate(parts):
        row += [dim(" | "), *part] if no else part
    return tuple(row)


def alarm_row(known: Known, pane: Pane) -> Line:
    """Return row 23: the stop while it is news, else the highest alarm, and how many there are."""
    snapshot = known.snapshot
    if not snapshot:
        return ()
    active = [alarm for alarm in snapshot["alarms"] if alarm["state"] == "active" or not alarm["by"]]
    count: list[Span] = []
    if snapshot["silenced_s"]:
        count.append(warn(say("alarms.silenced", seconds=snapshot["silenced_s"]) + "  "))
    elif not known.bell_on:
        count.append(warn(say("alarms.audio_off") + "  "))
    count += [dim("alarms "), Span(f"{len(active)} ")]
    stop = _stop_span(known, pane.now_ms)
    if stop is not None:
        return apart(line(stop), tuple(count), pane.width)
    if not active and pane.now_ms < known.self_test_until_ms:
        return apart(self_test(), tuple(count), pane.width)
    if not active:
        return apart(line(dim(f" {say('alarms.none')}")), tuple(count), pane.width)
    return apart(line(alarm_span(active[0], pane)), tuple(count), pane.width)


def self_test() -> Line:
    """Return the three priorities as they look, for whoever starts the console to see that they can be told apart."""
    row = [Span(" "), dim(say("alarms.self_test"))]
    for mark, (tone, _) in ALARM_TONES.items():
        row += [Span(" "), Span(f" {mark} {say(f'alarms.priority_{len(mark)}')} ", tone)]
    return tuple(row)


def alarm_span(alarm: Mapping[str, Any], pane: Pane) -> Span:
    """Return an alarm in one piece, drawn as its priority and the clock ask for; one that was seen does not flash."""
    steady, flashed = ALARM_TONES[alarm["mark"]]
    flashing = alarm["state"] == "active" and not alarm["by"]
    tone = flashed if flashing and swapped(alarm["mark"], pane.now_ms) else steady
    count = f" (x{alarm['count']})" if alarm["count"] > 1 else ""
    area = f" {alarm['area']}" if alarm["area"] else ""
    return Span(
        f" {alarm['mark']} {alarm['name'].replace('_', ' ')}{count}{area}  {alarm['text']} ", tone, "page('alarms')"
    )


def _stop_span(known: Known, now_ms: int) -> Span | None:
    stop, alarms = known.snapshot["stop"], known.snapshot["alarms"]
    pressed_ms = stop["pressed_ms_ago"]
    if stop["unheard"]:
        if pressed_ms is not None and pressed_ms < UNANSWERED_MS:
            return Span(f" {say('stop.sent')} ", Tone.HIGH)
        tone = Tone.HIGH_FLASH if swapped("***", now_ms) else Tone.HIGH
        return Span(f" *** {say('stop.unanswered')} ", tone)
    others = any(alarm["mark"] == "***" and alarm["name"] != "ESTOP" and not alarm["by"] for alarm in alarms)
    if stop["latched"] and not others:
        if stop["answered_ms"] is not None:
            return Span(f" *** {say('stop.answered', ms=stop['answered_ms'])} ", Tone.HIGH)
        return Span(f" *** {say('stop.latched', reset=known.keys['live.reset'])} ", Tone.HIGH)
    return None


def footer_row(page: str, known: Known, pane: Pane) -> Line:
    """Return row 24: STOP first, then the screens; the one being shown is marked. What does not fit is left out."""
    row: list[Span] = [Span("F8 STOP", Tone.STOP, STOP_ACT)]
    last = _place("quit", "leave", page, known)
    for name in (*FOOTER, "settings"):
        piece = _place(name, f"page('{name}')", page, known)
        # Settings are under the palette too; the way out is not left out for it.
        if cells((*row, *piece, *(last if name == "settings" else ()))) <= pane.width:
            row += piece
    return (*row, *last) if cells((*row, *last)) <= pane.width else tuple(row)


def _place(name: str, act: str, page: str, known: Known) -> Line:
    tone = Tone.CURSOR if name == page else Tone.KEY
    text = Span(f" {say(f'page.{name}')}", tone if name == page else Tone.DIM, act)
    return (Span(" "), Span(known.keys[name], tone, act), text)


def nav_rows(page: str, known: Known, pane: Pane) -> list[Line]:
    """Return the navigation at the left of a wide terminal."""
    rows: list[Line] = [()]
    for name in (*FOOTER, "settings"):
        tone = Tone.CURSOR if name == page else Tone.VALUE
        text = f" {known.keys[name]} {say(f'page.{name}')}".ljust(pane.width - 1)
        rows += [line(Span(text, tone, f"page('{name}')"))]
    rows += [line(Span(f" {known.keys['quit']} {say('page.quit')}".ljust(pane.width - 1), Tone.VALUE, "leave")), ()]
    if known.snapshot.get("simulated"):
        rows += [line(warn(f" {word}")) for word in say("frame.simulated_note").split("\n")]
    return rows
