"""The words of the view from outside; part of the catalogue in `meso_device.console.text`."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "view.corner": "[VIEW ONLY]",
    "view.only": " VIEW ONLY: stop at console or gun ",
    "view.leave": "Leave",
    "view.waiting": "waiting for the host",
    "view.no_page": "The history is read when nothing is armed.",
    "view.too_small": " too small: make this window 80x24 or larger ",
    "view.tail": "newest {rows} of the history, as recorded",
    "view.ended": "meso: {why}",
}
