"""The look-back of a command: from its options to exposures, and those for people and as JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from meso_device.accounting.materials import checked_gun_uid, checked_lot, checked_product
from meso_device.audit.database import Log
from meso_device.audit.export import rfc3339
from meso_device.cli.log import reading
from meso_device.host.home import find_home
from meso_device.records.lookback import (
    EVER_US,
    NEAR_US,
    Cleaning,
    Exposure,
    Question,
    look_back,
    near_session,
    opened_us_of,
    sessions_beginning,
    unknown_in,
)
from protocols.errors import UsageError
from protocols.treatment.areas import by_code
from protocols.units import DAY_US, format_dose

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(Struct, frozen=True, kw_only=True):
    """What the options of a look-back ask for.

    Attributes:
        question: What must be true of a shot; empty but for the days when asked by ``near``.
        near: Beginning of the id of a session.
        since: Whether the first day was named.
        until: Whether the last day was.
    """

    question: Question
    near: str
    since: bool
    until: bool


def asked(*, lot: str, product: str, gun: str, head: str, op: str, since: str, until: str, near: str) -> Asked:
    """Return what is asked for; ``op`` is an operator's pseudonym.

    Raises:
        UsageError: nothing is asked for, or a date is none.
    """
    question = Question(
        product=checked_product(product) if product else "",
        lot=checked_lot(lot) if lot else "",
        gun_uid=checked_gun_uid(gun) if gun else "",
        head=checked_lot(head, "serial") if head else "",
        op=op,
        from_us=_day_us(since) if since else 0,
        to_us=_day_us(until) + DAY_US - 1 if until else EVER_US,
    )
    named = bool(lot or product or gun or head or op)
    if not named and not near:
        raise UsageError("say what to look for: --lot, --product, --gun, --head, --operator or --near")
    if named and near:
        raise UsageError("--near looks for all that its session shares: leave the others out")
    if question.from_us > question.to_us:
        raise UsageError(f"--from {since} is after --to {until}")
    return Asked(question=question, near=near, since=bool(since), until=bool(until))


def find_exposures(
    home: Path | None,
    *,
    lot: str,
    product: str,
    gun: str,
    head: str,
    operator: str,
    since: str,
    until: str,
    near: str,
) -> tuple[Exposure, ...]:
    """Return the exposures that the options ask for.

    Raises:
        UsageError: nothing is asked for, a date is none, or there is no such thing in the log.
    """
    op = _operator(home, operator) if operator else ""
    wanted = asked(lot=lot, product=product, gun=gun, head=head, op=op, since=since, until=until, near=near)
    with reading(home) as db:
        return () if db is None else look([db], wanted)


def look(logs: Sequence[Log], wanted: Asked) -> tuple[Exposure, ...]:
    """Return the exposures in logs that have nothing to do with each other.

    Raises:
        UsageError: none of them knows what is asked for.
    """
    question = wanted.question
    if not wanted.near:
        unknown = [unknown_in(db, question) for db in logs]
        if all(unknown):
            raise UsageError(f"no record here names {unknown[0]}: check how it is written")
        return tuple(one for db in logs for one in look_back(db, question))
    found = [(db, session) for db in logs for session in sessions_beginning(db, wanted.near.lower())]
    if len(found) != 1:
        many = f"{len(found)} sessions begin with" if found else "no session begins with"
        raise UsageError(f"{many} {wanted.near!r}; 'meso session list' shows all")
    [(db, session)] = found
    opened_us = opened_us_of(db, session)
    from_us = question.from_us if wanted.since else opened_us - NEAR_US
    to_us = question.to_us if wanted.until else opened_us + NEAR_US
    return near_session(db, session, from_us, to_us)


def who_they_are(home: Path | None, aliases: Sequence[str], *, sign_in: str, pin_file: str) -> dict[str, str]:
    """Return names and chart numbers by alias, for somebody who may see them; that they are shown is recorded first.

    An alias that is missing was erased, or is of another data directory.

    Raises:
        PinRefused, NotAllowed: not this person.
    """
    from meso_device.cli.desk import open_desk
    from meso_device.people.subject import ShownFor

    with open_desk(home, command="meso lookback", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        wanted = frozenset(aliases)
        found = [patient for patient in desk.office.vault.everybody(by) if patient.alias in wanted]
        if found:
            desk.office.vault.disclose([patient.alias for patient in found], ShownFor.LOOKBACK, by)
    return {patient.alias: f"{patient.ref.name}, chart {patient.ref.chart}" for patient in found}


def exposure_document(one: Exposure, people: Mapping[str, str]) -> dict[str, object]:
    """Return an exposure as one JSON object; with ``name`` where names were asked for and are known."""
    document: dict[str, object] = {
        "session": one.session,
        "alias": one.alias,
        "op": one.op,
        "gun_uid": one.gun_uid,
        "simulated": one.simulated,
        "opened_at": rfc3339(one.opened_us) if one.opened_us else "",
        "latest_at": rfc3339(one.latest_us) if one.latest_us else "",
        "given": [
            {
                "area_code": part.area_code,
                "area": area_name(part.area_code),
                "product": part.product,
                "lot": part.lot,
                "lot_amended": part.lot_amended,
                "injections": part.shots,
                "dose_lo_nl": part.dose_lo_nl,
                "dose_hi_nl": part.dose_hi_nl,
                "unknown_injections": part.unknown_shots,
                "unknown_nl": part.unknown_nl,
            }
            for part in one.given
        ],
        "heads": list(one.heads),
        "cleaned_before": _cleaning_document(one.cleaned_before),
        "cleaned_after": _cleaning_document(one.cleaned_after),
        "was_clean": one.was_clean,
        "shared": list(one.shared),
    }
    return document | ({"name": people[one.alias]} if one.alias in people else {})


def exposure_lines(one: Exposure, people: Mapping[str, str]) -> list[str]:
    """Return an exposure in lines."""
    when = rfc3339(one.opened_us or one.latest_us)[:16].replace("T", " ")
    who = people.get(one.alias, one.alias or "UNKNOWN PATIENT")
    marks = ["  SIMULATED" if one.simulated else "", f"  shares {', '.join(one.shared)}" if one.shared else ""]
    lines = [f"{when}  {who}  session {one.session or 'none'}  gun {one.gun_uid}{''.join(marks)}"]
    for part in one.given:
        low, high = format_dose(part.dose_lo_nl), format_dose(part.dose_hi_nl)
        volume = high if part.dose_lo_nl == part.dose_hi_nl else f"{low} to {high}"
        unknown = ""
        if part.unknown_shots or part.unknown_nl:
            unknown = f"; unknown: up to {part.unknown_shots} injections more, {format_dose(part.unknown_nl)}"
        amended = f", amended to {part.lot_amended}" if part.lot_amended else ""
        what = f"{part.product}, lot {part.lot or 'unknown'}{amended}"
        lines.append(f"  {area_name(part.area_code)}: {part.shots} injections, {volume}, {what}{unknown}")
    before = _cleaning_text(one.cleaned_before)
    if not one.was_clean:
        before = f"{before}; ANOTHER PATIENT WAS TREATED SINCE"
    lines.append(f"  cleaned before: {before}")
    lines.append(f"  cleaned after:  {_cleaning_text(one.cleaned_after)}")
    return lines


def summary(exposures: Sequence[Exposure], patients: int) -> str:
    """Return how many that were."""
    unknown = sum(not one.alias for one in exposures)
    more = f", and {unknown} groups of injections of which nobody here can say whose they were" if unknown else ""
    sessions = len({one.session for one in exposures if one.session})
    return f"{patients} patient{'' if patients == 1 else 's'} in {sessions} session{'' if sessions == 1 else 's'}{more}"


def _operator(home: Path | None, named: str) -> str:
    """Return the pseudonym of an operator named by login or pseudonym; one who left is known by the pseudonym."""
    import os

    from meso_device.people.office import read_operators

    known = {row.person.login: row.person.op for row in reversed(read_operators(find_home(home, os.environ)))}
    if named in known:
        return known[named]
    if is_pseudonym(named):
        return named
    raise UsageError(f"no operator {named!r}: a login name as 'meso people list' shows it, or the id in records")


def is_pseudonym(text: str) -> bool:
    """Return whether this is what records call an operator."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")


def _day_us(text: str) -> int:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"date {text[:20]!r} refused: write YYYY-MM-DD") from None
    return (day - _EPOCH) // timedelta(microseconds=1)


def area_name(code: int) -> str:
    """Return the id of an area, or its number where this program knows no such area."""
    area = by_code().get(code)
    return area.id if area is not None else f"area {code}"


def _cleaning_document(cleaning: Cleaning | None) -> dict[str, object]:
    if cleaning is None:
        return {}
    return {
        "at": rfc3339(cleaning.at_us),
        "agent": cleaning.agent,
        "lot": cleaning.lot,
        "rinse_medium": cleaning.rinse_medium,
        "op": cleaning.op,
    }


def _cleaning_text(cleaning: Cleaning | None) -> str:
    if cleaning is None:
        return "NOT RECORDED"
    when = rfc3339(cleaning.at_us)[:16].replace("T", " ")
    return f"{when}, {cleaning.agent}, lot {cleaning.lot}, rinsed with {cleaning.rinse_medium}"
