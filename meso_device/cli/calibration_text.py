"""Calibrations as people read them and as JSON."""

from collections.abc import Iterable
from typing import Final

import msgspec

from meso_device.accounting.materials import day_text
from meso_device.audit.export import rfc3339
from meso_device.calibration.record import (
    CORRECTIONS,
    GEOMETRY,
    Adjusted,
    Begun,
    DepthJudged,
    DoseJudged,
    DosePoint,
    Ended,
    FillingJudged,
    Judged,
    Reading,
    SensorsJudged,
    Signed,
    Stage,
    What,
)
from meso_device.cli.output import printable
from meso_device.documents.numbers import MINUS, percent, ratio
from meso_device.records.calibration_runs import RunRow, RunStory
from meso_device.records.calibration_state import DueRow, Impact, Touched
from protocols.treatment.areas import by_code
from protocols.treatment.syringes import syringes
from protocols.units import VOLUME, format_dose, format_quantity

_MILLION: Final = 1_000_000


def run_document(row: RunRow, story: RunStory | None = None) -> dict[str, object]:
    """Return a run as one JSON object, with all its records where the story is given."""
    document: dict[str, object] = {
        "run": row.run,
        "gun_uid": row.gun_uid,
        "what": row.what,
        "geometry_id": row.geometry_id,
        "state": row.state,
        "as_found": row.as_found,
        "as_left": row.as_left,
        "begun_at": rfc3339(row.begun_us),
        "ended_at": rfc3339(row.ended_us) if row.ended_us else "",
        "due": day_text(row.due_day) if row.due_day else "",
        "signed": row.signed_seq > 0,
    }
    if story is not None:
        document["simulated"] = story.simulated
        document["records"] = [msgspec.to_builtins(step.record) for step in story.steps]
    return document


def run_line(row: RunRow) -> str:
    """Return a run in one line."""
    found, left = (text.replace("_", " ") for text in (row.as_found or "-", row.as_left or "-"))
    signed = "signed" if row.signed_seq else "NOT SIGNED"
    until = f"due {day_text(row.due_day)}" if row.due_day else ""
    return (
        f"{row.run[:8]}  {_minute(row.begun_us)}  gun {row.gun_uid}  {row.what:<7} {row.state:<9}  "
        f"as found {found:<16}  as left {left:<16}  {signed:<10}  {until}"
    ).rstrip()


def story_lines(row: RunRow, story: RunStory) -> list[str]:
    """Return a run in lines."""
    begun, ended, signed = story.begun, story.one_of(Ended), story.one_of(Signed)
    lines = [
        f"run       {story.run}{'  SIMULATED' if story.simulated else ''}",
        f"gun       {row.gun_uid}, serial number {begun.serial}, firmware {story.gun['fw']}",
        f"what      {row.what}, profile {begun.profile}, at {begun.place or 'no place named'}",
        *_syringe_lines(begun),
        f"limits    {begun.limits_sha256[:8] or 'not named'}, as released",
        f"begun     {rfc3339(row.begun_us)}",
        f"state     {row.state}{f', due {day_text(row.due_day)}' if row.due_day else ''}",
        f"readings  {len(story.all_of(Reading))}, of these excluded {len(story.excluded())}",
    ]
    lines += [
        f"reference {one.what} {one.serial}, certificate {one.certificate}, due {day_text(one.due_day)}"
        for one in begun.references
    ]
    for stage, name in ((Stage.AS_FOUND, "as found"), (Stage.AS_LEFT, "as left")):
        judged = story.judged(stage)
        if judged is not None:
            lines += ["", f"{name}: {judged.verdict.value.replace('_', ' ')} ({judged.rule})", *_judged_lines(judged)]
    adjusted = story.one_of(Adjusted)
    if adjusted is not None:
        old, new = adjusted[1].old, adjusted[1].new
        named = ("cal_id", *CORRECTIONS, *GEOMETRY)
        changes = ", ".join(f"{key} {old.get(key, 0)} -> {new[key]}" for key in named if new.get(key) != old.get(key))
        lines += ["", f"adjusted: {changes}"]
    lines.append("")
    if signed is not None:
        lines.append(f"signed by {signed[1].technician} and {signed[1].second}, {rfc3339(signed[0].at_us)}")
    elif ended is not None and ended[1].state == "complete":
        lines.append("NOT SIGNED by two people yet")
    return [printable(line) for line in lines]


def _syringe_lines(begun: Begun) -> list[str]:
    """Name the syringe by brand, size and lot, where one mattered."""
    if not begun.geometry_id:
        return []
    name = next((one.name for one in syringes().values() if one.geometry_id == begun.geometry_id), "not in the table")
    return [f"syringe   geometry {begun.geometry_id} ({name}), lot {begun.syringe_lot or 'not named'}"]


def _judged_lines(judged: Judged) -> list[str]:
    match judged:
        case DoseJudged():
            return [
                f"  {format_dose(point.set_nl)}: error {_part(point.error_pl, point)}, "
                f"U {_part(point.expanded_pl, point)}, "
                f"limit {_part(point.limit_pl, point)}, n {len(point.volumes_pl)}: "
                f"{point.verdict.value.replace('_', ' ')}"
                for point in judged.points
            ] + geometry_lines(judged)
        case DepthJudged():
            return [
                f"  largest error {judged.error_nm} nm, U {judged.expanded_nm} nm, limit {judged.limit_nm} nm",
                (
                    f"  gain error {judged.gain_error_ppm} ppm, offset {judged.offset_nm} nm, backlash at most "
                    f"{judged.backlash_max_nm} nm"
                ),
                "  needle travel in air, never depth in skin",
            ]
        case SensorsJudged():
            return [
                f"  {point.sensor}: offset {point.offset_milli} m{point.unit}, limit {point.limit} {point.unit}: "
                f"{'within' if point.within else 'NOT within'}"
                for point in judged.points
            ]
        case FillingJudged():
            return filling_lines(judged)


def filling_lines(judged: FillingJudged) -> list[str]:
    """Return what a filling came to at its two ends."""
    set_pl = judged.set_nl * 1_000

    def part(picolitres: int) -> str:
        return _percent(ratio(picolitres, set_pl, _MILLION))

    allowed = part(judged.drip_limit_pl).removeprefix("+")
    first, last = (", ".join(part(pl - set_pl) for pl in series) for series in (judged.first_pl, judged.last_pl[:-1]))
    return [
        (
            f"  first shots of {format_dose(judged.set_nl)}: {first or 'none'}; {judged.first_outside} until they stay "
            f"within {format_dose(judged.single_limit_nl)}, {judged.first_max} allowed: {_said(judged.first_verdict)}"
        ),
        (f"  drip behind a dose: {part(judged.drip_pl)} of it, {allowed} allowed: {_said(judged.drip_verdict)}"),
        (
            f"  last whole doses: {last or 'none'}; what was left weighed {judged.last_pl[-1] // 1_000} nL, "
            f"{judged.last_logged_nl[-1]} nL by the gun's log; largest error {judged.last_error_pl // 1_000} nL: "
            f"{_said(judged.last_verdict)}"
        ),
    ]


def _said(verdict: str) -> str:
    return verdict.replace("_", " ")


def geometry_lines(judged: DoseJudged) -> list[str]:
    """Return what a syringe's geometry came to, in all and by third; nothing where it was not measured."""
    if not judged.pl_per_um:
        return []
    thirds = ", ".join(f"{zone}: {pl_per_um}" for zone, pl_per_um in judged.zone_pl_per_um)
    return [
        f"  geometry: {judged.pl_per_um} pL a um, U {judged.expanded_pl_per_um}; by third of the container {thirds}"
    ]


def due_document(row: DueRow) -> dict[str, object]:
    """Return the state of one calibration as a JSON object."""
    return {
        "gun_uid": row.newest.gun_uid,
        "what": row.newest.what,
        "run": row.newest.run,
        "state": row.state,
        "verdict": row.newest.verdict,
        "due": day_text(row.newest.due_day),
        "days_left": row.days_left,
        "shots_since": row.shots_since,
        "shots_left": row.shots_left,
        "interval_days": row.interval_days,
        "after_pass_days": row.after_pass_days,
        "limit_day": day_text(row.limit_day) if row.limit_day is not None else "",
        "drift_run": row.drift_run,
        "recalled": row.recalled,
        "checks": [
            {"run": one.run, "day": day_text(one.day), "error": one.error, "limit": one.limit, "verdict": one.verdict}
            for one in row.checks
        ],
    }


def due_lines(row: DueRow) -> list[str]:
    """Return the state of one calibration in lines."""
    late = f"{-row.days_left} days over" if row.days_left < 0 else f"in {row.days_left} days"
    lines = [
        (
            f"gun {row.newest.gun_uid}  {row.newest.what:<7}  {row.state.upper():<8}  "
            f"due {day_text(row.newest.due_day)}, {late}; run {row.newest.run[:8]}, "
            f"{row.newest.verdict.replace('_', ' ')}"
        ),
        (
            f"  {row.shots_since} shots since, {max(0, row.shots_left)} left; interval {row.interval_days} days, "
            f"{row.after_pass_days} after a pass"
        ),
    ]
    if row.checks:
        lines.append("  as found: " + ", ".join(f"{_figure(row, one.error)} {day_text(one.day)}" for one in row.checks))
    if row.recalled:
        lines.append(f"  made with {row.recalled}, which is recalled: this gun treats nobody until it is done anew")
    if row.drift_run:
        lines.append(f"  DRIFT: the errors as found add up beyond the limit since run {row.drift_run[:8]}")
    if row.limit_day is not None:
        lines.append(f"  a straight line through them leaves the limit on {day_text(row.limit_day)}")
    return lines


def _figure(row: DueRow, error: int) -> str:
    return f"{error} nm" if row.newest.what == What.DEPTH else _percent(error)


def impact_document(impact: Impact) -> dict[str, object]:
    """Return whom a failed check touches as one JSON object."""
    document: dict[str, object] = msgspec.to_builtins(impact)
    return document | {"sessions": impact.sessions, "patients": impact.patients, "shots": impact.shots}


def impact_lines(impact: Impact) -> list[str]:
    """Return whom a failed check touches in lines."""
    since = f"since run {impact.since[:8]} left it good" if impact.since else "ever: none is recorded that left it good"
    lines = [
        (
            f"run {impact.run[:8]} found gun {impact.gun_uid} off ({impact.verdict.replace('_', ' ')}, {impact.what})"
            f"{'  SIMULATED' if impact.simulated else ''}"
        ),
    ]
    lines += off_lines(impact.error_ppm, impact.error_nm)
    lines.append(f"touched, {since}: patients {impact.patients}, sessions {impact.sessions}, injections {impact.shots}")
    return lines + touched_lines(impact.touched)


def off_lines(error_ppm: tuple[int, int], error_nm: tuple[int, int]) -> list[str]:
    """Return by how much doses or travels were off; nothing for what was not judged."""
    lines = []
    if any(error_ppm):
        lines.append(f"doses were off by {_percent(error_ppm[0])} to {_percent(error_ppm[1])}")
    if any(error_nm):
        lines.append(f"needle travel was off by {error_nm[0]} to {error_nm[1]} nm in air; depth in skin is not known")
    return lines


def touched_lines(touched: Iterable[Touched]) -> list[str]:
    """Return sessions by area in lines."""
    lines: list[str] = []
    session = ""
    for one in touched:
        if one.session != session:
            session = one.session
            who = f"P-{one.alias[:8]}" if one.alias else "UNKNOWN PATIENT"
            lines.append(f"  {_minute(one.opened_us)}  {who}  session {one.session or 'none'}")
        lines.append(f"    {_area(one)}: {one.shots} injections, {_volume(one)}")
    return lines


def _area(one: Touched) -> str:
    area = by_code().get(one.area_code)
    return area.id if area is not None else f"area {one.area_code}"


def _volume(one: Touched) -> str:
    recorded, true = (
        format_quantity(high, VOLUME) if low == high else f"{format_dose(low)} to {format_dose(high)}"
        for low, high in ((one.dose_lo_nl, one.dose_hi_nl), (one.true_lo_nl, one.true_hi_nl))
    )
    return f"{recorded} recorded" if recorded == true else f"{recorded} recorded, {true} in truth"


def _part(picolitres: int, point: DosePoint) -> str:
    return _percent(ratio(picolitres, point.set_nl * 1_000, _MILLION))


def _percent(ppm: int) -> str:
    return percent(ppm).replace(MINUS, "-")


def _minute(at_us: int) -> str:
    return rfc3339(at_us)[:16].replace("T", " ")
