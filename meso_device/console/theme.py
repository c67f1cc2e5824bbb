"""How tones look: a grey field, white values, dim labels; colour for what is not as it should be, and no green.

What alarms and states look like is the same in every coloured theme and can be set nowhere.
"""

from collections.abc import Mapping
from typing import Final

from rich.style import Style
from textual.theme import Theme

from meso_device.console.lines import Tone
from meso_device.console.settings import GREY, LIGHT, MONO

# Textual makes these of the others, but not of a terminal's own colours.
_DERIVED: Final = (
    "ansi-background",
    "ansi-foreground",
    "border",
    "border-blurred",
    "block-cursor-foreground",
    "block-cursor-background",
    "input-cursor-background",
    "input-cursor-foreground",
    "input-selection-background",
    "input-selection-foreground",
    "screen-selection-background",
    "screen-selection-foreground",
)
THEMES: Final = (
    Theme(
        name=GREY,
        primary="#d8d8d8",
        foreground="#e8e8e8",
        background="#26282b",
        surface="#2e3134",
        panel="#36393d",
        warning="#ffb000",
        error="#ff4040",
        dark=True,
    ),
    Theme(
        name=LIGHT,
        primary="#222222",
        foreground="#141414",
        background="#e6e6e3",
        surface="#dcdcd8",
        panel="#d0d0cc",
        warning="#8a5a00",
        error="#b00000",
        dark=False,
    ),
    Theme(
        name=MONO,
        primary="ansi_default",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        warning="ansi_default",
        error="ansi_default",
        dark=True,
        ansi=True,
        variables=dict.fromkeys(_DERIVED, "ansi_default"),
    ),
)

_FIXED: Final[Mapping[Tone, Style]] = {
    Tone.STOP: Style(color="#ffffff", bgcolor="#c00000", bold=True),
    Tone.STATE_ARMED: Style(color="#000000", bgcolor="#ffb000"),
    Tone.STATE_MOVING: Style(color="#000000", bgcolor="#ffb000", bold=True),
    Tone.STATE_FAULT: Style(color="#ffffff", bgcolor="#c00000", bold=True),
    Tone.HIGH: Style(color="#ffffff", bgcolor="#c00000", bold=True),
    Tone.HIGH_FLASH: Style(color="#c00000", bgcolor="#ffffff", bold=True),
    Tone.MEDIUM: Style(color="#000000", bgcolor="#f0d000"),
    Tone.MEDIUM_FLASH: Style(color="#f0d000", bgcolor="#000000"),
    Tone.LOW: Style(color="#000000", bgcolor="#40d0d0"),
}
_GREY_TONES: Final[Mapping[Tone, Style]] = {
    Tone.VALUE: Style(color="#e8e8e8"),
    Tone.DIM: Style(color="#a2a8ae"),
    Tone.STRONG: Style(color="#ffffff", bold=True),
    Tone.TITLE: Style(color="#ffffff", bold=True),
    Tone.KEY: Style(color="#ffffff", bold=True),
    Tone.WARN: Style(color="#ffc040", bold=True),
    Tone.CURSOR: Style(color="#ffffff", bgcolor="#4a5057", bold=True),
    Tone.FIELD: Style(color="#e8e8e8", bgcolor="#3a3e42"),
    Tone.FIELD_ACTIVE: Style(color="#000000", bgcolor="#f0f0f0"),
    Tone.BUTTON: Style(color="#e8e8e8", bgcolor="#44494e"),
    Tone.BUTTON_ACTIVE: Style(color="#000000", bgcolor="#f0f0f0", bold=True),
    Tone.STATE_QUIET: Style(color="#e8e8e8", bold=True),
    Tone.STATE_SERVICE: Style(color="#ffffff", bgcolor="#2050b0"),
    Tone.ZONE: Style(color="#c8ccd0"),
    Tone.ZONE_PLANNED: Style(color="#d8d8d8"),
    Tone.ZONE_DONE: Style(color="#8fa4b8"),
    Tone.ZONE_SELECTED: Style(color="#ffffff", bold=True),
    Tone.ZONE_DEVIATING: Style(color="#ffc040", bold=True),
    Tone.ZONE_FORBIDDEN: Style(color="#7e848a"),
    Tone.SKIN: Style(color="#868c92"),
}
_LIGHT_TONES: Final[Mapping[Tone, Style]] = {
    Tone.VALUE: Style(color="#141414"),
    Tone.DIM: Style(color="#555b60"),
    Tone.STRONG: Style(color="#000000", bold=True),
    Tone.TITLE: Style(color="#000000", bold=True),
    Tone.KEY: Style(color="#000000", bold=True),
    Tone.WARN: Style(color="#7a4a00", bold=True),
    Tone.CURSOR: Style(color="#000000", bgcolor="#bcc2c8", bold=True),
    Tone.FIELD: Style(color="#141414", bgcolor="#cfcfca"),
    Tone.FIELD_ACTIVE: Style(color="#ffffff", bgcolor="#202020"),
    Tone.BUTTON: Style(color="#141414", bgcolor="#c4c4bf"),
    Tone.BUTTON_ACTIVE: Style(color="#ffffff", bgcolor="#202020", bold=True),
    Tone.STATE_QUIET: Style(color="#141414", bold=True),
    Tone.STATE_SERVICE: Style(color="#ffffff", bgcolor="#2050b0"),
    Tone.ZONE: Style(color="#30353a"),
    Tone.ZONE_PLANNED: Style(color="#202428"),
    Tone.ZONE_DONE: Style(color="#48607a"),
    Tone.ZONE_SELECTED: Style(color="#000000", bold=True),
    Tone.ZONE_DEVIATING: Style(color="#7a4a00", bold=True),
    Tone.ZONE_FORBIDDEN: Style(color="#7a7a76"),
    Tone.SKIN: Style(color="#70767c"),
}
_REVERSED: Final = Style(reverse=True)
_REVERSED_BOLD: Final = Style(reverse=True, bold=True)
_BOLD: Final = Style(bold=True)
_MONO_TONES: Final[Mapping[Tone, Style]] = {
    **dict.fromkeys(Tone, Style()),
    **dict.fromkeys((Tone.STRONG, Tone.TITLE, Tone.KEY, Tone.WARN, Tone.STATE_QUIET, Tone.ZONE_SELECTED), _BOLD),
    **dict.fromkeys(
        (Tone.CURSOR, Tone.FIELD_ACTIVE, Tone.BUTTON_ACTIVE, Tone.STATE_ARMED, Tone.STATE_SERVICE), _REVERSED
    ),
    **dict.fromkeys((Tone.STOP, Tone.STATE_MOVING, Tone.STATE_FAULT, Tone.HIGH), _REVERSED_BOLD),
    Tone.HIGH_FLASH: _BOLD,
    Tone.MEDIUM: _REVERSED,
    Tone.MEDIUM_FLASH: Style(),
    Tone.FIELD: Style(underline=True),
    Tone.ZONE_DEVIATING: _BOLD,
}
_BY_NAME: Final[Mapping[str, Mapping[Tone, Style]]] = {
    GREY: {**_GREY_TONES, **_FIXED},
    LIGHT: {**_LIGHT_TONES, **_FIXED},
    MONO: _MONO_TONES,
}


def tones(theme: str) -> Mapping[Tone, Style]:
    """Return how each tone looks in a theme of this console."""
    return _BY_NAME[theme]
