"""Words of what is said of a session once it is over: corrections and late reactions; a part of the catalogue."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "amend.key": "amend",
    "amend.open_first": "open the record with Enter first",
    "amend.which": "Amend record #{seq}",
    "amend.which_note": "The record stays as it is; what it should say is shown beside it from then on. Which field?",
    "amend.choice": "{field}: {now}",
    "amend.this_one": "this field",
    "amend.title": "Amend {field} of record #{seq}",
    "amend.now": "It says {now}. That stays to be read; history, reports and exports show both.",
    "amend.takes": "It takes: {takes}.",
    "amend.two": "Somebody else recorded it: a second person signs too, a clinician, technician or administrator.",
    "amend.new": "new value",
    "amend.reason": "why",
    "amend.reason_hint": "a word: typing_error",
    "amend.done": "Amended and signed; both stand in the record.",
    "reaction.key": "late reaction",
    "reaction.which": "A reaction after session S-{session}",
    "reaction.which_note": "At once or weeks later; no record of the session changes. What was seen?",
    "reaction.this_one": "this was seen",
    "reaction.title": "{code} after session S-{session}",
    "reaction.note": "Severity: {severities}. Told by: {reporters}. It is tied to shots, lots and gun of the areas "
    "named; the description is kept in the vault.",
    "reaction.severity": "severity",
    "reaction.onset_day": "first sign after",
    "reaction.onset_hint": "days; 0: the same day",
    "reaction.reporter": "told by",
    "reaction.areas": "areas",
    "reaction.areas_hint": "F2, F8L; empty: all",
    "reaction.shots": "shots",
    "reaction.shots_hint": "if known: 7, 9-12",
    "reaction.text": "description",
    "reaction.text_hint": "no name; may stay empty",
    "reaction.done": "Recorded; this is what stands in the log of that session.",
    "help.history.amend": "amend",
    "help.history.reaction": "late reaction",
    "plain.record_no": "number of the record: ",
    "plain.record_wrong": "Refused: type the number of a record.",
}
