"""Tags of an authenticated link: the key of a session, and frames sealed and opened with it.

A sealed frame has bit 3 of ver_flags set and an 8-byte tag between payload and CRC. The tag is keyed BLAKE2s over who
sends, header and payload, so that a frame cannot be made, changed, or sent back to its sender by who has no key.
SPEC.md, section 21, says what keeps an old frame from counting again.
"""

from hashlib import blake2s
from hmac import compare_digest
from typing import Final, Literal, TypeAlias

from protocols.errors import require
from protocols.wire.frame import HEADER, PAYLOAD_SIZE_MAX, VERSION_BYTE, Frame, encode_frame

LINK_KEY_SIZE: Final = 16
NONCE_SIZE: Final = 16
TAG_SIZE: Final = 8
TAGGED: Final = VERSION_BYTE | 0x08
SEALED_PAYLOAD_SIZE_MAX: Final = PAYLOAD_SIZE_MAX - TAG_SIZE
Sender: TypeAlias = Literal[b"H", b"G"]
FROM_HOST: Final = b"H"
FROM_GUN: Final = b"G"

_SESSION_KEY_SIZE: Final = 32
_LABEL: Final = b"meso link session"


def session_key(link_key: bytes, *, gun_uid: bytes, session: int, host_nonce: bytes, gun_nonce: bytes) -> bytes:
    """Return the 32-byte key of one session.

    Args:
        link_key: The gun's, 16 bytes, known to the gun and to the hosts paired with it.
        gun_uid: As HELLO said.
        session: As HELLO said.
        host_nonce: 16 bytes that the host drew for HELLO.
        gun_nonce: 16 bytes that the gun drew for the session.
    """
    require(len(link_key) == LINK_KEY_SIZE, f"link key of {len(link_key)} bytes, not {LINK_KEY_SIZE}")
    told = _LABEL + gun_uid + session.to_bytes(4, "little") + host_nonce + gun_nonce
    return blake2s(told, key=link_key, digest_size=_SESSION_KEY_SIZE).digest()


def seal_frame(
    key: bytes, sender: Sender, type_code: int, req_id: int, session: int, aux: int, payload: bytes
) -> bytes:
    """Return the whole frame with its tag. Payload at most 226 bytes."""
    header = HEADER.pack(TAGGED, type_code, req_id, session, aux & 0xFFFFFFFF)
    tag = tag_of(key, sender, header + payload)
    return encode_frame(type_code, req_id, session, aux, payload + tag, ver_flags=TAGGED)


def open_frame(key: bytes, sender: Sender, frame: Frame) -> Frame | None:
    """Return a frame without its tag; None when it bears none, or not that of this key and sender."""
    if frame.ver_flags != TAGGED or len(frame.payload) < TAG_SIZE:
        return None
    payload, tag = frame.payload[:-TAG_SIZE], frame.payload[-TAG_SIZE:]
    header = HEADER.pack(TAGGED, frame.type, frame.req_id, frame.session, frame.aux)
    if not compare_digest(tag, tag_of(key, sender, header + payload)):
        return None
    return Frame(VERSION_BYTE, frame.type, frame.req_id, frame.session, frame.aux, payload)


def tag_of(key: bytes, sender: Sender, told: bytes) -> bytes:
    """Return the tag of a frame: of its sender, header (with bit 3 of ver_flags set) and payload."""
    return blake2s(sender + told, key=key, digest_size=TAG_SIZE).digest()
