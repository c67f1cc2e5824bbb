"""What the shape checks find, in words for the person who writes the file."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from protocols.treatment.models import (
    AreaEntry,
    EquipmentEntry,
    LimitsEntry,
    ProductEntry,
    TreatmentHead,
)
from protocols.treatment.positions import Path, Positions
from protocols.treatment.problems import Problem, foreign_letter, printable, quoted

_TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "treatment": TreatmentHead,
    "product": ProductEntry,
    "equipment": EquipmentEntry,
    "limits": LimitsEntry,
    "defaults": AreaEntry,
    "area": AreaEntry,
}
_ERRORS_MAX: Final = 200
_WORDS: Final[Mapping[str, str]] = {
    "int_type": "must be a whole number without quotes",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list in square brackets",
    "model_type": "must be a table",
    "too_short": "needs at least {min_length}",
    "too_long": "may have at most {max_length}",
}


def shape_problems(
    errors: Sequence[ErrorDetails], positions: Positions, defaults: Mapping[str, object]
) -> Iterator[Problem]:
    """Put errors of shape into words, without those that only follow from another.

    Args:
        errors: What pydantic found.
        positions: Where the keys of the file stand.
        defaults: The table that each area was completed from; its own errors are in ``errors`` too.
    """
    # What is beyond is counted by nobody: a file that is wrong this often was never a treatment protocol.
    errors = errors[:_ERRORS_MAX]
    parents = {item["loc"][:length] for item in errors for length in range(1, len(item["loc"]))}
    meant = {_nearest_key(item["loc"]) for item in errors if item["type"] == "extra_forbidden"}
    for item in errors:
        path, kind = item["loc"], item["type"]
        follows = (kind == "too_short" and path in parents) or (kind == "missing" and path[-1] in meant)
        inherited = path[0] == "area" and len(path) > 2 and path not in positions.keys and path[2] in defaults
        if not follows and not inherited:
            where = positions.of_key(path) if kind == "extra_forbidden" else positions.of_value(path)
            yield Problem(*where, _words(item))


def _words(item: ErrorDetails) -> str:
    path, kind = item["loc"], item["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return _missing_key(path)
    name = ".".join(part for part in path if isinstance(part, str))
    words = _WORDS.get(kind)
    return f"{name}: {printable(item['msg']) if words is None else words.format_map(item.get('ctx', {}))}"


def _missing_key(path: Path) -> str:
    key = path[-1]
    if path[0] == "area" and len(path) > 1 and key != "id":
        return f"{key} is missing: write it here or under [defaults]"
    if len(path) == 1:
        return f"{key} is missing: the file needs [{key}]" if key != "area" else "the file needs an [[area]]"
    return f"{key} is missing in [{path[0]}]"


def _unknown_key(path: Path) -> str:
    key, near = str(path[-1]), _nearest_key(path)
    hint = f"; did you mean {near!r}?" if near else ""
    odd = foreign_letter(key)
    allowed = ", ".join(_allowed_keys(path))
    return f"unknown key {quoted(key)}{hint}{'; ' + odd if odd else ''}; allowed: {allowed}"


def _nearest_key(path: Path) -> str:
    near = get_close_matches(str(path[-1])[:40], _allowed_keys(path), 1)
    return near[0] if near else ""


def _allowed_keys(path: Path) -> list[str]:
    model = _TABLES.get(str(path[0]))
    if len(path) == 1 or model is None:
        return list(_TABLES)
    keys = [field.alias or name for name, field in model.model_fields.items()]
    return [key for key in keys if path[0] != "defaults" or key != "id"]
