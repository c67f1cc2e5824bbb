"""Checkpoints: the size and root of the log at one moment, signed (C2SP tlog-checkpoint in a signed note).

A checkpoint kept outside of this computer fixes everything that came before it.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

from msgspec import Struct

from meso_device.audit.keys import SigningKey, VerifyKey
from meso_device.audit.tree import HASH_BYTES
from protocols.errors import UsageError

SIGNATURE_START: Final = "\N{EM DASH} "
NOTE_BYTES_MAX: Final = 65_536
SIGNATURES_MAX: Final = 100
_SIGNATURE_BYTES: Final = 4 + 64


class Checkpoint(Struct, frozen=True):
    """What a checkpoint says. ``root`` is the RFC 6962 root over the first ``size`` records."""

    origin: str
    size: int
    root: bytes

    def signed_text(self) -> bytes:
        """Return the three lines, each with its line end, that signatures cover."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n".encode()


def sign(checkpoint: Checkpoint, *keys: SigningKey) -> str:
    """Return the note, signed by each of the keys."""
    text = checkpoint.signed_text()
    lines = [
        f"{SIGNATURE_START}{key.name} {b64encode(key.verify_key.key_id + key.sign(text)).decode()}\n" for key in keys
    ]
    return f"{text.decode()}\n{''.join(lines)}"


def open_note(note: str, key: VerifyKey) -> Checkpoint:
    """Return the checkpoint of a note that bears a valid signature of the key.

    Lines of other signers are ignored, as are further lines between the root and the signatures.

    Raises:
        UsageError: malformed, of another log, not signed by this key, or the signature does not hold.
    """
    checkpoint = read_unsigned(note)
    if checkpoint.origin != key.name:
        raise UsageError(f"the checkpoint is of log {checkpoint.origin!r}, the key of {key.name!r}")
    _check_signed(*_split(note), key)
    return checkpoint


def read_unsigned(note: str) -> Checkpoint:
    """Return what a note says, whoever signed it; UsageError when it is malformed."""
    return _parse(_split(note)[0])


def open_text(note: str, key: VerifyKey) -> str:
    """Return the text of a signed note, with its line ends, if it bears a valid signature of the key.

    Raises:
        UsageError: malformed, not signed by this key, or the signature does not hold.
    """
    text, signatures = _split(note)
    _check_signed(text, signatures, key)
    return text


def _split(note: str) -> tuple[str, str]:
    if len(note) > NOTE_BYTES_MAX:
        raise UsageError(f"the checkpoint is longer than {NOTE_BYTES_MAX} characters")
    text, divider, signatures = note.rpartition("\n\n")
    if not divider or not signatures.endswith("\n"):
        raise UsageError("the checkpoint is malformed: no blank line before the signatures, or no line end")
    return text + "\n", signatures


def _parse(text: str) -> Checkpoint:
    lines = text.split("\n")
    try:
        origin, size, root = lines[0], lines[1], b64decode(lines[2], validate=True)
    except (IndexError, ValueError, Base64Error):
        raise UsageError("the checkpoint is malformed: expected origin, size and root, one a line") from None
    if not (size.isascii() and size.isdigit() and len(size) <= 16) or (size[0] == "0" and size != "0"):
        raise UsageError(f"the checkpoint is malformed: size {size[:20]!r} is not a number")
    if len(root) != HASH_BYTES or b64encode(root).decode() != lines[2]:
        raise UsageError(f"the checkpoint is malformed: the root is not {HASH_BYTES} bytes in base64")
    return Checkpoint(origin, int(size), root)


def _check_signed(text: str, signatures: str, key: VerifyKey) -> None:
    lines = signatures.split("\n")[:-1]
    if len(lines) > SIGNATURES_MAX:
        raise UsageError(f"the checkpoint has more than {SIGNATURES_MAX} signatures")
    for line in lines:
        name, _, encoded = line.removeprefix(SIGNATURE_START).partition(" ")
        if not line.startswith(SIGNATURE_START) or not name:
            raise UsageError("the checkpoint is malformed: a signature line does not begin with a dash and a name")
        try:
            signature = b64decode(encoded, validate=True)
        except (ValueError, Base64Error):
            raise UsageError("the checkpoint is malformed: a signature is not base64") from None
        if name != key.name or signature[:4] != key.key_id:
            continue
        if len(signature) == _SIGNATURE_BYTES and key.holds(signature[4:], text.encode(errors="surrogatepass")):
            return
        raise UsageError("the signature of the checkpoint does not hold: it was changed, or signed by another key")
    raise UsageError("the checkpoint is not signed by the given key")
