"""``meso service settle``: two people look at what locks a gun, and it goes on."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.balance import Balance
from meso_device.accounting.book import stamp_of_hello
from meso_device.accounting.entries import Entry, GunLedger, GunStamp, OpenGrant
from meso_device.accounting.findings import LASTING, Finding, FindingCode, check_hello, open_findings
from meso_device.accounting.grants import Signers, write_off_entry
from meso_device.accounting.materials import Actor, checked_gun_uid
from meso_device.accounting.settlement import (
    CONTRADICTS,
    WITHOUT_GUN,
    Kept,
    Lost,
    OpenFinding,
    Settlement,
    balance_entry,
    closable,
    doubted,
    epoch_entry,
    gap_entry,
    kept_entry,
    must_begin_anew,
    settled_entries,
    was_changed,
)
from meso_device.audit.caps import strays
from meso_device.audit.exit_facts import epoch_before, kept_slots, known_seq, logged_ring, open_findings_of
from meso_device.audit.queries import grants_since_balance, load_gun, open_session
from meso_device.audit.service_facts import Orphans, orphans_of
from meso_device.cli.acting import Acting, acting
from meso_device.cli.gun_choice import hello_at, is_uid, known_keys
from meso_device.cli.service_check import balance_of
from meso_device.cli.service_gun import GunAtHand, gun_at_hand
from meso_device.people.register import Purpose
from meso_device.people.roles import Act
from meso_device.people.signatures import Pair, sign_together
from protocols.errors import MesoError, UsageError

_BENCH: Final = frozenset({FindingCode.MASS_BALANCE, FindingCode.OVER_GRANT})
_EPOCH: Final = CONTRADICTS | {FindingCode.EPOCH}


class Settled(Struct, frozen=True, kw_only=True):
    """What was settled.

    Attributes:
        gun_uid: Gun.
        signed: What was signed for.
        orphans: Injections for no session here, by grant.
        counted_in: Session that is open, whose limits count them; empty if none.
        opened: Epoch of the log that was begun anew; 0 if none was.
        left: Findings of the gun that are still open.
    """

    gun_uid: str
    signed: Settlement
    orphans: tuple[Orphans, ...]
    counted_in: str
    opened: int
    left: tuple[Finding, ...]


def settle(
    gun: str,
    *,
    home: Path | None,
    reason: str,
    sign_in: str,
    second: str,
    pin_file: str,
    ask_for_button: Callable[[], None],
) -> Settled:
    """Close the findings of a gun that people can sign for, under the signatures of two.

    What was recorded stays as it is, and what may have been given beyond it counts from now on
    (`meso_device.accounting.settlement`). Orphans alone are the exception: nobody can say whose they were, so they
    count for the session that was open here when they came home, if one was, and else for no cap and no interval.

    Args:
        gun: Port or uid; most findings need the port.
        home: Data directory.
        reason: Code of how it came to be.
        sign_in: Login name of who looks; asked for if empty.
        second: Login name of the second person; likewise.
        pin_file: File with both PINs.
        ask_for_button: Called once while the gun waits for its service button.

    Raises:
        MesoError: nothing of this kind is open, or something has to come first.
        PinRefused, NotAllowed: not these people.
        UsageError: another process has the log, no gun answers, or the reason is no code.
        AuditWriteFailed: it could not be recorded.
    """
    by_uid = is_uid(gun)
    uid = checked_gun_uid(gun) if by_uid else hello_at(gun, known_keys(home)).gun_uid.hex()
    with acting(
        home, command="meso service settle", act=Act.WRITE_OFF, sign_in=sign_in, pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    ) as desk:  # fmt: skip
        found = open_findings_of(desk.db, uid)
        findings = tuple(one for one in found if one.code is not FindingCode.IDENTITY)
        codes = {one.code for one in findings}
        if not findings:
            otherwise = "; that it is another than registered takes meso service accept" if found else ""
            raise MesoError(f"gun {uid} has nothing to settle that nobody has settled{otherwise}")
        if by_uid and not codes <= WITHOUT_GUN:
            raise UsageError(
                f"gun {uid} is locked for {', '.join(codes)}: connect it, and name its port with --gun PORT"
            )
        pair = desk.together_with(second, _act(codes))
        by = Actor(op=pair.first.op, role=pair.first_role.value, utc_us=desk.by.utc_us)
        work = _Work(desk, uid, pair, by, reason)
        if codes <= WITHOUT_GUN:
            return work.sign(Settlement(findings=findings), None)
        with gun_at_hand(gun, known_keys(home)) as at_hand:
            if at_hand.hello.gun_uid.hex() != uid:
                raise MesoError(f"{gun}: another gun answers now")
            return work.with_gun(findings, at_hand, ask_for_button)


class _Work:
    """Two people at the desk, with the gun or without it."""

    def __init__(self, desk: Acting, uid: str, pair: Pair, by: Actor, reason: str) -> None:
        self._desk = desk
        self._uid = uid
        self._pair = pair
        self._by = by
        self._reason = reason

    def with_gun(
        self, findings: tuple[OpenFinding, ...], gun: GunAtHand, ask_for_button: Callable[[], None]
    ) -> Settled:
        """Look at the gun, do with it what has to be done, and sign."""
        stamp, ledger = self._known(gun)
        newest = ledger.log_epoch
        if must_begin_anew(findings, gun.hello, known_seq(self._desk.db, self._uid, gun.hello.log_epoch), newest):
            self._begin_anew(gun, stamp, ask_for_button)
            stamp, ledger = self._known(gun)
        else:
            _refuse_news(findings, gun, ledger)
        findings = closable(findings, gun.hello, ledger)
        here = {one.code for one in findings if one.log_epoch == gun.hello.log_epoch}
        lost = self._lost(gun, stamp, ledger) if FindingCode.GAP in here else None
        balance = balance_of(gun.hello, ledger) if FindingCode.MASS_BALANCE in here else None
        signed = Settlement(
            findings=findings,
            lost=lost,
            kept=self._kept(findings),
            doubted=self._doubted(findings, gun.hello.log_epoch, ledger, balance),
            opened=was_changed(findings, gun.hello, ledger),
            balance=balance,
        )
        return self.sign(signed, gun)

    def sign(self, signed: Settlement, gun: GunAtHand | None) -> Settled:
        """Record all of it at once, and both signatures on it and on what is written off."""
        desk, by, reason = self._desk, self._by, self._reason
        codes = {one.code for one in signed.findings}
        orphans = orphans_of(desk.db, self._uid) if FindingCode.ORPHAN in codes else ()
        settled, *closed = settled_entries(
            signed,
            self._uid,
            by,
            reason,
            orphans=(
                sum(one.shots for one in orphans),
                sum(one.dose_lo_nl for one in orphans),
                sum(one.dose_hi_nl for one in orphans),
            ),
        )
        others: list[Entry] = []
        if gun is not None:
            stamp, ledger = self._known(gun)
            others += self._of_gun(signed, gun, stamp, ledger)
            written_off = [self._write_off(row, stamp) for row in signed.doubted]
            signed_off = [one for entry in written_off for one in (entry, *sign_together(entry, self._pair))]
            desk.commit_by_two(self._pair, settled, *signed_off, *others, *closed)
        else:
            desk.commit_by_two(self._pair, settled, *closed)
        simulated = any(desk.db.execute("SELECT 1 FROM house WHERE simulated = 1"))
        here = open_session(desk.db)
        return Settled(
            gun_uid=self._uid,
            signed=signed,
            orphans=orphans,
            counted_in=here.session if here is not None and strays(desk.db, session=here.session)[0] else "",
            opened=gun.hello.log_epoch if gun is not None and signed.opened else 0,
            left=tuple(open_findings(load_gun(desk.db, self._uid, simulated=simulated))),
        )

    def _of_gun(self, signed: Settlement, gun: GunAtHand, stamp: GunStamp, ledger: GunLedger) -> list[Entry]:
        entries: list[Entry] = []
        if signed.lost is not None:
            entries.append(gap_entry(signed.lost, stamp, self._by, self._reason))
        if signed.opened:
            old = epoch_before(self._desk.db, self._uid, stamp.log_epoch)
            entries.append(epoch_entry(gun.hello, ledger, old, stamp, self._by))
        if signed.balance is not None:
            entries.append(balance_entry(signed.balance, stamp, self._by, self._reason))
        return entries

    def _known(self, gun: GunAtHand) -> tuple[GunStamp, GunLedger]:
        stamp = stamp_of_hello(gun.hello)
        return stamp, load_gun(self._desk.db, self._uid, simulated=stamp.simulated)

    def _begin_anew(self, gun: GunAtHand, stamp: GunStamp, ask_for_button: Callable[[], None]) -> None:
        """Keep what contradicts the log here, then have the gun begin its log anew."""
        epoch = gun.hello.log_epoch
        foreign = gun.foreign(lambda seq: logged_ring(self._desk.db, self._uid, epoch, seq))
        self._keep(foreign, stamp)
        gun.take_over()
        gun.release(gun.hello.head_seq)
        gun.begin_anew(ask_for_button)

    def _lost(self, gun: GunAtHand, stamp: GunStamp, ledger: GunLedger) -> Lost | None:
        """Return which records are lost behind the committed ones; damaged ones are kept, and then released."""
        from_seq = ledger.committed_seq + 1
        if gun.hello.oldest_seq > from_seq:
            return Lost(from_seq=from_seq, to_seq=gun.hello.oldest_seq - 1)
        damaged = gun.damaged(from_seq)
        if not damaged:
            return None
        self._keep(damaged, stamp)
        gun.take_over()
        gun.release(damaged[-1].shot_seq)
        return Lost(from_seq=from_seq, to_seq=damaged[-1].shot_seq)

    def _keep(self, slots: Sequence[Kept], stamp: GunStamp) -> None:
        if slots:
            self._desk.commit(*[kept_entry(one, stamp, self._by) for one in slots])

    def _kept(self, findings: Collection[OpenFinding]) -> tuple[Kept, ...]:
        epochs = dict.fromkeys(one.log_epoch for one in findings if one.code in CONTRADICTS)
        return tuple(one for epoch in epochs for one in kept_slots(self._desk.db, self._uid, epoch))

    def _doubted(
        self, findings: Collection[OpenFinding], log_epoch: int, ledger: GunLedger, balance: Balance | None
    ) -> tuple[OpenGrant, ...]:
        epochs = dict.fromkeys(one.log_epoch for one in findings)
        since = [row for epoch in epochs for row in grants_since_balance(self._desk.db, self._uid, epoch)]
        return doubted(findings, log_epoch, ledger.open_grants, since, balance)

    def _write_off(self, row: OpenGrant, stamp: GunStamp) -> Entry:
        pair = self._pair
        signers = Signers(
            first=pair.first.op,
            first_role=pair.first_role.value,
            second=pair.second.op,
            second_role=pair.second_role.value,
        )
        return write_off_entry(row, replace(stamp, log_epoch=row.log_epoch), signers, self._reason)


def _act(codes: Collection[FindingCode]) -> Act:
    """Return the act that signing for these is; whoever may do a stricter one together may do the others too."""
    if not _BENCH.isdisjoint(codes):
        return Act.BENCH_SIGN_OFF
    return Act.WRITE_OFF if _EPOCH.isdisjoint(codes) else Act.OPEN_EPOCH


def _refuse_news(findings: Collection[OpenFinding], gun: GunAtHand, ledger: GunLedger) -> None:
    """Refuse to sign for a gun that shows something else than what is open."""
    known = {one.code for one in findings} | {FindingCode.EPOCH, FindingCode.IDENTITY}
    news = [one for one in check_hello(gun.hello, ledger, "") if one.code in LASTING and one.code not in known]
    if news:
        raise MesoError(f"{news[0].text}: that is not on record yet: meso service check puts it there")
