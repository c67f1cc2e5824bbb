"""Write codes.py and messages.py from the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protocols.wire.generate import Field, Layout, Schema

_STRUCT = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i16": "h", "i32": "i"}
_WIDTH = {"u8": (0, 0xFF), "u16": (0, 0xFFFF), "u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1)}
_WIDTH |= {"i16": (-(2**15), 2**15 - 1), "i32": (-(2**31), 2**31 - 1)}


def codes(schema: Schema) -> str:
    """Return the text of codes.py."""
    lines = [
        '"""Codes and bits of the wire protocol. Generated from schema.toml; do not edit."""',
        "",
        "from enum import IntEnum, IntFlag",
        "from typing import Final",
        "",
        f"MAJOR: Final = {schema.major}",
        f"MINOR: Final = {schema.minor}",
        f'DESCRIPTOR_HASH8: Final = bytes.fromhex("{schema.descriptor_hash8.hex()}")',
    ]
    for enum in schema.enums:
        lines += _enum(enum, "IntEnum", "{v}")
    for flags in schema.flags:
        lines += _enum(flags, "IntFlag", "1 << {v}")
    return "\n".join(lines) + "\n"


def _enum(enum: dict[str, Any], base: str, form: str) -> list[str]:
    lines = ["", "", f"class {enum['name']}({base}):", f'    """{enum["doc"]}"""', ""]
    lines += [f"    {v['n']} = {form.format(v=v['v'])}  # {v['doc']}" for v in enum["values"]]
    return lines


def messages(schema: Schema) -> str:
    """Return the text of messages.py."""
    layouts = list(schema.layouts())
    lines = [
        '"""Messages of the wire protocol as frozen values. Generated from schema.toml; do not edit.',
        "",
        "`unpack` of a reply, event or struct skips bytes that a newer minor version has appended; a request of",
        "another length is refused. `RANGES` holds (payload offset, field, lowest, highest) of each bounded field.",
        '"""',
        "",
        "from struct import Struct",
        "from typing import ClassVar, Final, TypeAlias",
        "",
        "import msgspec",
        "",
        "from protocols.wire.errors import WireLengthError",
        "",
        "",
        "def _text(raw: bytes) -> str:",
        '    """Keep printable ASCII up to the first zero: what a gun calls itself may end on a screen."""',
        '    return "".join(chr(c) if 0x20 <= c < 0x7F else "?" for c in raw.split(b"\\0", 1)[0])',
    ]
    requests = {m.request.name for m in schema.messages}
    for layout in layouts:
        lines += _class(layout, exact=layout.name in requests)
    lines += ["", "", "Request: TypeAlias = ("]
    lines += ["    " + ("| " if i else "") + m.request.name for i, m in enumerate(schema.messages)] + [")"]
    replies = [m for m in schema.messages if m.reply is not None]
    lines += ["ReplyBody: TypeAlias = ("]
    lines += ["    " + ("| " if i else "") + m.reply.name for i, m in enumerate(replies) if m.reply] + [")"]
    lines += ["EventBody: TypeAlias = ("]
    lines += ["    " + ("| " if i else "") + e.body.name for i, e in enumerate(schema.events)] + [")"]
    lines += ["", "REQUESTS: Final[dict[int, type[Request]]] = {"]
    lines += [f"    0x{m.type_code:02X}: {m.request.name}," for m in schema.messages] + ["}"]
    lines += ["REPLIES: Final[dict[int, type[ReplyBody] | None]] = {"]
    lines += [f"    0x{m.type_code:02X}: {m.reply.name if m.reply else None}," for m in schema.messages] + ["}"]
    lines += ["EVENTS: Final[dict[int, type[EventBody]]] = {"]
    lines += [f"    0x{e.type_code:02X}: {e.body.name}," for e in schema.events] + ["}"]
    state_changing = ", ".join(f"0x{m.type_code:02X}" for m in schema.messages if m.kind == "S")
    lines += [
        "# Requests of which only one may be in flight.",
        "STATE_CHANGING: Final = frozenset({" + state_changing + "})",
    ]
    return "\n".join(lines) + "\n"


def _class(layout: Layout, *, exact: bool) -> list[str]:
    named = [f for f in layout.fields if not f.reserved and f.type != "tail"]
    fmt = "<" + "".join(_code(f) for f in layout.fields if f.type != "tail")
    lines = ["", "", f"class {layout.name}(msgspec.Struct, frozen=True):", f'    """{layout.doc}']
    if named or layout.tail:
        lines += ["", "    Attributes:"]
        lines += [f"        {f.name}: {f.doc}{_bounds(f)}." for f in layout.fields if not f.reserved]
        lines += ['    """', ""]
    else:
        lines[-1] += '"""'
        lines += [""]
    if layout.type_code is not None:
        lines.append(f"    TYPE: ClassVar[int] = 0x{layout.type_code:02X}")
    lines.append(f"    SIZE: ClassVar[int] = {layout.size}")
    offsets = ", ".join(f'"{f.name}": {f.offset}' for f in layout.fields if not f.reserved)
    lines.append(f"    OFFSETS: ClassVar[dict[str, int]] = {{{offsets}}}")
    ranges = [
        (
            f.offset,
            f.name,
            f.minimum if f.minimum is not None else _WIDTH[f.type][0],
            f.maximum if f.maximum is not None else _WIDTH[f.type][1],
        )
        for f in layout.fields
        if f.minimum is not None or f.maximum is not None
    ]
    lines.append(
        "    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ("
        + "".join(f'\n        ({o}, "{n}", {lo}, {hi}),' for o, n, lo, hi in ranges)
        + ("\n    )" if ranges else ")")
    )
    lines.append(f'    _STRUCT: ClassVar[Struct] = Struct("{fmt}")')
    if named or layout.tail:
        lines.append("")
        lines += [
            f"    {f.name}: {'str' if f.type[0] == 's' else 'int' if f.type in _STRUCT else 'bytes'}"
            for f in layout.fields
            if not f.reserved
        ]
    values = ", ".join(f"self.{f.name}.encode()" if f.type[0] == "s" else f"self.{f.name}" for f in named)
    tail = f" + self.{layout.fields[-1].name}" if layout.tail else ""
    lines += [
        "",
        "    def pack(self) -> bytes:",
        '        """Return the payload bytes."""',
        f"        return self._STRUCT.pack({values}){tail}",
    ]
    lines += [
        "",
        "    @classmethod",
        f'    def unpack(cls, data: bytes) -> "{layout.name}":',
        '        """Read the payload bytes.',
        "",
        f"        Raises: WireLengthError: {'not exactly' if exact else 'fewer than'} {layout.size} bytes.",
        '        """',
    ]
    compare = "!=" if exact and not layout.tail else "<"
    if layout.size or exact:
        lines += [
            f"        if len(data) {compare} {layout.size}:",
            f"            raise WireLengthError(cls.__name__, {layout.size}, len(data))",
        ]
    if any(f.type[0] == "s" for f in named):
        lines.append(f"        ({', '.join(f.name for f in named)},) = cls._STRUCT.unpack_from(data)")
        args = ", ".join(f"_text({f.name})" if f.type[0] == "s" else f.name for f in named)
        lines.append(f"        return cls({args})")
    else:
        args = "*cls._STRUCT.unpack_from(data)" if named else ""
        if layout.tail:
            args = f"*({args}, data[{layout.size}:])" if args else f"data[{layout.size}:]"
        lines.append(f"        return cls({args})")
    return lines


def _code(field: Field) -> str:
    if field.type in _STRUCT:
        return _STRUCT[field.type]
    return f"{field.size}{'x' if field.reserved else 's'}"


def _bounds(field: Field) -> str:
    if field.minimum is None and field.maximum is None:
        return ""
    low = field.minimum if field.minimum is not None else _WIDTH[field.type][0]
    high = field.maximum if field.maximum is not None else _WIDTH[field.type][1]
    return f" ({low:,} to {high:,})"
