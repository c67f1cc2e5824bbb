"""The head of a reply: what became of the request."""

from struct import Struct
from typing import Final

import msgspec

from protocols.wire.codes import Code
from protocols.wire.errors import WireLengthError
from protocols.wire.messages import REPLIES, ReplyBody

REPLY_HEAD_SIZE: Final = 4
_HEAD: Final = Struct("<BBH")


class Reply(msgspec.Struct, frozen=True):
    """A reply as read: code, and the body that only an OK carries.

    Attributes:
        code: `Code`, or a number of a newer version.
        detail: Figure that belongs to a refusal.
        field_offset: Offset in the request of the field refused.
        body: Body of an OK whose type has one, else None.
    """

    code: int
    detail: int = 0
    field_offset: int = 0
    body: ReplyBody | None = None

    def pack(self) -> bytes:
        """Return the payload bytes."""
        head = _HEAD.pack(self.code, self.detail, self.field_offset)
        return head if self.body is None else head + self.body.pack()


def unpack_reply(request_type: int, payload: bytes) -> Reply:
    """Read the payload of the reply to a request of this type.

    Raises:
        WireLengthError: shorter than the head, or an OK shorter than its body.
    """
    if len(payload) < REPLY_HEAD_SIZE:
        raise WireLengthError("reply", REPLY_HEAD_SIZE, len(payload))
    code, detail, field_offset = _HEAD.unpack_from(payload)
    body_type = REPLIES.get(request_type)
    if code != Code.OK or body_type is None:
        return Reply(code, detail, field_offset)
    return Reply(code, detail, field_offset, body_type.unpack(payload[REPLY_HEAD_SIZE:]))
