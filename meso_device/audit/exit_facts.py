"""What the log says of the findings of a gun that are open, and of logs of the gun that ended. Reads only."""

from base64 import b64decode

import apsw

from meso_device.accounting.findings import FindingCode
from meso_device.accounting.service import service_key
from meso_device.accounting.settlement import Kept, OpenFinding
from meso_device.accounting.shots import shot_key
from meso_device.audit import canonical
from meso_device.audit.sql import run


def open_findings_of(db: apsw.Connection, gun_uid: str) -> tuple[OpenFinding, ...]:
    """Return the findings that keep a gun from treating, oldest first."""
    rows = run(
        db,
        "SELECT finding.key, code, finding.seq, body FROM finding JOIN record ON record.seq = finding.seq "
        "WHERE closed_seq IS NULL AND gun_uid IN ('', ?) ORDER BY finding.seq",
        (gun_uid,),
    )
    return tuple(
        OpenFinding(
            key=key,
            code=FindingCode(code),
            log_epoch=canonical.decode(body).get("gun", {}).get("log_epoch", 0),
            seq=seq,
        )
        for key, code, seq, body in rows
    )


def lost_injections(db: apsw.Connection, gun_uid: str) -> list[tuple[int, int]]:
    """Return place and UTC of each record by which two people signed for injections that are in no record here."""
    first = service_key(gun_uid, "settled")
    rows = run(db, "SELECT seq, body FROM record WHERE key > ? AND key < ?", (first, f"{first[:-1]}0"))
    told = ((seq, canonical.decode(body)) for seq, body in rows)
    return [(seq, body["ts_us"]) for seq, body in told if body.get("lost_shots")]


def kept_slots(db: apsw.Connection, gun_uid: str, log_epoch: int) -> tuple[Kept, ...]:
    """Return what was kept of a log of the gun that contradicts the one recorded here."""
    first = f"kept/{shot_key(gun_uid, log_epoch, 0)}"[:-1]
    rows = run(db, "SELECT body FROM record WHERE key > ? AND key < ? ORDER BY seq", (first, f"{first[:-1]}0"))
    told = (canonical.decode(body) for (body,) in rows)
    return tuple(
        Kept(shot_seq=body["shot_seq"], ring=b64decode(body["ring"]), dose_hi_nl=body["dose_hi_nl"]) for body in told
    )


def known_seq(db: apsw.Connection, gun_uid: str, log_epoch: int) -> int | None:
    """Return the place of the record by which an epoch became known here; None if it is not."""
    rows = run(db, "SELECT known_seq FROM gun WHERE gun_uid = ? AND log_epoch = ?", (gun_uid, log_epoch))
    return int(rows[0][0]) if rows else None


def epoch_before(db: apsw.Connection, gun_uid: str, log_epoch: int) -> tuple[int, int]:
    """Return the newest other epoch of a gun, and the last record of it that is committed; zeros if there is none."""
    rows = run(
        db,
        "SELECT log_epoch, committed_seq FROM gun WHERE gun_uid = ? AND log_epoch <> ? "
        "ORDER BY touched_seq DESC LIMIT 1",
        (gun_uid, log_epoch),
    )
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)


def logged_ring(db: apsw.Connection, gun_uid: str, log_epoch: int, shot_seq: int) -> bytes | None:
    """Return the gun's own bytes of a shot that is committed; None if it is not."""
    rows = run(db, "SELECT body FROM record WHERE key = ?", (shot_key(gun_uid, log_epoch, shot_seq),))
    return b64decode(canonical.decode(rows[0][0])["ring"]) if rows else None
