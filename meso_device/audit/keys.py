"""The log's Ed25519 key and its public form, in the C2SP signed-note encodings.

The secret file holds the one line that Go's ``note`` package writes, so other tools can use the key:
``PRIVATE+KEY+<name>+<key id, hex>+<base64(0x01 || seed)>``. The public form, on the commissioning sheet, is
``<name>+<key id, hex>+<base64(0x01 || public key)>``. Base64 may hold ``+``: split at most twice.
"""

import os
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import UsageError

ED25519: Final = b"\x01"
NAME_LENGTH_MAX: Final = 46
SEED_BYTES: Final = 32
_SECRET_PREFIX: Final = "PRIVATE+KEY+"  # noqa: S105  # the format's word, no secret
_NAME: Final = re.compile(rf"[!-*,-~]{{1,{NAME_LENGTH_MAX}}}", re.ASCII)


def key_id_of(name: str, kind: bytes, public: bytes) -> bytes:
    """Return the 4 bytes that say which key a signature line is from."""
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def check_name(name: str) -> str:
    """Return the name of a log if it is ASCII without space or ``+`` and not too long, else UsageError."""
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"log name {name!r} refused: 1 to {NAME_LENGTH_MAX} ASCII characters without space or '+'")
    return name


@dataclass(frozen=True)
class VerifyKey:
    """The public half: enough to check every checkpoint of a log."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifyKey":
        """Read a vkey; UsageError when it is malformed, of another kind, or its key id does not match."""
        name, key_id, public = _parts(text.strip(), "the verification key")
        key = cls(name, public)
        if key.key_id != key_id:
            raise UsageError("the verification key is damaged: its key id does not match; copy the whole line again")
        return key

    @cached_property
    def key_id(self) -> bytes:
        """The 4 bytes in front of this key's signatures."""
        return key_id_of(self.name, ED25519, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Return whether the signature over the message is by this key."""
        try:
            self._checker.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _checker(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public)


@dataclass(frozen=True)
class SigningKey:
    """The secret half, made when a data directory is first used."""

    name: str
    seed: bytes

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read the secret line; UsageError when it is malformed or damaged. The message never quotes it."""
        stripped = text.strip()
        if not stripped.startswith(_SECRET_PREFIX):
            raise UsageError("the signing key file does not hold a signing key")
        name, key_id, seed = _parts(stripped.removeprefix(_SECRET_PREFIX), "the signing key")
        key = cls(name, seed)
        if key.verify_key.key_id != key_id:
            raise UsageError("the signing key is damaged: its key id does not match; restore it from a backup")
        return key

    @cached_property
    def verify_key(self) -> VerifyKey:
        """The public half."""
        return VerifyKey(self.name, self._signer.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature."""
        return self._signer.sign(message)

    def secret_line(self) -> str:
        """Return the line that goes into the key file and nowhere else."""
        material = b64encode(ED25519 + self.seed).decode()
        return f"{_SECRET_PREFIX}{self.name}+{self.verify_key.key_id.hex()}+{material}"

    def __repr__(self) -> str:
        return f"SigningKey({self.name!r})"

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def write_secret(path: Path, key: SigningKey) -> None:
    """Write the key file durably, readable by its owner alone; an existing file is an OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.secret_line() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> SigningKey:
    """Read the key file; refuse one that others may read.

    Raises:
        UsageError: too open, or not a key.
        OSError: not readable.
    """
    if path.stat().st_mode & 0o077:
        raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
    return SigningKey.parse(path.read_text())


def _parts(text: str, what: str) -> tuple[str, bytes, bytes]:
    pieces = text.split("+", 2)
    try:
        name, key_id, material = pieces[0], bytes.fromhex(pieces[1]), b64decode(pieces[2], validate=True)
    except (IndexError, ValueError, Base64Error):
        raise UsageError(f"{what} is malformed; expected name+8 hex digits+base64") from None
    if len(key_id) != 4 or material[:1] != ED25519 or len(material) != 1 + SEED_BYTES:
        raise UsageError(f"{what} is not an Ed25519 key")
    return check_name(name), key_id, material[1:]
