"""Builds records: pure, everything that varies (time, randomness, place in the log) is handed in."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.audit import canonical

RECORD_VERSION: Final = 1
NONCE_BYTES: Final = 16
FIRST_PREV: Final = bytes(32)
ENVELOPE_ALWAYS: Final = frozenset(
    {"v", "kind", "log", "seq", "key", "nonce", "ts_us", "mono_us", "boot", "clock", "op", "role", "sw", "prev"}
)
ENVELOPE: Final = ENVELOPE_ALWAYS | {"sess", "alias", "gun", "simulated", "protocol"}

_KIND: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*", re.ASCII)
_KEY: Final = re.compile(r"[!-~]{1,200}", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Stamp(Struct, frozen=True, kw_only=True):
    """When something is committed, as one host sees it; a label, never an order.

    Attributes:
        ts_us: UTC in microseconds since 1970.
        mono_us: Host monotonic clock, time asleep included; comparable only within one ``boot`` (I-37).
        boot: Id of this boot of the host.
        clock: ``synced``, ``unsynced`` or ``stepped``.
    """

    ts_us: int
    mono_us: int
    boot: str
    clock: str


class Record(Struct, frozen=True):
    """One line of the log: its columns, its canonical bytes and the fields they hold."""

    seq: int
    key: str
    kind: str
    sess: bytes | None
    leaf: bytes
    body: bytes
    fields: dict[str, Json]


def leaf_hash(body: bytes) -> bytes:
    """Return the RFC 6962 leaf hash of a body: chain link and tree leaf at once."""
    return sha256(b"\x00" + body).digest()


def build(entry: Entry, *, seq: int, prev: bytes, stamp: Stamp, nonce: bytes, origin: str, software: str) -> Record:
    """Return the record of an entry at place ``seq``, linked to the leaf hash ``prev``.

    Raises:
        ValueError: the entry cannot be a record; names the field.
    """
    fields = _envelope(entry, stamp)
    payload = entry.payload
    if not ENVELOPE.isdisjoint(payload):
        _check_overlap(fields, entry)
    fields.update(payload)
    fields["seq"] = seq
    fields["prev"] = b64encode(prev).decode()
    fields["nonce"] = b64encode(nonce).decode()
    fields["log"] = origin
    fields["sw"] = software
    canonical.check_fields(fields)
    if _KIND.fullmatch(entry.kind) is None:
        raise ValueError(f"kind {entry.kind!r} is not made of a-z, 0-9, _ and single dots")
    if _KEY.fullmatch(entry.key) is None:
        raise ValueError(f"key {entry.key!r} is not 1 to 200 printable ASCII characters without space")
    body = canonical.encode(fields)
    sess = bytes.fromhex(entry.session) if entry.session else None
    return Record(seq, entry.key, entry.kind, sess, leaf_hash(body), body, fields)


def _envelope(entry: Entry, stamp: Stamp) -> dict[str, Json]:
    fields: dict[str, Json] = {
        "v": RECORD_VERSION,
        "kind": entry.kind,
        "key": entry.key,
        "ts_us": stamp.ts_us,
        "mono_us": stamp.mono_us,
        "boot": stamp.boot,
        "clock": stamp.clock,
        "op": entry.op,
        "role": entry.role,
    }
    for name, value in (("sess", entry.session), ("alias", entry.alias)):
        if value:
            if _ID.fullmatch(value) is None:
                raise ValueError(f"{name} {value!r} is not 32 hex digits")
            fields[name] = value
    if entry.gun is not None:
        fields["gun"] = entry.gun.as_json()
        fields["simulated"] = entry.gun.simulated
    # A shot names its grant, and the grant's record holds the digest: no need to repeat it 25 times.
    if entry.protocol_digest and entry.kind != "shot":
        fields["protocol"] = entry.protocol_digest
    return fields


def _check_overlap(fields: dict[str, Json], entry: Entry) -> None:
    """A payload may say ``simulated``, the same as the gun if there is one; nothing else of the envelope."""
    taken = sorted(ENVELOPE.intersection(entry.payload))
    if taken != ["simulated"]:
        raise ValueError(f"{entry.kind}: the field {taken[0]} belongs to the envelope of the record")
    said = entry.payload["simulated"]
    if type(said) is not bool or fields.get("simulated", said) is not said:
        raise ValueError(f"{entry.kind}: simulated is {said!r}, the gun says {fields.get('simulated')!r}")
