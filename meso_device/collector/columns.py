"""Columns for PostgreSQL's `unnest`: arrays in its binary form, written in one go, where psycopg looks at each element.

An array is how many dimensions it has (one), whether it may hold nulls, the type of its elements, how many there are,
and the number of the first; then each element as its length, -1 for null, and its bytes. All are big-endian.
"""

from collections.abc import Collection, Iterable
from struct import Struct as Packing
from typing import Final, TypeVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD: Final = Packing("!iiIii").pack
_LENGTH: Final = Packing("!i").pack
_LENGTH_AND_BIGINT: Final = Packing("!iq").pack
_BIGINT_BYTES: Final = 8
_NULL: Final = _LENGTH(-1)
_OF: Final = psycopg.adapters.types
_Row = TypeVar("_Row", bound=psycopg.rows.TupleRow)


class Bigints(bytes):
    """A ``bigint[]``."""


class Texts(bytes):
    """A ``text[]``."""


class Byteas(bytes):
    """A ``bytea[]``."""


class _BigintsDumper(Dumper):
    format, oid = Format.BINARY, _OF["int8"].array_oid

    def dump(self, obj: Bigints) -> bytes:
        return obj


class _TextsDumper(Dumper):
    format, oid = Format.BINARY, _OF["text"].array_oid

    def dump(self, obj: Texts) -> bytes:
        return obj


class _ByteasDumper(Dumper):
    format, oid = Format.BINARY, _OF["bytea"].array_oid

    def dump(self, obj: Byteas) -> bytes:
        return obj


def register(connection: "psycopg.Connection[_Row]") -> None:
    """Let a connection take columns."""
    for kind, dumper in ((Bigints, _BigintsDumper), (Texts, _TextsDumper), (Byteas, _ByteasDumper)):
        connection.adapters.register_dumper(kind, dumper)


def bigints(values: Iterable[int]) -> Bigints:
    """Return numbers of 64 bits as a column."""
    packed = [_LENGTH_AND_BIGINT(_BIGINT_BYTES, value) for value in values]
    return Bigints(_head("int8", packed) + b"".join(packed))


def texts(values: Iterable[str]) -> Texts:
    """Return texts as a column."""
    return Texts(_sized("text", [value.encode() for value in values]))


def byteas(values: Iterable[bytes | None]) -> Byteas:
    """Return bytes, or nulls, as a column."""
    return Byteas(_sized("bytea", list(values)))


def _sized(element: str, values: list[bytes] | list[bytes | None]) -> bytes:
    pieces = [_head(element, values)]
    for value in values:
        if value is None:
            pieces.append(_NULL)
        else:
            pieces += (_LENGTH(len(value)), value)
    return b"".join(pieces)


def _head(element: str, values: Collection[object]) -> bytes:
    return _HEAD(1, 1, _OF[element].oid, len(values), 1)
