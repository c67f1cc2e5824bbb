"""Figures of a run at the bench: what its readings came to, and what would be written to the gun. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from meso_device.console.lines import Line, Pane, Span, Tone, columns, dim, flow, line, strong
from meso_device.console.presenters.days import day_text
from meso_device.console.presenters.dialogs import word_rows
from meso_device.console.presenters.quantities import dose, scaled
from meso_device.console.text import say
from meso_device.console.typed import TypedWord

NAME, VALUE = 18, -14
"""Widths of the columns of a proposal."""
_GOOD: Final = frozenset({"pass"})
Body = Mapping[str, Any]


def verdict_text(verdict: str) -> str:
    """Return a verdict as people read it."""
    return say(f"bench.verdict_{verdict}") if verdict else ""


def judged_rows(judged: Body, stage: str, pane: Pane) -> list[Line]:
    """Return what the readings of a stage came to."""
    verdict = judged["verdict"]
    title = say("bench.verdict", stage=say(f"bench.stage_{stage}"), verdict=verdict_text(verdict))
    rows: list[Line] = [line(" ", Span(title, Tone.STRONG if verdict in _GOOD else Tone.WARN))]
    if "limit_nm" in judged:
        rows += _depth_rows(judged)
    elif "drip_pl" in judged:
        rows += _filling_rows(judged)
    elif "gain_error_ppm" in judged:
        rows[0] = (*rows[0], dim(f"   {say('bench.gain', percent=percent(judged['gain_error_ppm']))}"))
        rows += [row for point in judged["points"] for row in _dose_rows(point)]
        if judged["pl_per_um"]:
            gives, expanded = (scaled(judged[name], 3, "").strip() for name in ("pl_per_um", "expanded_pl_per_um"))
            rows.append(line("  ", say("bench.travel_gives", gives=gives, expanded=expanded)))
    else:
        rows += [_sensor_row(point) for point in judged["points"]]
    return [part for row in rows for part in flow(row, pane.width, 4)]


def proposal_rows(proposal: Sequence[Body], pane: Pane) -> list[Line]:
    """Return what would be written to the gun: old, new and the signed difference of what changes."""
    rows: list[Line] = [line(" ", strong(say("bench.proposal")))]
    names = ("", say("bench.column_now"), say("bench.column_new"), say("bench.column_difference"))
    rows.append(columns((dim(name), width) for name, width in zip(names, (NAME, VALUE, VALUE, VALUE), strict=True)))
    changed = [one for one in proposal if one["old"] != one["new"] and one["name"] in _UNITS]
    for one in changed:
        written, name = _UNITS[one["name"]], say(f"bench.{one['name']}")
        parts = (
            f"  {name}",
            written(one["old"]),
            Span(written(one["new"]), Tone.STRONG),
            _difference(written(one["new"] - one["old"])) if one["name"] in _VALUES else "",
        )
        rows.append(columns(zip(parts, (NAME, VALUE, VALUE, VALUE), strict=True)))
    moves = any(one["name"] in _VALUES for one in changed)
    note = say("bench.measured_again" if moves else "bench.same_values")
    return [part for row in [*rows, line(" ", dim(note))] for part in flow(row, pane.width, 2)]


def adjust_rows(proposal: Sequence[Body], pane: Pane, word: TypedWord, *, left_s: int, said: str) -> list[Line]:
    """Return the dialog in which it is confirmed: the same figures, and ADJUST to type."""
    rows = [tuple(row[1:]) if row and row[0].text == " " else row for row in proposal_rows(proposal, pane)]
    return [*rows, (), *word_rows(say("bench.type"), word, left_s, said, pane)]


def percent(ppm: int) -> str:
    """Return millionths in percent with two decimals and a sign."""
    hundredths = (abs(ppm) + 50) // 100
    return f"{'-' if ppm < 0 else '+'}{hundredths // 100}.{hundredths % 100:02} %"


def micrometres(nm: int, *, sign: bool = True) -> str:
    """Return nanometres in micrometres with one decimal."""
    tenths = (abs(nm) + 50) // 100
    mark = "-" if nm < 0 else "+" if sign else ""
    return f"{mark}{tenths // 10}.{tenths % 10}"


def _dose_rows(point: Body) -> list[Line]:
    bad = point["verdict"] not in _GOOD
    row = columns(
        [
            (f"  {dose(point['set_nl'])}", 11),
            (percent(point["error_pl"] * 1_000 // point["set_nl"]), 9),
            (say("bench.expanded", expanded=-(-point["expanded_pl"] // 1_000)), 11),
            (dim(say("bench.limit", limit=point["limit_pl"] // 1_000)), 15),
            (Span(verdict_text(point["verdict"]), Tone.WARN if bad else Tone.VALUE), 17),
        ]
    )
    if point["singles_within"]:
        return [row]
    return [row, line("    ", Span(say("bench.singles", low=point["low_nl"], high=point["high_nl"]), Tone.WARN))]


def _depth_rows(judged: Body) -> list[Line]:
    error = say(
        "bench.depth_error",
        error=micrometres(judged["error_nm"]),
        expanded=micrometres(judged["expanded_nm"], sign=False),
        limit=judged["limit_nm"] // 1_000,
    )
    offset = say("bench.depth_line", gain=_signed(judged["gain_error_ppm"]), offset=micrometres(judged["offset_nm"]))
    rows: list[Line] = [line("  ", error), line("  ", dim(offset))]
    return rows if judged["linear"] else [*rows, line("  ", Span(say("bench.bent"), Tone.WARN))]


def _filling_rows(judged: Body) -> list[Line]:
    texts = (
        say(
            "bench.filling_first",
            outside=judged["first_outside"],
            allowed=judged["first_max"],
            limit=judged["single_limit_nl"],
        ),
        say("bench.filling_drip", drip=judged["drip_pl"] // 1_000, limit=judged["drip_limit_pl"] // 1_000),
        say(
            "bench.filling_last",
            error=_signed(judged["last_error_pl"] // 1_000),
            left=judged["left_pl"] // 1_000,
            logged=judged["left_logged_nl"],
        ),
    )
    return [line("  ", text) for text in texts]


def _sensor_row(point: Body) -> Line:
    text = say(
        "bench.sensor_point",
        sensor=point["sensor"].rpartition("_")[0].replace("_", " "),
        offset=_thousandths(point["offset_milli"]),
        unit=say(f"bench.unit_{point['unit']}"),
        noise=_thousandths(point["s_milli"]),
        limit=point["limit"],
    )
    return line("  ", text, "" if point["within"] else Span(f"  {say('bench.outside')}", Tone.WARN))


def _thousandths(value: int) -> str:
    """Return thousandths with one decimal."""
    return micrometres(value, sign=False)


def _difference(text: str) -> str:
    return text if text[0] in "+-" else f"+{text}"


def _signed(value: int) -> str:
    return f"{value:+}"


_VALUES: Final = frozenset({"dose_gain_ppm", "dose_offset_nl", "depth_gain_ppm", "depth_offset_um", "pl_per_um"})
_UNITS: Final[Mapping[str, Callable[[int], str]]] = {
    "dose_gain_ppm": "{:+} ppm".format,
    "depth_gain_ppm": "{:+} ppm".format,
    "dose_offset_nl": "{:+} nL".format,
    "depth_offset_um": "{:+} um".format,
    "pl_per_um": lambda pl: scaled(pl, 3, "nL"),
    "min_dose_nl": dose,
    "cal_id": "CAL-{}".format,
    "due_day": day_text,
}
