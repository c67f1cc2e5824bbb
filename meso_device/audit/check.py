"""One pass over records in order: does each one stand where the chain says, and say what its columns say?"""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from meso_device.audit import canonical
from meso_device.audit.records import ENVELOPE_ALWAYS, RECORD_VERSION

COLUMNS: Final = "seq, key, kind, sess, leaf, body"
# The same in all records of one kind, gun and software: a shape has them built in, which spares comparing them.
CONSTANTS: Final = frozenset({"v", "kind", "log", "sw", "gun_uid", "log_epoch"})


@dataclass(eq=False)
class Damage(Exception):  # noqa: N818  # what was found, raised to end the pass
    """The first thing that does not hold. ``seq`` is the record, or None when it is about the whole log."""

    seq: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.seq is None else f"record {self.seq}: {self.what}"


class ChainChecker:
    """Checks records one by one, from any place whose predecessor's leaf is known.

    Attributes:
        origin: The log's name that every record must bear.
        next_seq: Place of the next record.
        prev: What the next record must name as the one before it.
        readers: Readers of the shapes seen so far, by kind and by whether outside a session.
    """

    def __init__(self, origin: str, seq: int, prev: bytes) -> None:
        self.origin = origin
        self.next_seq = seq
        self.prev = b64encode(prev).decode()
        self.readers: dict[tuple[str, bool], canonical.ShapeReader] = {}

    def check(self, row: tuple[int, str, str, bytes | None, bytes, bytes]) -> Any:
        """Return the fields of the record as attributes.

        Raises:
            Damage: the record is missing, moved, changed, not canonical, or its columns differ from its body.
        """
        seq, key, kind, sess, leaf, body = row
        if seq != self.next_seq:
            raise Damage(self.next_seq, f"missing; the next one is {seq}")
        # A damaged file may hold another type than the table was made for.
        if not (isinstance(body, bytes) and isinstance(leaf, bytes) and isinstance(sess, bytes | None)):
            raise Damage(seq, "a column of it is of another type")
        actual = sha256(b"\x00" + body).digest()
        fields = self._read(seq, kind, sess is None, body)
        if fields.prev != self.prev:
            raise Damage(seq, "does not follow the record before it: one of the two was changed, moved or removed")
        if actual != leaf:
            raise Damage(seq, "was changed: its bytes do not give its hash")
        if fields.v != RECORD_VERSION:
            raise Damage(seq, f"is of version {fields.v!r}; this program reads version {RECORD_VERSION}")
        if fields.seq != seq or fields.key != key or fields.kind != kind or fields.log != self.origin:
            raise Damage(seq, self._difference(fields, row))
        if (None if sess is None else sess.hex()) != getattr(fields, "sess", None):
            raise Damage(seq, "the session in its column is not the one in its body")
        self.next_seq = seq + 1
        self.prev = b64encode(leaf).decode()
        return fields

    def move(self, next_seq: int, prev: str) -> None:
        """Go on at a place up to which the records were found good another way."""
        self.next_seq = next_seq
        self.prev = prev

    def _read(self, seq: int, kind: str, outside: bool, body: bytes) -> Any:
        shape = (kind, outside)
        reader = self.readers.get(shape)
        fields = None if reader is None else reader.read(body)
        if fields is None:
            try:
                plain = canonical.parse(body)
            except ValueError as error:
                raise Damage(seq, f"cannot be read: {error}") from None
            lacking = ENVELOPE_ALWAYS - plain.keys()
            if lacking:
                raise Damage(seq, f"has no {min(lacking)}")
            if canonical.ShapeReader.fits(plain):
                self.readers[shape] = canonical.ShapeReader(plain, CONSTANTS)
            fields = Fields(plain)
        return fields

    def _difference(self, fields: Any, row: tuple[Any, ...]) -> str:
        pairs = (("seq", row[0]), ("key", row[1]), ("kind", row[2]), ("log", self.origin))
        for name, wanted in pairs:
            if getattr(fields, name) != wanted:
                return f"its body says {name} {getattr(fields, name)!r}, but {wanted!r} stands beside it"
        return "its columns are not those of its body"


class Fields:
    """A parsed body with its fields as attributes; a missing one is an AttributeError; objects nest."""

    def __init__(self, plain: dict[str, Any]) -> None:
        self.__dict__.update({key: Fields(value) if type(value) is dict else value for key, value in plain.items()})
