"""What of a record may be corrected, how the correction is written, and what is refused.

Only what a person said is corrected, and only where nothing is counted or permitted by it: injections, volumes,
settings, grants, stops and alarms are the account of gun and host, and the product of a filling is what its patients
were asked about. The lot of a filling can be: every injection keeps the recorded one, and look-backs find both.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.materials import Actor, checked_code, checked_lot, checked_words
from meso_device.audit import canonical
from meso_device.audit.amendments import (
    AMEND,
    AMENDMENTS_MAX,
    FILLING,
    amendment_key,
    amendments_on,
    is_over,
    said_last,
)
from meso_device.audit.sql import run
from meso_device.people.adverse import Reaction, Reporter, Severity
from meso_device.records.reactions import read_onset_day
from meso_device.session.checklist import ITEMS, Effect, effect_of
from protocols.errors import MesoError, UsageError

_LETTERS_MAX: Final = 80
_GUNS: Final = ("shot", "gap", "conflict", "link.", "grant.", "settings.", "stop", "mass_balance", "prime", "epoch.")

Fields = Mapping[str, Any]


class Reader(Struct, frozen=True):
    """How a field takes a new value.

    Attributes:
        read: Reads what was typed, given the fields of the record; UsageError where it is none.
        takes: The words that it takes; none where any text goes that reads.
    """

    read: Callable[[str, Fields], Json]
    takes: Callable[[Fields], tuple[str, ...]] = lambda _: ()


class Offer(Struct, frozen=True, kw_only=True):
    """A field that may be corrected now.

    Attributes:
        field: Its name.
        now: What it says, as people read it: as recorded, or as corrected last.
        takes: The words that it takes; none where any text goes that reads.
    """

    field: str
    now: str
    takes: tuple[str, ...]


def _reason(text: str, _: Fields) -> Json:
    return checked_code("reason", text)


def _lot(text: str, _: Fields) -> Json:
    return checked_lot(text)


def _code(text: str, _: Fields) -> Json:
    return checked_code("the new value", text)


def _words(text: str, _: Fields) -> Json:
    return checked_words("the new value", text, _LETTERS_MAX)


def _one_of(words: Any) -> Reader:
    known = tuple(str(word) for word in words)

    def chosen(text: str, _: Fields) -> Json:
        if text not in known:
            raise UsageError(f"{text[:40]!r} refused: one of {', '.join(known)}")
        return text

    return Reader(chosen, lambda _: known)


def _yes_or_no(text: str, _: Fields) -> Json:
    if text not in {"yes", "no"}:
        raise UsageError(f"{text[:40]!r} refused: yes or no")
    return text == "yes"


def _onset_day(text: str, _: Fields) -> Json:
    return read_onset_day(text)


def _answers(fields: Fields) -> tuple[str, ...]:
    # Ingredients are no single word; that somebody is allergic to some is for the next session's checklist.
    answers = ITEMS[fields["item"]].answers if fields["item"] in ITEMS else {}
    return tuple(answer for answer, effect in answers.items() if effect is not Effect.INGREDIENTS)


def _answer(text: str, fields: Fields) -> Json:
    effect = effect_of(fields["item"], text) if fields["item"] in ITEMS else None
    if effect is None or effect is Effect.INGREDIENTS:
        answers = ", ".join(_answers(fields)) or "none is known"
        raise UsageError(f"{text[:40]!r} is no answer to {fields['item']}: {answers}")
    return text


AMENDABLE: Final[Mapping[str, Mapping[str, Reader]]] = MappingProxyType(
    {
        "adverse_event": {
            "code": _one_of(Reaction),
            "severity": _one_of(Severity),
            "onset_day": Reader(_onset_day),
            "reporter": _one_of(Reporter),
        },
        "aftercare": {"given": Reader(_yes_or_no, lambda _: ("yes", "no"))},
        "cartridge.changed": {"reason": Reader(_reason)},
        "checklist": {"answer": Reader(_answer, _answers)},
        "consent": {"form": Reader(_words), "version": Reader(_words)},
        "limit.override": {"reason": Reader(_reason)},
        FILLING: {"lot": Reader(_lot)},
        "point.skipped": {"reason": Reader(_reason)},
        "reprocessing": {"product": Reader(_words), "lot": Reader(_lot), "method": Reader(_code)},
        "write_off": {"reason": Reader(_reason)},
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
    _check_kind(seq, kind)
    return leaf, canonical.decode(body)


def offered(fields: Fields, amended_to: Fields, *, over: bool) -> tuple[Offer, ...]:
    """Return the fields of a record that may be corrected now, as `amended` would take them.

    Args:
        fields: The record.
        amended_to: The newest value of each field that was corrected.
        over: Its session is over, or it has none.

    Raises:
        MesoError: none may be; says why, and what to do instead.
    """
    kind = fields["kind"]
    _check_kind(fields["seq"], kind)
    _check_over(fields, over=over)
    return tuple(
        Offer(field=field, now=shown(amended_to.get(field, fields[field])), takes=reader.takes(fields))
        for field, reader in AMENDABLE[kind].items()
        if field in fields
    )


def _check_kind(seq: int, kind: str) -> None:
    """Raise MesoError for a kind of record that is never corrected; says what to do instead."""
    if kind in AMENDABLE:
        return
    if kind.startswith(_GUNS):
        raise MesoError(f"record {seq} ({kind}) is the account of gun and host, which nobody amends; write a note")
    if kind == AMEND:
        raise MesoError(f"record {seq} is an amendment itself: amend the record that it names")
    if kind == "lot.listed":
        raise MesoError(f"record {seq} lists a lot: list it again, 'meso stock add' takes the newest listing")
    raise MesoError(f"record {seq} ({kind}) holds nothing that is amended; amended are: {', '.join(AMENDABLE)}")


def _check_over(fields: Fields, *, over: bool) -> None:
    if over:
        return
    if fields["kind"] == FILLING:
        raise MesoError(f"filling {fields['cartridge']} is in the gun: take it out first, and load what it really is")
    raise MesoError(f"session {fields['sess'][:8]} is still open: say it there, or end it first")


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
    _check_over(fields, over=is_over(db, fields))
    value = readers[field].read(new, fields)
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
