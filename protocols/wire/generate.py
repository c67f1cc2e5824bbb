"""Make everything that states the wire layout from `schema.toml`, so that no two places can disagree.

``python -m protocols.wire.generate`` writes codes.py, messages.py, meso_wire.h, descriptor.json, vectors.json and the
tables in SPEC.md; ``--check`` writes nothing and ends with 1 when a file differs from what the schema says.
"""

import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols.wire import generate_c, generate_python, generate_spec, generate_vectors

HERE = Path(__file__).parent
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i16": 2, "i32": 4}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a layout, at its offset from the start of the payload (of the reply: after the code)."""

    name: str
    type: str
    offset: int
    size: int
    doc: str
    minimum: int | None
    maximum: int | None
    enum: str
    flags: str

    @property
    def reserved(self) -> bool:
        """Whether these are zero bytes without a name."""
        return self.type[0] == "z"


@dataclass(frozen=True, slots=True)
class Layout:
    """A struct, or the payload of a request, reply or event."""

    name: str
    doc: str
    fields: tuple[Field, ...]
    type_code: int | None

    @property
    def size(self) -> int:
        """Bytes before a tail, if there is one."""
        return sum(field.size for field in self.fields)

    @property
    def tail(self) -> bool:
        """Whether the last field takes the rest of the payload."""
        return bool(self.fields) and self.fields[-1].type == "tail"


@dataclass(frozen=True, slots=True)
class Message:
    """A request with its reply; `reply` is None where the reply is the code alone."""

    type_code: int
    name: str
    kind: str
    doc: str
    request: Layout
    reply: Layout | None


@dataclass(frozen=True, slots=True)
class Event:
    """A message that the gun sends unasked."""

    type_code: int
    name: str
    doc: str
    body: Layout


@dataclass(frozen=True, slots=True)
class Schema:
    """The whole schema, checked."""

    major: int
    minor: int
    enums: tuple[dict[str, Any], ...]
    flags: tuple[dict[str, Any], ...]
    structs: tuple[Layout, ...]
    messages: tuple[Message, ...]
    events: tuple[Event, ...]
    descriptor: bytes

    @property
    def descriptor_hash8(self) -> bytes:
        """Hash that HELLO carries: over the descriptor before compression."""
        return hashlib.sha256(self.descriptor).digest()[:8]

    def layouts(self) -> Iterator[Layout]:
        """Every layout once, in the order of the schema."""
        seen = set()
        for layout in (
            *self.structs,
            *(part for m in self.messages for part in (m.request, m.reply) if part is not None),
            *(event.body for event in self.events),
        ):
            if layout.name not in seen:
                seen.add(layout.name)
                yield layout


def camel(name: str) -> str:
    """Turn ``GRANT_SET`` into ``GrantSet``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _layout(name: str, doc: str, raw: list[dict[str, Any]], type_code: int | None) -> Layout:
    fields, offset = [], 0
    for item in raw:
        kind = item["t"]
        size = SIZES[kind] if kind in SIZES else 0 if kind == "tail" else int(kind[1:])
        fields.append(
            Field(
                name=item.get("n", ""),
                type=kind,
                offset=offset,
                size=size,
                doc=item.get("doc", "zero"),
                minimum=item.get("min"),
                maximum=item.get("max"),
                enum=item.get("enum", ""),
                flags=item.get("flags", ""),
            )
        )
        offset += size
    return Layout(name, doc, tuple(fields), type_code)


def load() -> Schema:
    """Read and check `schema.toml`."""
    text = (HERE / "schema.toml").read_bytes()
    raw = tomllib.loads(text.decode())
    uses = {m["request"]: m["type"] for m in raw["message"] if isinstance(m["request"], str)}
    uses |= {e["body"]: e["type"] for e in raw["event"] if isinstance(e["body"], str)}
    structs = {s["name"]: _layout(s["name"], s["doc"], s["fields"], uses.get(s["name"])) for s in raw["struct"]}
    for struct in raw["struct"]:
        if structs[struct["name"]].size != struct["size"]:
            raise SystemExit(f"schema: {struct['name']} is {structs[struct['name']].size} bytes, not {struct['size']}")
    messages = []
    for m in raw["message"]:
        name = camel(m["name"])
        request = m["request"]
        reply = m.get("reply", [])
        messages.append(
            Message(
                m["type"],
                m["name"],
                m["kind"],
                m["doc"],
                structs[request] if isinstance(request, str) else _layout(name, m["doc"], request, m["type"]),
                structs[reply]
                if isinstance(reply, str)
                else _layout(f"{name}Reply", f"Body of the reply to {m['name']}.", reply, m["type"] | 0x80)
                if reply
                else None,
            )
        )
    events = []
    for e in raw["event"]:
        name = camel(e["name"]).removesuffix("Event") + "Event"
        body = e["body"]
        layout = structs[body] if isinstance(body, str) else _layout(name, e["doc"], body, e["type"])
        events.append(Event(e["type"], e["name"], e["doc"], layout))
    descriptor = json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()
    return Schema(
        raw["major"], raw["minor"], tuple(raw["enum"]), tuple(raw["flags"]), tuple(structs.values()), tuple(messages),
        tuple(events), descriptor,
    )  # fmt: skip


def outputs(schema: Schema) -> dict[Path, str]:
    """Return what every generated file must hold."""
    spec = HERE / "SPEC.md"
    made = {
        HERE / "codes.py": generate_python.codes(schema),
        HERE / "messages.py": generate_python.messages(schema),
        HERE / "meso_wire.h": generate_c.header(schema),
        HERE / "descriptor.json": schema.descriptor.decode() + "\n",
        HERE / "vectors.json": generate_vectors.vectors(schema),
    }
    if spec.exists():
        made[spec] = generate_spec.with_tables(spec.read_text(), schema)
    return made


def main() -> int:
    """Write or check the generated files."""
    check = "--check" in sys.argv[1:]
    different = []
    for path, text in outputs(load()).items():
        if not path.exists() or path.read_text() != text:
            different.append(path.name)
            if not check:
                path.write_text(text)
    if check and different:
        print(f"differs from schema.toml: {', '.join(different)}; run python -m protocols.wire.generate")  # noqa: T201  # a command's answer
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
