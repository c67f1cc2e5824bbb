"""Small parts of FHIR R4 resources, as plain dictionaries: ids, codes, quantities, times. Pure."""

from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5

Resource: TypeAlias = dict[str, Any]

NAMESPACE: Final = UUID("7b1ad3c4-6f0e-5c58-9d55-6d65736f6676")
"""Of all ids: the same thing exported twice is the same resource, and a server changes nothing."""
OWN: Final = "urn:meso-device"
UCUM: Final = "http://unitsofmeasure.org"
UNITS: Final = {"mL": "mL", "mm": "mm", "{shots}": "injections"}
"""UCUM codes in use, and what people read."""
TEST_DATA: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}


def resource(kind: str, key: str, *, simulated: bool, **fields: Any) -> Resource:
    """Return a resource whose id comes of its type and key; empty fields are left out."""
    made: Resource = {"resourceType": kind, "id": str(uuid5(NAMESPACE, f"{kind}/{key}"))}
    if simulated:
        made["meta"] = {"tag": [TEST_DATA]}
    for name, value in fields.items():
        if value:
            made[name] = value
    return made


def reference(to: Resource) -> Resource:
    """Return a reference to a resource of the same bundle."""
    return {"reference": f"urn:uuid:{to['id']}", "type": to["resourceType"]}


def identifier(system: str, value: str) -> Resource:
    """Return an identifier of this product."""
    return {"system": f"{OWN}:{system}", "value": value}


def known_as(kind: str, system: str, value: str) -> Resource:
    """Return a reference to somebody or something that no resource of the bundle describes."""
    return {"type": kind, "identifier": identifier(system, value)}


@cache
def own_code(system: str, code: str, text: str = "") -> Resource:
    """Return a concept of this product, one object for all who ask: it is not to be changed."""
    return {"coding": [{"system": f"{OWN}:{system}", "code": code}], "text": text or code.replace("_", " ")}


def code_of(system: str, code: str, display: str) -> Resource:
    """Return a concept of a code system of others."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


def quantity(value: Decimal | int, unit: str) -> Resource:
    """Return a quantity in one of `UNITS`."""
    return {"value": value, "unit": UNITS[unit], "system": UCUM, "code": unit}


def millilitres(dose_nl: int) -> Decimal:
    """Return nanolitres in mL, exactly, without zeros at the end."""
    return _decimal(dose_nl, 6)


def millimetres(depth_um: int) -> Decimal:
    """Return micrometres in mm, exactly, without zeros at the end."""
    return _decimal(depth_um, 3)


def period(first: str, last: str) -> Resource:
    """Return the time between two instants; without its end while there is none."""
    return {"start": first, **({"end": last} if last else {})}


def _decimal(value: int, places: int) -> Decimal:
    whole, part = divmod(value, 10**places)
    return Decimal(f"{whole}.{part:0{places}}".rstrip("0").rstrip("."))
