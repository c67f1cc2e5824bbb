"""What became of a request to the gun: never a bool, for silence is not a refusal."""

from typing import TypeAlias

from msgspec import Struct

from protocols.wire.messages import ReplyBody


class Done(Struct, frozen=True):
    """The gun did it, or accepted it."""

    body: ReplyBody | None


class Refused(Struct, frozen=True):
    """The gun refused and changed nothing.

    Attributes:
        code: A `protocols.wire.codes.Code`, or a number of a newer version.
        detail: Figure that belongs to the refusal.
        field_offset: Offset in the request of the field refused.
    """

    code: int
    detail: int = 0
    field_offset: int = 0


class Unknown(Struct, frozen=True):
    """Bytes left and no answer came: it may or may not have happened. Only the gun's log can tell."""

    reason: str


class Distrusted(Struct, frozen=True):
    """HELLO's end where a gun that was paired did not prove that it holds the key: nothing may be asked of it."""

    reason: str


Outcome: TypeAlias = Done | Refused | Unknown | Distrusted
