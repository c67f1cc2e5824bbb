"""Frames as no good host makes them: any version, type, number, CRC."""

from struct import Struct
from typing import Final
from zlib import crc32

from cobs import cobs

from protocols.wire.frame import VERSION_BYTE

_HEADER: Final = Struct("<BBHII")
_CRC: Final = Struct("<I")


def raw_frame(
    type_code: int,
    req_id: int,
    session: int,
    payload: bytes,
    *,
    aux: int = 0,
    ver_flags: int = VERSION_BYTE,
    crc_flip: int = 0,
) -> bytes:
    """Return a frame with its delimiters; nothing is checked, so that anything can be sent.

    Args:
        type_code: Any byte.
        req_id: Number of the request.
        session: Session number.
        payload: Any bytes; more than 234 make a frame that is too long.
        aux: As in the header.
        ver_flags: As in the header.
        crc_flip: Bits of the CRC that are inverted.
    """
    decoded = _HEADER.pack(ver_flags, type_code, req_id, session, aux) + payload
    encoded: bytes = cobs.encode(decoded + _CRC.pack(crc32(decoded) ^ crc_flip))
    return b"\0" + encoded + b"\0"
