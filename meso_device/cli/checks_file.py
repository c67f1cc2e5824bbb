"""The checks file of a session: answers of the checklist, what was fitted, consent and aftercare."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meso_device.accounting.materials import checked_lot
from meso_device.cli.asking import ask, read_document
from meso_device.host.clinical import Fitted
from meso_device.session.checklist import ITEMS, Answer, missing, read_answers
from protocols.errors import UsageError
from protocols.treatment.areas import catalogue
from protocols.treatment.needles import heads, needles

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
_YES_NO: Final = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
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
        UsageError: names what is wrong with it.
    """
    return checks_of(read_document(source, _WHAT))


def checks_of(content: bytes) -> Checks:
    """Read the content of a checks file; UsageError names what is wrong with it."""
    try:
        fields = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{_WHAT} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{_WHAT} is no TOML: {error}") from None
    _known(fields, ("aftercare", *_TABLES), "")
    tables = {name: _table(fields, name) for name in _TABLES}
    notes = _texts(tables["notes"], "notes")
    answers = read_answers(tables["answers"], dict.fromkeys(notes, ""))
    consent = None
    if tables["consent"]:
        signed = _texts(_known(tables["consent"], ("form", "version"), "consent"), "consent")
        consent = (
            checked_lot(signed.get("form", ""), "consent form"),
            checked_lot(signed.get("version", ""), "consent version"),
        )
        if not any(answer.item == "consent" and answer.answer == "yes" for answer in answers):
            raise UsageError(f"{_WHAT}: a consent form, and consent is not answered 'yes'")
    aftercare = fields.get("aftercare")
    if aftercare is not None and aftercare not in _YES_NO:
        raise UsageError(f"{_WHAT}: aftercare is 'yes' or 'no'")
    fitted = tuple(_fitted(part, tables[part]) for part in ("needle", "head") if tables[part])
    return Checks(
        answers=answers,
        notes=notes,
        consent=consent,
        fitted=fitted,
        aftercare=_YES_NO[aftercare] if aftercare is not None else None,
    )


def asked_checks() -> str:
    """Ask everything on the terminal and return the text of a checks file; UsageError where there is no terminal."""
    lines = ["[answers]"]
    notes = []
    for name, item in ITEMS.items():
        said = ask(f"{item.question} [{' / '.join(item.answers)}]", _OTHERWISE)
        parts = [part.strip() for part in said.split(",") if part.strip()]
        listed = (name == "allergy" and said != "none") or (name == "infection_in_area" and said in catalogue())
        answer = json.dumps(parts if listed or len(parts) > 1 else said, ensure_ascii=False)
        lines.append(f"{name} = {answer}")
        if name == "anticoagulants" and said == "yes":
            notes = ["", "[notes]", f"{name} = {_quoted(ask('What was agreed', _OTHERWISE))}"]
    lines += notes
    for part, types in (("needle", needles()), ("head", heads())):
        serial = ask(f"Serial of the new {part}, or lot and number", _OTHERWISE)
        kind = ask(f"Type of the {part} [{' / '.join(types)}]", _OTHERWISE)
        lines += ["", f"[{part}]", f"serial = {_quoted(serial)}", f"type = {_quoted(kind)}"]
    aftercare = ask("Is aftercare explained and given? [yes / no]", _OTHERWISE)
    return "\n".join([f"aftercare = {_quoted(aftercare)}", "", *lines, ""])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _fitted(part: str, fields: Mapping[str, Any]) -> Fitted:
    texts = _texts(_known(fields, ("serial", "type"), part), part)
    types = {row.id: row.type_id for row in (needles() if part == "needle" else heads()).values()}
    kind = texts.get("type", "")
    if kind not in types:
        raise UsageError(f"{_WHAT}: {part} type {kind[:40]!r} refused: one of {', '.join(types)}")
    return Fitted(part=part, serial=checked_lot(texts.get("serial", ""), f"{part} serial"), type_id=types[kind])


def _table(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = fields.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{_WHAT}: {name} is a table: write [{name}]")
    return table


def _known(fields: Mapping[str, Any], names: tuple[str, ...], where: str) -> Mapping[str, Any]:
    for key in fields:
        if key not in names:
            inside = f" in [{where}]" if where else ""
            raise UsageError(f"{_WHAT}: {key[:40]!r}{inside} refused: known are {', '.join(names)}")
    return fields


def _texts(fields: Mapping[str, Any], where: str) -> dict[str, str]:
    for key, value in fields.items():
        if not isinstance(value, str):
            raise UsageError(f"{_WHAT}: {key[:40]!r} in [{where}] is a text in quotation marks")
    return dict(fields)


def write_checks(path: Path, text: str) -> None:
    """Write a checks file that only its owner can read; UsageError where it cannot be."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
