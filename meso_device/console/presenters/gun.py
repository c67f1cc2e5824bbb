"""The gun's screen: what it says of itself, and beside it the link's last minute and its calibration. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.console.lines import Line, Pane, Span, Tone, cut, dim, key, line, strong, warn, wrap
from meso_device.console.presenters.days import day_text
from meso_device.console.presenters.dialogs import choice_rows
from meso_device.console.presenters.frame import state_span, state_word
from meso_device.console.presenters.live import words_rows
from meso_device.console.presenters.quantities import NONE, bare_dose, depth, round_trip, scaled, trace
from meso_device.console.state import Known, may
from meso_device.console.text import say

LABEL: Final = 16
TRACE_CELLS: Final = 30
"""Half a cell a second: the last minute."""
ACTS: Final = (
    ("gun.connect", "connect", "gun.connect", "connect"),
    ("gun.home", "home", "gun.home", "home"),
    ("gun.self_test", "self_test", "gun.self_test", "self_test"),
    ("gun.disconnect", "disconnect", "gun.disconnect", "disconnect"),
    ("gun.calibrate", "bench_open", "gun.calibrate", "calibrate"),
    ("gun.fault", "clear_fault", "key.clear_fault", "clear_fault"),
    ("gun.reset", "reset_open", "key.reset", "reset"),
)
"""Key, command, text and action of everything that can be asked of the gun."""


def gun_rows(known: Known, pane: Pane) -> list[Line]:
    """Return all that the gun says of itself."""
    snapshot = known.snapshot
    gun = snapshot.get("gun")
    if gun is None:
        return [(), *_no_gun_rows(snapshot), (), _keys_row(known, pane)]
    kind = say("gun.simulated") if snapshot["simulated"] else say("gun.real")
    log = snapshot["log"]
    pairs: list[tuple[str, str]] = [
        (say("gun.serial"), f"{gun['serial']}   {gun['model']}   {kind}"),
        (say("gun.uid"), gun["uid"]),
        (say("gun.port"), snapshot["port"]),
        (say("gun.firmware"), f"{gun['firmware']}   boot {gun['boot_id']}   resets seen {gun['resets']}"),
        (
            say("gun.level"),
            say(f"gun.level_{gun['level']}"),
        ),
        (say("gun.key"), say("gun.proven" if gun["authenticated"] else "gun.no_key")),
        (
            say("gun.link"),
            f"{round_trip(gun['round_trip_us'])}   bad frames {gun['bad_frames']}   retries {gun['retries']}",
        ),
        (
            say("gun.log"),
            f"{log['committed_seq']} of {log['head_seq']} copied, {log['state']}"
            + (f"   {gun['log_free']} free" if gun["log_free"] is not None else ""),
        ),
        (say("gun.shots"), "-" if gun["trigger_count"] is None else str(gun["trigger_count"])),
        (say("gun.needle"), scaled(gun["needle_um"], 3, "mm")),
        (say("gun.pressure"), scaled(gun["pressure_pa"], 3, "kPa")),
        (say("gun.force"), scaled(gun["plunger_force_dn"], 1, "N")),
        (say("gun.temperature"), scaled(gun["temp_cdegc"], 2, "°C")),
        (say("gun.battery"), "-" if gun["battery_pct"] is None else f"{gun['battery_pct']} %"),
        (
            say("gun.now"),
            ", ".join(
                say(f"gun.{name}_{'on' if gun[name] else 'off'}") for name in ("trigger", "contact", "cartridge")
            ),
        ),
    ]
    rows: list[Line] = [line(" ", state_span(state_word(snapshot))), ()]
    rows += [line(dim(f" {label:<{LABEL}}"), text) for label, text in pairs]
    rows.append(line(dim(f" {say('gun.self_test'):<{LABEL}}"), _tested(gun["self_test"])))
    return [cut(row, pane.width) for row in [*rows, (), _keys_row(known, pane)]]


def _no_gun_rows(snapshot: Mapping[str, Any]) -> list[Line]:
    if snapshot.get("resting"):
        return [line(" ", strong(say("gun.away"))), line(dim(f" {say('gun.away_how')}"))]
    looking = say("gun.looking", port=snapshot.get("port") or "?")
    return [line(" ", strong(say("gun.none"))), line(dim(f" {looking}"))]


def _tested(result: Mapping[str, Any]) -> Span:
    if result["failed"]:
        return warn(say("gun.missed", items=", ".join(result["failed"])))
    return Span(say("gun.tested" if result["by"] else "gun.tested_boot"))


def _keys_row(known: Known, pane: Pane) -> Line:
    """Return what may be asked of the gun now, or what has to be said first."""
    if known.said:
        return cut(line(warn(f" {known.said}")), pane.width)
    keys: list[Span] = [Span(" ")]
    for name, command, text, act in ACTS:
        if may(known.snapshot, command):
            keys += key(known.keys[name], say(text), act)
    return cut(tuple(keys), pane.width)


def port_rows(ports: Sequence[Mapping[str, Any]] | None, at: int, pane: Pane, said: str) -> list[Line]:
    """Return the choice of a gun.

    Args:
        ports: Ports and what answers there; None while they are asked.
        at: Index of the one at the cursor.
        pane: Size of the dialog.
        said: The last refusal; empty for none.
    """
    rows: list[Line] = [line(strong(say("connect.title"))), ()]
    back = key("Esc", say("key.back"), "cancel")
    if ports is None:
        return [*rows, line(dim(say("connect.looking"))), (), tuple(back)]
    rows += choice_rows([_port_text(port) for port in ports], at) if ports else wrap(say("connect.none"), pane.width)
    rows += [(), *(wrap(said, pane.width, Tone.WARN) if said else [])]
    take = key("Enter", say("connect.take")) if ports else []
    rows.append((*take, *key("A", say("connect.again"), "again"), *back))
    return [cut(row, pane.width) for row in rows]


def _port_text(port: Mapping[str, Any]) -> str:
    gun = f"{port['model']} {port['serial']}".strip()
    marks = (say("gun.simulated") if port["simulated"] else "", port["problem"].removeprefix(f"{port['port']}: "))
    return "  ".join(filter(None, (port["port"], gun, *marks)))


def gun_context(known: Known, pane: Pane) -> list[Line]:
    """Return the last minute of the link, its counters, the calibration, and the host's newest words."""
    snapshot = known.snapshot
    if not snapshot:
        return []
    rows = [*_link_rows(snapshot), (), *_calibration_rows(snapshot)]
    rows += [(), line(strong(f" {say('context.words')}"))]
    return [cut(row, pane.width) for row in [*rows, *words_rows(snapshot, pane)][: pane.height]]


def _link_rows(snapshot: Mapping[str, Any]) -> list[Line]:
    counts, samples = snapshot["link_counts"], snapshot["round_trips_us"]
    up = [value for value in samples if value]
    gone = len(samples) - len(up)
    rows: list[Line] = [
        line(strong(f" {say('link.title')}")),
        line(" ", trace(samples, TRACE_CELLS).rjust(TRACE_CELLS)),
        line(f" {_range(up)}", warn(f"   {say('link.gone', seconds=gone)}") if gone else ""),
    ]
    for names in (("frames_in", "frames_out"), ("answered", "given_up"), ("duplicates", "unmatched")):
        row: list[Span] = [Span(" ")]
        for name in names:
            row += [dim(f"{say(f'link.{name}'):<9}"), Span(f"{counts[name]:<8}")]
        rows.append(tuple(row))
    return rows


def _range(up: Sequence[int]) -> str:
    if not up:
        return NONE
    low, high = round_trip(min(up)), round_trip(max(up))
    return low if low == high else f"{low} .. {high}"


def _calibration_rows(snapshot: Mapping[str, Any]) -> list[Line]:
    read = snapshot["calibration"]
    rows: list[Line] = [line(strong(f" {say('calibration.title')}"))]
    if read is None:
        return [*rows, line(dim(f" {say('calibration.unread')}"))]
    over = day_text(snapshot["utc_us"] // 86_400_000_000) > day_text(read["due_day"])
    until = f"{say('calibration.until')} {day_text(read['due_day'])}"
    rows.append(line(f" CAL-{read['id']}  ", warn(until) if over else dim(until)))
    rows.append(line(dim(f" {read['certificate']}")))
    rows.append(
        line(dim(f" {say('calibration.syringe'):<13}{say('calibration.smallest'):<12}{say('calibration.way')}"))
    )
    for row in read["syringes"]:
        smallest = f"{bare_dose(row['min_dose_nl'])} mL"
        rows.append(line(f" {row['name']:<13}{smallest:<12}{depth(row['travel_um'])}"))
    for head in read["heads"]:
        needle = say("calibration.needle", pins=head["pins"], gauge=head["gauge"], long=depth(head["needle_length_um"]))
        rows.append(line(dim(f" {say('calibration.head')} "), needle))
    return rows
