"""The pictures of a certificate: every result with its limits, and the shot trumpet."""

from collections.abc import Iterator, Sequence

from meso_device.calibration.record import DepthJudged, DoseJudged, DosePoint, Judged
from meso_device.documents.blocks import Block, Figure, Heading
from meso_device.documents.charts import Axis, Limit, Mark, Series, chart
from meso_device.documents.numbers import percent, ratio, short
from meso_device.documents.wording import signed_micrometres

_MILLION = 1_000_000
_MARKS = {"as found": Mark.RING, "as left": Mark.DOT}


def charts(stages: Sequence[tuple[str, Judged]]) -> Iterator[Block]:
    """Yield the pictures of the stages that were judged."""
    doses = [(name, judged) for name, judged in stages if isinstance(judged, DoseJudged)]
    depths = [(name, judged) for name, judged in stages if isinstance(judged, DepthJudged)]
    if doses or depths:
        yield Heading("Pictures")
    if doses:
        yield from _dose_charts(doses)
    if depths:
        yield _depth_chart(depths)


def _dose_charts(stages: list[tuple[str, DoseJudged]]) -> Iterator[Block]:
    for no, first in enumerate(stages[0][1].points):
        points = [(name, judged.points[no]) for name, judged in stages if no < len(judged.points)]
        dose = f"{short(first.set_nl, 3)} µL"
        limit_ppm = ratio(first.limit_pl, first.set_nl * 1_000, _MILLION)
        yield Figure(
            chart(
                Axis(title="reading"),
                Axis(title="error of each reading, %", places=4),
                [_errors(name, point) for name, point in points],
                [Limit(limit_ppm, "T for the mean"), Limit(-limit_ppm, "T for the mean")],
            ),
            f"Errors of each reading at {dose}: "
            + "; ".join(f"{name} mean {percent(_mean_ppm(point))}" for name, point in points)
            + f"; limit for the mean {percent(limit_ppm)}.",
            f"Errors of single readings at {dose}; the limit is for their mean",
            140,
        )
        if any(point.trumpet for _, point in points):
            yield _trumpet(dose, points)


def _errors(name: str, point: DosePoint) -> Series:
    set_pl = point.set_nl * 1_000
    return Series(
        name=name,
        points=tuple((no, ratio(one - set_pl, set_pl, _MILLION)) for no, one in enumerate(point.volumes_pl, start=1)),
        mark=_MARKS[name],
    )


def _mean_ppm(point: DosePoint) -> int:
    return ratio(point.error_pl, point.set_nl * 1_000, _MILLION)


def _trumpet(dose: str, points: list[tuple[str, DosePoint]]) -> Figure:
    longest = max((point.trumpet for _, point in points), key=len)
    ticks = tuple((place, str(window.shots)) for place, window in enumerate(longest))
    series = []
    for name, point in points:
        for side, values in (
            ("largest", [window.largest_ppm for window in point.trumpet]),
            ("smallest", [window.smallest_ppm for window in point.trumpet]),
        ):
            series.append(
                Series(
                    name=f"{name}, {side}",
                    points=tuple(enumerate(values)),
                    mark=_MARKS[name],
                    joined=True,
                    dashed=side == "smallest",
                )
            )
    words = "; ".join(
        f"{name}: "
        + ", ".join(
            f"over {window.shots} shots {percent(window.smallest_ppm)} to {percent(window.largest_ppm)}"
            for window in point.trumpet
        )
        for name, point in points
    )
    return Figure(
        chart(
            Axis(title="consecutive shots", ticks=ticks),
            Axis(title="error of their sum, %", places=4),
            series,
            [Limit(0, "", hard=False)],
        ),
        f"Shot trumpet at {dose}. {words}.",
        f"Shot trumpet at {dose}: errors over consecutive shots; not the flow curve of IEC 60601-2-24",
        140,
    )


def _depth_chart(stages: list[tuple[str, DepthJudged]]) -> Figure:
    series = []
    for name, judged in stages:
        for side, dashed in (("from below", False), ("from above", True)):
            points = tuple((one.target_um, one.down_nm if dashed else one.up_nm) for one in judged.points)
            series.append(Series(name=f"{name}, {side}", points=points, mark=_MARKS[name], joined=True, dashed=dashed))
    limit = stages[0][1].limit_nm
    words = "; ".join(f"{name}: largest error {signed_micrometres(judged.error_nm)} µm" for name, judged in stages)
    return Figure(
        chart(
            Axis(title="travel commanded, mm", places=3),
            Axis(title="deviation, µm", places=3),
            series,
            [Limit(limit, "T"), Limit(-limit, "T")],
        ),
        f"Deviation of the needle's travel over the travel commanded. {words}.",
        "Deviation of the needle's travel, measured in air",
        140,
    )
