"""Needles, and the heads that hold them."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from msgspec import Struct

from protocols.treatment.tables import rows


class Needle(Struct, frozen=True, kw_only=True):
    """One kind of needle; ``type_id`` is its number on the wire and never given to another."""

    id: str
    type_id: int
    gauge: int
    inner_diameter_um: int
    length_um: int
    source: str


class Head(Struct, frozen=True, kw_only=True):
    """One kind of head; ``type_id`` is its number on the wire and never given to another."""

    id: str
    type_id: int
    pins: int
    name: str


@cache
def needles() -> Mapping[str, Needle]:
    """Return all needles by id, such as ``30g_4mm``."""
    found = (
        Needle(
            id=row["id"],
            type_id=int(row["type_id"]),
            gauge=int(row["gauge"]),
            inner_diameter_um=int(row["inner_diameter_um"]),
            length_um=int(row["length_um"]),
            source=row["source"],
        )
        for row in rows("needles")
    )
    return MappingProxyType({needle.id: needle for needle in found})


@cache
def heads() -> Mapping[str, Head]:
    """Return all heads by id."""
    found = (
        Head(id=row["id"], type_id=int(row["type_id"]), pins=int(row["pins"]), name=row["name"])
        for row in rows("heads")
    )
    return MappingProxyType({head.id: head for head in found})
