"""Charts of measured values: points and lines over an axis with limits, and bars. Values and places are integers.

What a series is can be told by its mark and its dash, not by its colour alone.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from meso_device.documents.numbers import short
from meso_device.documents.svg import AMBER, BLUE, GRID, INK, RED, SOFT, WHITE, Canvas, text_width

WIDTH: Final = 4_600
HEIGHT: Final = 2_100
_LEFT, _RIGHT, _TOP, _BOTTOM = 560, 120, 200, 330
_TICKS: Final = 6
_LABEL: Final = 90
_ROOM_TENTHS: Final = 1
"""A tenth of the span stays free above and below, so that no mark sits on the frame."""


class Mark(StrEnum):
    """How the points of a series are drawn."""

    DOT = "dot"
    RING = "ring"
    CROSS = "cross"
    SQUARE = "square"
    NONE = "none"


class Axis(Struct, frozen=True, kw_only=True):
    """An axis.

    Attributes:
        title: What is shown, with its unit.
        places: Values are integers; written they have so many decimal places.
        ticks: Where it is labelled, with the words; empty for round values.
    """

    title: str
    places: int = 0
    ticks: tuple[tuple[int, str], ...] = ()


class Series(Struct, frozen=True, kw_only=True):
    """Points that belong together.

    Attributes:
        name: Said in the legend; empty to leave it out there.
        points: x and y.
        mark: How each is drawn.
        joined: Whether a line goes through them.
        dashed: Whether that line is dashed.
    """

    name: str
    points: tuple[tuple[int, int], ...]
    mark: Mark = Mark.DOT
    joined: bool = False
    dashed: bool = False


class Limit(Struct, frozen=True):
    """A horizontal line with its name at the right end; ``hard`` for what must not be passed."""

    value: int
    name: str
    hard: bool = True


class _Scale(Struct, frozen=True):
    """Maps values of one axis to places on the canvas, rounded down."""

    low: int
    high: int
    begin: int
    end: int

    def at(self, value: int) -> int:
        return self.begin + (value - self.low) * (self.end - self.begin) // (self.high - self.low)


def chart(x: Axis, y: Axis, series: Sequence[Series], limits: Sequence[Limit] = ()) -> str:
    """Return a chart of points and lines as SVG.

    Raises:
        ValueError: there is no point at all.
    """
    points = [point for one in series for point in one.points]
    if not points:
        raise ValueError("a chart needs a point")
    canvas = Canvas(WIDTH, HEIGHT)
    xs = [value for value, _ in points] + [value for value, _ in x.ticks]
    ys = [value for _, value in points] + [limit.value for limit in limits]
    across = _scale(xs, _LEFT, WIDTH - _RIGHT)
    up = _scale(ys, HEIGHT - _BOTTOM, _TOP)
    _frame(canvas, x, y, across, up)
    for limit in limits:
        at = up.at(limit.value)
        canvas.line(_LEFT, at, WIDTH - _RIGHT, at, ink=RED if limit.hard else SOFT, dash="40 24", width=10)
        canvas.text(WIDTH - _RIGHT - 20, at - 20, limit.name, anchor="end", ink=RED if limit.hard else INK, size=80)
    for one, ink in zip(series, _inks(len(series)), strict=True):
        places = [(across.at(value), up.at(height)) for value, height in one.points]
        if one.joined and len(places) > 1:
            canvas.path(places, ink=ink, dash="60 30" if one.dashed else "")
        for place in places:
            _draw_mark(canvas, place, one.mark, ink)
    _legend(canvas, series)
    return canvas.done()


def bars(labels: Sequence[str], groups: Sequence[tuple[str, Sequence[int]]], y: Axis, x_title: str = "") -> str:
    """Return bars beside each other as SVG, for each label one of each group; values are 0 or more.

    Raises:
        ValueError: there is no bar, or a group has not one value a label.
    """
    if not labels or not groups or any(len(values) != len(labels) for _, values in groups):
        raise ValueError("bars need labels, and each group one value a label")
    canvas = Canvas(WIDTH, HEIGHT)
    high = max(1, *(value for _, values in groups for value in values))
    up = _Scale(0, high + -(-high // 12), HEIGHT - _BOTTOM, _TOP)
    slot = (WIDTH - _LEFT - _RIGHT) // len(labels)
    each = slot * 8 // 10 // len(groups)
    _frame(canvas, Axis(title=x_title), y, None, up)
    every = 1 + max(text_width(label, _LABEL) for label in labels) // max(1, slot - 20)
    for no, label in enumerate(labels):
        begin = _LEFT + no * slot + slot // 10
        for place, ((_, values), (fill, ink)) in enumerate(zip(groups, _fills(len(groups)), strict=True)):
            top = up.at(values[no])
            canvas.box(begin + place * each, top, max(each - 6, 6), up.begin - top, fill=fill, ink=ink)
        if no % every == 0:
            canvas.text(_LEFT + no * slot + slot // 2, up.begin + 120, label, anchor="middle")
    left = _LEFT
    for (name, _), (fill, ink) in zip(groups, _fills(len(groups)), strict=True):
        if name:
            canvas.box(left, 60, 80, 80, fill=fill, ink=ink)
            canvas.text(left + 110, 135, name)
            left += 220 + text_width(name, _LABEL)
    return canvas.done()


def histogram(values: Sequence[int], x: Axis, classes_max: int = 20) -> str:
    """Return how often values occur, in classes of equal and round width, as SVG.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("a histogram needs a value")
    low, high = min(values), max(values)
    step = _round_step(max(1, high - low), classes_max)
    first = low // step
    counts = [0] * (high // step - first + 1)
    for value in values:
        counts[value // step - first] += 1
    labels = [short((first + no) * step, x.places) for no in range(len(counts))]
    width = short(step, x.places)
    return bars(labels, [("", counts)], Axis(title="count"), f"{x.title}, classes of {width} from the value shown")


def _scale(values: Sequence[int], begin: int, end: int) -> _Scale:
    low, high = min(values), max(values)
    room = max(1, (high - low) * _ROOM_TENTHS // 10)
    return _Scale(low - room, high + room, begin, end)


def _frame(canvas: Canvas, x: Axis, y: Axis, across: _Scale | None, up: _Scale) -> None:
    step = _round_step(up.high - up.low, _TICKS)
    for value in range(-(-up.low // step) * step, up.high + 1, step):
        at = up.at(value)
        canvas.line(_LEFT, at, WIDTH - _RIGHT, at, ink=GRID, width=6)
        canvas.text(_LEFT - 40, at + 30, short(value, y.places), anchor="end")
    if across is not None:
        written_to = 0
        for value, label in x.ticks or _round_ticks(across, x.places):
            at, half = across.at(value), text_width(label, _LABEL) // 2 + 20
            canvas.line(at, up.begin, at, up.begin + 30)
            if at - half >= written_to:  # where two would run into one another the first is written
                canvas.text(at, up.begin + 130, label, anchor="middle")
                written_to = at + half
    canvas.line(_LEFT, up.begin, WIDTH - _RIGHT, up.begin)
    canvas.line(_LEFT, up.begin, _LEFT, up.end)
    canvas.turned_text(110, (up.begin + up.end) // 2, y.title)
    canvas.text((_LEFT + WIDTH - _RIGHT) // 2, HEIGHT - 60, x.title, anchor="middle")


def _round_ticks(scale: _Scale, places: int) -> list[tuple[int, str]]:
    step = _round_step(scale.high - scale.low, _TICKS)
    return [(value, short(value, places)) for value in range(-(-scale.low // step) * step, scale.high + 1, step)]


def _round_step(span: int, parts: int) -> int:
    """Return the smallest 1, 2 or 5 times a power of ten of which not more than ``parts`` go into the span."""
    step = 1
    while True:
        for times in (1, 2, 5):
            if span <= parts * step * times:
                return step * times
        step *= 10


def _inks(count: int) -> list[str]:
    return [(BLUE, AMBER, INK, SOFT)[no % 4] for no in range(count)]


def _fills(count: int) -> list[tuple[str, str]]:
    return (
        [((WHITE, INK), (BLUE, BLUE), (AMBER, AMBER))[no % 3] for no in range(count)] if count > 1 else [(BLUE, BLUE)]
    )


def _draw_mark(canvas: Canvas, place: tuple[int, int], mark: Mark, ink: str) -> None:
    x, y = place
    match mark:
        case Mark.DOT:
            canvas.ring(x, y, 26, fill=ink, ink=ink)
        case Mark.RING:
            canvas.ring(x, y, 32, ink=ink)
        case Mark.SQUARE:
            canvas.box(x - 26, y - 26, 52, 52, fill=ink, ink=ink)
        case Mark.CROSS:
            canvas.line(x - 28, y - 28, x + 28, y + 28, ink=ink, width=12)
            canvas.line(x - 28, y + 28, x + 28, y - 28, ink=ink, width=12)
        case Mark.NONE:
            pass


def _legend(canvas: Canvas, series: Sequence[Series]) -> None:
    left = _LEFT
    for one, ink in zip(series, _inks(len(series)), strict=True):
        if one.name:
            if one.joined:
                canvas.path([(left, 100), (left + 160, 100)], ink=ink, dash="60 30" if one.dashed else "")
            _draw_mark(canvas, (left + 80, 100), one.mark, ink)
            canvas.text(left + 200, 130, one.name)
            left += 320 + text_width(one.name, _LABEL)
