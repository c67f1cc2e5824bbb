"""From a treatment protocol file to a checked treatment, or to one clear refusal that names every place."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from protocols.treatment import checks
from protocols.treatment.files import read_treatment_file
from protocols.treatment.limits import BUILD_LIMITS, HostLimits
from protocols.treatment.models import AREAS_MAX, AreaEntry, TreatmentFile
from protocols.treatment.positions import Positions, scan
from protocols.treatment.problems import Problem, TreatmentFileError
from protocols.treatment.syntax import parse_toml
from protocols.treatment.text import decode
from protocols.treatment.treatment import Treatment
from protocols.treatment.wording import shape_problems

_AREA_KEYS: Final = frozenset(field.alias or name for name, field in AreaEntry.model_fields.items())

_COMPLETE_AREA: Final[Mapping[str, object]] = MappingProxyType(
    {
        "id": "any",
        "depth": "1 mm",
        "dose": "0.01 mL",
        "spacing": "10 mm",
        "points": 1,
        "rate": "1 /s",
        "mode": "single",
        "flow": "0.1 mL/s",
    }
)


def load_treatment(path: Path, limits: HostLimits = BUILD_LIMITS) -> Treatment:
    """Read and check a treatment protocol file.

    Raises:
        TreatmentFileError: not a regular file of bounded size, or anything that `parse_treatment` refuses.
    """
    return parse_treatment(read_treatment_file(path), str(path), limits)


def parse_treatment(data: bytes, name: str, limits: HostLimits = BUILD_LIMITS) -> Treatment:
    """Check the bytes of a treatment protocol file; ``name`` is for messages.

    Raises:
        TreatmentFileError: text, TOML, shape or values are not as they must be; each with line and column.
    """
    text = decode(data, name)
    raw = parse_toml(text, name)
    file = _validate(raw, text, name)
    fitted = checks.find_fitted(file, limits)
    if isinstance(fitted, list):
        raise _refusal(name, text, fitted)
    findings = list(checks.check_file(file, limits, fitted))
    if findings:
        raise _refusal(name, text, findings)
    return Treatment(
        name=name,
        digest=hashlib.sha256(data).hexdigest(),
        file=file,
        remarks=tuple(checks.remarks(file)),
        fitted=fitted,
        limits=limits,
    )


def _validate(raw: dict[str, Any], text: str, name: str) -> TreatmentFile:
    """Merge the defaults into the areas and check the shape of all of it."""
    defaults = raw.pop("defaults", {})
    if not isinstance(defaults, dict):
        positions = scan(text)
        raise TreatmentFileError(name, [Problem(*positions.of_key(("defaults",)), "defaults: must be a table")])
    if "area" in raw:
        raw["area"] = _merged(raw["area"], defaults)
    errors = _default_errors(defaults)
    try:
        file = TreatmentFile.model_validate(raw)
    except ValidationError as error:
        errors.extend(error.errors(include_url=False, include_input=False))
    else:
        if not errors:
            return file
    positions = scan(text)
    raise TreatmentFileError(name, list(dict.fromkeys(shape_problems(errors, positions, defaults))))


def _merged(areas: object, defaults: dict[str, Any]) -> object:
    # Unknown keys and surplus areas are refused later; copied into each other they would multiply a file.
    if not isinstance(areas, list) or len(areas) > AREAS_MAX:
        return areas
    known = {key: value for key, value in defaults.items() if key in _AREA_KEYS}
    return [{**known, **area} if isinstance(area, dict) else area for area in areas]


def _default_errors(defaults: dict[str, Any]) -> list[ErrorDetails]:
    """Check the defaults as an area that is complete but for them."""
    if "id" in defaults:
        return [{"type": "extra_forbidden", "loc": ("defaults", "id"), "msg": "", "input": None}]
    try:
        AreaEntry.model_validate({**_COMPLETE_AREA, **defaults})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        for item in found:
            item["loc"] = ("defaults", *item["loc"])
        return found
    return []


def _refusal(name: str, text: str, findings: list[checks.Finding]) -> TreatmentFileError:
    positions = scan(text)
    # Areas that share a wrong default share its place.
    return TreatmentFileError(name, list(dict.fromkeys(_place(positions, finding) for finding in findings)))


def _place(positions: Positions, finding: checks.Finding) -> Problem:
    path = finding.path
    # A value that an area took from the defaults stands there.
    if path[0] == "area" and len(path) > 2 and path not in positions.keys and ("defaults", path[2]) in positions.keys:
        path = ("defaults", *path[2:])
    return Problem(*positions.of_value(path), finding.what)
