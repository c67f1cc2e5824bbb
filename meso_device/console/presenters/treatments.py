"""The treatments to choose from, each with what it calls itself. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.console.lines import Line, Tone, columns, dim, line
from meso_device.console.presenters.quantities import dose
from meso_device.console.text import say

POINTS, VOLUME, STATUS = 7, 11, 21
STEPS: Final[Mapping[str, int]] = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -1_000, "end": 1_000}
"""Keys that move the cursor of a list, and how far."""


def choice_rows(choices: Sequence[Mapping[str, Any]], at: int, room: int, width: int) -> list[Line]:
    """Return a heading and as many choices as there is room for, the one at the cursor among them.

    Where they do not fit, titles are cut: never what a treatment calls itself.
    """
    title = max(1, width - 3 - POINTS - VOLUME - STATUS)
    rows: list[Line] = [
        line(
            *(
                dim(span.text)
                for span in columns(
                    [
                        (f"   {say('treatments.title')}", 3 + title),
                        (say("treatments.points"), -POINTS),
                        (say("treatments.volume"), -VOLUME),
                        (f"  {say('treatments.status')}", STATUS),
                    ]
                )
            )
        )
    ]
    first = max(0, min(at - room + 1, len(choices) - room))
    for no, choice in enumerate(choices[first : first + room], first):
        row = columns(
            [
                (" > " if no == at else "   ", 3),
                (choice["title"], title),
                (str(choice["points"]), -POINTS),
                (dose(choice["volume_nl"]), -VOLUME),
                (f"  {choice['status']}", STATUS),
            ]
        )
        tone = Tone.CURSOR if no == at else Tone.VALUE
        rows.append(tuple(span._replace(tone=tone, act=f"point({no})") for span in row))
    return rows
