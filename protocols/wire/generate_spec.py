"""Fill the tables, diagrams and the worked example of SPEC.md from the schema and the state tables.

A block stands between ``<!-- KIND NAME -->`` and ``<!-- end -->``. ``table`` takes a layout, an enumeration,
``messages``, ``events`` or ``constants``; ``diagram`` takes ``gun`` or ``grant``; ``example`` takes ``session``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from protocols.wire import generate_example, states

if TYPE_CHECKING:
    from protocols.wire.generate import Layout, Schema

_BLOCK = re.compile(r"(<!-- (table \w+|diagram \w+|example \w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str, schema: Schema) -> str:
    """Return SPEC.md with every block as the schema says. An unknown name is an error."""
    tables = {layout.name: _layout(layout) for layout in schema.layouts()}
    tables |= {e["name"]: _enum(e, "value") for e in schema.enums}
    tables |= {f["name"]: _enum(f, "bit") for f in schema.flags}
    tables |= {"messages": _messages(schema), "events": _events(schema), "constants": _constants(schema)}
    blocks = {f"table {name}": table for name, table in tables.items()} | {
        "diagram gun": f"```mermaid\n{states.diagram(states.GUN)}\n```",
        "diagram grant": f"```mermaid\n{states.diagram(states.GRANT)}\n```",
        "example session": generate_example.session(schema),
    }
    return _BLOCK.sub(lambda m: f"{m[1]}{blocks[m[2]]}\n{m[3]}", text)


def _layout(layout: Layout) -> str:
    rows = ["| offset | type | field | range | meaning |", "|---|---|---|---|---|"]
    for f in layout.fields:
        bounds = (
            ""
            if f.minimum is None and f.maximum is None
            else f"{f.minimum or 0:,} to {'max' if f.maximum is None else f'{f.maximum:,}'}"
        )
        link = f" ({f.enum or f.flags})" if f.enum or f.flags else ""
        rows.append(f"| {f.offset} | {f.type} | {f.name or 'zero'} | {bounds} | {f.doc}{link} |")
    size = f"{layout.size} bytes" + (" and the tail" if layout.tail else "")
    return f"{layout.doc} {size}.\n\n" + ("\n".join(rows) if layout.fields else "No payload.")


def _enum(enum: dict[str, Any], head: str) -> str:
    rows = [f"| {head} | name | meaning |", "|---|---|---|"]
    return f"{enum['doc']}\n\n" + "\n".join([*rows, *(f"| {v['v']} | {v['n']} | {v['doc']} |" for v in enum["values"])])


def _messages(schema: Schema) -> str:
    rows = ["| type | name | kind | request | reply body | does |", "|---|---|---|---|---|---|"]
    for m in schema.messages:
        body = "none" if m.kind == "-" else f"{m.reply.name}, {m.reply.size} B" if m.reply else "code only"
        rows.append(
            f"| {m.type_code:02X} | {m.name} | {m.kind} | {m.request.name}, {m.request.size} B | {body} | {m.doc} |"
        )
    return "\n".join(rows)


def _events(schema: Schema) -> str:
    rows = ["| type | name | body | means |", "|---|---|---|---|"]
    return "\n".join(
        [
            *rows,
            *(f"| {e.type_code:02X} | {e.name} | {e.body.name}, {e.body.size} B | {e.doc} |" for e in schema.events),
        ]
    )


def _constants(schema: Schema) -> str:
    return f"major {schema.major}, minor {schema.minor}, descriptor_hash8 `{schema.descriptor_hash8.hex()}`"
