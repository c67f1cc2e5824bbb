"""The checks file of a session: answers of the checklist, what was fitted, consent and aftercare."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from meso_device.accounting.materials import checked_lot
from meso_device.cli.asking import STDIN, ask, ask_until, read_document
from meso_device.host.clinical import Fitted
from meso_device.session.checklist import AREA_IDS, ITEMS, LISTED, Answer, missing, read_answers
from protocols.errors import UsageError
from protocols.treatment.areas import catalogue
from protocols.treatment.needles import heads, needles
from protocols.treatment.positions import Positions, scan
from protocols.treatment.problems import printable
from protocols.treatment.syntax import parse_toml

_WHAT: Final = "the checks file"
_OTHERWISE: Final = "write a checks file, see: meso patient check --help"
_TABLES: Final = ("answers", "notes", "consent", "needle", "head")
SAMPLE: Final = """\
aftercare = "yes"

[answers]
identity = "yes"
infection_in_area = "none"   # or a list of area ids
anticoagulants = "none"      # or "yes", with a note and a signed override
allergy = "none"             # or a list of ingredients
pregnancy = "no"
bleeding_disorder = "no"
herpes_history = "no"
implants_near_site = "no"
explained = "yes"
consent = "yes"
needle_new = "yes"

# [notes]                    # texts go into the vault, never into the log
# anticoagulants = "what was agreed"

# [consent]                  # the form that was signed
# form = "C-12"
# version = "3"

[needle]
serial = "N-0001"
type = "30g_4mm"

[head]
serial = "H-0001"
type = "single"
"""
"""A checks file with every question answered as for somebody whom nothing forbids to treat."""
# What is typed for an answer that is a list.
_TYPED: Final = {LISTED: "ingredients, with commas between", AREA_IDS: "area ids, with commas between"}
_NO_INGREDIENTS: Final = frozenset({"yes", "no", "none", LISTED})
_YES_NO: Final = {"yes": True, "no": False}


class Checks(Struct, frozen=True, kw_only=True):
    """A checks file, every word of it known.

    Attributes:
        answers: Of the checklist, without notes.
        notes: Texts by item.
        consent: Form and version that were signed; None without.
        fitted: Needle and head; either may be missing.
        aftercare: Whether it is given; None where nobody said.
    """

    answers: tuple[Answer, ...]
    notes: Mapping[str, str]
    consent: tuple[str, str] | None
    fitted: tuple[Fitted, ...]
    aftercare: bool | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What no session may begin without, in the order of asking."""
        answered = {answer.item: answer.answer for answer in self.answers}
        parts = {part.part for part in self.fitted}
        return (*missing(answered), *(part for part in ("needle", "head") if part not in parts))


NOTHING: Final = Checks(answers=(), notes={}, consent=None, fitted=(), aftercare=None)
"""When there is no file: all is missing."""


def read_checks(source: str) -> Checks:
    """Read a checks file; things may be missing, none may be wrong.

    Raises:
        UsageError: names what is wrong with it, and where.
    """
    return checks_of(read_document(source, _WHAT), _WHAT if source == STDIN else source)


def checks_of(content: bytes, name: str = _WHAT) -> Checks:
    """Read the content of a checks file; UsageError names what is wrong, and line and column in ``name``."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{printable(name)} is not UTF-8") from None
    fields = parse_toml(text, name)
    file = _Places(printable(name), scan(text))
    file.known(fields, ("aftercare", *_TABLES))
    tables = {table: file.table(fields, table) for table in _TABLES}
    answers = file.answers(tables["answers"])
    notes = file.texts(tables["notes"], "notes")
    for item in notes:
        with file.at("notes", item):
            read_answers({item: tables["answers"][item]} if item in tables["answers"] else {}, {item: ""})
    consent = file.consent(tables["consent"])
    if consent is not None and ("consent", "yes") not in [(answer.item, answer.answer) for answer in answers]:
        with file.at("consent"):
            raise UsageError("a consent form, and consent is not answered 'yes'")
    aftercare = fields.get("aftercare")
    with file.at("aftercare"):
        if aftercare is not None and (not isinstance(aftercare, str) or aftercare not in _YES_NO):
            raise UsageError("aftercare is 'yes' or 'no'")
    return Checks(
        answers=answers,
        notes=notes,
        consent=consent,
        fitted=tuple(file.fitted(part, tables[part]) for part in ("needle", "head") if tables[part]),
        aftercare=_YES_NO[aftercare] if aftercare is not None else None,
    )


class _Places(Struct, frozen=True):
    """Reads the tables of one checks file; what is refused is told with its line and column."""

    name: str
    positions: Positions

    @contextmanager
    def at(self, *path: str) -> Iterator[None]:
        try:
            yield
        except UsageError as error:
            line, column = self.positions.of_value(path)
            raise UsageError(f"{self.name}:{line}:{column}: {error}") from None

    def known(self, fields: Mapping[str, Any], names: tuple[str, ...], *where: str) -> Mapping[str, Any]:
        for key in fields:
            if key not in names:
                line, column = self.positions.of_key((*where, key))
                inside = f" in [{where[0]}]" if where else ""
                raise UsageError(
                    f"{self.name}:{line}:{column}: {key[:40]!r}{inside} refused: known are {', '.join(names)}"
                )
        return fields

    def table(self, fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = fields.get(name, {})
        with self.at(name):
            if not isinstance(table, dict):
                raise UsageError(f"{name} is a table: write [{name}]")
        return table

    def texts(self, fields: Mapping[str, Any], where: str) -> dict[str, str]:
        for key, value in fields.items():
            with self.at(where, key):
                if not isinstance(value, str):
                    raise UsageError(f"{key[:40]!r} in [{where}] is a text in quotation marks")
        return dict(fields)

    def answers(self, given: Mapping[str, Any]) -> tuple[Answer, ...]:
        for item, answer in given.items():
            with self.at("answers", item):
                read_answers({item: answer}, {})
        return read_answers(given, {})

    def consent(self, fields: Mapping[str, Any]) -> tuple[str, str] | None:
        if not fields:
            return None
        signed = self.texts(self.known(fields, ("form", "version"), "consent"), "consent")
        with self.at("consent", "form"):
            form = checked_lot(signed.get("form", ""), "consent form")
        with self.at("consent", "version"):
            return form, checked_lot(signed.get("version", ""), "consent version")

    def fitted(self, part: str, fields: Mapping[str, Any]) -> Fitted:
        texts = self.texts(self.known(fields, ("serial", "type"), part), part)
        types = {row.id: row.type_id for row in (needles() if part == "needle" else heads()).values()}
        kind = texts.get("type", "")
        with self.at(part, "type"):
            if kind not in types:
                raise UsageError(f"{part} type {kind[:40]!r} refused: one of {', '.join(types)}")
        with self.at(part, "serial"):
            return Fitted(part=part, serial=checked_lot(texts.get("serial", ""), f"{part} serial"), type_id=types[kind])


def asked_checks() -> str:
    """Ask everything on the terminal, each until it is an answer, and return the text of a checks file.

    Raises:
        UsageError: there is no terminal, or no further answer.
    """
    lines = ["[answers]"]
    notes = []
    for name, item in ITEMS.items():
        allowed = " / ".join(_TYPED.get(answer, answer) for answer in item.answers)
        answer = ask_until(f"{item.question} [{allowed}]", partial(_checked_answer, name), _OTHERWISE)
        lines.append(f"{name} = {json.dumps(answer, ensure_ascii=False)}")
        if name == "anticoagulants" and answer == "yes":
            notes = ["", "[notes]", f"{name} = {_quoted(ask('What was agreed', _OTHERWISE))}"]
    lines += notes
    for part, types in (("needle", needles()), ("head", heads())):
        serial = ask_until(f"Serial of the new {part}, or lot and number", partial(_checked_serial, part), _OTHERWISE)
        kind = ask_until(f"Type of the {part} [{' / '.join(types)}]", partial(_one_of, tuple(types)), _OTHERWISE)
        lines += ["", f"[{part}]", f"serial = {_quoted(serial)}", f"type = {_quoted(kind)}"]
    aftercare = ask_until("Is aftercare explained and given? [yes / no]", partial(_one_of, tuple(_YES_NO)), _OTHERWISE)
    return "\n".join([f"aftercare = {_quoted(aftercare)}", "", *lines, ""])


def _checked_answer(name: str, said: str) -> str | list[str]:
    """Return what a checks file holds for a typed answer; a list is typed with commas between."""
    parts = [part.strip() for part in said.split(",") if part.strip()]
    if name == "allergy" and not _NO_INGREDIENTS.isdisjoint(part.casefold() for part in parts) and parts != ["none"]:
        raise UsageError(f"{said[:60]!r} refused: none, or the ingredients with commas between")
    listed = (name == "allergy" and said != "none") or (name == "infection_in_area" and said in catalogue())
    answer = parts if listed or len(parts) > 1 else said
    read_answers({name: answer}, {})
    return answer


def _checked_serial(part: str, said: str) -> str:
    return checked_lot(said, f"{part} serial")


def _one_of(allowed: tuple[str, ...], said: str) -> str:
    if said not in allowed:
        raise UsageError(f"{said[:40]!r} refused: one of {', '.join(allowed)}")
    return said


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def write_checks(path: Path, text: str) -> None:
    """Write a checks file that only its owner can read; UsageError where it cannot be."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
