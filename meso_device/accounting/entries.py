"""What the engine asks the audit store to make durable, and what the store answers.

The engine says *what* happened; the store adds sequence number, time stamps, nonce and chain (`meso_device.audit`).
A `Batch` is one engine step: its entries, projections and grant row commit in one transaction or not at all (I-44).
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct, field

from meso_device.accounting.identity import Identity

Json: TypeAlias = "int | str | bool | list[Json] | dict[str, Json]"


class GunStamp(Struct, frozen=True, kw_only=True):
    """The gun that an entry speaks of, as its HELLO said."""

    gun_uid: str
    log_epoch: int
    boot_id: int
    firmware: str
    cal_id: int
    simulated: bool

    def as_json(self) -> dict[str, Json]:
        """Return the stamp as the record's ``gun`` object."""
        return {
            "gun_uid": self.gun_uid,
            "log_epoch": self.log_epoch,
            "boot_id": self.boot_id,
            "fw": self.firmware,
            "cal_id": self.cal_id,
        }


class Entry(Struct, frozen=True, kw_only=True):
    """One audit record in the making.

    Attributes:
        kind: One of the kinds of the audit design, such as ``shot`` or ``grant.prepared``.
        key: Exactly-once key. The same key again appends nothing; for a shot the ring bytes are compared (I-06).
        payload: Flat fields of the kind: integers with the unit in the name, strings, booleans, lists, objects.
        op: Pseudonym of the person; ``system`` if none.
        role: Role that the person acted in.
        session: Random 128-bit id of the session in hex; empty outside a session.
        alias: Random 128-bit id of the patient in hex; empty outside a session.
        gun: The gun concerned; its ``simulated`` mark goes into the record.
        protocol_digest: SHA-256 of the treatment protocol file in force, in hex; empty outside a session.
    """

    kind: str
    key: str
    payload: Mapping[str, Json] = field(default_factory=dict)
    op: str = "system"
    role: str = "system"
    session: str = ""
    alias: str = ""
    gun: GunStamp | None = None
    protocol_digest: str = ""


class Cap(Struct, frozen=True, kw_only=True):
    """An upper limit on what has been and may still be given, over all shots that match every set field.

    Attributes:
        name: What the limit is called on the screen, such as ``area forehead``.
        limit_nl: Highest volume, used + held + asked; 0 means no volume limit.
        limit_shots: Highest number of shots; 0 means no limit on the number.
        session: Only shots of this session; empty for any.
        alias: Only shots of this patient; empty for any.
        area_code: Only shots of this area; 0 for any.
        product: Only shots of this product; empty for any.
        lot: Only shots of this lot; empty for any.
        since_us: Only shots whose latest possible time is after this UTC time; 0 for all time (I-35).
        hard: Whether it can never be overridden.
        code: Code of the signed override that leaves it out; empty for a hard one.
    """

    name: str
    limit_nl: int = 0
    limit_shots: int = 0
    session: str = ""
    alias: str = ""
    area_code: int = 0
    product: str = ""
    lot: str = ""
    since_us: int = 0
    hard: bool = True
    code: str = ""


class GrantIntent(Struct, frozen=True, kw_only=True):
    """A grant about to be asked of the gun: checked against the caps in the transaction that inserts it (I-25).

    A grant of kind TREAT or DRY counts against the patient's caps until the gun's log proves what it cost.
    """

    gun_uid: str
    log_epoch: int
    grant_no: int
    kind: int
    session: str
    alias: str
    area_code: int
    product: str
    lot: str
    max_shots: int
    max_nl: int
    caps: tuple[Cap, ...]


class Batch(Struct, frozen=True, kw_only=True):
    """One engine step to commit as a whole; ``no`` comes back in the answer."""

    no: int
    entries: tuple[Entry, ...]
    grant: GrantIntent | None = None


class Committed(Struct, frozen=True, kw_only=True):
    """The batch is durable: fsync returned before this was made.

    Attributes:
        no: Number of the batch.
        appended: Records appended; entries whose key already existed are not among them.
        conflicts: Keys that existed with other ring bytes; a ``conflict`` record holds both (I-06).
    """

    no: int
    appended: int
    conflicts: tuple[str, ...] = ()


class CapExceeded(Struct, frozen=True, kw_only=True):
    """The grant would pass a cap; nothing of the batch was written."""

    no: int
    cap: Cap
    used_nl: int
    held_nl: int
    used_shots: int
    held_shots: int


class CommitFailed(Struct, frozen=True, kw_only=True):
    """Nothing more can be made durable on this connection: stop acknowledging, disarm, tell the operator (I-48)."""

    no: int
    reason: str


CommitResult: TypeAlias = Committed | CapExceeded | CommitFailed


class OpenGrant(Struct, frozen=True, kw_only=True):
    """A grant whose end the gun's log has not proven yet; its remainder stays reserved.

    Attributes:
        log_epoch: Epoch of the gun's log that it was given in.
        used_shots: Records of this grant committed so far.
        used_nl: Sum of their ``dose_hi_nl``.
    """

    grant_no: int
    kind: int
    session: str
    area_code: int
    max_shots: int
    max_nl: int
    state: str
    log_epoch: int
    used_shots: int = 0
    used_nl: int = 0
    alias: str = ""
    op: str = "system"
    role: str = "system"
    area: str = ""
    product: str = ""
    lot: str = ""
    protocol_digest: str = ""


class ClockMapRow(Struct, frozen=True, kw_only=True):
    """How one boot of a gun relates to UTC: ``utc_us`` belongs to ``ticks_us``, within ``error_us``."""

    boot_id: int
    ticks_us: int
    utc_us: int
    error_us: int


class GunLedger(Struct, frozen=True, kw_only=True):
    """What this host has committed about one gun, read from the database at every connect (I-23).

    Attributes:
        gun_uid: Gun asked for.
        log_epoch: Epoch of the newest committed shot or binding; 0 when this gun was never seen here.
        committed_seq: Highest shot_seq of that epoch such that all from the baseline to it are committed.
        chain_hash8: record_hash8 of ``committed_seq`` in hex; empty when unknown.
        last_grant_no: Highest grant number this host ever prepared for this gun and epoch; 0 if none.
        open_grants: Grants not closed, oldest first.
        written_off: Grants that nobody waits for any more: shots of theirs may still be told of.
        findings: Open findings such as ``CONFLICT`` or ``GAP`` that forbid a grant.
        odometer_nl: Odometer at the last mass balance that held.
        odometer_seq: shot_seq up to which that balance was made.
        since_lo_nl: Sum of ``dose_lo_nl`` of the records committed after ``odometer_seq``, all kinds.
        since_hi_nl: Sum of their ``dose_hi_nl``.
        clock_maps: Newest clock map of each of the last few boots, for records of before this contact (I-39).
        last_contact_us: UTC of the newest ``link.up``, ``link.down`` or shot of this gun; 0 if none.
        unheard_stop: A STOP was pressed and the gun has not answered it yet (I-46).
        other_simulated: This data directory already holds records of the other kind, real or simulated (I-51).
        identity: Who a technician registered it as; None where nobody did.
    """

    gun_uid: str
    log_epoch: int = 0
    committed_seq: int = 0
    chain_hash8: str = ""
    last_grant_no: int = 0
    open_grants: tuple[OpenGrant, ...] = ()
    written_off: tuple[OpenGrant, ...] = ()
    findings: tuple[str, ...] = ()
    odometer_nl: int = 0
    odometer_seq: int = 0
    since_lo_nl: int = 0
    since_hi_nl: int = 0
    clock_maps: tuple[ClockMapRow, ...] = ()
    last_contact_us: int = 0
    unheard_stop: bool = False
    other_simulated: bool = False
    identity: Identity | None = None


PLAN_EDITED: Final = "plan.edited"
POINT_SKIPPED: Final = "point.skipped"
CELL_CHOSEN: Final = "cell.chosen"
PLAN_CHANGES: Final = (PLAN_EDITED, POINT_SKIPPED, CELL_CHOSEN)
"""Kinds of the records that change the plan of a session; taken up again, they are made again in their order."""


class AreaGiven(Struct, frozen=True, kw_only=True):
    """What the records say was given in one area of a session; attempts and interrupted shots count as given."""

    area_code: int
    shots: int
    dose_lo_nl: int
    dose_hi_nl: int
    interrupted: int


class SessionRow(Struct, frozen=True, kw_only=True):
    """A session as the log knows it.

    Attributes:
        session: Id in hex.
        state: ``open``, ``complete`` or ``interrupted``.
        opened: Payload of its ``session.opened`` record, with the plan.
        given: TREAT and DRY shots by area.
        role: Role in which ``op`` opened it.
        changes: Kind and payload of each record since that changed the plan, skipped a point or chose a cell, oldest
            first; only of a session that is open.
        logged: Log epoch and number of the newest shot of its gun that the log held when this was read; only of a
            session that is open.
    """

    session: str
    alias: str
    op: str
    state: str
    simulated: bool
    gun_uid: str
    protocol_digest: str
    opened_at_us: int
    closed_at_us: int
    opened: Mapping[str, Json]
    given: tuple[AreaGiven, ...]
    role: str = ""
    changes: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    logged: tuple[int, int] = (0, 0)

    @property
    def practice(self) -> bool:
        """Whether it has no patient."""
        return self.opened.get("practice") is True
