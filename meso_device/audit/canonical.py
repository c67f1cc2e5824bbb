"""Canonical bytes of a record, and the strict reading of them.

A record holds integers, strings, booleans, lists and objects with keys ``[a-z0-9_]``; no float and no null.
In that space RFC 8785 leaves an encoder no choice: keys sort alike by code point and by UTF-16 unit, integers
within 2^53 - 1 have one form, and strings one escape each. So msgspec, 60 times faster than the reference
library, writes the same bytes; a property test compares the two.

Hashes are always taken over the bytes as stored. Reading encodes again only to refuse what is not canonical,
such as a key given twice, white space or ``1.0``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from keyword import iskeyword
from string import ascii_lowercase
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

import msgspec

from meso_device.accounting.entries import Json

INTEGER_MAX: Final = 2**53 - 1
BODY_BYTES_MAX: Final = 16_384

_KEY: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_SCALARS: Final = frozenset({int, str, bool})
_DEPTH_MAX: Final = 8
_encode_sorted: Final = msgspec.json.Encoder(order="deterministic").encode
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode_as_is: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_Integer = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
_Shape: TypeAlias = tuple[tuple[str, Any], ...]
_SHAPES_KEPT: Final = 256


def check_value(value: object, where: str, depth: int = 0) -> None:
    """Refuse with ValueError whatever a record cannot hold; ``where`` names the field in the message."""
    kind = type(value)
    if kind is str or kind is bool:
        return
    if kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:  # type: ignore[operator]  # int by the line above
            raise ValueError(f"{where} is {value}, outside of 2^53 - 1; write it as a hex string")
        return
    if depth >= _DEPTH_MAX:
        raise ValueError(f"{where} is nested deeper than {_DEPTH_MAX}")
    if isinstance(value, Mapping):
        check_fields(value, where, depth)
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]  # list by the line above
            check_value(item, where, depth + 1)
    else:
        raise ValueError(f"{where} is of type {kind.__name__}; a record holds int, str, bool, list and object")


def check_fields(fields: Mapping[str, object], where: str = "", depth: int = 0) -> None:
    """Refuse with ValueError a field whose name or value a record cannot hold."""
    if not _seen_keys.issuperset(fields):
        _check_keys(fields)
    for key, value in fields.items():
        kind = type(value)
        # The usual types first: this runs for every field of every record.
        if kind is str or kind is bool:
            continue
        if kind is int and -INTEGER_MAX <= value <= INTEGER_MAX:  # type: ignore[operator]  # an int by now
            continue
        check_value(value, f"{where}.{key}" if where else key, depth + 1)


# Field names found good before; they come from the program, so there are few. The bound is for hostile logs.
_SEEN_KEYS_MAX: Final = 4_096
_seen_keys: Final[set[str]] = set()


def _check_keys(fields: Mapping[str, object]) -> None:
    for key in fields:
        if type(key) is not str or _KEY.fullmatch(key) is None:
            raise ValueError(f"field name {key!r} is not made of a-z, 0-9 and _")
    if len(_seen_keys) < _SEEN_KEYS_MAX:
        _seen_keys.update(fields)


def encode(fields: Mapping[str, Json]) -> bytes:
    """Return the canonical bytes of fields that passed `check_fields`.

    Raises:
        ValueError: a string is not valid Unicode, or the body is longer than `BODY_BYTES_MAX`.
    """
    body = _encode_sorted(fields)
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"the record is {len(body)} bytes long; at most {BODY_BYTES_MAX}")
    return body


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not an integer")


def parse(body: bytes) -> dict[str, Json]:
    """Read a body, refusing with ValueError everything that `encode` would not have written."""
    if len(body) > BODY_BYTES_MAX:
        raise ValueError(f"the record is {len(body)} bytes long; at most {BODY_BYTES_MAX}")
    try:
        fields = json.loads(body.decode(), parse_float=_refuse_number, parse_constant=_refuse_number)
    except RecursionError:
        raise ValueError("the record is nested too deeply") from None
    if type(fields) is not dict:
        raise ValueError("the record is not an object")
    check_fields(fields)
    if encode(fields) != body:
        raise ValueError("the record is not in canonical form")
    return fields


def decode(body: bytes) -> dict[str, Any]:
    """Read a body that `encode` wrote, without the strictness of `parse`; ValueError when it is not JSON."""
    fields: dict[str, Any] = _decode_object(body)
    return fields


class ShapeReader:
    """Reads bodies of one shape (same keys, same types) as strictly as `parse`, at a fraction of the cost.

    The decoder takes exactly these keys with exactly these types, and writing the result again must give the same
    bytes; together this leaves no room for a float, a null, a key given twice or another order.

    Attributes:
        sample: The body that the shape was taken from; a body with another value in one of the ``constants`` is of
            another shape.
    """

    def __init__(self, sample: Mapping[str, Json], constants: frozenset[str] = frozenset()) -> None:
        self.sample = sample
        self._decoder = _decoder(_shape(sample, constants))

    @staticmethod
    def fits(sample: Mapping[str, Json]) -> bool:
        """Return whether the shape is of the simple kind; others are left to `parse`.

        Lists are not, as their items vary, nor are names that Python could not give to an attribute.
        """
        return all(
            key[0] in ascii_lowercase
            and not iskeyword(key)
            and (type(value) in _SCALARS or (isinstance(value, dict) and ShapeReader.fits(value)))
            for key, value in sample.items()
        )

    def read(self, body: bytes) -> Any:
        """Return an object with one attribute a field; None for another shape or other than canonical bytes."""
        try:
            fields = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return fields if _encode_as_is(fields) == body else None

    def read_all(self, bodies: Sequence[bytes]) -> list[Any]:
        """Read many bodies at once; ValueError if there is one that `read` would not take.

        As lines, which cost a third less than one by one. What is written again holds one line break a record, so
        equal bytes leave none inside a body, and each body is one record.
        """
        lines = b"\n".join((*bodies, b""))
        records = self._decoder.decode_lines(lines)
        if len(records) != len(bodies) or _encode_lines(records) != lines:
            raise ValueError("not in canonical form")
        return records


def _shape(sample: Mapping[str, Json], constants: frozenset[str]) -> _Shape:
    """Return the keys in their order, each with what may stand there."""
    shape: list[tuple[str, Any]] = []
    for key in sorted(sample):
        value = sample[key]
        if isinstance(value, dict):
            shape.append((key, _shape(value, constants)))
        elif key in constants and type(value) is not bool:
            shape.append((key, Literal[value]))
        else:
            shape.append((key, _Integer if type(value) is int else type(value)))
    return tuple(shape)


# To make one takes as long as to read a hundred records; who judges many small logs meets the same shapes in each.
@lru_cache(maxsize=_SHAPES_KEPT)
def _decoder(shape: _Shape) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_struct(shape))


def _struct(shape: _Shape) -> type[msgspec.Struct]:
    fields = [(key, _struct(kind) if isinstance(kind, tuple) else kind) for key, kind in shape]
    return msgspec.defstruct("Shape", fields, gc=False, forbid_unknown_fields=True)
