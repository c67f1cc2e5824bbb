"""The state of all calibrations as a document: until when each holds, and how the gun drifts, as pictures."""

from collections.abc import Iterator, Sequence
from typing import Final

from meso_device.calibration.drift import SHOTS_IN_USE_MAX
from meso_device.documents.blocks import SIMULATED, Block, Column, Document, Facts, Figure, Heading, Notice, Table, Text
from meso_device.documents.charts import Axis, Limit, Mark, Series, chart
from meso_device.documents.numbers import percent
from meso_device.documents.qr import checkpoint_figure
from meso_device.documents.wording import date_of, day, signed_micrometres, verdict_text
from meso_device.records.calibration_state import DueRow
from protocols.units import DAY_US

_WORDS: Final = {
    "valid": "valid",
    "soon": "due soon",
    "overdue": "OVERDUE",
    "failed": "NOT GOOD",
    "recalled": "RECALLED",
}


def state_document(rows: Sequence[DueRow], *, today: int, last_seq: int, simulated: bool, checkpoint: str) -> Document:
    """Return the document.

    Args:
        rows: At least one.
        today: In days since 1970-01-01.
        last_seq: Newest record that it tells of.
        simulated: Whether the guns are.
        checkpoint: Signed, over a log that holds that record.
    """
    blocks: list[Block] = []
    if simulated:
        blocks.append(Notice("SIMULATED: these guns and their calibrations are simulated."))
    blocks += [
        Text(f"As of {day(today)}. A calibration holds until it is due, or for {SHOTS_IN_USE_MAX} shots."),
        Table(
            (
                Column("gun", wide=True),
                Column("what"),
                Column("state"),
                Column("due"),
                Column("shots since", number=True),
                Column("interval, days", number=True),
            ),
            tuple(
                (
                    row.newest.gun_uid,
                    row.newest.what,
                    _WORDS[row.state],
                    day(row.newest.due_day),
                    str(row.shots_since),
                    str(row.interval_days),
                )
                for row in rows
            ),
        ),
    ]
    for row in rows:
        blocks += _drift(row)
    blocks.append(checkpoint_figure(checkpoint))
    return Document(
        title="State of calibration",
        number=f"CS-{day(today)}-{last_seq}",
        author="meso-device",
        date=date_of(today * DAY_US),
        mark=SIMULATED if simulated else "",
        blocks=tuple(blocks),
    )


def _drift(row: DueRow) -> Iterator[Block]:
    checks = row.checks
    if not checks:
        return
    is_dose = row.newest.what != "depth"
    limit = checks[-1].limit
    series = [Series(name="as found", points=tuple((one.day, one.error) for one in checks), mark=Mark.DOT, joined=True)]
    if row.limit_day is not None and row.limit_day > row.course[-1][0]:
        edge = limit if row.course[-1][1] > row.course[0][1] else -limit
        line = (row.course[-1], (row.limit_day, edge))
        series.append(Series(name="if it goes on", points=line, mark=Mark.RING, joined=True, dashed=True))
    days = sorted({at for one in series for at, _ in one.points})
    told = "; ".join(
        f"{day(one.day)} {percent(one.error) if is_dose else f'{signed_micrometres(one.error)} µm'}, "
        f"{verdict_text(one.verdict)}"
        for one in checks
    )
    unit = "error of all doses, %" if is_dose else "largest error of travel, µm"
    yield Heading(f"Gun {row.newest.gun_uid}, {row.newest.what}")
    yield Facts(
        (
            ("Newest run", f"{row.newest.run[:8]}, {verdict_text(row.newest.verdict)}"),
            ("Found", told),
            ("Drift", f"ALARM since run {row.drift_run[:8]}" if row.drift_run else "no alarm"),
            (
                "Leaves the limit",
                f"about {day(row.limit_day)}, if it goes on since the last adjustment"
                if row.limit_day
                else "not foreseen",
            ),
        )
    )
    yield Figure(
        chart(
            Axis(title="day", ticks=tuple((at, day(at)) for at in days)),
            Axis(title=unit, places=4 if is_dose else 3),
            series,
            [Limit(limit, "limit"), Limit(-limit, "limit")],
        ),
        f"Errors as found over time: {told}.",
        "What each check found before anything was touched",
        135,
    )
