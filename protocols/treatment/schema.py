"""The shape of a treatment protocol file as JSON Schema, for editors that complete and check."""

from typing import Any, Final

from protocols.treatment.areas import catalogue
from protocols.treatment.courses import courses
from protocols.treatment.models import TreatmentFile
from protocols.treatment.needles import heads, needles
from protocols.treatment.syringes import syringes

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def treatment_schema() -> dict[str, Any]:
    """Return the JSON Schema of a treatment protocol file, derived from the models and the catalogues.

    It accepts every file that the loader accepts; a rule about several values, such as a cap, is not in it.
    """
    schema = TreatmentFile.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    area: dict[str, Any] = definitions["AreaEntry"]
    # Whatever an area needs may stand under [defaults], so that only its id has to stand in it.
    settings = {key: value for key, value in area["properties"].items() if key != "id"}
    definitions["Defaults"] = {
        "type": "object",
        "title": "Defaults",
        "description": "Values for every area that does not say otherwise.",
        "properties": settings,
        "additionalProperties": False,
    }
    area["required"] = ["id"]
    area["properties"]["id"] = _one_of(
        "area", {place.id: place.name for place in catalogue().values() if not place.no_go}
    )
    equipment = definitions["EquipmentEntry"]["properties"]
    equipment["syringe"] = _one_of("syringe", {row.id: row.name for row in syringes().values() if row.pl_per_um})
    equipment["needle"] = _one_of("needle", {row.id: f"{row.gauge}G" for row in needles().values()})
    equipment["head"] = _one_of("head", {row.id: row.name for row in heads().values()})
    head = definitions["TreatmentHead"]["properties"]
    head["course"] = _one_of("course", {row.id: row.applies_to for row in courses().values()})
    schema["properties"]["defaults"] = {"$ref": "#/$defs/Defaults"}
    return {"$schema": _DIALECT, **schema, "title": "Treatment protocol"}


def _one_of(kind: str, named: dict[str, str]) -> dict[str, Any]:
    return {
        "description": f"{kind} from the catalogue",
        "oneOf": [{"const": name, "title": title} for name, title in named.items()],
    }
