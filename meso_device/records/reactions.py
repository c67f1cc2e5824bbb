"""Ties a reaction to what the log says was injected: session, areas, shots, lots, guns."""

import re
from collections.abc import Sequence
from typing import Final

import apsw

from meso_device.audit import canonical
from meso_device.audit.exposure import exposures, latest_given_us
from meso_device.audit.sql import run
from meso_device.people.adverse import ONSET_DAY_MAX, SHOTS_MAX, AdverseEvent, Reaction, Reporter, Severity
from protocols.errors import MesoError, UsageError
from protocols.treatment.areas import by_code, catalogue
from protocols.units import day_of

# People count days by their own midnight, records by that of UTC.
_DAY_SLACK: Final = 1
_SHOTS: Final = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)


def shot_numbers(words: Sequence[str]) -> tuple[int, ...]:
    """Return the shot numbers of words like ``7`` and ``9-12``; UsageError for others, or too many."""
    numbers: set[int] = set()
    for word in words:
        match = _SHOTS.fullmatch(word)
        if match is None:
            raise UsageError(f"shots {word!r} refused: write N or N-M")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + SHOTS_MAX:
            raise UsageError(f"shots {word!r} refused: ascending, at most {SHOTS_MAX} shots")
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


def read_onset_day(text: str) -> int:
    """Return the days from the session to the first sign, as typed; UsageError where it is no such number."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(ONSET_DAY_MAX)) and int(text) <= ONSET_DAY_MAX):
        raise UsageError(f"{text[:40]!r} refused: days from the session to the first sign, 0 to {ONSET_DAY_MAX}")
    return int(text)


def session_of(db: apsw.Connection, seq: int) -> tuple[str, str]:
    """Return session and patient of a record.

    Raises:
        MesoError: there is no such record, or it belongs to no session of a patient.
    """
    rows = run(db, "SELECT body FROM record WHERE seq = ?", (seq,))
    fields = canonical.decode(rows[0][0]) if rows else {}
    session, alias = fields.get("sess", ""), fields.get("alias", "")
    if not (session and alias):
        raise MesoError(f"record {seq} belongs to no session of a patient, so no reaction could follow it")
    return session, alias


def tied_event(
    db: apsw.Connection,
    *,
    session: str,
    areas: Sequence[str],
    shots: Sequence[int],
    reaction: Reaction,
    severity: Severity,
    onset_day: int,
    reporter: Reporter,
    now_utc_us: int,
) -> AdverseEvent:
    """Return the event with everything that was injected where it is.

    Raises:
        MesoError: the session gave nothing there.
        UsageError: an area is unknown, its first sign lies in the future, or the event is refused.
    """
    codes = set()
    for area in areas:
        if area not in catalogue():
            raise UsageError(f"area {area!r} is not in the catalogue; areas have ids such as cheek_left")
        codes.add(catalogue()[area].code)
    given = exposures(db, session, shots)
    if shots and sum(one.shots for one in given) < len(shots):
        raise MesoError("not all of these shots are in that session's records: name no shots, but whole areas")
    here = [one for one in given if not codes or one.area_code in codes]
    missing = codes - {one.area_code for one in here}
    if missing or not here:
        names = ", ".join(by_code()[code].id for code in sorted(missing)) or "any area"
        raise MesoError(f"that session gave nothing in {names}" + (" with these shots" if shots else ""))
    past_days = max(0, day_of(now_utc_us) - day_of(latest_given_us(db, session)))
    if onset_day > past_days + _DAY_SLACK:
        raise UsageError(
            f"onset after {onset_day} days refused: the session was {past_days} days ago; 0 is its own day"
        )
    return AdverseEvent(
        reaction=reaction,
        severity=severity,
        onset_day=onset_day,
        reporter=reporter,
        session=session,
        areas=tuple(dict.fromkeys(_area_id(one.area_code) for one in here)),
        shot_seqs=tuple(shots),
        lots=tuple(dict.fromkeys((one.product, one.lot) for one in here)),
        gun_uids=tuple(dict.fromkeys(one.gun_uid for one in here)),
    )


def _area_id(code: int) -> str:
    area = by_code().get(code)
    return f"area_{code}" if area is None else area.id
