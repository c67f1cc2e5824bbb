"""What two people sign so that a gun with a lasting finding may treat again, as records.

Nothing that was recorded is taken back and nothing becomes less: what a lost or doubtful log may have given is a range
that goes on counting, the finding is closed by a record of two, and the next connection finds the gun as signed for.

| finding | what must be so | what is recorded |
|---|---|---|
| orphan, over_grant | | the findings are closed |
| gap | what is missing is known from the gun | ``gap``; the epoch's open grants are written off |
| mass_balance | the gun's log is read to its head | the next balance begins here; if more was pushed, doubted grants |
| conflict, counter_regression | another epoch than the one found | as for epoch.changed, and doubted grants |
| epoch.changed | the epoch was never here before | ``epoch.opened``; open grants of other epochs are written off |

Doubted grants are all since odometer and records last agreed: closed ones are written off again, with their whole rest.
"""

from base64 import b64encode
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct

from meso_device.accounting.balance import Balance
from meso_device.accounting.entries import Entry, GunLedger, GunStamp, Json, OpenGrant
from meso_device.accounting.findings import FindingCode, baseline_seq, chain_start8
from meso_device.accounting.grants import WRITTEN_OFF, GrantAccount
from meso_device.accounting.materials import Actor, checked_code
from meso_device.accounting.service import SETTLED, finding_closed, service_key
from meso_device.accounting.shots import PATIENT_KINDS, ShotRecord, read_slot, shot_key
from protocols.errors import MesoError
from protocols.treatment.limits import DOSE_NL_MAX
from protocols.wire.messages import HelloReply

CONTRADICTS: Final = frozenset({FindingCode.CONFLICT, FindingCode.COUNTER_REGRESSION})
"""The gun's log is not the one recorded here: only another epoch of it can be believed."""
WITHOUT_GUN: Final = frozenset({FindingCode.ORPHAN, FindingCode.OVER_GRANT})
"""All that there is to look at is in the log here."""
_DOUBTFUL: Final = CONTRADICTS | {FindingCode.MASS_BALANCE}


class OpenFinding(Struct, frozen=True, kw_only=True):
    """A finding that nobody has closed.

    Attributes:
        key: Key of its record.
        code: What was found.
        log_epoch: Epoch of the gun's log then; 0 where it names none.
        seq: Place of its record.
    """

    key: str
    code: FindingCode
    log_epoch: int
    seq: int


class Lost(Struct, frozen=True, kw_only=True):
    """Records of a gun's log that nobody can read: how many injections they were and what they gave is not known.

    Attributes:
        from_seq: First.
        to_seq: Last.
    """

    from_seq: int
    to_seq: int

    @property
    def shots(self) -> int:
        """Up to so many injections."""
        return self.to_seq - self.from_seq + 1

    @property
    def dose_hi_nl(self) -> int:
        """Most that they gave: of each, the most that the wire protocol lets a gun give in one."""
        return self.shots * DOSE_NL_MAX


class Kept(Struct, frozen=True, kw_only=True):
    """Bytes of the gun's log that cannot be booked as the record whose number they have.

    Attributes:
        shot_seq: Place in the gun's log.
        ring: The 72 bytes, verbatim.
        dose_hi_nl: Most that the injection gave.
    """

    shot_seq: int
    ring: bytes
    dose_hi_nl: int


class Settlement(Struct, frozen=True, kw_only=True):
    """What is signed for together.

    Attributes:
        findings: The findings that it closes.
        lost: Records that are lost from a log that goes on.
        kept: Injections of a log that ended, which contradict what is recorded here.
        doubted: Grants that are written off.
        opened: The log was begun anew.
        balance: The odometer against the records, where the next balance begins now.
    """

    findings: tuple[OpenFinding, ...]
    lost: Lost | None = None
    kept: tuple[Kept, ...] = ()
    doubted: tuple[OpenGrant, ...] = ()
    opened: bool = False
    balance: Balance | None = None

    @property
    def lost_shots(self) -> int:
        """Injections, at most, that are in no record here."""
        return len(self.kept) + (self.lost.shots if self.lost is not None else 0)

    @property
    def lost_hi_nl(self) -> int:
        """Most that they gave."""
        return sum(one.dose_hi_nl for one in self.kept) + (self.lost.dose_hi_nl if self.lost is not None else 0)


def must_begin_anew(findings: Collection[OpenFinding], hello: HelloReply, known_seq: int | None, newest: int) -> bool:
    """Whether this log of the gun can never be believed again.

    Args:
        findings: The open findings.
        hello: What the gun says.
        known_seq: Place of the record by which this epoch became known here; None if it is not.
        newest: Epoch of the gun that is the newest here.
    """
    if any(one.code in CONTRADICTS and one.log_epoch == hello.log_epoch for one in findings):
        return True
    changes = [one.seq for one in findings if one.code is FindingCode.EPOCH]
    # An epoch that was ended comes back: an old board, or an old copy of its memory.
    return known_seq is not None and (newest != hello.log_epoch or any(seq > known_seq for seq in changes))


def was_changed(findings: Collection[OpenFinding], hello: HelloReply, ledger: GunLedger) -> bool:
    """Whether the gun's log was begun anew since the last one that anybody signed for."""
    return hello.log_epoch != ledger.log_epoch or any(one.code is FindingCode.EPOCH for one in findings)


def closable(findings: Collection[OpenFinding], hello: HelloReply, ledger: GunLedger) -> tuple[OpenFinding, ...]:
    """Return the findings that can be signed for now; of a log that ended, all.

    Raises:
        MesoError: none; says what comes first.
    """
    unread = hello.head_seq != baseline_seq(hello, ledger)
    closed = tuple(
        one
        for one in findings
        if not (unread and one.code is FindingCode.MASS_BALANCE and one.log_epoch == hello.log_epoch)
    )
    # The first balance of an epoch is made where its log has been read.
    if not closed or (unread and ledger.log_epoch != hello.log_epoch):
        raise MesoError(
            "the gun has records that are not in the log here: connect it first (meso session resume, or the console), "
            "which reads them though the gun is locked"
        )
    return closed


def doubted(
    findings: Collection[OpenFinding],
    log_epoch: int,
    open_grants: Sequence[OpenGrant],
    since_balance: Sequence[OpenGrant],
    balance: Balance | None,
) -> tuple[OpenGrant, ...]:
    """Return the grants whose rest has to count as given.

    Args:
        findings: What is closed.
        log_epoch: Epoch of the gun's log from now on.
        open_grants: Grants of the gun that are not proven over.
        since_balance: All grants since the last balance that held, of every epoch with a doubtful finding.
        balance: The gun's odometer against its records, where it is compared now.
    """
    codes_here = {one.code for one in findings if one.log_epoch == log_epoch}
    rows = [one for one in open_grants if one.log_epoch != log_epoch or FindingCode.GAP in codes_here]
    for epoch in {one.log_epoch for one in findings if one.code in _DOUBTFUL}:
        # That the records say more than was pushed hides nothing.
        if epoch != log_epoch or balance is None or balance.difference_nl > 0:
            rows += [one for one in since_balance if one.log_epoch == epoch and _leaves_something(one)]
    return tuple({(one.log_epoch, one.grant_no): one for one in rows if one.state != WRITTEN_OFF}.values())


def _leaves_something(row: OpenGrant) -> bool:
    account = GrantAccount.of_ledger(row)
    return row.state != "closed" or (row.kind in PATIENT_KINDS and bool(account.held_shots or account.held_nl))


def kept_of(gun_uid: bytes, log_epoch: int, shot_seq: int, ring: bytes) -> Kept:
    """Return bytes of the gun's log as they are kept; those that are no whole record may have given anything."""
    record = whole_record(gun_uid, log_epoch, shot_seq, ring)
    return Kept(shot_seq=shot_seq, ring=ring, dose_hi_nl=DOSE_NL_MAX if record is None else record.slot.dose_hi_nl)


def whole_record(gun_uid: bytes, log_epoch: int, shot_seq: int, ring: bytes) -> ShotRecord | None:
    """Return the record of this number; None where the bytes are damaged or another's."""
    record = read_slot(gun_uid, log_epoch, ring)
    return record if record is not None and record.slot.shot_seq == shot_seq else None


def kept_entry(kept: Kept, gun: GunStamp, by: Actor) -> Entry:
    """Return the ``slot.kept`` record: what the gun held there, word for word, before it may let go of it."""
    digest = sha256(kept.ring).hexdigest()[:16]
    payload: dict[str, Json] = {
        "shot_seq": kept.shot_seq,
        "ring": b64encode(kept.ring).decode(),
        "dose_hi_nl": kept.dose_hi_nl,
    }
    key = f"kept/{shot_key(gun.gun_uid, gun.log_epoch, kept.shot_seq)}/{digest}"
    return Entry(kind="slot.kept", key=key, payload=payload, op=by.op, role=by.role, gun=gun)


def settled_entries(
    signed: Settlement, gun_uid: str, by: Actor, reason: str, *, orphans: tuple[int, int, int] = (0, 0, 0)
) -> tuple[Entry, ...]:
    """Return the record that two people signed for this, and behind it what closes the findings.

    Args:
        signed: What they looked at.
        gun_uid: Gun; need not be connected.
        by: Who looked.
        reason: Code of how it came to be.
        orphans: Injections for no session here: how many, the least and the most that they gave.

    Raises:
        UsageError: names the reason, if that is no code.
    """
    shots, dose_lo_nl, dose_hi_nl = orphans
    payload: dict[str, Json] = {
        "gun_uid": gun_uid,
        "findings": [one.key for one in signed.findings],
        "codes": [*dict.fromkeys(one.code.value for one in signed.findings)],
        "shots": shots,
        "dose_lo_nl": dose_lo_nl,
        "dose_hi_nl": dose_hi_nl,
        "lost_shots": signed.lost_shots,
        "lost_hi_nl": signed.lost_hi_nl,
        "written_off": len(signed.doubted),
        "reason": checked_code("reason", reason),
    }
    key = f"{service_key(gun_uid, 'settled')}{by.utc_us}"
    settled = Entry(kind=SETTLED, key=key, payload=payload, op=by.op, role=by.role)
    return (settled, *(finding_closed(one.key, None, by, reason=reason) for one in signed.findings))


def gap_entry(lost: Lost, gun: GunStamp, by: Actor, reason: str) -> Entry:
    """Return the ``gap`` record: the numbers that are missing, and what they may have been."""
    payload: dict[str, Json] = {
        "from_seq": lost.from_seq,
        "to_seq": lost.to_seq,
        "shots_hi": lost.shots,
        "dose_lo_nl": 0,
        "dose_hi_nl": lost.dose_hi_nl,
        "reason": reason,
    }
    key = f"gap/{gun.gun_uid}/{gun.log_epoch}/{lost.from_seq}"
    return Entry(kind="gap", key=key, payload=payload, op=by.op, role=by.role, gun=gun)


def epoch_entry(hello: HelloReply, ledger: GunLedger, old: tuple[int, int], gun: GunStamp, by: Actor) -> Entry:
    """Return the ``epoch.opened`` record: the old log is closed as it stands, the new one is the gun's (I-34).

    Args:
        hello: What the gun says.
        ledger: What is committed about it.
        old: The epoch before, and the last record of it that is committed here.
        gun: The gun in its new epoch.
        by: Who opened it.
    """
    payload: dict[str, Json] = {
        "old_epoch": old[0],
        "old_committed_seq": old[1],
        "baseline": True,
        "base_seq": baseline_seq(hello, ledger),
        "chain_hash8": chain_start8(hello, ledger).hex(),
        "odometer_nl": hello.odometer_nl,
    }
    key = f"epoch/{gun.gun_uid}/{gun.log_epoch}/{by.utc_us}"
    return Entry(kind="epoch.opened", key=key, payload=payload, op=by.op, role=by.role, gun=gun)


def balance_entry(balance: Balance, gun: GunStamp, by: Actor, reason: str) -> Entry:
    """Return the record that the next balance begins here, whatever the difference was."""
    payload: dict[str, Json] = {
        "odometer_nl": balance.odometer_nl,
        "shot_seq": balance.shot_seq,
        "difference_nl": balance.difference_nl,
        "tolerance_nl": balance.tolerance_nl,
        "reason": reason,
    }
    key = f"mass_balance/{gun.gun_uid}/{gun.log_epoch}/settled/{by.utc_us}"
    return Entry(kind="mass_balance.settled", key=key, payload=payload, op=by.op, role=by.role, gun=gun)
