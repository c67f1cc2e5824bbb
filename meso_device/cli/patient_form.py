"""The form of a new patient: from questions, or from a TOML or JSON document."""

import json
import tomllib
from typing import Any, Final

from msgspec import Struct

from meso_device.cli.asking import ask, ask_until, read_document
from meso_device.people.lockout import Moment
from meso_device.people.subject import PatientRef, Sex, checked_birth_date, checked_chart, checked_name
from protocols.errors import UsageError

_NONE: Final = frozenset({"", "-", "no", "none", "none known", "nothing"})
_WHAT: Final = "the patient document"
_TEXTS: Final = ("name", "born", "chart", "sex")
_OTHERWISE: Final = "give --from FILE, or - for standard input"


class Form(Struct, frozen=True, kw_only=True):
    """What was typed or read; not checked yet."""

    name: str
    born: str
    chart: str
    sex: str
    allergies: tuple[str, ...]

    def checked(self, now: Moment) -> tuple[PatientRef, Sex, tuple[str, ...]]:
        """Return what the vault takes; UsageError names the field and never repeats what is in it."""
        ref = PatientRef.checked(name=self.name, born=self.born, chart=self.chart, now_utc_us=now.utc_us)
        return ref, _sex(self.sex), self.allergies


def asked_form(now: Moment) -> Form:
    """Ask for everything on the terminal, each until it can be taken; UsageError where there is no terminal."""
    return Form(
        name=ask_until("Name", checked_name, _OTHERWISE),
        born=ask_until("Birth date, YYYY-MM-DD", lambda said: checked_birth_date(said, now.utc_us), _OTHERWISE),
        chart=ask_until("Chart number", checked_chart, _OTHERWISE),
        sex=ask_until(f"Sex, for skin thickness tables: {', '.join(Sex)}", _sex, _OTHERWISE),
        allergies=_allergies(ask("Allergies as ingredients, with commas between; Enter: none known", _OTHERWISE)),
    )


def read_form(source: str) -> Form:
    """Read a document; UsageError names what is wrong with it by key and line, and never by content."""
    content = read_document(source, _WHAT)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{_WHAT} is not UTF-8") from None
    fields = _from_json(text) if text.lstrip().startswith("{") else _from_toml(text)
    unknown = len(fields.keys() - {*_TEXTS, "allergies"})
    if unknown:
        raise UsageError(f"{_WHAT} has {unknown} unknown keys; known are {', '.join(_TEXTS)}, allergies")
    for key in (*_TEXTS, "allergies"):
        if key not in fields:
            raise UsageError(f"{_WHAT} has no {key}" + ("; write [] if none are known" if key == "allergies" else ""))
    for key in _TEXTS:
        if type(fields[key]) is not str:
            raise UsageError(f"{_WHAT}: {key} has to be a text in quotes")
    allergies = fields["allergies"]
    if type(allergies) is not list or any(type(one) is not str for one in allergies):
        raise UsageError(f"{_WHAT}: allergies has to be a list of texts")
    return Form(**{key: fields[key] for key in _TEXTS}, allergies=tuple(allergies))


def _from_json(text: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise UsageError(f"{_WHAT} gives a key twice")
        return fields

    try:
        fields = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise UsageError(f"{_WHAT} is not JSON: line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UsageError(f"{_WHAT} is nested too deeply") from None
    return dict(fields)


def _from_toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Its message may quote a key, which may be a name; only the place is told.
        _, _, place = str(error).rpartition("(at ")
        raise UsageError(f"{_WHAT} is not TOML: {place.rstrip(')') or 'no place known'}") from None
    except RecursionError:
        raise UsageError(f"{_WHAT} is nested too deeply") from None


def _sex(said: str) -> Sex:
    try:
        return Sex(said.strip().lower())
    except ValueError:
        raise UsageError(f"this sex is refused: one of {', '.join(Sex)}") from None


def _allergies(said: str) -> tuple[str, ...]:
    """Return the ingredients told; a word for none is no ingredient."""
    return () if said.strip().casefold() in _NONE else _listed(said)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
