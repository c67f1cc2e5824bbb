"""How a part of the firmware refuses: nothing has changed when this is raised."""

from protocols.wire.codes import Code


class Refusal(Exception):  # noqa: N818  # names the event: the request is refused and nothing has changed
    """A request is refused.

    Attributes:
        code: Why.
        field_offset: Offset in the request of the field refused.
        detail: Figure that belongs to the refusal.
    """

    def __init__(self, code: Code, field_offset: int = 0, detail: int = 0) -> None:
        super().__init__(code.name)
        self.code = code
        self.field_offset = field_offset
        self.detail = detail
