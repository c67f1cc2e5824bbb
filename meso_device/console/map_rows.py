"""The map as rows of toned text: pattern first, so that colour says nothing alone. Pure."""

from collections.abc import Mapping

from meso_device.bodymap.grid import Grid, Run
from meso_device.console.lines import Line, Span, Tone
from meso_device.console.presenters.plan import ZONE_TONES, ZoneState


def map_rows(grid: Grid, states: Mapping[str, ZoneState]) -> list[Line]:
    """Return the view with each area filled as its state asks for; a click on an area picks it."""
    return [tuple(_span(run, states) for run in grid.runs(y)) for y in range(len(grid.art))]


def _span(run: Run, states: Mapping[str, ZoneState]) -> Span:
    if not run.area:
        return Span(run.text, Tone.SKIN)
    state = states[run.area]
    text = "".join(letter if letter != " " else state.value for letter in run.text)
    return Span(text, ZONE_TONES[state], f"pick('{run.area}')")
