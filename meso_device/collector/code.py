"""The one-time code that a clinic's IT gives to a console: a secret, and how the collector's certificate is known."""

import re
from base64 import b32decode, b32encode
from hashlib import sha256
from typing import Final

from msgspec import Struct

from meso_device.collector.wire import SECRET_BYTES
from protocols.errors import UsageError

PIN_BYTES: Final = 16
"""Of the SHA-256 of the certificate: a second certificate with the same ones cannot be found."""
GROUP: Final = 6
_LETTERS: Final = -(-(SECRET_BYTES + PIN_BYTES) * 8 // 5)
_PADDING: Final = "=" * (-_LETTERS % 8)


class OneTimeCode(Struct, frozen=True):
    """What a code holds."""

    secret: bytes
    certificate_pin: bytes

    def __str__(self) -> str:
        letters = b32encode(self.secret + self.certificate_pin).decode().rstrip("=")
        return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))

    @classmethod
    def parse(cls, text: str) -> "OneTimeCode":
        """Read a code as somebody typed or pasted it; UsageError if it is none. The message never quotes it."""
        letters = re.sub(r"[\s-]", "", text).upper()
        if len(letters) != _LETTERS or re.fullmatch(r"[A-Z2-7]+", letters) is None:
            raise UsageError(f"that is no code: it has {_LETTERS} letters and digits in groups of {GROUP}")
        content = b32decode(letters + _PADDING)
        code = cls(content[:SECRET_BYTES], content[SECRET_BYTES:])
        # The last letter has bits to spare, so two texts would give the same code.
        if str(code).replace("-", "") != letters:
            raise UsageError("that is no code: its last letter is another one")
        return code


def certificate_pin(certificate: bytes) -> bytes:
    """Return what a code says of a certificate in DER."""
    return sha256(certificate).digest()[:PIN_BYTES]
