"""Write the worked example of SPEC.md: a session in bytes, packed from the schema by the second encoder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from protocols.wire.generate_vectors import Value, crc32, field_bytes, wrap

if TYPE_CHECKING:
    from protocols.wire.generate import Layout, Message, Schema

_UID: Final = bytes(range(12))
_EPOCH: Final = 3
_SESSION: Final = 0x00070001
_HOST_ID: Final = bytes([0xC0]) * 16
_NONCE: Final = bytes(range(0x10, 0x20))


class _Line:
    """The text of the example, frame by frame."""

    def __init__(self, schema: Schema) -> None:
        self._messages = {m.name: m for m in schema.messages}
        self._events = {e.name: e for e in schema.events}
        self._structs = {s.name: s for s in schema.structs}
        self._req_id = 0
        self.lines: list[str] = []

    def struct(self, name: str, values: dict[str, Value]) -> bytes:
        """Return the bytes of a struct of the schema."""
        return _pack(self._structs[name], values)

    def ask(self, name: str, why: str, ask: dict[str, Value], answer: dict[str, Value], uptime_ms: int) -> None:
        """Add a request and the reply OK to it; the reply comes at the gun's uptime."""
        message = self._messages[name]
        self._req_id += 1
        session = 0 if name == "HELLO" else _SESSION
        head = (self._req_id, session)
        self._say(f"host: {name}, {why}", _frame(message.type_code, *head, 0, _pack(message.request, ask)))
        body = bytes(4) + (_pack(message.reply, answer) if message.reply else b"")
        self._say(f"gun: reply OK{_told(message, answer)}", _frame(message.type_code | 0x80, *head, uptime_ms, body))

    def beat(self, why: str, values: dict[str, Value]) -> None:
        """Add a heartbeat."""
        message = self._messages["HEARTBEAT"]
        self._say(f"host: HEARTBEAT, {why}", _frame(message.type_code, 0, _SESSION, 0, _pack(message.request, values)))

    def event(self, name: str, why: str, values: dict[str, Value], uptime_ms: int) -> None:
        """Add an event."""
        event = self._events[name]
        self._say(f"gun: event {name}, {why}", _frame(event.type_code, 0, 0, uptime_ms, _pack(event.body, values)))

    def note(self, text: str) -> None:
        """Add a line of prose."""
        self.lines += ["", text]

    def _say(self, title: str, frame: bytes) -> None:
        self.lines += ["", f"**{title}**, {len(frame)} bytes", "", "```", *_hex(frame), "```"]


def session(schema: Schema) -> str:
    """Return the example as Markdown."""
    line = _Line(schema)
    seed = _hash8(b"meso wire log" + _UID + _EPOCH.to_bytes(4, "little"))
    cal = _hash8(bytes(320))
    line.ask(
        "HELLO", "nonce 10 11 .. 1F",
        {"host_nonce": _NONCE.hex(), "min_major": 1, "max_major": 1, "host_id": _HOST_ID.hex()},
        {
            "session": _SESSION, "major": schema.major, "minor": schema.minor, "max_frame": 250,
            "descriptor_hash8": schema.descriptor_hash8.hex(), "gun_uid": _UID.hex(), "log_epoch":
            _EPOCH, "boot_id": 7,
            "reset_cause": 1, "state": 1, "flags": 0b101_0001, "head_seq": 0, "released_seq": 0, "oldest_seq": 1,
            "log_capacity": 4096, "chain_head8": seed.hex(), "odometer_nl": 0, "ticks_us": 5_000_000,
            "model": "MESO-SIM",
            "serial": "S-0001", "hw_rev": 1, "accounting_level": ord("A"), "battery_pct": 90, "cal_id": 1,
            "cal_hash8": cal.hex(), "settings_hash8": _hash8(bytes(72)).hex(), "owner_token": 41, "last_grant_no": 8,
            "self_test": 0x1FF, "host_nonce": _NONCE.hex(),
        },
        5_000,
    )  # fmt: skip
    line.ask(
        "TAKEOVER",
        "the token that HELLO told",
        {"expected_token": 41, "host_id": _HOST_ID.hex()},
        {"owner_token": 42},
        5_020,
    )
    block: dict[str, Value] = {
        "area_code": 100, "mode": 1, "pins": 1, "depth_um": 2_000, "dose_nl": 20_000, "flow_nl_per_s":
        200_000, "interval_ms": 111,
        "dwell_ms": 20, "burst_shots": 1, "contact_gate": 1, "trigger_mask": 1, "max_pressure_pa": 500_000,
        "needle_speed_um_per_s": 200_000, "syringe_geometry_id": 5, "needle_type_id": 30, "head_type_id": 1,
        "cal_hash8": cal.hex(),
    }  # fmt: skip
    raw = line.struct("Settings", block)
    settings = _hash8(raw).hex()
    line.ask("SETTINGS_SET", "2,000 um, 20,000 nl", block, {"settings_hash8": settings}, 5_040)
    line.ask("SETTINGS_GET", "to compare every byte", {}, {"block": raw.hex(), "settings_hash8": settings}, 5_060)
    grant: dict[str, Value] = {
        "grant_no": 9, "expect_head_seq": 0, "owner_token": 42, "kind": 1, "area_code": 100,
        "settings_hash8": settings,
        "max_shots": 3, "max_nl": 60_000, "lease_ms": 500, "valid_s": 600, "not_after_uptime_ms": 5_560,
        "session_tag8": "A1A2A3A4A5A6A7A8",
    }  # fmt: skip
    line.ask(
        "GRANT_SET",
        "number 9, three shots",
        grant,
        {"grant_no": 9, "remaining_shots": 3, "remaining_nl": 60_000},
        5_080,
    )
    read_back = {
        k: v
        for k, v in grant.items()
        if k in {"grant_no", "kind", "area_code", "settings_hash8", "max_shots", "max_nl", "lease_ms"}
    }
    left: dict[str, Value] = {"state": 1, "remaining_shots": 3, "remaining_nl": 60_000}
    line.ask("GRANT_GET", "read back before ARMED is shown", {"grant_no": 9}, read_back | left, 5_100)
    beat: dict[str, Value] = {
        "hb_no": 1,
        "echo_uptime_ms": 5_100,
        "lease_ms": 500,
        "session_state": 0,
        "screen_alive": 1,
    }
    line.beat("every 100 ms; it echoes the newest uptime heard", beat)
    intent: dict[str, Value] = {
        "shot_seq": 1, "boot_id": 7, "ticks_start_us": 5_900_000, "grant_no": 9, "settings_hash8": settings,
        "planned_nl": 20_000,
        "planned_depth_um": 2_000, "area_code": 100, "kind": 1, "trigger_source": 1, "pins": 1, "flags":
        0b101, "prev_hash8": seed.hex(),
    }  # fmt: skip
    outcome: dict[str, Value] = {
        "dose_lo_nl": 19_980, "dose_hi_nl": 19_980, "measured_depth_um": 1_998, "duration_ms": 141,
        "peak_pressure_kpa": 62, "phase": 1,
    }  # fmt: skip
    slot = bytearray(line.struct("Slot", intent | outcome))
    slot[48:52] = crc32(_EPOCH.to_bytes(4, "little") + slot[:48]).to_bytes(4, "little")
    slot[68:72] = crc32(_EPOCH.to_bytes(4, "little") + slot[52:68]).to_bytes(4, "little")
    line.note("The trigger is pulled. The gun writes INTENT, reads it back, makes the stroke, and writes OUTCOME:")
    line.lines += ["", "```", *_hex(bytes(slot)), "```"]
    told: dict[str, Value] = {
        "shot_seq": 1, "grant_no": 9, "phase": 1, "remaining_shots": 2, "dose_hi_nl": 19_980,
        "measured_depth_um": 1_998, "kind": 1,
    }  # fmt: skip
    line.event("SHOT_EVENT", "a hint", told, 6_041)
    page: dict[str, Value] = {"log_epoch": _EPOCH, "from_seq": 1, "count": 1}
    line.ask(
        "LOG_READ",
        "from the first record not committed",
        page | {"count": 3},
        page | {"slots": bytes(slot).hex()},
        6_060,
    )
    record = _hash8(_UID + _EPOCH.to_bytes(4, "little") + slot)
    line.note(f"record_hash8 of this record is `{record.hex(' ').upper()}`. The host makes it durable, then:")
    release: dict[str, Value] = {"log_epoch": _EPOCH, "upto_seq": 1, "record_hash8": record.hex()}
    line.ask("LOG_RELEASE", "proven by the hash", release, {"released_seq": 1}, 6_080)
    return "\n".join(line.lines[1:])


def _told(message: Message, values: dict[str, Value]) -> str:
    first = (
        [f.name for f in message.reply.fields if f.name in values and isinstance(values[f.name], int)][:1]
        if message.reply
        else []
    )
    return "".join(f", {name} {values[name]}" for name in first)


def _pack(layout: Layout, values: dict[str, Value]) -> bytes:
    unknown = set(values) - {f.name for f in layout.fields}
    if unknown:
        raise SystemExit(f"example: {layout.name} has no {', '.join(sorted(unknown))}")
    empty: dict[bool, Value] = {True: "", False: 0}
    parts = []
    for field in layout.fields:
        value = values.get(field.name, empty[field.type[0] == "s"])
        if value == 0 and field.type[0] == "b":
            value = "00" * field.size
        parts.append(field_bytes(field, value))
    return b"".join(parts)


def _frame(type_code: int, req_id: int, session: int, aux: int, payload: bytes) -> bytes:
    head = bytes([0x10, type_code]) + req_id.to_bytes(2, "little") + session.to_bytes(4, "little")
    return wrap(head + aux.to_bytes(4, "little") + payload)


def _hash8(data: bytes | bytearray) -> bytes:
    return hashlib.sha256(data).digest()[:8]


def _hex(data: bytes) -> list[str]:
    rows = [data[i : i + 32] for i in range(0, len(data), 32)]
    return ["  ".join(row[i : i + 8].hex(" ").upper() for i in range(0, len(row), 8)) for row in rows]
