"""The bench's screen: a run from its kind to its signatures, one step at a time. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from meso_device.console.lines import Line, Pane, Span, Tone, apart, columns, cut, dim, key, line, strong, warn, wrap
from meso_device.console.presenters.bench_figures import judged_rows, proposal_rows
from meso_device.console.presenters.days import day_text
from meso_device.console.presenters.live import words_rows
from meso_device.console.presenters.quantities import bar, depth, dose, scaled
from meso_device.console.reading import UNITS, ReadingEntry
from meso_device.console.state import Known, may, why_not
from meso_device.console.text import say

KINDS: Final = ("dose", "depth", "sensors", "syringe", "filling")
STEPS: Final = ("kind", "identify", "found", "adjust", "left", "verdict", "sign")
LABEL: Final = 12
BAR_CELLS: Final = 30
MARK: Final = "◌"
_OF_STATE: Final[Mapping[str, str]] = {
    "AS_FOUND": "found",
    "ADJUST": "adjust",
    "AS_LEFT": "left",
    "JUDGE": "verdict",
    "SIGN": "sign",
    "DONE": "sign",
}
_AFFECTS: Final = frozenset({"fail", "conditional_fail"})
Body = Mapping[str, Any]
Keys: TypeAlias = tuple[Span, ...]


class Choice(NamedTuple):
    """What the screen keeps of a run that has not begun, and of what is being typed.

    Attributes:
        at: Index of the kind at the cursor.
        prepared: The host's answer to BENCH_PREPARE; None before.
        anew: Another run is to be begun, whatever became of the one that is known.
        entry: The reading that is keyed in.
    """

    at: int
    prepared: Body | None
    anew: bool
    entry: ReadingEntry


def bench_rows(known: Known, pane: Pane, choice: Choice) -> list[Line]:
    """Return the wizard where it stands; what can be done is in the last row, whatever there is above it."""
    snapshot = known.snapshot
    run = run_shown(snapshot, anew=choice.anew)
    head: list[Line] = [_band(snapshot, run, pane), _steps_row(step_of(run, choice)), ()]
    said = _wrapped(known.said, pane, Tone.WARN) if known.said else []
    room = replace(pane, height=pane.height - len(head) - len(said) - 2)
    rows, keys = _step_rows(known, run, room, choice)
    keys_row: list[Line] = [(Span(" "), *keys)] if keys else []
    body = [*head, *rows[: room.height], (), *said, *keys_row]
    return [cut(row, pane.width) for row in body]


def _step_rows(known: Known, run: Body | None, pane: Pane, choice: Choice) -> tuple[list[Line], Keys]:
    """Return what a step shows, and its keys."""
    why = why_not(known.snapshot, "bench_open")
    if run is not None and run["running"]:
        return _running_rows(known, run, pane, choice.entry)
    if why:
        note = say("bench.not_here", settings=known.keys["settings"])
        return [*_wrapped(why, pane, Tone.WARN), (), *_wrapped(note, pane, Tone.DIM)], ()
    if run is None:
        return (
            _kind_rows(known, pane, choice.at)
            if choice.prepared is None
            else _prepared_rows(known, choice.prepared, pane)
        )
    if run["state"] in {"SIGN", "DONE"}:
        return _complete_rows(known, run, pane)
    return _still_rows(known, run, pane)


def run_shown(snapshot: Body, *, anew: bool) -> Body | None:
    """Return the run that the screen is about; None where one is to be begun."""
    run: Body | None = snapshot.get("bench")
    if run is None or run["state"] == "ABANDONED" or (anew and not run["running"]):
        return None
    return run


def step_of(run: Body | None, choice: Choice) -> str:
    """Return the step that the wizard is at."""
    if run is None:
        return "kind" if choice.prepared is None else "identify"
    if run["state"] == "WARM_UP":
        return "left" if run["adjusted"] else "found"
    return _OF_STATE.get(run["state"], "identify")


def bench_context(known: Known, pane: Pane, *, anew: bool) -> list[Line]:
    """Return what a wide terminal shows beside it: instruments and the host's newest words."""
    run = run_shown(known.snapshot, anew=anew)
    rows: list[Line] = []
    if run is not None and run["references"]:
        rows += [line(strong(f" {say('bench.references')}")), *_reference_rows(run, pane), ()]
    rows.append(line(strong(f" {say('context.words')}")))
    return [cut(row, pane.width) for row in [*rows, *words_rows(known.snapshot, pane)][: pane.height]]


# --- what is everywhere -----------------------------------------------------------------------------


def _band(snapshot: Body, run: Body | None, pane: Pane) -> Line:
    """Return the row by which the bench is told from a treatment: its own colour and mark."""
    name = f" {MARK} {say('frame.bench')}  {say('bench.off')}"
    mark = f"{say('gun.simulated')} " if snapshot.get("simulated") else ""
    number = f"{say('bench.run', run=run['run'][:8])}  " if run is not None else ""
    row = apart(line(name), line(f"{number}{mark}"), pane.width)
    return tuple(span._replace(tone=Tone.STATE_SERVICE) for span in row)


def _steps_row(at: str) -> Line:
    row: list[Span] = [Span(" ")]
    for no, step in enumerate(STEPS):
        row.append(dim(" > ") if no else Span(""))
        text = say(f"bench.step_{step}")
        row.append(Span(f"[{text}]", Tone.CURSOR) if step == at else dim(text))
    return tuple(row)


def _wrapped(text: str, pane: Pane, tone: Tone = Tone.VALUE) -> list[Line]:
    return [(Span(" "), *row) for row in wrap(text, pane.width - 2, tone)]


def _wrapped_pair(label: str, text: str, pane: Pane, tone: Tone = Tone.VALUE) -> list[Line]:
    first, *more = wrap(text, pane.width - LABEL - 3, tone)
    return [_pair(label, *first), *(_pair("", *row) for row in more)]


def _pair(label: str, *parts: Span | str) -> Line:
    return line(dim(f" {label:<{LABEL}} "), *parts)


# --- kind and identify ------------------------------------------------------------------------------


def _kind_rows(known: Known, pane: Pane, at: int) -> tuple[list[Line], Keys]:
    rows: list[Line] = [line(" ", strong(say("bench.what"))), ()]
    for no, kind in enumerate(KINDS):
        first, *more = wrap(say(f"bench.{kind}_is"), pane.width - 14)
        tone = Tone.CURSOR if no == at else Tone.VALUE
        row = columns([(" > " if no == at else "   ", 3), (say(f"bench.{kind}"), 10), (first[0], pane.width - 14)])
        rows.append(tuple(span._replace(tone=tone, act=f"point({no})") for span in row))
        rows += [(Span(" " * 13), *one) for one in more]
    rows += [(), *_wrapped(say("bench.file_note"), pane, Tone.DIM)]
    return _or_why(known, rows, pane, "bench.choose")


def _prepared_rows(known: Known, made: Body, pane: Pane) -> tuple[list[Line], Keys]:
    what = made["what"]
    named = depth if what == "depth" else dose
    targets = ", ".join(named(target) for target in made["targets"])
    order = say(f"bench.order_{what}", targets=targets, readings=made["readings"], shots=made["shots"])
    profile = f" ({made['profile']})" if made["profile"] != what else ""
    rows = [*_wrapped(say("bench.look"), pane), ()]
    rows.append(_pair(say("bench.gun"), made["serial"], dim(f"   {made['place']}" if made["place"] else "")))
    rows += _wrapped_pair(say("bench.order"), f"{say(f'bench.{what}')}{profile}: {order}", pane)
    if made["syringe"]:
        rows.append(_pair(say("bench.fitted"), say("bench.full", syringe=made["syringe"])))
    if made["water_mdegc"]:
        room = say(
            "bench.room_is",
            water=_tenths(made["water_mdegc"], 1_000),
            air=_tenths(made["air_mdegc"], 1_000),
            pressure=_tenths(made["pressure_pa"], 1_000),
            humidity=_tenths(made["humidity_permille"], 10),
        )
        rows.append(_pair(say("bench.room"), room))
    if what != "sensors":
        rows.append(_pair(say("bench.from"), made["port"] or say("bench.keyed")))
    for one in made["references"]:
        rows += _wrapped_pair(one["what"], f"{one['serial']}, {_certificate(one)}", pane)
    return _or_why(known, rows, pane, "bench.begin")


def _or_why(known: Known, rows: list[Line], pane: Pane, go_on: str) -> tuple[list[Line], Keys]:
    """Return rows and the keys to go on and back; where the gun cannot be had, why."""
    why = why_not(known.snapshot, "bench")
    back = key(known.keys["bench.back"], say("bench.back"), "back")
    if why:
        return [*rows, (), *_wrapped(why, pane, Tone.WARN)], back
    return rows, (*key(known.keys["bench.choose"], say(go_on), "choose"), *back)


def _certificate(one: Body) -> str:
    return say("bench.reference", certificate=one["certificate"], due=day_text(one["due_day"]))


def _reference_rows(run: Body, pane: Pane) -> list[Line]:
    rows: list[Line] = []
    for one in run["references"]:
        rows.append(line(f" {one['what']} {one['serial']}"))
        rows += [(Span("  "), *row) for row in wrap(_certificate(one), pane.width - 3, Tone.DIM)]
    return rows


def _tenths(value: int, whole: int) -> str:
    """Return a value in tenths of its unit, of which it has so many parts."""
    return scaled(value * 10 // whole, 1, "").strip()


# --- under way --------------------------------------------------------------------------------------


def _running_rows(known: Known, run: Body, pane: Pane, entry: ReadingEntry) -> tuple[list[Line], Keys]:
    pause = key(known.keys["bench.pause"], say("bench.pause"), "pause")
    if run["doing"] == "deciding":
        rows = [*judged_rows(run["found"], "as_found", pane), (), *proposal_rows(run["proposal"], pane)]
        why = why_not(known.snapshot, "bench_read")
        if why:
            return [*rows, *_wrapped(why, pane, Tone.WARN)], pause
        write = key(known.keys["bench.write"], say("bench.write"), "write")
        return rows, (*write, *key(known.keys["bench.leave"], say("bench.leave"), "leave"), *pause)
    rows = _progress_rows(run)
    if run["asked"] is not None:
        rows += [(), *_entry_rows(known, run, pane, entry)]
    return [*rows, *_newest_rows(run, pane, len(rows))], pause


def _progress_rows(run: Body) -> list[Line]:
    stage = say(f"bench.stage_{run['stage']}")
    taken = say("bench.taken", taken=run["taken"], planned=run["planned"], stage=stage)
    kind = say(f"bench.{run['what']}") + (f", {run['profile']}" if run["profile"] != run["what"] else "")
    source = run["instrument"] or (say("bench.keyed") if run["keyed"] else "")
    rows = [
        _pair(say("bench.gun"), run["serial"], dim(f"   {kind}" + (f"   {run['place']}" if run["place"] else ""))),
        _pair(say("bench.from"), f"[{bar(run['taken'], 0, run['planned'], BAR_CELLS)}] ", taken),
    ]
    if source and run["running"]:
        rows.append(_pair("", dim(source)))
    if run["doing"]:
        doing = say(f"bench.doing_{run['doing']}", **_step_words(run))
        rows.append(_pair(say("bench.now"), warn(doing) if run["doing"] == "button" else Span(doing)))
    return rows


def _step_words(run: Body) -> dict[str, object]:
    step = run["step"] or {"target": 0, "shots": 0, "direction": "", "cycle": 0}
    shots = say("bench.shot") if step["shots"] == 1 else say("bench.shots_of", shots=step["shots"])
    direction = say(f"bench.going_{step['direction']}") if step["direction"] else ""
    target = _target(run["what"], step["target"])
    return {"shots": shots, "target": target, "direction": direction, "cycle": step["cycle"]}


def _target(what: str, target: int) -> str:
    return depth(target) if what == "depth" else dose(target)


def _entry_rows(known: Known, run: Body, pane: Pane, entry: ReadingEntry) -> list[Line]:
    """Return the field of a reading, marked with its unit."""
    use = run["step"]["use"] if run["step"] is not None else "base"
    rows = _wrapped(f"{say(f'bench.ask_{use}', **_step_words(run))}:", pane, Tone.STRONG)
    why = why_not(known.snapshot, "bench_read")
    if why:
        return [*rows, line(" ", warn(why))]
    units = " / ".join(UNITS[run["asked"]["unit"]])
    field = Span(f" {entry.text}_".ljust(15), Tone.FIELD_ACTIVE)
    keys = (*key(known.keys["bench.choose"], say("bench.enter_it"), "choose"), *key("Tab", units))
    return [*rows, (Span(" "), field, Span(f" {entry.unit:<4}"), *keys)]


def _newest_rows(run: Body, pane: Pane, above: int) -> list[Line]:
    """Return the newest readings, as many as there is room for below so many rows."""
    rows: list[Line] = [(), line(strong(f" {say('bench.taken_newest')}"))]
    for one in run["newest"][: max(0, pane.height - above - len(rows))]:
        direction = say(f"bench.going_{one['direction']}") if one["direction"] else ""
        target = _target(run["what"], one["target"])
        use = say(f"bench.use_{one['use']}", target=target, direction=direction, sensor=one["sensor"])
        raw = f"{one['raw']} " + say(f"bench.unit_{one['unit']}") if one["use"] == "sensor" else one["raw"]
        mark = warn(f"  {say('bench.not_counted')}") if not one["counted"] else ""
        rows.append(line(dim(f" {one['no']:>4} "), f"{use:<18} ", raw, mark))
    return rows if run["newest"] else [*rows, line(dim(f" {say('bench.none_yet')}"))]


# --- stands still, complete -------------------------------------------------------------------------


def _still_rows(known: Known, run: Body, pane: Pane) -> tuple[list[Line], Keys]:
    rows = [*_wrapped(say("bench.stands"), pane, Tone.STRONG), (), *_progress_rows(run)]
    if run["why"]:
        rows += _wrapped_pair(say("bench.why"), run["why"], pane, Tone.WARN)
    why = why_not(known.snapshot, "bench")
    rows += [(), *_wrapped(why or say("bench.go_on_note"), pane, Tone.WARN if why else Tone.DIM)]
    keys: list[Span] = [] if why else [*key(known.keys["bench.go_on"], say("bench.go_on"), "go_on")]
    if may(known.snapshot, "bench_record"):
        keys += key(known.keys["bench.exclude"], say("bench.exclude"), "exclude")
        keys += key(known.keys["bench.give_up"], say("bench.give_up"), "give_up")
    return [*rows, *_newest_rows(run, pane, len(rows))], tuple(keys)


def _complete_rows(known: Known, run: Body, pane: Pane) -> tuple[list[Line], Keys]:
    is_signed = run["state"] == "DONE"
    rows = judged_rows(run["found"], "as_found", pane)
    if run["left"] is not None:
        rows += judged_rows(run["left"], "as_left", pane)
    told = "bench.signed" if is_signed else "bench.complete_adjusted" if run["adjusted"] else "bench.complete"
    rows += [(), *_wrapped(say(told), pane, Tone.STRONG)]
    due = say("bench.valid", due=day_text(run["due_day"])) if run["due_day"] else say("bench.no_due")
    rows += _wrapped(due, pane, Tone.VALUE if run["due_day"] else Tone.WARN)
    another = say("bench.another" if is_signed else "bench.other")
    keys: list[Span] = []
    if is_signed:
        rows += _wrapped(say("bench.certificate", run=run["run"][:8]), pane, Tone.DIM)
        if run["found"]["verdict"] in _AFFECTS and run["what"] != "sensors":
            rows += _wrapped(say("bench.failed_next", run=run["run"][:8]), pane, Tone.WARN)
    elif may(known.snapshot, "bench_sign"):
        keys += key(known.keys["bench.sign"], say("bench.sign"), "sign")
    return rows, (*keys, *key(known.keys["bench.other"], another, "other"))
