"""A signature on its way to the log: it names by key the record that it signs, and stands in one commit with it.

Which place and which leaf hash that record has, only the log can say; it binds the signature to both as it takes it.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from meso_device.accounting.entries import Entry, Json
from protocols.errors import require

SIGN: Final = "sign"
LEAF_BYTES: Final = 32
_OF: Final = "target_key"


def signature(record: Entry, *, meaning: str, op: str, role: str, payload: Mapping[str, Json]) -> Entry:
    """Return a person's signature of a record; `bound` is still to be called on it.

    Args:
        record: What is signed, known by its key; session and alias are the signature's too.
        meaning: Code of what the signature says.
        op: Pseudonym of the person.
        role: Role in which the person signs.
        payload: What else it says.
    """
    return Entry(
        kind=SIGN,
        key=f"{SIGN}/{record.key}/{op}/{meaning}",
        payload={_OF: record.key, "meaning": meaning, **payload},
        op=op,
        role=role,
        session=record.session,
        alias=record.alias,
    )


def signed_key(entry: Entry) -> str:
    """Return the key of the record that an unbound signature names."""
    return str(entry.payload[_OF])


def bound(entry: Entry, seq: int, leaf: bytes) -> Entry:
    """Return the signature as it is recorded: of the record at this place with this leaf hash, and of no other.

    The same person signing the same record with the same meaning again is the same record.
    """
    require(seq >= 0 and len(leaf) == LEAF_BYTES, "a signature needs a place and a leaf hash")
    told = {name: value for name, value in entry.payload.items() if name != _OF}
    return replace(
        entry,
        key=f"{SIGN}/{seq}/{entry.op}/{told['meaning']}",
        payload={"target_seq": seq, "target_leaf": b64encode(leaf).decode(), **told},
    )
