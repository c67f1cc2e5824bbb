"""What the host asks of the log: the ledger of a gun, and sessions. Reads only; any connection will do."""

from collections.abc import Iterator

import apsw

from meso_device.accounting.entries import AreaGiven, GunLedger, OpenGrant, SessionRow
from meso_device.audit import canonical

_SESSION = "SELECT sess, alias, op, state, simulated, gun_uid, protocol, opened_seq, opened_us, closed_us FROM session"


def load_gun(db: apsw.Connection, gun_uid: str, log_epoch: int, *, simulated: bool) -> GunLedger:
    """Return what is committed about a gun whose HELLO said this epoch and mark.

    The ledger is that of the newest epoch known here. When that is not ``log_epoch`` the gun's log was begun anew:
    the ledger says so by its own ``log_epoch`` (I-34).
    """
    house = db.execute("SELECT simulated FROM house").fetchall()
    other = bool(house) and bool(house[0][0]) is not simulated
    findings = tuple(
        code
        for (code,) in db.execute(
            "SELECT code FROM finding WHERE closed_seq IS NULL AND gun_uid IN ('', ?) ORDER BY seq",
            (gun_uid,),
        )
    )
    unheard = bool(
        db.execute("SELECT 1 FROM stop WHERE heard = 0 AND gun_uid IN ('', ?) LIMIT 1", (gun_uid,)).fetchall()
    )
    rows = db.execute(
        "SELECT log_epoch, committed_seq, chain_hash8, last_grant_no, odometer_nl, odometer_seq FROM gun "
        "WHERE gun_uid = ? ORDER BY touched_seq DESC LIMIT 1",
        (gun_uid,),
    ).fetchall()
    if not rows:
        return GunLedger(gun_uid=gun_uid, findings=findings, unheard_stop=unheard, other_simulated=other)
    epoch, committed_seq, chain_hash8, last_grant_no, odometer_nl, odometer_seq = rows[0]
    return GunLedger(
        gun_uid=gun_uid,
        log_epoch=epoch,
        committed_seq=committed_seq,
        chain_hash8=chain_hash8,
        last_grant_no=last_grant_no,
        open_grants=_open_grants(db, gun_uid),
        findings=findings,
        odometer_nl=odometer_nl,
        odometer_seq=odometer_seq,
        unheard_stop=unheard,
        other_simulated=other,
    )


def sessions(db: apsw.Connection) -> tuple[SessionRow, ...]:
    """Return all sessions, newest first."""
    return tuple(_session_rows(db, f"{_SESSION} ORDER BY opened_seq DESC", ()))


def session(db: apsw.Connection, session_id: str) -> SessionRow | None:
    """Return the session with this id, or None."""
    return next(_session_rows(db, f"{_SESSION} WHERE sess = ?", (session_id,)), None)


def open_session(db: apsw.Connection) -> SessionRow | None:
    """Return the newest session that was never closed, or None."""
    return next(
        _session_rows(db, f"{_SESSION} WHERE state = 'open' ORDER BY opened_seq DESC LIMIT 1", ()), None
    )


def newest_checkpoint(db: apsw.Connection) -> str | None:
    """Return the newest signed checkpoint, or None in a log that has none yet."""
    rows = db.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchall()
    return rows[0][0] if rows else None


def _open_grants(db: apsw.Connection, gun_uid: str) -> tuple[OpenGrant, ...]:
    return tuple(
        OpenGrant(
            grant_no=grant_no,
            kind=kind,
            session=sess,
            area_code=area_code,
            max_shots=max_shots,
            max_nl=max_nl,
            state=state,
        )
        for grant_no, kind, sess, area_code, max_shots, max_nl, state in db.execute(
            "SELECT grant_no, kind, sess, area_code, max_shots, max_nl, state FROM grant_row "
            "WHERE state <> 'closed' AND state <> 'written_off' AND gun IN (SELECT id FROM gun WHERE gun_uid = ?) "
            "ORDER BY seq",
            (gun_uid,),
        )
    )


def _session_rows(db: apsw.Connection, query: str, bindings: tuple[str, ...]) -> Iterator[SessionRow]:
    for row in db.execute(query, bindings).fetchall():
        sess, alias, op, state, simulated, gun_uid, protocol, opened_seq, opened_us, closed_us = row
        [(body,)] = db.execute("SELECT body FROM record WHERE seq = ?", (opened_seq,)).fetchall()
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
            opened=canonical.parse(body),
            given=_given(db, sess),
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
