"""Grants as the host accounts for them: what each may still cost until the gun's log proves its end."""

from typing import Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from meso_device.accounting.entries import Entry, GrantIntent, GunStamp, Json, OpenGrant
from meso_device.accounting.shots import ShotContext, ShotRecord
from protocols.wire.codes import GrantKind
from protocols.wire.states import GRANT, GrantEvent, GrantPhase, next_state

WRITTEN_OFF: Final = "written_off"
"""State of a grant in the ledger that nobody waits for any more."""
ENDED = frozenset({GrantPhase.CLOSED, GrantPhase.WRITTEN_OFF})


class Signers(Struct, frozen=True, kw_only=True):
    """Two people, and the roles in which they act together; both by their pseudonyms."""

    first: str
    first_role: str
    second: str
    second_role: str


class GrantAccount(Struct, kw_only=True):
    """One grant: what was permitted, and what the gun's records say was used.

    Attributes:
        grant_no: Number, never used twice for one gun.
        area_code: Area that it is bound to.
        max_shots: Shots permitted.
        max_nl: Volume permitted.
        context: Session, patient, area and product that its shots belong to.
        phase: How far the host is with it.
        used_shots: Records read from the gun's log.
        used_nl: Sum of their upper doses.
        planned_used_nl: Sum of what they were ordered to give; the gun's own limit is on this (I-12).
    """

    grant_no: int
    kind: int
    area_code: int
    max_shots: int
    max_nl: int
    context: ShotContext
    phase: GrantPhase = GrantPhase.RESERVED
    used_shots: int = 0
    used_nl: int = 0
    planned_used_nl: int = 0

    @classmethod
    def of_ledger(cls, row: OpenGrant) -> "GrantAccount":
        """Take up a grant that an earlier process left open: its outcome is unknown, unless it was written off."""
        context = ShotContext(
            session=row.session,
            alias=row.alias,
            op=row.op,
            role=row.role,
            protocol_digest=row.protocol_digest,
            area_id=row.area,
            product=row.product,
            lot=row.lot,
        )
        return cls(
            grant_no=row.grant_no,
            kind=row.kind,
            area_code=row.area_code,
            max_shots=row.max_shots,
            max_nl=row.max_nl,
            context=context,
            phase=GrantPhase.WRITTEN_OFF if row.state == WRITTEN_OFF else GrantPhase.UNKNOWN,
            used_shots=row.used_shots,
            used_nl=row.used_nl,
        )

    @property
    def open(self) -> bool:
        """Whether it may still cost something."""
        return self.phase not in ENDED

    @property
    def unknown(self) -> bool:
        """Whether its outcome is not known."""
        return self.phase is GrantPhase.UNKNOWN

    @property
    def held_shots(self) -> int:
        """Shots that it may still have cost."""
        return max(0, self.max_shots - self.used_shots) if self.open else 0

    @property
    def held_nl(self) -> int:
        """Volume that it may still have cost."""
        return max(0, self.max_nl - self.used_nl) if self.open else 0

    @property
    def spent(self) -> bool:
        """Whether the gun's log alone proves its end: every shot that it permitted is a record."""
        return self.used_shots >= self.max_shots

    def move(self, event: GrantEvent) -> None:
        """Follow the table of grant phases; an event that cannot happen here raises `InvariantError`."""
        self.phase = next_state(GRANT, self.phase, event)

    def count(self, record: ShotRecord) -> bool:
        """Count a record; False when the gun went over what was granted (I-12)."""
        self.used_shots += 1
        self.used_nl += record.slot.dose_hi_nl
        self.planned_used_nl += record.slot.planned_nl
        return self.used_shots <= self.max_shots and self.planned_used_nl <= self.max_nl


def prepared_entry(intent: GrantIntent, gun: GunStamp, context: ShotContext, extra: dict[str, Json]) -> Entry:
    """Return the ``grant.prepared`` entry: the write-ahead intent, durable before the frame leaves (I-10)."""
    payload: dict[str, Json] = {
        "grant_no": intent.grant_no,
        "shot_kind": GrantKind(intent.kind).name,
        "area_code": intent.area_code,
        "area": context.area_id,
        "max_shots": intent.max_shots,
        "max_nl": intent.max_nl,
        "product": intent.product,
        "lot": intent.lot,
        **extra,
    }
    return grant_entry("prepared", intent.grant_no, gun, context, payload)


def grant_entry(state: str, grant_no: int, gun: GunStamp, context: ShotContext, payload: dict[str, Json]) -> Entry:
    """Return a ``grant.<state>`` entry; its key makes each state of each grant one record."""
    return Entry(
        kind=f"grant.{state}",
        key=f"grant/{gun.gun_uid}/{gun.log_epoch}/{grant_no}/{state}",
        payload={"grant_no": grant_no, **payload},
        op=context.op,
        role=context.role,
        session=context.session,
        alias=context.alias,
        gun=gun,
        protocol_digest=context.protocol_digest,
    )


def write_off_entry(row: OpenGrant, gun: GunStamp, signers: Signers, reason: str) -> Entry:
    """Return the ``write_off`` entry: nobody waits for this grant any more, and its rest goes on counting (I-20).

    Args:
        row: The grant; one that was closed before is doubted again.
        gun: Its gun.
        signers: Who says so.
        reason: Code.
    """
    account = GrantAccount.of_ledger(row)
    payload: dict[str, Json] = {
        "area_code": row.area_code,
        "shots_lo": 0,
        "shots_hi": account.held_shots,
        "dose_lo_nl": 0,
        "dose_hi_nl": account.held_nl,
        "reason": reason,
        **asdict(signers),
    }
    entry = grant_entry(WRITTEN_OFF, row.grant_no, gun, account.context, payload)
    return replace(entry, kind="write_off", op=signers.first, role=signers.first_role)


def closed_entry(grant: GrantAccount, gun: GunStamp, proof: str) -> Entry:
    """Return the ``grant.closed`` entry: what it cost by the gun's records, and how its end is proven."""
    payload: dict[str, Json] = {"used_shots": grant.used_shots, "used_nl": grant.used_nl, "proof": proof}
    return grant_entry("closed", grant.grant_no, gun, grant.context, payload)
