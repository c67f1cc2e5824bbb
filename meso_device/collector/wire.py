"""What console and collector say to each other inside TLS: one frame asked, one frame answered.

A frame is its length (four bytes, big endian) and one MessagePack object. A connection begins with `Hello` or `Enrol`;
after `Welcome` the console sends `Batch` after `Batch`, or `Fetch` after `Fetch` to get back what it has lost, and
waits for the answer to each. The collector never speaks unasked.
"""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from meso_device.audit.canonical import BODY_BYTES_MAX
from meso_device.audit.tree import HASH_BYTES
from protocols.errors import MesoError

VERSION: Final = 1
LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 8 * 1024 * 1024
"""Checkpoints lie 256 records apart, a commit holds 64 more: 5.3 MB where each is as long as can be."""
FIRST_FRAME_BYTES_MAX: Final = 1_024
"""From somebody who has not said who they are."""
ANSWER_BYTES_MAX: Final = 4_096
RECORDS_MAX: Final = 4_096
NOTE_CHARS_MAX: Final = 1_000
PROOF_HASHES_MAX: Final = 64
SECRET_BYTES: Final = 10
TOKEN_BYTES: Final = 32
_SIZE_MAX: Final = 2**53 - 1
_MESSAGE_CHARS_MAX: Final = 300

_Hash: TypeAlias = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Body: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=BODY_BYTES_MAX)]
_Note: TypeAlias = Annotated[str, Meta(max_length=NOTE_CHARS_MAX)]
_Size: TypeAlias = Annotated[int, Meta(ge=0, le=_SIZE_MAX)]
_Token: TypeAlias = Annotated[bytes, Meta(min_length=TOKEN_BYTES, max_length=TOKEN_BYTES)]
T = TypeVar("T")


class Code(StrEnum):
    """Why the collector refuses."""

    VERSION = "version"
    CODE = "code"
    CREDENTIAL = "credential"
    MALFORMED = "malformed"
    START = "start"
    NOT_PROVEN = "not_proven"
    FORK = "fork"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


class BatchRefused(MesoError):  # noqa: N818  # names the event
    """What the collector does not take; ``code`` says which kind of reason."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Enrol(Struct, frozen=True, tag="enrol", kw_only=True):
    """A console that has no credential yet: the secret of its one-time code, and its log's public key."""

    version: int
    secret: Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
    vkey: Annotated[str, Meta(max_length=200)]


class Hello(Struct, frozen=True, tag="hello", kw_only=True):
    """A console with the credential that it got when it was enrolled."""

    version: int
    token: _Token


class Batch(Struct, frozen=True, tag="batch", kw_only=True):
    """The records from ``first`` to the end of a signed checkpoint, and the proof that this continues the first ones.

    Attributes:
        first: Place of the first body: the size of a checkpoint that the collector has taken, or 0.
        bodies: Records, byte for byte as they stand in the log.
        note: Checkpoint of ``first + len(bodies)`` records, signed by the log's key.
        proof: RFC 6962 consistency proof from ``first`` to there; empty if ``first`` is 0.
    """

    first: _Size
    bodies: Annotated[list[_Body], Meta(min_length=1, max_length=RECORDS_MAX)]
    note: _Note
    proof: Annotated[list[_Hash], Meta(max_length=PROOF_HASHES_MAX)]


class Fetch(Struct, frozen=True, tag="fetch", kw_only=True):
    """A console that has lost records of its own log from this place on."""

    first: _Size


class Enrolled(Struct, frozen=True, tag="enrolled", kw_only=True):
    """The credential of a console, told once, and the public key of the collector's cosignatures."""

    token: _Token
    cosigner: Annotated[str, Meta(max_length=200)]


class Welcome(Struct, frozen=True, tag="welcome", kw_only=True):
    """What the collector holds of this log: its newest checkpoint, cosigned now; size 0 and no note without one."""

    size: _Size
    note: _Note


class Taken(Struct, frozen=True, tag="taken", kw_only=True):
    """A batch is durable.

    Attributes:
        size: Records of this log that the collector holds now.
        inserted: Records of the batch that were new.
        cosignature: The collector's signature line under the batch's checkpoint; empty if it holds more than that, as
            it would say that this is all that it has seen.
    """

    size: _Size
    inserted: _Size
    cosignature: _Note


class Held(Struct, frozen=True, tag="held", kw_only=True):
    """Records of the console's own log, from where it asked up to the next checkpoint held; none behind the newest.

    Attributes:
        bodies: Records, byte for byte as they were sent.
        note: That checkpoint, as the log's key signed it.
    """

    bodies: Annotated[list[_Body], Meta(max_length=RECORDS_MAX)]
    note: _Note


class Refused(Struct, frozen=True, tag="refused", kw_only=True):
    """Nothing was taken."""

    code: Code
    message: Annotated[str, Meta(max_length=4 * _MESSAGE_CHARS_MAX)]

    @classmethod
    def because(cls, error: BatchRefused) -> "Refused":
        """Return the answer to what was refused."""
        return cls(code=error.code, message=str(error)[:_MESSAGE_CHARS_MAX])


First: TypeAlias = Enrol | Hello
Asked: TypeAlias = Batch | Fetch
Answer: TypeAlias = Enrolled | Welcome | Taken | Held | Refused
_encode: Final = msgspec.msgpack.Encoder().encode
FIRST: Final[msgspec.msgpack.Decoder[First]] = msgspec.msgpack.Decoder(First)
ASKED: Final[msgspec.msgpack.Decoder[Asked]] = msgspec.msgpack.Decoder(Asked)
ANSWER: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def frame(message: First | Asked | Answer) -> bytes:
    """Return a message as it goes over the wire."""
    body = _encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read(decoder: "msgspec.msgpack.Decoder[T]", body: bytes) -> T:
    """Return the message in a frame.

    Raises:
        BatchRefused: it is none of those expected, or breaks a limit.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BatchRefused(Code.MALFORMED, f"the frame is malformed: {error}") from None
