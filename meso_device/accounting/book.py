"""The host's book of one gun: which records are committed, which are on their way, and what each grant used.

Records are admitted strictly in the order of shot_seq; each must name the hash of the one before it.
"""

from typing import Final

from msgspec import Struct

from meso_device.accounting.clockmap import ClockMaps
from meso_device.accounting.entries import Entry, GunLedger, GunStamp
from meso_device.accounting.findings import Finding, FindingCode, baseline_seq, chain_start8
from meso_device.accounting.grants import GrantAccount
from meso_device.accounting.identity import firmware_of
from meso_device.accounting.shots import ShotContext, ShotRecord, read_slot, shot_entry
from protocols.wire.codes import Capability, GrantKind, GunFlag
from protocols.wire.messages import HelloReply
from protocols.wire.states import GrantPhase

_NO_CONTEXT: Final = ShotContext()
# The log is read to its head before a grant is proven over, so only a gun that breaks the rules names an older one.
ENDED_GRANTS_KEPT: Final = 8


class Admission(Struct, frozen=True):
    """What one slot of the ring amounts to: its entry to commit, and what is wrong with it, if anything."""

    record: ShotRecord
    entry: Entry
    context: ShotContext
    finding: Finding | None


class Damaged(Struct, frozen=True):
    """A slot that is not a whole record, or does not follow the one before it; nothing after it is admitted."""

    finding: Finding


def stamp_of_hello(hello: HelloReply) -> GunStamp:
    """Return a gun as records name it."""
    return GunStamp(
        gun_uid=hello.gun_uid.hex(),
        log_epoch=hello.log_epoch,
        boot_id=hello.boot_id,
        firmware=firmware_of(hello),
        cal_id=hello.cal_id,
        simulated=bool(hello.flags & GunFlag.SIMULATED),
    )


class GunBook:
    """Accounts of one gun from HELLO to the loss of the link.

    Attributes:
        hello: What the gun said.
        stamp: The gun as records name it.
        maps: Its clock maps.
        grants: Grants of this epoch not proven closed, those written off, and the last few that are closed, by number.
        stranded: Grants of another epoch not proven closed: the log that would tell is not in this gun, so they stay
            unknown and reserved.
        head_seq: Newest record the gun has told of.
        admitted_seq: Newest record handed to the store.
        committed_seq: Newest record that is durable.
        committed_hash8: Its hash, the proof for LOG_RELEASE.
        released_seq: What the gun has confirmed as released.
        reserving: Grants whose rows are on their way to the disk.
        last_grant_no: Highest grant number ever prepared here or accepted by the gun.
    """

    def __init__(self, hello: HelloReply, ledger: GunLedger) -> None:
        self.hello = hello
        self.stamp = stamp_of_hello(hello)
        self.maps = ClockMaps(ledger.clock_maps, ledger.last_contact_us)
        here = [row for row in ledger.open_grants if row.log_epoch == hello.log_epoch]
        ended = [row for row in ledger.written_off if row.log_epoch == hello.log_epoch]
        self.grants = {row.grant_no: GrantAccount.of_ledger(row) for row in (*ended, *here)}
        self.stranded = [GrantAccount.of_ledger(row) for row in ledger.open_grants if row.log_epoch != hello.log_epoch]
        self.base_seq = baseline_seq(hello, ledger)
        self.known = ledger.log_epoch == hello.log_epoch
        self.head_seq = hello.head_seq
        self.admitted_seq = self.committed_seq = self.base_seq
        self.released_seq = hello.released_seq
        self.reserving = 0
        self.last_grant_no = max(hello.last_grant_no, ledger.last_grant_no)
        self._admitted_hash8 = self.committed_hash8 = chain_start8(hello, ledger)
        self.sum_lo_nl = ledger.since_lo_nl
        self.sum_hi_nl = ledger.since_hi_nl
        self.odometer_nl = ledger.odometer_nl
        self.odometer_seq = ledger.odometer_seq

    @property
    def synced(self) -> bool:
        """Whether every record that the gun has told of is durable here."""
        return self.committed_seq >= self.head_seq

    @property
    def has_encoder(self) -> bool:
        """Whether the gun can tell exactly what it gave."""
        return bool(self.hello.capabilities & Capability.ENCODER)

    def open_grants(self) -> list[GrantAccount]:
        """Grants not proven closed, oldest first."""
        return [*(grant for grant in self.stranded if grant.open), *self.provable_grants()]

    def provable_grants(self) -> list[GrantAccount]:
        """Grants not proven closed whose end this gun's log can prove, oldest first."""
        return [grant for _, grant in sorted(self.grants.items()) if grant.open]

    def reserve(self, grant: GrantAccount) -> None:
        """Take up a grant whose row is durable; the oldest ended ones are let go of."""
        self.grants[grant.grant_no] = grant
        ended = [no for no, account in self.grants.items() if account.phase is GrantPhase.CLOSED]
        for no in ended[:-ENDED_GRANTS_KEPT]:
            del self.grants[no]

    def admit(self, ring: bytes, *, now_utc_us: int) -> Admission | Damaged:
        """Take the next slot of the ring, verbatim.

        Returns an admission even where something is wrong that does not make the record less real: no valid record
        is ever rejected for its time, its order of arrival or the state of a session (I-07).
        """
        expected_seq = self.admitted_seq + 1
        record = read_slot(self.hello.gun_uid, self.hello.log_epoch, ring)
        if record is None or record.slot.shot_seq != expected_seq:
            return Damaged(
                Finding(FindingCode.GAP, f"record {expected_seq} of the gun cannot be read: its bytes are damaged")
            )
        if self._admitted_hash8 and record.slot.prev_hash8 != self._admitted_hash8:
            return Damaged(
                Finding(
                    FindingCode.CONFLICT,
                    f"record {expected_seq} does not follow record {expected_seq - 1}: the gun's chain is broken",
                )
            )
        finding = None
        if expected_seq == self.hello.head_seq and record.hash8 != self.hello.chain_head8:
            finding = Finding(FindingCode.CONFLICT, f"record {expected_seq} is not the one that HELLO named")
        grant = self.grants.get(record.slot.grant_no)
        if grant is None:
            if record.slot.kind != GrantKind.SERVICE:
                finding = Finding(
                    FindingCode.ORPHAN,
                    f"record {expected_seq} names grant {record.slot.grant_no}, "
                    "which this host never gave or closed long ago",
                )
        elif not grant.count(record):
            finding = Finding(
                FindingCode.OVER_GRANT, f"record {expected_seq} is more than grant {grant.grant_no} permitted"
            )
        self.admitted_seq = expected_seq
        self._admitted_hash8 = record.hash8
        self.head_seq = max(self.head_seq, expected_seq)
        self.sum_lo_nl += record.slot.dose_lo_nl
        self.sum_hi_nl += record.slot.dose_hi_nl
        context = grant.context if grant is not None else _NO_CONTEXT
        label = self.maps.label(record.slot.boot_id, record.slot.ticks_start_us, now_utc_us=now_utc_us)
        return Admission(record, shot_entry(record, self.stamp, label, context), context, finding)

    def committed(self, shot_seq: int, hash8: bytes) -> None:
        """Note that every record up to this one is durable: only now may the gun let go of them (I-08)."""
        self.committed_seq = shot_seq
        self.committed_hash8 = hash8

    def balanced(self, odometer_nl: int, shot_seq: int) -> None:
        """Start the next mass balance from here."""
        self.odometer_nl, self.odometer_seq = odometer_nl, shot_seq
        self.sum_lo_nl = self.sum_hi_nl = 0
