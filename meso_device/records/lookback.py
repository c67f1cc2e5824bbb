"""Who was exposed: everyone who got a lot, or was treated with a gun or head or by an operator, in some time.

Answers in aliases. A session is given whole as soon as any of its shots may lie in the time asked for: in an outbreak
one patient too many is asked, never one too few. So a filling whose lot was corrected is found by the lot that was
recorded and by the one that it should say.
"""

import json
from collections.abc import Iterable
from typing import Final

import apsw
from msgspec import Struct
from msgspec.structs import replace

from meso_device.audit.amendments import lots_amended
from meso_device.audit.facts import CONTACTS_LOOKED_AT
from meso_device.audit.sql import run
from protocols.units import DAY_US

EVER_US: Final = 2**62
NEAR_US: Final = 12 * 7 * DAY_US
"""Mycobacterial infections show after 1 to 12 weeks."""

# Where a thing is named in the log; practice on simulated guns gives lots that nobody listed.
_KNOWN: Final = (
    ("lot", "SELECT 1 FROM lot WHERE lot = ?1 UNION SELECT 1 FROM given WHERE lot = ?1"),
    ("product", "SELECT 1 FROM lot WHERE product = ?1 UNION SELECT 1 FROM given WHERE product = ?1"),
    ("gun_uid", "SELECT 1 FROM gun WHERE gun_uid = ?1"),
    ("head", "SELECT 1 FROM part WHERE part = 'head' AND serial = ?1"),
)

# Injections that are in the log, and beside them what grants whose end is not proven may still have cost, out of the
# filling that was in the gun then.
_EXPOSED: Final = (
    "SELECT given.sess AS sess, given.alias AS alias, gun.gun_uid AS gun_uid, area_code, product, lot, "
    "cartridge AS filling, shots, dose_lo_nl, dose_hi_nl, first_seq, last_seq, oldest_us, latest_us, "
    "0 AS unknown_shots, 0 AS unknown_nl "
    "FROM given JOIN gun ON gun.id = given.gun WHERE kind IN (1, 2) UNION ALL "
    "SELECT held.sess, held.alias, gun.gun_uid, area_code, product, lot, (SELECT max(fitted.seq) FROM cartridge "
    "AS fitted WHERE fitted.gun_uid = gun.gun_uid AND fitted.seq < held.seq), 0, 0, 0, seq, seq, NULL, NULL, "
    "max(0, max_shots - (SELECT coalesce(sum(shots), 0) FROM given WHERE given.gun = held.gun "
    "AND given.grant_no = held.grant_no)), max(0, max_nl - (SELECT coalesce(sum(dose_hi_nl), 0) FROM given "
    "WHERE given.gun = held.gun AND given.grant_no = held.grant_no)) "
    "FROM grant_row AS held JOIN gun ON gun.id = held.gun WHERE kind IN (1, 2) AND state <> 'closed'"
)
_AMENDED: Final = "SELECT value ->> 0 AS filling, value ->> 1 AS lot_amended FROM json_each(?)"


class _Row(Struct, frozen=True):
    """Sums over one area, product and lot of a session with a gun; times are None where all of it is unknown."""

    session: str
    alias: str
    gun_uid: str
    area_code: int
    product: str
    lot: str
    lot_amended: str
    shots: int
    dose_lo_nl: int
    dose_hi_nl: int
    first_seq: int
    last_seq: int
    oldest_us: int | None
    latest_us: int | None
    unknown_shots: int
    unknown_nl: int


class Question(Struct, frozen=True, kw_only=True):
    """What is looked for; everything that is named must be true of a shot.

    Attributes:
        product: Product; empty for any.
        lot: Its lot, as recorded or as corrected afterwards; empty for any.
        gun_uid: Gun; empty for any.
        head: Serial of a head that was fitted in the session; empty for any.
        op: Pseudonym of the operator of the session; empty for any.
        from_us: UTC of the beginning of the time asked for.
        to_us: UTC of its end.
    """

    product: str = ""
    lot: str = ""
    gun_uid: str = ""
    head: str = ""
    op: str = ""
    from_us: int = 0
    to_us: int = EVER_US


class Cleaning(Struct, frozen=True, kw_only=True):
    """One reprocessing of the gun."""

    at_us: int
    part: str
    agent: str
    lot: str
    rinse_medium: str
    op: str


class Given(Struct, frozen=True, kw_only=True):
    """What was given in one area of one product and lot; attempts and interrupted shots count as given.

    Attributes:
        lot: As recorded.
        lot_amended: What the filling's lot was corrected to last; empty where it was not.
        unknown_shots: Up to so many injections more: their grant's end is not proven.
        unknown_nl: Up to so much more.
    """

    area_code: int
    product: str
    lot: str
    shots: int
    dose_lo_nl: int
    dose_hi_nl: int
    unknown_shots: int = 0
    unknown_nl: int = 0
    lot_amended: str = ""


class Exposure(Struct, frozen=True, kw_only=True):
    """One session with one gun, and what of it fits the question.

    Attributes:
        session: Id; empty for shots that no session of this host accounts for.
        alias: Patient; empty where nobody here can say who it was.
        op: Operator of the session.
        gun_uid: Gun.
        simulated: The gun was simulated.
        opened_us: UTC when the session was opened; 0 without one.
        latest_us: Latest time that its newest shot in the log can have been; 0 where none is there.
        given: Matching shots by area, product and lot.
        heads: Serials of the heads fitted in the session.
        cleaned_before: Newest cleaning of the gun before the first of these shots; None if there was none.
        cleaned_after: First cleaning after the last of them; None if there was none yet.
        was_clean: Whether no other session's patient was treated with the gun since ``cleaned_before``.
        shared: For a search near a session: what both have in common, such as ``gun`` or ``lot``.
    """

    session: str
    alias: str
    op: str
    gun_uid: str
    simulated: bool
    opened_us: int
    latest_us: int
    given: tuple[Given, ...]
    heads: tuple[str, ...]
    cleaned_before: Cleaning | None
    cleaned_after: Cleaning | None
    was_clean: bool
    shared: tuple[str, ...] = ()


def unknown_in(db: apsw.Connection, question: Question) -> str:
    """Return what the question names and no record does, such as ``lot L7``; empty if all of it is known.

    That nobody got a lot and that there never was such a lot are different answers to a recall.
    """
    for name, known in _KNOWN:
        value = getattr(question, name)
        if not value or run(db, f"SELECT EXISTS({known})", (value,))[0][0]:
            continue
        if name != "lot" or value not in lots_amended(db).values():
            return f"{name.removesuffix('_uid')} {value}"
    return ""


def look_back(db: apsw.Connection, question: Question) -> tuple[Exposure, ...]:
    """Return every exposure, in the order of the log."""
    condition, wanted = _condition(question)
    bindings = (json.dumps([*lots_amended(db).items()]), *wanted)
    groups: dict[tuple[str, str, str], list[_Row]] = {}
    for columns in run(
        db,
        "SELECT sess, alias, gun_uid, area_code, product, lot, coalesce(lot_amended, ''), sum(shots), "  # noqa: S608  # our own words
        "sum(dose_lo_nl), sum(dose_hi_nl), min(first_seq), max(last_seq), min(oldest_us), max(latest_us), "
        f"sum(unknown_shots), sum(unknown_nl) FROM ({_EXPOSED}) LEFT JOIN ({_AMENDED}) USING (filling) "
        f"WHERE shots + unknown_shots + unknown_nl > 0{condition} "
        "GROUP BY sess, alias, gun_uid, area_code, product, lot, lot_amended ORDER BY min(first_seq)",
        bindings,
    ):
        groups.setdefault(columns[:3], []).append(_Row(*columns))
    house = run(db, "SELECT simulated FROM house")
    simulated = bool(house and house[0][0])
    sessions = {sess: (op, opened_us) for sess, op, opened_us in run(db, "SELECT sess, op, opened_us FROM session")}
    found = []
    for (session, _, _), group in groups.items():
        op, opened_us = sessions.get(session, ("", 0))
        if _in_time(group, opened_us, question):
            found.append(_exposure(db, group, op=op, opened_us=opened_us, simulated=simulated))
    return tuple(found)


def _in_time(group: list[_Row], opened_us: int, question: Question) -> bool:
    """Return whether any of it can have been in the time asked for; the unknown can have been at any time."""
    begun_us = min([row.oldest_us for row in group if row.oldest_us is not None], default=0)
    if opened_us:
        begun_us = min(begun_us, opened_us) or opened_us
    open_ended = any(row.unknown_shots or row.unknown_nl for row in group)
    latest_us = EVER_US if open_ended else _latest_us(group)
    return begun_us <= question.to_us and latest_us >= question.from_us


def _latest_us(group: list[_Row]) -> int:
    return max([row.latest_us for row in group if row.latest_us is not None], default=0)


def near_session(db: apsw.Connection, session: str, from_us: int, to_us: int) -> tuple[Exposure, ...]:
    """Return every exposure in a time that shares a gun, a lot or a head with a session, and that session itself."""
    found: dict[tuple[str, str, str], Exposure] = {}
    for what, question in _shared_with(db, session):
        for exposure in look_back(db, replace(question, from_us=from_us, to_us=to_us)):
            key = (exposure.session, exposure.alias, exposure.gun_uid)
            before = found.get(key, exposure)
            found[key] = replace(
                before,
                # The same shots are found again by what else is shared.
                given=tuple(dict.fromkeys((*before.given, *exposure.given))),
                latest_us=max(before.latest_us, exposure.latest_us),
                shared=tuple(dict.fromkeys((*before.shared, what))),
            )
    return tuple(sorted(found.values(), key=lambda one: (one.opened_us or one.latest_us, one.session)))


def opened_us_of(db: apsw.Connection, session: str) -> int:
    """Return when a session was opened; 0 for one that the log does not know."""
    rows = run(db, "SELECT opened_us FROM session WHERE sess = ?", (session,))
    return int(rows[0][0]) if rows else 0


def sessions_beginning(db: apsw.Connection, letters: str) -> tuple[str, ...]:
    """Return the sessions whose id begins with these hex digits."""
    rows = run(db, "SELECT sess FROM session WHERE substr(sess, 1, ?) = ?", (len(letters), letters))
    return tuple(sess for (sess,) in rows)


def _condition(question: Question) -> tuple[str, tuple[str, ...]]:
    wanted = (
        (" AND product = ?", question.product),
        (" AND ? IN (lot, lot_amended)", question.lot),
        (" AND gun_uid = ?", question.gun_uid),
        (" AND sess IN (SELECT sess FROM part WHERE part = 'head' AND serial = ?)", question.head),
        (" AND sess IN (SELECT sess FROM session WHERE op = ?)", question.op),
    )
    chosen = [(text, value) for text, value in wanted if value]
    return "".join(text for text, _ in chosen), tuple(value for _, value in chosen)


def _exposure(db: apsw.Connection, group: list[_Row], *, op: str, opened_us: int, simulated: bool) -> Exposure:
    session, gun_uid = group[0].session, group[0].gun_uid
    first_seq, last_seq = _span(db, group)
    before = _cleaning(db, gun_uid, "seq < ? ORDER BY seq DESC", first_seq)
    after = _cleaning(db, gun_uid, "seq > ? ORDER BY seq", last_seq)
    return Exposure(
        session=session,
        alias=group[0].alias,
        op=op,
        gun_uid=gun_uid,
        simulated=simulated,
        opened_us=opened_us,
        latest_us=_latest_us(group),
        given=tuple(
            Given(
                area_code=row.area_code,
                product=row.product,
                lot=row.lot,
                shots=row.shots,
                dose_lo_nl=row.dose_lo_nl,
                dose_hi_nl=row.dose_hi_nl,
                unknown_shots=row.unknown_shots,
                unknown_nl=row.unknown_nl,
                lot_amended=row.lot_amended,
            )
            for row in group
        ),
        heads=_heads(db, session),
        cleaned_before=before[1] if before is not None else None,
        cleaned_after=after[1] if after is not None else None,
        was_clean=_was_clean(db, gun_uid, session, first_seq, before[0] if before is not None else 0),
    )


def _cleaning(db: apsw.Connection, gun_uid: str, where: str, seq: int) -> tuple[int, Cleaning] | None:
    rows = run(
        db,
        "SELECT seq, at_us, part, agent, lot, rinse_medium, op FROM reprocessing "  # noqa: S608  # our own words
        f"WHERE gun_uid = ? AND part = 'gun' AND {where} LIMIT 1",
        (gun_uid, seq),
    )
    if not rows:
        return None
    seq, at_us, part, agent, lot, rinse_medium, op = rows[0]
    return seq, Cleaning(at_us=at_us, part=part, agent=agent, lot=lot, rinse_medium=rinse_medium, op=op)


def _span(db: apsw.Connection, group: list[_Row]) -> tuple[int, int]:
    """Return first and last place in the log of all shots of the session with this gun, matching or not."""
    session, gun_uid = group[0].session, group[0].gun_uid
    if session:
        [(first_seq, last_seq)] = run(
            db,
            "SELECT min(first_seq), max(last_seq) FROM given JOIN gun ON gun.id = given.gun "
            "WHERE sess = ? AND gun_uid = ? AND kind IN (1, 2)",
            (session, gun_uid),
        )
        if first_seq is not None:
            return first_seq, last_seq
    return min(row.first_seq for row in group), max(row.last_seq for row in group)


def _was_clean(db: apsw.Connection, gun_uid: str, session: str, first_seq: int, cleaned_seq: int) -> bool:
    """Return whether nobody else was treated between the cleaning and the first shot; 0 is no cleaning at all."""
    others = [
        last_seq
        for (gun,) in run(db, "SELECT id FROM gun WHERE gun_uid = ?", (gun_uid,))
        for (last_seq,) in run(
            db,
            "SELECT last_seq FROM given INDEXED BY given_contact WHERE gun = ? AND alias <> '' AND kind IN (1, 2) "
            "AND first_seq < ? AND sess <> ? ORDER BY first_seq DESC LIMIT ?",
            (gun, first_seq, session, CONTACTS_LOOKED_AT),
        )
    ]
    return max(others, default=-1) < cleaned_seq


def _heads(db: apsw.Connection, session: str) -> tuple[str, ...]:
    if not session:
        return ()
    rows = run(db, "SELECT serial FROM part WHERE sess = ? AND part = 'head' ORDER BY seq", (session,))
    return tuple(dict.fromkeys(serial for (serial,) in rows))


def _shared_with(db: apsw.Connection, session: str) -> Iterable[tuple[str, Question]]:
    """Yield what others may share with a session, as questions."""
    for (gun_uid,) in run(
        db,
        "SELECT DISTINCT gun.gun_uid FROM given JOIN gun ON gun.id = given.gun WHERE sess = ? AND kind IN (1, 2)",
        (session,),
    ):
        yield "gun", Question(gun_uid=gun_uid)
    amended = lots_amended(db)
    lots: dict[tuple[str, str], None] = {}
    for product, lot, filling in run(
        db,
        "SELECT DISTINCT product, lot, cartridge FROM given WHERE sess = ? AND kind IN (1, 2) ORDER BY 1, 2, 3",
        (session,),
    ):
        lots |= {(product, one): None for one in (lot, amended.get(filling, "")) if one}
    for product, lot in lots:
        yield "lot", Question(product=product, lot=lot)
    for serial in _heads(db, session):
        yield "head", Question(head=serial)
