"""What the host asks of the log: the ledger of a gun, and sessions. Reads only; any connection will do."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import apsw
from msgspec.structs import replace

from meso_device.accounting.entries import PLAN_CHANGES, AreaGiven, ClockMapRow, GunLedger, OpenGrant, SessionRow
from meso_device.audit import canonical
from meso_device.audit.records import ENVELOPE
from meso_device.audit.service_facts import registered
from meso_device.audit.sql import run

_SESSION: Final = (
    "SELECT sess, alias, op, state, simulated, gun_uid, protocol, opened_seq, opened_us, closed_us FROM session"
)

_GRANT: Final = (
    "SELECT grant_no, state, "
    "(SELECT coalesce(sum(shots), 0) FROM given WHERE gun = g.gun AND grant_no = g.grant_no), "
    "(SELECT coalesce(sum(dose_hi_nl), 0) FROM given WHERE gun = g.gun AND grant_no = g.grant_no), "
    "kind, log_epoch, (SELECT body FROM record WHERE record.seq = g.seq) "
    "FROM grant_row AS g JOIN gun ON gun.id = g.gun"
)

# Between the names of products that are in one syringe.
PRODUCT_JOINT: Final = " + "
# What is further back is for the history: reading it would hold up a start.
LOGINS_WITHIN: Final = 20_000
# As many boots as still can have records in a gun's ring.
BOOTS_MAX: Final = 8


def load_gun(db: apsw.Connection, gun_uid: str, *, simulated: bool) -> GunLedger:
    """Return what is committed about a gun that says of itself whether it is simulated.

    The ledger is that of the newest epoch known here: when the gun's is another one, its log was begun anew,
    and the reader sees that by comparing (I-34).
    """
    house = run(db, "SELECT simulated FROM house")
    other = bool(house) and bool(house[0][0]) is not simulated
    findings = tuple(
        code
        for (code,) in db.execute(
            "SELECT code FROM finding WHERE closed_seq IS NULL AND gun_uid IN ('', ?) ORDER BY seq",
            (gun_uid,),
        )
    )
    identity = registered(db, gun_uid)
    unheard = bool(run(db, "SELECT 1 FROM stop WHERE heard = 0 AND gun_uid IN ('', ?) LIMIT 1", (gun_uid,)))
    rows = run(
        db,
        "SELECT log_epoch, committed_seq, chain_hash8, last_grant_no, odometer_nl, odometer_seq, "
        "since_lo_nl, since_hi_nl, contact_us FROM gun WHERE gun_uid = ? ORDER BY touched_seq DESC LIMIT 1",
        (gun_uid,),
    )
    if not rows:
        return GunLedger(
            gun_uid=gun_uid, findings=findings, unheard_stop=unheard, other_simulated=other, identity=identity
        )
    (
        epoch,
        committed_seq,
        chain_hash8,
        last_grant_no,
        odometer_nl,
        odometer_seq,
        since_lo,
        since_hi,
        contact,
    ) = rows[0]
    return GunLedger(
        gun_uid=gun_uid,
        log_epoch=epoch,
        committed_seq=committed_seq,
        chain_hash8=chain_hash8,
        last_grant_no=last_grant_no,
        open_grants=_grants(db, gun_uid, "state NOT IN ('closed', 'written_off')"),
        written_off=_grants(db, gun_uid, "state = 'written_off'"),
        findings=findings,
        odometer_nl=odometer_nl,
        odometer_seq=odometer_seq,
        since_lo_nl=since_lo,
        since_hi_nl=since_hi,
        clock_maps=_clock_maps(db, gun_uid),
        last_contact_us=contact,
        unheard_stop=unheard,
        other_simulated=other,
        identity=identity,
    )


def begun_us(db: apsw.Connection) -> int:
    """Return the UTC time of the first record; every log has one."""
    [(body,)] = run(db, "SELECT body FROM record WHERE seq = 0")
    return int(canonical.decode(body)["ts_us"])


def size(db: apsw.Connection) -> int:
    """Return how many records there are."""
    return int(run(db, "SELECT coalesce(max(seq) + 1, 0) FROM record")[0][0])


def sessions(db: apsw.Connection) -> tuple[SessionRow, ...]:
    """Return all sessions, newest first."""
    return tuple(_session_rows(db, f"{_SESSION} ORDER BY opened_seq DESC", ()))


def session(db: apsw.Connection, session_id: str) -> SessionRow | None:
    """Return the session with this id, or None."""
    return next(_session_rows(db, f"{_SESSION} WHERE sess = ?", (session_id,)), None)


def sessions_beginning(db: apsw.Connection, letters: str) -> tuple[SessionRow, ...]:
    """Return the sessions whose id begins with these letters, newest first."""
    query = f"{_SESSION} WHERE substr(sess, 1, length(?1)) = ?1 ORDER BY opened_seq DESC"
    return tuple(_session_rows(db, query, (letters.lower(),)))


def open_session(db: apsw.Connection) -> SessionRow | None:
    """Return the newest session that was never closed, or None."""
    row = next(_session_rows(db, f"{_SESSION} WHERE state = 'open' ORDER BY opened_seq DESC LIMIT 1", ()), None)
    if row is None:
        return None
    newest = "SELECT log_epoch, committed_seq FROM gun WHERE gun_uid = ? ORDER BY touched_seq DESC LIMIT 1"
    logged = run(db, newest, (row.gun_uid,))
    return replace(row, changes=_changes(db, row.session), logged=logged[0] if logged else (0, 0))


def newest_unsigned(db: apsw.Connection) -> str:
    """Return the newest session, if it had a patient, is closed, and nobody signed its totals; else an empty text."""
    newest = next(_session_rows(db, f"{_SESSION} ORDER BY opened_seq DESC LIMIT 1", ()), None)
    if newest is None or newest.practice or newest.state == "open":
        return ""
    closed = run(db, "SELECT seq FROM record WHERE key = ?", (f"session/{newest.session}/closed",))
    if not closed:
        return ""
    first = f"sign/{closed[0][0]}/"
    signed = run(db, "SELECT 1 FROM record WHERE key > ? AND key < ? LIMIT 1", (first, f"{first[:-1]}0"))
    return "" if signed else newest.session


def _changes(db: apsw.Connection, sess: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return what was changed of the plan of an open session; it is behind its opening, at the end of the log."""
    rows = run(
        db,
        "SELECT kind, body FROM record WHERE seq > (SELECT opened_seq FROM session WHERE sess = ?) "
        "AND kind IN (?, ?, ?) ORDER BY seq",
        (sess, *PLAN_CHANGES),
    )
    bodies = ((kind, canonical.decode(body)) for kind, body in rows)
    return tuple((kind, body) for kind, body in bodies if body.get("sess") == sess)


def logins(db: apsw.Connection, limit: int) -> tuple[tuple[str, int], ...]:
    """Return the newest sign-ins among the last `LOGINS_WITHIN` records: operator and UTC time, newest first."""
    rows = db.execute(
        "SELECT body FROM record WHERE kind = 'login' AND seq > (SELECT max(seq) FROM record) - ? ORDER BY seq DESC",
        (LOGINS_WITHIN,),
    )
    found = (canonical.decode(body) for (body,) in rows)
    signed_in = ((str(body["op"]), int(body["ts_us"])) for body in found if body.get("purpose") == "sign_in")
    return tuple(islice(signed_in, limit))


def guns(db: apsw.Connection, limit: int) -> tuple[tuple[str, int, int], ...]:
    """Return the guns met last: uid, records copied of each, and UTC of its last contact with a patient, 0 for none."""
    rows = run(db, "SELECT gun_uid, committed_seq, contact_us FROM gun ORDER BY touched_seq DESC LIMIT ?", (limit,))
    return tuple((str(uid), int(committed), int(contact)) for uid, committed, contact in rows)


def products_of(db: apsw.Connection, session_id: str) -> frozenset[str]:
    """Return the products that a session was opened with: each by itself, and their mixture by its joined name."""
    rows = run(db, "SELECT body FROM record WHERE seq = (SELECT opened_seq FROM session WHERE sess = ?)", (session_id,))
    plan = canonical.decode(rows[0][0]).get("plan", {}) if rows else {}
    mixture = str(plan.get("product_name", ""))
    return frozenset({mixture, *mixture.split(PRODUCT_JOINT)} - {""})


def newest_checkpoint(db: apsw.Connection) -> str | None:
    """Return the newest signed checkpoint, or None in a log that has none yet."""
    rows = run(db, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    if rows and not isinstance(rows[0][0], str):
        raise TypeError("the newest checkpoint is not text")
    return rows[0][0] if rows else None


def _clock_maps(db: apsw.Connection, gun_uid: str) -> tuple[ClockMapRow, ...]:
    rows = run(
        db,
        "SELECT boot_id, ticks_us, utc_us, error_us FROM clock_map WHERE gun_uid = ? ORDER BY seq DESC LIMIT ?",
        (gun_uid, BOOTS_MAX),
    )
    return tuple(
        ClockMapRow(boot_id=boot_id, ticks_us=ticks_us, utc_us=utc_us, error_us=error_us)
        for boot_id, ticks_us, utc_us, error_us in reversed(rows)
    )


def grants_since_balance(db: apsw.Connection, gun_uid: str, log_epoch: int) -> tuple[OpenGrant, ...]:
    """Return all grants of an epoch given since odometer and records last agreed, closed ones too, newest first."""
    balanced = run(db, "SELECT odometer_seq FROM gun WHERE gun_uid = ? AND log_epoch = ?", (gun_uid, log_epoch))
    found = []
    for *row, body in db.execute(
        f"{_GRANT} WHERE gun_uid = ? AND log_epoch = ? ORDER BY seq DESC", (gun_uid, log_epoch)
    ):
        prepared = canonical.decode(body)
        if prepared["expect_head_seq"] < balanced[0][0]:
            break
        grant_no, state, used_shots, used_nl, kind, _ = row
        found.append(_open_grant(grant_no, state, used_shots, used_nl, kind, log_epoch, prepared))
    return tuple(found)


def _grants(db: apsw.Connection, gun_uid: str, wanted: str) -> tuple[OpenGrant, ...]:
    """Return the grants of a gun in some states; those that are not closed are few and have an index."""
    rows = run(db, f"{_GRANT} WHERE state <> 'closed' AND {wanted} AND gun_uid = ? ORDER BY seq", (gun_uid,))
    return tuple(
        _open_grant(grant_no, state, used_shots, used_nl, kind, log_epoch, canonical.decode(body))
        for grant_no, state, used_shots, used_nl, kind, log_epoch, body in rows
    )


def _open_grant(
    grant_no: int, state: str, used_shots: int, used_nl: int, kind: int, log_epoch: int, prepared: dict[str, Any]
) -> OpenGrant:
    return OpenGrant(
        grant_no=grant_no,
        kind=kind,
        session=prepared.get("sess", ""),
        area_code=prepared["area_code"],
        max_shots=prepared["max_shots"],
        max_nl=prepared["max_nl"],
        state=state,
        log_epoch=log_epoch,
        used_shots=used_shots,
        used_nl=used_nl,
        alias=prepared.get("alias", ""),
        op=prepared["op"],
        role=prepared["role"],
        area=prepared["area"],
        product=prepared["product"],
        lot=prepared["lot"],
        protocol_digest=prepared.get("protocol", ""),
    )


def _session_rows(db: apsw.Connection, query: str, bindings: tuple[str, ...]) -> Iterator[SessionRow]:
    for row in run(db, query, bindings):
        sess, alias, op, state, simulated, gun_uid, protocol, opened_seq, opened_us, closed_us = row
        [(body,)] = run(db, "SELECT body FROM record WHERE seq = ?", (opened_seq,))
        record = canonical.decode(body)
        yield SessionRow(
            session=sess,
            alias=alias,
            op=op,
            state=state,
            simulated=bool(simulated),
            gun_uid=gun_uid,
            protocol_digest=protocol,
            opened_at_us=opened_us,
            closed_at_us=closed_us,
            opened={key: value for key, value in record.items() if key not in ENVELOPE},
            given=_given(db, sess),
            role=record["role"],
        )


def _given(db: apsw.Connection, sess: str) -> tuple[AreaGiven, ...]:
    return tuple(
        AreaGiven(area_code=area, shots=shots, dose_lo_nl=low, dose_hi_nl=high, interrupted=interrupted)
        for area, shots, low, high, interrupted in db.execute(
            "SELECT area_code, sum(shots), sum(dose_lo_nl), sum(dose_hi_nl), sum(interrupted) FROM given "
            "WHERE sess = ? AND kind IN (1, 2) GROUP BY area_code ORDER BY area_code",
            (sess,),
        )
    )
