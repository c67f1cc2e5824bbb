"""Write golden vectors: whole frames with their field values.

Bytes are made here by a second, plain encoder (`int.to_bytes`, bitwise CRC, COBS by its definition) that shares nothing
with the codec, so that a vector can disagree with the codec.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.wire.generate import Field, Layout, Schema

Value = int | str


def vectors(schema: Schema) -> str:
    """Return vectors.json: each message at its least, greatest and a typical value; STOP; a record; tagged frames."""
    frames = []
    for m in schema.messages:
        frames += _cases(m.name, m.type_code, m.request, b"", req_id=0 if m.kind == "-" else 7)
        if m.kind != "-":
            head = bytes(4)
            frames += (
                _cases(m.name + "_REPLY", m.type_code | 0x80, m.reply, head, req_id=7)
                if m.reply
                else [_frame(m.name + "_REPLY", "code", m.type_code | 0x80, 7, head, {})]
            )
    for e in schema.events:
        frames += _cases(e.name, e.type_code, e.body, b"", req_id=0)
    refused = _header(0x8A, 7) + bytes([17, 0, 4, 0])
    frames.append(
        {
            "name": "GRANT_SET_REPLY",
            "case": "refused",
            "frame": wrap(refused).hex(),
            "fields": {},
            "code": 17,
            "field_offset": 4,
        }
    )
    slot_layout = next(s for s in schema.structs if s.name == "Slot")
    body = {
        "vectors": frames,
        "stop": "0011103fffffffffffffffffffff634f312000",
        "crc32_123456789": "cbf43926",
        "slot": _slot(slot_layout),
        "auth": _auth(schema),
    }
    return json.dumps(body, indent=1, sort_keys=True) + "\n"


def _cases(name: str, type_code: int, layout: Layout, head: bytes, *, req_id: int) -> list[dict[str, object]]:
    result = []
    for case in ("least", "greatest", "typical"):
        values = {f.name: _value(f, case) for f in layout.fields if not f.reserved}
        payload = head + b"".join(field_bytes(f, values.get(f.name, 0)) for f in layout.fields)
        result.append(_frame(name, case, type_code, req_id, payload, values))
    return result


def _frame(
    name: str, case: str, type_code: int, req_id: int, payload: bytes, values: dict[str, Value]
) -> dict[str, object]:
    return {"name": name, "case": case, "frame": wrap(_header(type_code, req_id) + payload).hex(), "fields": values}


def _header(type_code: int, req_id: int) -> bytes:
    return (
        bytes([0x10, type_code])
        + req_id.to_bytes(2, "little")
        + (0x1234).to_bytes(4, "little")
        + (5).to_bytes(4, "little")
    )


def _value(field: Field, case: str) -> Value:
    kind = field.type
    if kind in ("u8", "u16", "u32", "u64", "i16", "i32"):
        bits = int(kind[1:])
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "i" else (0, (1 << bits) - 1)
        low = low if field.minimum is None else field.minimum
        high = high if field.maximum is None else field.maximum
        return {"least": low, "greatest": high, "typical": low + (high - low) // 3}[case]
    if kind[0] == "s":
        return {"least": "", "greatest": "Z" * field.size, "typical": "MESO-1"}[case]
    size = 72 if kind == "tail" else field.size
    return {"least": b"" if kind == "tail" else bytes(size), "greatest": b"\xff" * size, "typical": bytes(range(size))}[
        case
    ].hex()


def field_bytes(field: Field, value: Value) -> bytes:
    """Return one field as it goes over the wire; byte strings are given in hex."""
    kind = field.type
    if field.reserved:
        return bytes(field.size)
    if isinstance(value, int):
        return value.to_bytes(field.size, "little", signed=kind[0] == "i")
    return value.encode().ljust(field.size, b"\0") if kind[0] == "s" else bytes.fromhex(value)


def crc32(data: bytes | bytearray) -> int:
    """Return CRC-32/ISO-HDLC, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def wrap(decoded: bytes) -> bytes:
    """Return header and payload as a whole frame: CRC, COBS, delimiters."""
    blocks = (decoded + crc32(decoded).to_bytes(4, "little")).split(b"\0")
    if any(len(block) > 254 for block in blocks):
        raise SystemExit("vectors: a frame is longer than one COBS block")
    return b"\0" + b"".join(bytes([len(block) + 1]) + block for block in blocks) + b"\0"


def _slot(layout: Layout) -> dict[str, object]:
    uid, epoch = bytes(range(12)), 3
    values: dict[str, Value] = {f.name: _value(f, "typical") for f in layout.fields}
    seed = hashlib.sha256(b"meso wire log" + uid + epoch.to_bytes(4, "little")).digest()[:8]
    values["prev_hash8"] = seed.hex()
    raw = bytearray(b"".join(field_bytes(f, values[f.name]) for f in layout.fields))
    raw[48:52] = crc32(epoch.to_bytes(4, "little") + raw[:48]).to_bytes(4, "little")
    raw[68:72] = crc32(epoch.to_bytes(4, "little") + raw[52:68]).to_bytes(4, "little")
    record = hashlib.sha256(uid + epoch.to_bytes(4, "little") + bytes(raw)).digest()[:8]
    return {
        "gun_uid": uid.hex(),
        "log_epoch": epoch,
        "chain_seed8": seed.hex(),
        "slot": raw.hex(),
        "record_hash8": record.hex(),
    }


def _auth(schema: Schema) -> dict[str, object]:
    """Keys and tags of a session, with a frame of each kind that bears a tag."""
    link_key, uid = bytes(range(0xA0, 0xB0)), bytes(range(12))
    host_nonce, gun_nonce, session = bytes(range(0x10, 0x20)), bytes(range(0x60, 0x70)), 0x1234
    told = b"meso link session" + uid + session.to_bytes(4, "little") + host_nonce + gun_nonce
    key = hashlib.blake2s(told, key=link_key, digest_size=32).digest()
    takeover = next(m for m in schema.messages if m.name == "TAKEOVER").type_code
    heartbeat = next(m for m in schema.messages if m.name == "HEARTBEAT").type_code
    auth = next(m for m in schema.messages if m.name == "AUTH").type_code
    estopped = next(e for e in schema.events if e.name == "ESTOPPED")
    event = b"".join(field_bytes(f, _value(f, "typical")) for f in estopped.body.fields)
    frames = [
        ("AUTH_REPLY", b"G", auth | 0x80, 1, session, bytes(4) + gun_nonce),
        ("TAKEOVER", b"H", takeover, 3, session, (41).to_bytes(4, "little") + bytes([0xC0]) * 16),
        ("TAKEOVER_REPLY", b"G", takeover | 0x80, 3, session, bytes(4) + (42).to_bytes(4, "little")),
        ("HEARTBEAT", b"H", heartbeat, 0, session, bytes.fromhex("0100000005000000f4010601")),
        ("ESTOPPED", b"G", estopped.type_code, 0, 1, event),
    ]
    return {
        "link_key": link_key.hex(),
        "gun_uid": uid.hex(),
        "session": session,
        "host_nonce": host_nonce.hex(),
        "gun_nonce": gun_nonce.hex(),
        "session_key": key.hex(),
        "frames": [
            {"name": name, "sender": by.decode(), "frame": _sealed(key, by, kind, req_id, number, payload).hex()}
            for name, by, kind, req_id, number, payload in frames
        ],
    }


def _sealed(key: bytes, sender: bytes, type_code: int, req_id: int, number: int, payload: bytes) -> bytes:
    header = (
        bytes([0x18, type_code]) + req_id.to_bytes(2, "little") + number.to_bytes(4, "little") + bytes([5, 0, 0, 0])
    )
    tag = hashlib.blake2s(sender + header + payload, key=key, digest_size=8).digest()
    return wrap(header + payload + tag)
