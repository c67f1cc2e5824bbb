"""The console's settings: one TOML file for all data directories of a user, read once, before anything is begun.

Strict: what is not known, of the wrong type or outside of its limits is refused with the file and the line. The same
keys hold in practice and in treatment, which is why the file is not in a data directory.
"""

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from meso_device.console.keys import keymap
from protocols.errors import UsageError

FILE_NAME: Final = "console.toml"
FILE_BYTES_MAX: Final = 16_384
GREY: Final = "meso-grey"
LIGHT: Final = "meso-light"
MONO: Final = "meso-mono"
THEME_NAMES: Final = (GREY, LIGHT, MONO)
DISARM_AFTER_S: Final = 30
LOCK_AFTER_MIN: Final = 10
DISARM_AFTER_S_LIMITS: Final = (10, 60)
"""The gun disarms itself after 60 s in any case."""
LOCK_AFTER_MIN_LIMITS: Final = (1, 60)


class Settings(Struct, frozen=True, kw_only=True):
    """What is set.

    Attributes:
        file: Where the settings are, whether or not there is such a file.
        given: Names that the file sets; all others have their defaults.
        theme: Name of a theme.
        bell: Whether the terminal's bell rings for alarms.
        ascii: Draw nothing outside ASCII.
        disarm_after_s: Armed so long without a shot, and it is over.
        lock_after_min: Nobody at the keys for so long, and whoever is signed in is signed out.
        keys: Other keys, by the names of what they do.
    """

    file: Path
    given: frozenset[str] = frozenset()
    theme: str = GREY
    bell: bool = True
    ascii: bool = False
    disarm_after_s: int = DISARM_AFTER_S
    lock_after_min: int = LOCK_AFTER_MIN
    keys: Mapping[str, str] = field(default_factory=dict)


def settings_file() -> Path:
    """Return where this user's settings are: the platform's place for configuration."""
    import platformdirs  # noqa: PLC0415  # only where a console begins

    return Path(platformdirs.user_config_dir("meso-device", appauthor=False)) / FILE_NAME


def read_settings(path: Path) -> Settings:
    """Return the settings of a file; the defaults where there is none.

    Raises:
        UsageError: the file cannot be read, is no TOML, or holds what is not a setting.
    """
    text = _text(path)
    if text is None:
        return Settings(file=path)
    try:
        fields = _parsed(text)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    for name, value in fields.items():
        why = _unfit(name, value)
        if why:
            raise _refusal(path, text, (name,), why)
    wanted = dict(_flat(path, text, fields.pop("keys", {})))
    changed, refused = keymap(wanted)
    for name, why in refused.items():
        raise _refusal(path, text, ("keys", *name.split(".")), f"{name}: {why}")
    given = frozenset(fields) | {f"keys.{name}" for name in wanted}
    return Settings(file=path, given=given, keys=changed if wanted else {}, **fields)


def _text(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path}: not a file")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise UsageError(f"{path}: more than {FILE_BYTES_MAX} bytes are no settings")
        return content.decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: it is not UTF-8 text") from None


def _unfit(name: str, value: Any) -> str:
    """Return why a name cannot have a value; empty if it can."""
    fits = _KNOWN.get(name)
    return f"there is no setting {name}; there are {', '.join(_KNOWN)}" if fits is None else fits(name, value)


def _is_flag(name: str, value: Any) -> str:
    return "" if type(value) is bool else f"{name} is true or false"


def _is_theme(name: str, value: Any) -> str:
    return "" if value in THEME_NAMES else f"{name} is one of {', '.join(THEME_NAMES)}"


def _is_table(name: str, value: Any) -> str:
    return "" if isinstance(value, dict) else f"{name} is a table"


def _within(limits: tuple[int, int]) -> Callable[[str, Any], str]:
    def fits(name: str, value: Any) -> str:
        low, high = limits
        good = type(value) is int and low <= value <= high
        return "" if good else f"{name} is a whole number from {low} to {high}"

    return fits


_KNOWN: Final[Mapping[str, Callable[[str, Any], str]]] = {
    "theme": _is_theme,
    "bell": _is_flag,
    "ascii": _is_flag,
    "disarm_after_s": _within(DISARM_AFTER_S_LIMITS),
    "lock_after_min": _within(LOCK_AFTER_MIN_LIMITS),
    "keys": _is_table,
}


def _flat(path: Path, text: str, table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the keys' names, dotted, and what they are given."""
    for name, value in table.items():
        here = (*above, name)
        if isinstance(value, dict):
            yield from _flat(path, text, value, here)
        elif isinstance(value, str):
            yield ".".join(here), value.strip()
        else:
            raise _refusal(path, text, ("keys", *here), f"{'.'.join(here)} is a key in quotes")


def _parsed(text: str) -> dict[str, Any]:
    """Return the fields of a TOML text; ValueError where it is none."""
    import tomllib  # noqa: PLC0415  # the screen, which takes names of settings from here, reads no file

    return tomllib.loads(text)


def _refusal(path: Path, text: str, place: tuple[str, ...], why: str) -> UsageError:
    return UsageError(f"{path} line {_line(text, place)}: {why}")


def _line(text: str, place: tuple[str, ...]) -> int:
    """Return the line with which a value is there: the shortest beginning of the file that has it."""
    lines = text.splitlines()
    for number in range(1, len(lines)):
        try:
            found: Any = _parsed("\n".join(lines[:number]))
        except ValueError:
            continue
        if _has(found, place):
            return number
    return len(lines)


def _has(found: Any, place: tuple[str, ...]) -> bool:
    """Return whether the value is there; names with dots may stand in quotes or as tables."""
    if not place:
        return True
    return isinstance(found, dict) and any(
        _has(found[".".join(place[:end])], place[end:])
        for end in range(1, len(place) + 1)
        if ".".join(place[:end]) in found
    )
