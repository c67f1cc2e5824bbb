"""Write the C header from the schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protocols.wire.generate import Layout, Schema

_TYPES = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "i16": "int16_t", "i32": "int32_t"}


def header(schema: Schema) -> str:
    """Return the text of meso_wire.h: packed structs for a little-endian processor, with static size checks."""
    lines = [
        "/* Wire protocol between host and gun. Generated from schema.toml; do not edit. */",
        "#ifndef MESO_WIRE_H",
        "#define MESO_WIRE_H",
        "#include <stdint.h>",
        "",
        f"#define MESO_MAJOR {schema.major}",
        f"#define MESO_MINOR {schema.minor}",
        f"#define MESO_DESCRIPTOR_HASH8 {{{', '.join(f'0x{b:02X}' for b in schema.descriptor_hash8)}}}",
        "#define MESO_PAYLOAD_MAX 234",
        "#define MESO_SEALED_PAYLOAD_MAX 226",
        "#define MESO_TAGGED 0x08 /* bit of ver_flags: a tag follows the payload */",
        "#define MESO_TAG_SIZE 8",
        "#define MESO_LINK_KEY_SIZE 16",
        "#define MESO_STOP_FRAME {0x00, 0x11, 0x10, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, \\",
        "                         0xFF, 0xFF, 0xFF, 0xFF, 0x63, 0x4F, 0x31, 0x20, 0x00}",
        "",
        "typedef struct __attribute__((packed)) {",
        "    uint8_t ver_flags;",
        "    uint8_t type;",
        "    uint16_t req_id;",
        "    uint32_t session;",
        "    uint32_t aux;",
        "} meso_header_t;",
        '_Static_assert(sizeof(meso_header_t) == 12, "meso_header_t");',
        "",
        "typedef struct __attribute__((packed)) {",
        "    uint8_t code;",
        "    uint8_t detail;",
        "    uint16_t field_offset;",
        "} meso_reply_head_t;",
    ]
    lines += _types(schema)
    for enum in schema.enums:
        lines += _values(enum, "{v}")
    for flags in schema.flags:
        lines += _values(flags, "1ULL << {v}")
    for layout in schema.layouts():
        if layout.fields:
            lines += _struct(layout)
    return "\n".join([*lines, "", "#endif", ""])


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _types(schema: Schema) -> list[str]:
    lines = ["", "/* Types. The reply to a request has its type + 0x80. */"]
    lines += [f"#define MESO_TYPE_{m.name} 0x{m.type_code:02X}" for m in schema.messages]
    lines += ["#define MESO_TYPE_ESTOP 0x3F"]
    lines += [f"#define MESO_EVENT_{e.name} 0x{e.type_code:02X}" for e in schema.events]
    return lines


def _values(enum: dict[str, Any], form: str) -> list[str]:
    prefix = _snake(enum["name"]).upper()
    lines = ["", f"/* {enum['doc']} */"]
    lines += [f"#define MESO_{prefix}_{v['n']} ({form.format(v=v['v'])}) /* {v['doc']} */" for v in enum["values"]]
    return lines


def _struct(layout: Layout) -> list[str]:
    name = f"meso_{_snake(layout.name)}_t"
    lines = ["", f"/* {layout.doc} */", "typedef struct __attribute__((packed)) {"]
    for field in layout.fields:
        label = field.name or f"zero_{field.offset}"
        if field.type in _TYPES:
            lines.append(f"    {_TYPES[field.type]} {label}; /* {field.doc} */")
        elif field.type == "tail":
            lines.append(f"    uint8_t {label}[]; /* {field.doc} */")
        else:
            lines.append(f"    uint8_t {label}[{field.size}]; /* {field.doc} */")
    return [*lines, f"}} {name};", f'_Static_assert(sizeof({name}) == {layout.size}, "{name}");']
