"""What of a record may be corrected, how the correction is written, and what is refused.

Only what a person said is corrected, and only where nothing is counted or judged by it: injections, volumes, settings,
grants, stops and alarms are the account of gun and host, and the lot or serial of what was fitted stands in the record
of every injection.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import apsw

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.materials import Actor, checked_code, checked_lot, checked_words
from meso_device.audit import canonical
from meso_device.audit.amendments import AMEND, AMENDMENTS_MAX, amendment_key, amendments_on, said_last
from meso_device.audit.sql import run
from meso_device.people.adverse import ONSET_DAY_MAX, Reaction, Reporter, Severity
from meso_device.session.checklist import ITEMS, Effect, effect_of
from protocols.errors import MesoError, UsageError

_LETTERS_MAX: Final = 80
_GUNS: Final = ("shot", "gap", "conflict", "link.", "grant.", "settings.", "stop", "mass_balance", "prime", "epoch.")

Fields = Mapping[str, Any]


def _reason(text: str, _: Fields) -> Json:
    return checked_code("reason", text)


def _lot(text: str, _: Fields) -> Json:
    return checked_lot(text)


def _code(text: str, _: Fields) -> Json:
    return checked_code("the new value", text)


def _words(text: str, _: Fields) -> Json:
    return checked_words("the new value", text, _LETTERS_MAX)


def _one_of(words: Any) -> Callable[[str, Fields], Json]:
    def chosen(text: str, _: Fields) -> Json:
        if text not in set(words):
            raise UsageError(f"{text[:40]!r} refused: one of {', '.join(words)}")
        return text

    return chosen


def _yes_or_no(text: str, _: Fields) -> Json:
    if text not in {"yes", "no"}:
        raise UsageError(f"{text[:40]!r} refused: yes or no")
    return text == "yes"


def _onset_day(text: str, _: Fields) -> Json:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= ONSET_DAY_MAX):
        raise UsageError(f"{text[:40]!r} refused: days from the session to the first sign, 0 to {ONSET_DAY_MAX}")
    return int(text)


def _answer(text: str, fields: Fields) -> Json:
    effect = effect_of(fields["item"], text) if fields["item"] in ITEMS else None
    # Ingredients are no single word; that somebody is allergic to some is for the next session's checklist.
    if effect is None or effect is Effect.INGREDIENTS:
        answers = ", ".join(ITEMS[fields["item"]].answers) if fields["item"] in ITEMS else "none is known"
        raise UsageError(f"{text[:40]!r} is no answer to {fields['item']}: {answers}")
    return text


AMENDABLE: Final[Mapping[str, Mapping[str, Callable[[str, Fields], Json]]]] = MappingProxyType(
    {
        "adverse_event": {
            "code": _one_of(Reaction),
            "severity": _one_of(Severity),
            "onset_day": _onset_day,
            "reporter": _one_of(Reporter),
        },
        "aftercare": {"given": _yes_or_no},
        "cartridge.changed": {"reason": _reason},
        "checklist": {"answer": _answer},
        "consent": {"form": _words, "version": _words},
        "limit.override": {"reason": _reason},
        "point.skipped": {"reason": _reason},
        "reprocessing": {"product": _words, "lot": _lot, "method": _code},
        "write_off": {"reason": _reason},
    }
)
"""The fields that may be corrected, by kind of record, each with what reads a new value for it."""


def target_of(db: apsw.Connection, seq: int) -> tuple[bytes, dict[str, Any]]:
    """Return leaf hash and fields of a record that may be corrected.

    Raises:
        UsageError: there is no such record.
        MesoError: it may not be; says why, and what to do instead.
    """
    rows = run(db, "SELECT leaf, kind, body FROM record WHERE seq = ?", (seq,))
    if not rows:
        raise UsageError(f"there is no record {seq}; the history, or a report, shows the numbers")
    leaf, kind, body = rows[0]
    if kind in AMENDABLE:
        return leaf, canonical.decode(body)
    if kind.startswith(_GUNS):
        raise MesoError(f"record {seq} ({kind}) is the account of gun and host, which nobody amends; write a note")
    if kind == AMEND:
        raise MesoError(f"record {seq} is an amendment itself: amend the record that it names")
    if kind == "lot.listed":
        raise MesoError(f"record {seq} lists a lot: list it again, 'meso stock add' takes the newest listing")
    raise MesoError(f"record {seq} ({kind}) holds nothing that is amended; amended are: {', '.join(AMENDABLE)}")


def amended(db: apsw.Connection, seq: int, field: str, new: str, *, reason: str, by: Actor) -> Entry:
    """Return the record that a field of a record should say something else.

    Args:
        db: The log.
        seq: The record.
        field: Field of it.
        new: What it should say, as typed.
        reason: Code, such as ``typing_error``.
        by: Who corrects it.

    Raises:
        UsageError: no such record or field, the new value is none, or the field says so already.
        MesoError: this record is not amended, or its session is still open.
    """
    leaf, fields = target_of(db, seq)
    kind, session = fields["kind"], fields.get("sess", "")
    readers = AMENDABLE[kind]
    if field not in readers or field not in fields:
        raise UsageError(f"{kind} has no field {field[:40]!r} to amend: {', '.join(readers)}")
    if session and not run(db, "SELECT 1 FROM record WHERE key = ?", (f"session/{session}/closed",)):
        raise MesoError(f"session {session[:8]} is still open: say it there, or end it first")
    value = readers[field](new, fields)
    earlier = amendments_on(db, (seq,))
    old = said_last(earlier, seq, field, fields[field])
    if value == old:
        raise UsageError(f"record {seq} says {field} {shown(old)} already; nothing was changed")
    number = sum(one.field == field for one in earlier)
    if number >= AMENDMENTS_MAX:
        raise MesoError(f"{field} of record {seq} was amended {number} times: nobody could read that any more")
    payload: dict[str, Json] = {
        "target_seq": seq,
        "target_leaf": b64encode(leaf).decode(),
        "target_kind": kind,
        "field": field,
        "old": old,
        "new": value,
        "reason": checked_code("reason", reason),
    }
    if "simulated" in fields:
        payload["simulated"] = fields["simulated"]
    return Entry(
        kind=AMEND,
        key=amendment_key(seq, field, number),
        payload=payload,
        op=by.op,
        role=by.role,
        session=session,
        alias=fields.get("alias", ""),
    )


def shown(value: Json) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
