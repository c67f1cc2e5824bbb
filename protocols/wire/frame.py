"""Frames on the wire: ``0x00 | COBS(header 12 B, payload 0-234 B, CRC-32 4 B) | 0x00``.

What can be garbled, and how the deframer recovers:

- bytes lost, added or changed: COBS or CRC does not hold, the frame is dropped and counted, the next 0x00 starts anew;
- a delimiter lost: two frames read as one are too long or fail the CRC; both are lost, retransmission repairs it;
- a delimiter added: two halves, both dropped;
- text of a boot loader before the first 0x00: dropped as one bad frame;
- no 0x00 for longer than a frame can be: dropped up to the next 0x00, so memory stays bounded for any input.

A damaged frame is never answered: the answer would be to an unknown question.
"""

from struct import Struct
from typing import Final
from zlib import crc32

import msgspec
from cobs import cobs

from protocols.errors import require

HEADER_SIZE: Final = 12
PAYLOAD_SIZE_MAX: Final = 234
DECODED_SIZE_MIN: Final = HEADER_SIZE + 4
DECODED_SIZE_MAX: Final = HEADER_SIZE + PAYLOAD_SIZE_MAX + 4
# At most 250 decoded bytes: COBS adds exactly one byte.
ENCODED_SIZE_MAX: Final = DECODED_SIZE_MAX + 1
VERSION_BYTE: Final = 0x10
REPLY: Final = 0x80
TYPE_ESTOP: Final = 0x3F
# Frozen for all major versions; the gun compares these bytes before any decoding.
STOP_FRAME: Final = bytes.fromhex("0011103fffffffffffffffffffff634f312000")

HEADER: Final = Struct("<BBHII")
_CRC: Final = Struct("<I")


class Frame(msgspec.Struct, frozen=True):
    """A frame whose length and CRC hold; its meaning is not checked yet.

    Attributes:
        ver_flags: Major version in the high nibble, flags below.
        type: Request, event, or request + 0x80.
        req_id: Number of the request; 0 where no reply is expected.
        session: Session number given by HELLO.
        aux: From the host: highest shot_seq committed, a hint. From the gun: uptime in ms, mod 2^32.
        payload: Bytes between header and CRC; in a tagged frame the tag is its end (`protocols.wire.seal`).
    """

    ver_flags: int
    type: int
    req_id: int
    session: int
    aux: int
    payload: bytes


def encode_frame(
    type_code: int, req_id: int, session: int, aux: int, payload: bytes, *, ver_flags: int = VERSION_BYTE
) -> bytes:
    """Return the whole frame with both delimiters. Payload, a tag included, at most 234 bytes."""
    require(len(payload) <= PAYLOAD_SIZE_MAX, f"payload of {len(payload)} bytes does not fit a frame")
    decoded = HEADER.pack(ver_flags, type_code, req_id, session, aux & 0xFFFFFFFF) + payload
    encoded: bytes = cobs.encode(decoded + _CRC.pack(crc32(decoded)))
    return b"\0" + encoded + b"\0"


def decode_block(block: bytes) -> Frame | None:
    """Decode what stood between two delimiters; None when COBS, length or CRC does not hold."""
    if not DECODED_SIZE_MIN < len(block) <= ENCODED_SIZE_MAX:
        return None
    try:
        decoded = cobs.decode(block)
    except cobs.DecodeError:
        return None
    size = len(decoded) - 4
    if not HEADER_SIZE <= size <= HEADER_SIZE + PAYLOAD_SIZE_MAX:
        return None
    if crc32(decoded[:size]) != _CRC.unpack_from(decoded, size)[0]:
        return None
    return Frame(*(*HEADER.unpack_from(decoded), decoded[HEADER_SIZE:size]))


class Deframer:
    """Cut a stream of bytes into frames, keeping at most one unfinished block.

    Attributes:
        bad_blocks: Blocks dropped because they are no frame: damage, noise, text.
    """

    __slots__ = ("_block", "_overlong", "bad_blocks")

    def __init__(self) -> None:
        self._block = b""
        self._overlong = False
        self.bad_blocks = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes, split anywhere, and return the frames that they complete."""
        frames = []
        *complete, rest = data.split(b"\0")
        for block in complete:
            if self._overlong:
                self._overlong = False
                continue
            whole = self._block + block
            self._block = b""
            if not whole:
                continue
            frame = decode_block(whole)
            if frame is None:
                self.bad_blocks += 1
            else:
                frames.append(frame)
        if not self._overlong:
            self._block += rest
            if len(self._block) > ENCODED_SIZE_MAX:
                self._block = b""
                self._overlong = True
                self.bad_blocks += 1
        return frames
