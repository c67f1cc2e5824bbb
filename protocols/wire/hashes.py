"""Hashes and CRCs of the gun's log and settings: against mistakes, not against forgers."""

from hashlib import sha256
from struct import Struct
from typing import Final
from zlib import crc32

SLOT_SIZE: Final = 72
INTENT_SIZE: Final = 52
_U32: Final = Struct("<I")


def hash8(data: bytes) -> bytes:
    """Return the first 8 bytes of SHA-256, the form used everywhere on the wire."""
    return sha256(data).digest()[:8]


def chain_seed8(gun_uid: bytes, log_epoch: int) -> bytes:
    """Return prev_hash8 of the first record of an epoch."""
    return hash8(b"meso wire log" + gun_uid + _U32.pack(log_epoch))


def record_hash8(gun_uid: bytes, log_epoch: int, slot: bytes) -> bytes:
    """Return the hash of a final record: prev_hash8 of the next, and the proof in LOG_RELEASE."""
    return hash8(gun_uid + _U32.pack(log_epoch) + slot)


def intent_crc(log_epoch: int, slot: bytes) -> int:
    """CRC-32 of the INTENT half; the epoch is part of it, so a slot of an older epoch is invalid."""
    return crc32(slot[:48], crc32(_U32.pack(log_epoch)))


def outcome_crc(log_epoch: int, slot: bytes) -> int:
    """CRC-32 of the OUTCOME half."""
    return crc32(slot[52:68], crc32(_U32.pack(log_epoch)))


def slot_is_final(log_epoch: int, slot: bytes) -> bool:
    """Whether both halves of a 72-byte slot are whole and of this epoch.

    The phase is looked at too: an erased half of zeros has a valid CRC in one epoch of 2^32.
    """
    return (
        len(slot) == SLOT_SIZE
        and slot[66] in (1, 2, 3)
        and _U32.unpack_from(slot, 48)[0] == intent_crc(log_epoch, slot)
        and _U32.unpack_from(slot, 68)[0] == outcome_crc(log_epoch, slot)
    )
