"""Whom a recalled reference touches, as people read it and as JSON."""

import msgspec

from meso_device.accounting.materials import day_text
from meso_device.audit.export import rfc3339
from meso_device.calibration.recall import ERRORS
from meso_device.cli.calibration_text import off_lines, touched_lines
from meso_device.cli.output import printable
from meso_device.records.recall import JudgedBy, RecallImpact


def recall_document(impact: RecallImpact) -> dict[str, object]:
    """Return it as one JSON object."""
    return {
        "recall": msgspec.to_builtins(impact.recall),
        "recalled": impact.seq > 0,
        "simulated": impact.simulated,
        "guns": impact.guns,
        "patients": impact.patients,
        "sessions": impact.sessions,
        "shots": impact.shots,
        "runs": [
            {
                "run": one.tenure.run,
                "gun_uid": one.tenure.gun_uid,
                "what": one.tenure.what,
                "verdict": one.tenure.verdict,
                "begun_at": rfc3339(one.tenure.begun_us),
                "in_force": one.tenure.is_newest,
                "error_ppm": list(one.error_ppm),
                "error_nm": list(one.error_nm),
                "touched": msgspec.to_builtins(one.touched),
            }
            for one in impact.runs
        ],
    }


def recall_lines(impact: RecallImpact) -> list[str]:
    """Return it in lines."""
    recall, mark = impact.recall, "  SIMULATED" if impact.simulated else ""
    state = f"recalled ({recall.reason})" if impact.seq else "not recalled"
    since = f", for runs since {day_text(recall.since_day)}" if recall.since_day else ""
    unit = ERRORS[recall.what].base
    off = f"its readings were off by {recall.error[0]:+} to {recall.error[1]:+} {unit}" if recall.error else ""
    lines = [
        f"{recall.named}: {state}{since}{mark}",
        off or "how far its readings were off is not known: doses and travels are as they were judged with it",
        (
            f"touched: guns {impact.guns}, patients {impact.patients}, sessions {impact.sessions}, "
            f"injections {impact.shots}"
        ),
    ]
    for one in impact.runs:
        lines += _run_lines(one)
    return [printable(line) for line in lines]


def _run_lines(one: JudgedBy) -> list[str]:
    tenure = one.tenure
    until = "still in force" if tenure.is_newest else "until the next signed run"
    return [
        "",
        (
            f"gun {tenure.gun_uid}, {tenure.what} run {tenure.run[:8]} of {rfc3339(tenure.begun_us)[:10]} "
            f"({tenure.verdict.replace('_', ' ')}), {until}"
        ),
        *(f"  {line}" for line in off_lines(one.error_ppm, one.error_nm)),
        *(touched_lines(one.touched) or ["  nobody was treated meanwhile"]),
    ]
