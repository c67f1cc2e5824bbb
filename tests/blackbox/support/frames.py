"""Frames of the wire protocol, written from its specification alone: an opinion that is not the product's.

``0x00 | COBS(header 12 B, payload 0-234 B, CRC-32 4 B) | 0x00``, little endian.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

STOP_BYTES = bytes.fromhex("0011103fffffffffffffffffffff634f312000")

REPLY = 0x80
HELLO = 0x01
TAKEOVER = 0x04
GOODBYE = 0x05
SETTINGS_SET = 0x08
GRANT_SET = 0x0A
GRANT_REVOKE = 0x0C
LOG_READ = 0x10
LOG_RELEASE = 0x11
HEARTBEAT = 0x14
STATUS_GET = 0x15
ESTOP = 0x3F
STATUS = 0x40
ESTOPPED = 0x42

STATE_SAFE, STATE_ARMED, STATE_MOVING, STATE_ESTOPPED = 1, 2, 3, 5
STATES = ("BOOT", "SAFE", "ARMED", "MOVING", "SERVICE", "ESTOPPED", "FAULT")
E_VERSION = 3


@dataclass(frozen=True)
class Frame:
    """One frame whose length and CRC hold."""

    major: int
    type: int
    req_id: int
    session: int
    aux: int
    payload: bytes


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing: no zero in the result."""
    out = bytearray()
    for block in data.split(b"\0"):
        rest = block
        while len(rest) >= 254:
            out += b"\xff" + rest[:254]
            rest = rest[254:]
        out.append(len(rest) + 1)
        out += rest
    return bytes(out)


def cobs_decode(block: bytes) -> bytes | None:
    """Undo `cobs_encode`; None when the block is damaged."""
    out = bytearray()
    at = 0
    while at < len(block):
        code = block[at]
        if code == 0 or at + code > len(block):
            return None
        out += block[at + 1 : at + code]
        at += code
        if code < 255 and at < len(block):
            out.append(0)
    return bytes(out)


def encode(type_code: int, req_id: int, session: int, aux: int, payload: bytes, *, major: int = 1) -> bytes:
    """A whole frame with both delimiters."""
    body = struct.pack("<BBHII", major << 4, type_code, req_id, session, aux & 0xFFFFFFFF) + payload
    return b"\0" + cobs_encode(body + struct.pack("<I", crc32(body))) + b"\0"


def decode(block: bytes) -> Frame | None:
    """What stood between two delimiters, or None when it is no frame."""
    body = cobs_decode(block)
    if body is None or not 16 <= len(body) <= 250 or crc32(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
        return None
    ver_flags, type_code, req_id, session, aux = struct.unpack_from("<BBHII", body)
    return Frame(ver_flags >> 4, type_code, req_id, session, aux, body[12:-4])


class Reader:
    """Cuts a byte stream into frames; ``bad`` counts blocks that were none."""

    def __init__(self) -> None:
        self._rest = b""
        self.bad = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Frames completed by these bytes."""
        *blocks, self._rest = (self._rest + data).split(b"\0")
        frames = [decode(block) for block in blocks if block]
        self.bad += frames.count(None)
        return [frame for frame in frames if frame is not None]


def timed_frames(chunks: Iterable[tuple[int, bytes]]) -> list[tuple[int, Frame]]:
    """Frames of a log of (time, bytes), each with the time of the chunk that completed it."""
    reader = Reader()
    return [(at, frame) for at, data in chunks for frame in reader.feed(data)]


def stop_times(chunks: Iterable[tuple[int, bytes]]) -> list[int]:
    """Times at which the last byte of a STOP frame passed, wherever the chunks were cut."""
    found, tail = [], b""
    for at, data in chunks:
        joined = tail + data
        found += [at] * joined.count(STOP_BYTES)
        last = joined.rfind(STOP_BYTES)
        tail = joined[max(last + len(STOP_BYTES) if last >= 0 else 0, len(joined) - len(STOP_BYTES) + 1) :]
    return found


HELLO_REPLY = (
    ("code", "B"), ("detail", "B"), ("field_offset", "H"), ("session", "I"), ("major", "B"), ("minor", "B"),
    ("max_frame", "H"), ("descriptor_hash8", "8s"), ("gun_uid", "12s"), ("log_epoch", "I"), ("boot_id", "I"),
    ("reset_cause", "B"), ("state", "B"), ("flags", "H"), ("head_seq", "I"), ("released_seq", "I"),
    ("oldest_seq", "I"), ("log_capacity", "I"), ("chain_head8", "8s"), ("odometer_nl", "Q"),
    ("ticks_us", "Q"), ("plunger_um", "I"), ("model", "12s"), ("serial", "16s"), ("hw_rev", "H"),
    ("fw_major", "B"), ("fw_minor", "B"),
    ("fw_patch", "H"), ("accounting_level", "B"), ("battery_pct", "B"), ("fw_hash8", "8s"), ("cal_id", "I"),
    ("cal_hash8", "8s"), ("cal_due_day", "I"), ("limits_hash8", "8s"), ("settings_hash8", "8s"),
    ("capabilities", "Q"), ("owner_token", "I"), ("last_grant_no", "I"), ("active_grant_no", "I"),
    ("remaining_shots", "H"), ("self_test", "H"), ("remaining_nl", "I"), ("estop_latch_id", "I"),
    ("estop_source", "B"), ("zero", "3s"), ("alarms", "Q"), ("host_nonce", "16s"),
)  # fmt: skip
_HELLO_STRUCT = struct.Struct("<" + "".join(form for _, form in HELLO_REPLY))
HELLO_REPLY_SIZE = _HELLO_STRUCT.size


def hello_request(nonce: bytes, host_id: bytes, *, req_id: int = 1) -> bytes:
    """A HELLO frame that speaks major 1 only."""
    return encode(HELLO, req_id, 0, 0, nonce + bytes([1, 1]) + host_id)


def parse_hello(payload: bytes) -> dict[str, int | bytes]:
    """The body of a HELLO reply, by name."""
    return dict(zip((name for name, _ in HELLO_REPLY), _HELLO_STRUCT.unpack_from(payload), strict=True))


def build_hello(values: dict[str, int | bytes]) -> bytes:
    """A HELLO reply's body; what is not named is zero."""
    empty = {name: b"" if form.endswith("s") else 0 for name, form in HELLO_REPLY}
    return _HELLO_STRUCT.pack(*({**empty, **values}).values())


@dataclass(frozen=True)
class Status:
    """The fields of STATUS that tell whether a gun can fire."""

    state: int
    flags: int
    head_seq: int
    active_grant_no: int
    remaining_shots: int
    lease_left_ms: int
    estop_latch_id: int


def parse_status(payload: bytes) -> Status:
    """Read a STATUS event's body."""
    state, _, flags, head, grant, shots, lease, _, _, latch = struct.unpack_from("<BBHIIHHIII", payload)
    return Status(state, flags, head, grant, shots, lease, latch)
