"""Scenario files: which fault comes when. TOML, strict.

::

    [[fault]]
    name = "gun_reset"
    at_shot = 5          # when the fifth stroke of this run begins; or at_ms = 2000; or at_message = "GRANT_SET"
    delay_ms = 30        # and then this much later
    for_ms = 400         # until then; or for_shots = 3; without either: for good, or its usual time

    [[fault]]
    name = "flip"
    at_ms = 0
    strength = 10000     # meaning and range as the fault's own description says
    direction = "to_host"  # wire faults only; without it both ways
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from protocols.errors import UsageError
from protocols.treatment.positions import scan
from simulator.firmware.faults import FIRMWARE_FAULTS
from simulator.physics import BODY_FAULTS
from simulator.shells.mangle import WIRE_FAULTS
from simulator.shells.scenario import MESSAGES, WORLD_FAULTS, PlannedFault

FAULTS_MAX: Final = 1_000
_MS_MAX: Final = 86_400_000
_SHOT_MAX: Final = 1_000_000
_STRENGTH_MAX: Final = 1_000_000_000
_SIZE_MAX: Final = 1_000_000

NAMES: Final = frozenset(BODY_FAULTS) | frozenset(FIRMWARE_FAULTS) | frozenset(WIRE_FAULTS) | frozenset(WORLD_FAULTS)
_WHEN: Final = ("at_ms", "at_shot", "at_message")
_INTEGERS: Final = {
    "at_ms": (0, _MS_MAX),
    "at_shot": (1, _SHOT_MAX),
    "count": (1, _SHOT_MAX),
    "delay_ms": (0, _MS_MAX),
    "for_ms": (1, _MS_MAX),
    "for_shots": (1, _SHOT_MAX),
    "strength": (-_STRENGTH_MAX, _STRENGTH_MAX),
}
_TEXTS: Final = ("name", "at_message", "direction")


def load_scenario(path: Path) -> tuple[PlannedFault, ...]:
    """Read a scenario file.

    Raises:
        UsageError: it cannot be read, or says something unknown, twice or out of range; names the line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_MAX + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"scenario {path} refused: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"scenario {path} refused: not UTF-8 at byte {error.start}") from error
    if len(data) > _SIZE_MAX:
        raise UsageError(f"scenario {path} refused: longer than {_SIZE_MAX} bytes")
    return parse_scenario(text, str(path))


def parse_scenario(text: str, name: str) -> tuple[PlannedFault, ...]:
    """Read the text of a scenario file; ``name`` is for messages.

    Raises:
        UsageError: as `load_scenario`.
    """
    text = text.replace("\r\n", "\n")
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        end = f"at line {text.count(chr(10)) + 1}"
        raise UsageError(f"scenario {name} refused: {error}".replace("at end of document", end)) from error
    problem = _problem(tables)
    if problem is not None:
        path, what = problem
        line, _ = scan(text).of_key(path)
        raise UsageError(f"scenario {name} refused, line {line}: {what}")
    return tuple(PlannedFault(**fault) for fault in tables.get("fault", []))


_Problem = tuple[tuple[str | int, ...], str]


def _problem(tables: dict[str, Any]) -> _Problem | None:
    for key in tables:
        if key != "fault":
            return (key,), f"unknown key {key!r}; a scenario has [[fault]] tables only"
    faults = tables.get("fault", [])
    if not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
        return ("fault",), "write each fault as a table of its own: [[fault]]"
    if len(faults) > FAULTS_MAX:
        return ("fault",), f"{len(faults)} faults; at most {FAULTS_MAX}"
    for number, fault in enumerate(faults):
        problem = _fault_problem(fault)
        if problem is not None:
            key, what = problem
            return ("fault", number, key), what
    return None


def _fault_problem(fault: dict[str, Any]) -> tuple[str, str] | None:
    for key, value in fault.items():
        problem = _value_problem(key, value)
        if problem is not None:
            return key, problem
    name = fault.get("name")
    if name is None:
        return "", "a fault needs a name"
    if name not in NAMES:
        return "name", f"unknown fault {name!r}; known are {', '.join(sorted(NAMES))}"
    return _when_problem(fault) or _strength_problem(name, fault.get("strength"))


def _value_problem(key: str, value: Any) -> str | None:
    if key in _INTEGERS:
        low, high = _INTEGERS[key]
        if type(value) is not int or not low <= value <= high:
            return f"{key} takes a whole number, {low} to {high}"
        return None
    if key not in _TEXTS:
        return f"unknown key {key!r}; known are {', '.join((*_TEXTS, *_INTEGERS))}"
    return None if isinstance(value, str) else f"{key} takes a text in quotes"


def _when_problem(fault: dict[str, Any]) -> tuple[str, str] | None:
    name = fault["name"]
    if sum(key in fault for key in _WHEN) != 1:
        return "name", f"fault {name} needs exactly one of {', '.join(_WHEN)}"
    if fault.get("at_message", "HELLO") not in MESSAGES:
        return "at_message", f"unknown message {fault['at_message']!r}; known are {', '.join(MESSAGES)}"
    if "count" in fault and "at_message" not in fault:
        return "count", "count belongs to at_message"
    if "for_ms" in fault and "for_shots" in fault:
        return "for_shots", "give for_ms or for_shots, not both"
    if "direction" in fault and (name not in WIRE_FAULTS or fault["direction"] not in {"to_gun", "to_host"}):
        return "direction", "direction is 'to_gun' or 'to_host', for faults of the wire only"
    return None


def _strength_problem(name: str, strength: int | None) -> tuple[str, str] | None:
    if strength is None:
        return None
    if name in BODY_FAULTS:
        low, high, what = 1, BODY_FAULTS[name].strength_max, BODY_FAULTS[name].what
    elif name in FIRMWARE_FAULTS:
        low, high, what = FIRMWARE_FAULTS[name].lowest, FIRMWARE_FAULTS[name].highest, FIRMWARE_FAULTS[name].what
    elif name in WIRE_FAULTS:
        low, high, what = 1, 1_000_000, WIRE_FAULTS[name].what
    else:
        return "strength", f"fault {name} has no strength"
    if not low <= strength <= high:
        return "strength", f"strength of {name} is {low} to {high}: {what}"
    return None
