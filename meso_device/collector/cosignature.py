"""Cosignatures of checkpoints (C2SP tlog-cosignature): the collector says when it saw one and holds all below it.

It signs only what is durable in its database and proven to continue what it had cosigned before.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

from msgspec import Struct

from meso_device.audit.checkpoint import SIGNATURE_START, Checkpoint
from meso_device.audit.keys import SigningKey, VerifyKey, check_name, key_id_of
from protocols.errors import UsageError

COSIGNATURE: Final = b"\x04"
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_PUBLIC_BYTES: Final = 32


class Cosigner(Struct, frozen=True):
    """The public half: who cosigns."""

    name: str
    public: bytes

    @classmethod
    def of(cls, key: SigningKey) -> "Cosigner":
        """Return the public half of a collector's key."""
        return cls(key.name, key.verify_key.public)

    @classmethod
    def parse(cls, text: str) -> "Cosigner":
        """Read it as `str` writes it; UsageError when it is malformed or damaged."""
        pieces = text.strip().split("+", 2)
        try:
            key_id, material = bytes.fromhex(pieces[1]), b64decode(pieces[2], validate=True)
        except (IndexError, ValueError, Base64Error):
            raise UsageError("the collector's key is malformed; expected name+8 hex digits+base64") from None
        cosigner = cls(check_name(pieces[0]), material[1:])
        if material[:1] != COSIGNATURE or len(cosigner.public) != _PUBLIC_BYTES or cosigner.key_id != key_id:
            raise UsageError("the collector's key is damaged, or no key of cosignatures")
        return cosigner

    @property
    def key_id(self) -> bytes:
        """The four bytes in front of its signatures."""
        return key_id_of(self.name, COSIGNATURE, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(COSIGNATURE + self.public).decode()}"


def cosign(checkpoint: Checkpoint, key: SigningKey, at_s: int) -> str:
    """Return the signature line, with its line end.

    Args:
        checkpoint: What was checked and is stored.
        key: The collector's key.
        at_s: Seconds since 1970.
    """
    signature = key.sign(_signed(checkpoint, at_s))
    content = Cosigner.of(key).key_id + at_s.to_bytes(_TIME_BYTES, "big") + signature
    return f"{SIGNATURE_START}{key.name} {b64encode(content).decode()}\n"


def cosigned_at_s(checkpoint: Checkpoint, line: str, cosigner: Cosigner) -> int:
    """Return when a checkpoint was cosigned.

    Raises:
        UsageError: the line is not a signature of this collector, or it does not hold.
    """
    name, _, encoded = line.removeprefix(SIGNATURE_START).removesuffix("\n").partition(" ")
    try:
        content = b64decode(encoded, validate=True)
    except (ValueError, Base64Error):
        raise UsageError("the cosignature is not base64") from None
    key_id, content = content[:_ID_BYTES], content[_ID_BYTES:]
    at_s = int.from_bytes(content[:_TIME_BYTES], "big")
    if name != cosigner.name or key_id != cosigner.key_id or len(content) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise UsageError("the cosignature is of another collector")
    if not VerifyKey(cosigner.name, cosigner.public).holds(content[_TIME_BYTES:], _signed(checkpoint, at_s)):
        raise UsageError("the cosignature does not hold")
    return at_s


def _signed(checkpoint: Checkpoint, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n".encode() + checkpoint.signed_text()
