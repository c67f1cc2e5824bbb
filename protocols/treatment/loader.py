"""From a treatment protocol file to a checked treatment, or to one clear refusal that names every place."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocols.treatment import checks
from protocols.treatment.areas import catalogue
from protocols.treatment.files import read_treatment_file
from protocols.treatment.limits import BUILD_LIMITS, HostLimits
from protocols.treatment.models import (
    AreaEntry,
    EquipmentEntry,
    LimitsEntry,
    ProductEntry,
    TreatmentFile,
    TreatmentHead,
)
from protocols.treatment.plan import CONTACT_GATES, MODES, SUCTION_MODES, TRIGGERS, AreaPlan, TreatmentPlan
from protocols.treatment.positions import Path as KeyPath
from protocols.treatment.positions import Positions, scan
from protocols.treatment.problems import Problem, TreatmentFileError, foreign_letter, printable, quoted
from protocols.treatment.text import decode

_TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "treatment": TreatmentHead,
    "product": ProductEntry,
    "equipment": EquipmentEntry,
    "limits": LimitsEntry,
    "defaults": AreaEntry,
    "area": AreaEntry,
}
_SYNTAX_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_NESTING_MAX: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """A treatment protocol that was read and passed every check.

    Attributes:
        name: The file, as the user named it.
        digest: SHA-256 of the file's bytes, in hex; approval and grants name the treatment by it.
        file: What the file says.
        remarks: What is allowed but worth a second look, one line each.
    """

    name: str
    digest: str
    file: TreatmentFile
    remarks: tuple[str, ...]
    _fitted: checks.Fitted
    _limits: HostLimits

    def plan(self) -> TreatmentPlan:
        """Return what the session engine works from."""
        head, own, host = self.file.treatment, self.file.limits, self._limits
        return TreatmentPlan(
            id=head.id,
            title=head.title,
            version=head.version,
            status=head.status,
            digest=self.digest,
            course=head.course,
            product_name=" + ".join(product.name for product in self.file.product),
            syringe_geometry_id=self._fitted.syringe.geometry_id,
            needle_type_id=self._fitted.needle.type_id,
            head_type_id=self._fitted.head.type_id,
            session_cap_nl=checks.session_cap_nl(self.file),
            per_point_cap_nl=_lowest(own.per_point_nl, host.per_point_nl),
            per_cm2_cap_nl=_lowest(own.per_cm2_nl, host.per_cm2_nl),
            per_day_cap_nl=_lowest(own.per_day_nl, host.per_day_nl),
            per_course_interval_cap_nl=_lowest(own.per_course_interval_nl, host.per_course_interval_nl),
            per_lot_cap_nl=_lowest(own.per_lot_nl, host.per_lot_nl),
            areas=tuple(self._area_plan(entry) for entry in self.file.area),
        )

    def _area_plan(self, entry: AreaEntry) -> AreaPlan:
        area = catalogue()[entry.id]
        return AreaPlan(
            area=area.id,
            area_code=area.code,
            short=area.short,
            points=entry.points,
            passes=entry.passes,
            depth_um=entry.depth_um,
            dose_nl=entry.dose_nl,
            spacing_um=entry.spacing_um,
            interval_ms=entry.interval_ms,
            flow_nl_per_s=entry.flow_nl_per_s,
            dwell_ms=entry.dwell_ms,
            antidrip_nl=entry.antidrip_nl,
            mode=MODES[entry.mode],
            pins=self._fitted.head.pins,
            burst_shots=entry.burst_shots or 0,
            contact_gate=CONTACT_GATES[entry.contact],
            suction_threshold_pa=entry.suction_threshold_pa,
            suction_mode=SUCTION_MODES[entry.suction],
            trigger_mask=sum(TRIGGERS[trigger] for trigger in entry.trigger),
            max_pressure_pa=entry.max_pressure_pa,
            needle_speed_um_per_s=entry.needle_speed_um_per_s,
            technique=entry.technique or "",
            cap_nl=checks.area_cap_nl(self.file, entry),
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
        TreatmentFileError: text, TOML, shape or values are not as they must be; each problem with line and column.
    """
    text = decode(data, name)
    raw = _parse_toml(text, name)
    file = _validate(raw, text, name)
    fitted = checks.find_fitted(file, limits)
    found: Iterable[checks.Finding] = (
        fitted if isinstance(fitted, list) else checks.check_file(file, limits, fitted)
    )
    findings = list(found)
    if findings or isinstance(fitted, list):
        positions = scan(text)
        raise TreatmentFileError(
            name, list(dict.fromkeys(_place(positions, finding) for finding in findings))
        )
    return Treatment(
        name=name,
        digest=hashlib.sha256(data).hexdigest(),
        file=file,
        remarks=tuple(checks.remarks(file)),
        _fitted=fitted,
        _limits=limits,
    )


def _lowest(own_nl: int | None, host_nl: int) -> int:
    return host_nl if own_nl is None else min(own_nl, host_nl)


def _parse_toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TreatmentFileError(name, _syntax_problems(text, str(error))) from None
    except RecursionError:
        positions = scan(text)
        line, column = positions.of_deepest()
        raise TreatmentFileError(name, [Problem(line, column, "brackets are nested too deep")]) from None
    except ValueError as error:
        # Dates that are no dates and numbers of thousands of digits come as a bare ValueError without a place.
        what = f"a value cannot be read: {printable(str(error))[:100]}"
        raise TreatmentFileError(name, [Problem(1, 1, what)]) from None


def _syntax_problems(text: str, message: str) -> list[Problem]:
    positions = scan(text)
    if positions.duplicates:
        return [
            Problem(
                *positions.at(second), f"written a second time; the first is on line {positions.at(first)[0]}"
            )
            for second, first in positions.duplicates
        ]
    found = _SYNTAX_PLACE.search(message)
    what = printable(message[: found.start()] if found is not None else message)
    if found is not None and found.group(1) is not None:
        return [Problem(int(found.group(1)), int(found.group(2)), what)]
    return [Problem(*positions.at(len(text)), f"{what} at the end of the file")]


def _validate(raw: dict[str, Any], text: str, name: str) -> TreatmentFile:
    """Merge the defaults into the areas and check the shape of all of it."""
    defaults = raw.pop("defaults", {})
    if not isinstance(defaults, dict):
        positions = scan(text)
        raise TreatmentFileError(
            name, [Problem(*positions.of_key(("defaults",)), "defaults: must be a table")]
        )
    raw["area"] = _merged(raw.get("area", []), defaults)
    errors = _default_errors(defaults)
    try:
        file = TreatmentFile.model_validate(raw)
    except ValidationError as error:
        errors.extend(error.errors(include_url=False, include_input=False))
    else:
        if not errors:
            return file
    positions = scan(text)
    raise TreatmentFileError(name, list(dict.fromkeys(_shape_problems(errors, positions, defaults))))


def _shape_problems(
    errors: Sequence[ErrorDetails], positions: Positions, defaults: Mapping[str, object]
) -> Iterator[Problem]:
    """Put what pydantic found into words, without what only follows from something else that it found."""
    parents = {item["loc"][:length] for item in errors for length in range(1, len(item["loc"]))}
    meant = {_nearest_key(item["loc"]) for item in errors if item["type"] == "extra_forbidden"}
    for item in errors:
        path, kind = item["loc"], item["type"]
        follows = (kind == "too_short" and path in parents) or (kind == "missing" and path[-1] in meant)
        inherited = path[0] == "area" and len(path) > 2 and path not in positions.keys and path[2] in defaults
        if not follows and not inherited:
            where = positions.of_key(path) if kind == "extra_forbidden" else positions.of_value(path)
            yield Problem(*where, _words(path, kind, item["msg"], item.get("ctx", {})))


def _merged(areas: object, defaults: dict[str, Any]) -> object:
    if not isinstance(areas, list):
        return areas
    return [{**defaults, **area} if isinstance(area, dict) else area for area in areas]


def _default_errors(defaults: dict[str, Any]) -> list[ErrorDetails]:
    """Check the defaults as an area of which anything but the values given may be missing."""
    try:
        AreaEntry.model_validate(defaults)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        for item in found:
            item["loc"] = ("defaults", *item["loc"])
        return [item for item in found if item["type"] != "missing"]
    return []


def _words(path: KeyPath, kind: str, message: str, context: Mapping[str, Any]) -> str:
    """Say in one line what pydantic found."""
    key = str(path[-1])
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        where = " here or under [defaults]" if path[0] == "area" and len(path) > 1 and key != "id" else ""
        table = "the file" if len(path) == 1 else f"[{path[0]}]"
        return f"{key} is missing: write it{where}" if where else f"{key} is missing in {table}"
    prefix = ".".join(str(part) for part in path if isinstance(part, str))
    return f"{prefix}: {_REWORDED.get(kind, message).format_map(_Context(context)) if kind in _REWORDED else message}"


_REWORDED: Final = {
    "int_type": "must be a whole number without quotes",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list in square brackets",
    "model_type": "must be a table",
    "too_short": "needs at least {min_length}",
    "too_long": "may have at most {max_length}",
}


class _Context(dict[str, Any]):
    """Context of an error for its words; a part that is not there stays out."""

    def __missing__(self, key: str) -> str:
        return ""


def _allowed_keys(path: KeyPath) -> list[str]:
    model = _TABLES.get(str(path[0]))
    if len(path) == 1 or model is None:
        return list(_TABLES)
    return [field.alias or name for name, field in model.model_fields.items()]


def _nearest_key(path: KeyPath) -> str:
    near = get_close_matches(str(path[-1])[:40], _allowed_keys(path), 1)
    return near[0] if near else ""


def _unknown_key(path: KeyPath) -> str:
    key, near = str(path[-1]), _nearest_key(path)
    hint = f"; did you mean {near!r}?" if near else ""
    odd = foreign_letter(key)
    return f"unknown key {quoted(key)}{hint}{'; ' + odd if odd else ''}; allowed: {', '.join(_allowed_keys(path))}"


def _place(positions: Positions, finding: checks.Finding) -> Problem:
    path = finding.path
    # A value that an area took from the defaults stands there.
    if (
        path[0] == "area"
        and len(path) > 2
        and path not in positions.keys
        and ("defaults", path[2]) in positions.keys
    ):
        path = ("defaults", *path[2:])
    return Problem(*positions.of_value(path), finding.what)
