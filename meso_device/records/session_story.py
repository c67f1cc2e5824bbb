"""All that the log holds of one session, read back for a report: planned, given, changed, signed, told later.

Only what belongs to the session is read, so the story stays the same however long the log grows; what is added to the
session later, such as a signature or an adverse event, makes it another one.
"""

from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.accounting.courses import Due, next_due, past_sessions
from meso_device.audit import canonical
from meso_device.audit.amendments import AMEND, FILLING, Amendment, amendments_in, lots_by_shot, lots_in
from meso_device.audit.facts import clinic_facts
from meso_device.audit.sql import run
from protocols.errors import UsageError
from protocols.treatment.courses import courses
from protocols.treatment.plan import TreatmentPlan

_NOT_TOLD: Final = frozenset({"report.issued"})


class Event(Struct, frozen=True):
    """A record of the session, other than a shot.

    Attributes:
        fields: Its whole body.
    """

    seq: int
    kind: str
    at_us: int
    op: str
    role: str
    fields: dict[str, Any]


class Shot(Struct, frozen=True, kw_only=True):
    """An injection as the gun's log has it; travel is measured at the needle, never in skin.

    Attributes:
        lot: As recorded.
        lot_amended: What the lot of its filling was corrected to last; empty where it was not.
    """

    seq: int
    shot_seq: int
    at_us: int
    area: str
    area_code: int
    product: str
    lot: str
    lot_amended: str
    planned_depth_um: int
    measured_depth_um: int
    dose_lo_nl: int
    dose_hi_nl: int
    phase: str
    reason: str
    kind: str


class Signature(Struct, frozen=True, kw_only=True):
    """Somebody's signature on a record of the session."""

    seq: int
    at_us: int
    op: str
    role: str
    meaning: str
    target_seq: int
    target_kind: str


class SessionStory(Struct, frozen=True, kw_only=True):
    """A session from its opening on.

    Attributes:
        session, alias: Ids; ``alias`` is empty in practice.
        origin: Name of the log.
        software: That opened it.
        simulated: Whether the gun was.
        plan: As opened.
        opened: The record of the opening.
        closed: That of the closing; None while it is open.
        shots: In the order of the log.
        events: All other records, in that order, without opening, closing and signatures.
        signatures: Who signed what.
        amendments: What was corrected afterwards, in that order; of what its injections came out of as well.
        due: When the next session of the course is due, by the sessions up to this one; None in practice.
        last_seq: Place of the newest record that the story tells of.
    """

    session: str
    alias: str
    origin: str
    software: str
    simulated: bool
    plan: TreatmentPlan
    opened: Event
    closed: Event | None
    shots: tuple[Shot, ...]
    events: tuple[Event, ...]
    signatures: tuple[Signature, ...]
    amendments: tuple[Amendment, ...]
    due: Due | None
    last_seq: int

    @property
    def practice(self) -> bool:
        """Whether it had no patient."""
        return self.opened.fields["practice"] is True

    @property
    def injections(self) -> tuple[Shot, ...]:
        """The shots that count as given."""
        return tuple(shot for shot in self.shots if shot.kind in {"TREAT", "DRY"})

    def all_of(self, *kinds: str) -> tuple[Event, ...]:
        """Return the records of these kinds."""
        return tuple(event for event in self.events if event.kind in kinds)


def session_story(db: apsw.Connection, session: str) -> SessionStory:
    """Return the story of a session.

    Raises:
        UsageError: the log does not know it.
    """
    key = f"session/{session}"
    opened_at = run(db, "SELECT seq FROM record WHERE key = ?", (f"{key}/opened",))
    if not opened_at:
        raise UsageError(f"no session {session!r} in this log; 'meso session list' shows all")
    events, shots, opened, closed = [], [], None, None
    amendments = amendments_in(db, session)
    lots = lots_by_shot(db, lots_in(amendments), session)
    for event in _records(db, session, opened_at[0][0]):
        match event.kind:
            case "shot":
                shots.append(_shot(event, lots.get(event.seq, "")))
            case "session.opened":
                opened = event
            case "session.closed":
                closed = event
            case _:
                events.append(event)
    if opened is None:
        raise UsageError(f"the opening of session {session!r} does not name it; run: meso audit verify")
    told = [opened, *events, *([closed] if closed is not None else [])]
    outside = [(one.seq, AMEND) for one in amendments if one.target_kind == FILLING]
    signatures = _signatures(db, [*((event.seq, event.kind) for event in told), *outside])
    plan = TreatmentPlan.from_json(opened.fields["plan"])
    alias = opened.fields.get("alias", "")
    practice = opened.fields["practice"] is True
    return SessionStory(
        session=session,
        alias="" if practice else alias,
        origin=opened.fields["log"],
        software=opened.fields["sw"],
        simulated=opened.fields["simulated"],
        plan=plan,
        opened=opened,
        closed=closed,
        shots=tuple(shots),
        events=tuple(events),
        signatures=signatures,
        amendments=amendments,
        due=None if practice else _due(db, alias, plan, shots),
        last_seq=max(
            *(event.seq for event in told),
            *(shot.seq for shot in shots),
            *(signed.seq for signed in signatures),
            *(one.seq for one in amendments),
            0,
        ),
    )


def covering_checkpoint(db: apsw.Connection, seq: int) -> str:
    """Return the oldest signed checkpoint over a log that holds this record; empty where none is made yet."""
    rows = run(db, "SELECT note FROM checkpoint WHERE size > ? ORDER BY size LIMIT 1", (seq,))
    return str(rows[0][0]) if rows else ""


def _records(db: apsw.Connection, session: str, first_seq: int) -> list[Event]:
    rows = run(
        db,
        "SELECT seq, kind, body FROM record WHERE seq >= ? AND sess = ? ORDER BY seq",
        (first_seq, bytes.fromhex(session)),
    )
    return [_event(seq, kind, body) for seq, kind, body in rows if kind not in _NOT_TOLD]


def _event(seq: int, kind: str, body: bytes) -> Event:
    fields = canonical.decode(body)
    return Event(seq, kind, fields["ts_us"], fields["op"], fields["role"], fields)


def _shot(event: Event, lot_amended: str) -> Shot:
    fields = event.fields
    return Shot(
        seq=event.seq,
        shot_seq=fields["shot_seq"],
        at_us=fields["at_us"],
        area=fields["area"],
        area_code=fields["area_code"],
        product=fields["product"],
        lot=fields["lot"],
        lot_amended=lot_amended,
        planned_depth_um=fields["planned_depth_um"],
        measured_depth_um=fields["measured_depth_um"],
        dose_lo_nl=fields["dose_lo_nl"],
        dose_hi_nl=fields["dose_hi_nl"],
        phase=fields["phase"],
        reason=fields["reason"],
        kind=fields["shot_kind"],
    )


def _signatures(db: apsw.Connection, told: list[tuple[int, str]]) -> tuple[Signature, ...]:
    """Return signatures on these records, each with its kind; they are found under the place of what they sign."""
    found = []
    for target_seq, target_kind in told:
        first = f"sign/{target_seq}/"
        for seq, kind, body in run(
            db, "SELECT seq, kind, body FROM record WHERE key > ? AND key < ?", (first, f"{first[:-1]}0")
        ):
            signed = _event(seq, kind, body)
            found.append(
                Signature(
                    seq=seq,
                    at_us=signed.at_us,
                    op=signed.op,
                    role=signed.role,
                    meaning=signed.fields["meaning"],
                    target_seq=target_seq,
                    target_kind=target_kind,
                )
            )
    return tuple(sorted(found, key=lambda one: one.seq))


def _due(db: apsw.Connection, alias: str, plan: TreatmentPlan, shots: list[Shot]) -> Due | None:
    course = courses().get(plan.course)
    given = [shot for shot in shots if shot.kind in {"TREAT", "DRY"}]
    if course is None or not given:
        return None
    latest_us = max(shot.at_us for shot in given)
    facts = clinic_facts(db, session="", alias=alias, gun_uid="", digest="", products=())
    before = {
        at_us
        for code in {shot.area_code for shot in given}
        for at_us in past_sessions(facts.last_given, code, plan.product_name)
        if at_us <= latest_us
    }
    return next_due(course, sorted({*before, latest_us}))
