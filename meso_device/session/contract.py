"""What goes into the session engine and what comes out: the whole surface of what the host decides.

In: link events (`drivers.link_events`), answers of the store (`meso_device.accounting.entries`), the operator's
commands, and ticks. Out: requests to the gun, batches to commit, and notices. Nothing else touches the engine.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct, field

from drivers.link_events import LinkEvent
from meso_device.accounting.clinic import ClinicFacts
from meso_device.accounting.coverage import Cells
from meso_device.accounting.entries import AreaGiven, Batch, CommitResult, Entry, GunLedger, Json, SessionRow
from meso_device.calibration.instrument import Outcome
from meso_device.calibration.order import Order
from meso_device.calibration.record import CalibrationRecord
from meso_device.session.bench_desk import BenchView
from meso_device.session.plan_commands import PlanCommand
from protocols.treatment.advisory import Sex
from protocols.treatment.plan import TreatmentPlan
from protocols.wire.messages import Heartbeat, Request


class Instant(Struct, frozen=True):
    """Now, on both clocks: monotonic for every decision, UTC only as a label (I-35).

    Attributes:
        mono_us: Monotonic; stands still while the computer sleeps.
        utc_us: UTC.
        asleep_us: How long the computer slept since its boot.
    """

    mono_us: int
    utc_us: int
    asleep_us: int = 0

    @property
    def since_boot_us(self) -> int:
        """Monotonic with the sleep: what UTC must have advanced by, unless somebody set it."""
        return self.mono_us + self.asleep_us


# --- in: the operator ---------------------------------------------------------------------------


class OpenSession(Struct, frozen=True, kw_only=True):
    """Begin a session. Ids are random and handed in; nothing fires until `Confirm` and `Arm`.

    A practice session has no patient and runs on a simulated gun only: patient, people and materials are not judged.

    Attributes:
        entries: What was asked, signed and fitted for it; the gun's stamp is added, and all of it is committed with the
            opening or not at all, before anything is granted (I-64).
        details: Further fields of the ``session.opened`` record.
        sex: Of the patient, for the depth advisory alone; None where it is not known. Never recorded.
    """

    plan: TreatmentPlan
    session: str
    alias: str
    op: str
    role: str
    practice: bool
    entries: tuple[Entry, ...] = ()
    details: Mapping[str, Json] = field(default_factory=dict)
    sex: Sex | None = None


class ResumeSession(Struct, frozen=True, kw_only=True):
    """Take up a session that the log says is open.

    Attributes:
        entries: Parts that were changed meanwhile; committed with the operator's confirmation, before any grant.
        sex: As for `OpenSession`.
    """

    row: SessionRow
    plan: TreatmentPlan
    op: str
    role: str
    entries: tuple[Entry, ...] = ()
    sex: Sex | None = None


class Confirm(Struct, frozen=True, kw_only=True):
    """The operator has seen what the gun did meanwhile and goes on (I-45); `how` is recorded."""

    how: str


class Arm(Struct, frozen=True, kw_only=True):
    """Set and read back the settings of an area and grant credit for it."""

    area_id: str


class Disarm(Struct, frozen=True, kw_only=True):
    """Take the credit back; the session stays open."""

    cause: str


class Stop(Struct, frozen=True, kw_only=True):
    """Emergency stop, from any state, without confirmation."""

    source: str


class ResetStop(Struct, frozen=True, kw_only=True):
    """Clear the gun's stop latch in its two steps; ends SAFE and unconfirmed."""

    reason_code: int
    op: str


class AcknowledgeFault(Struct, frozen=True, kw_only=True):
    """Acknowledge the alarms of a gun in FAULT: it leaves that state only where the causes are gone."""

    op: str


class SelfTestGun(Struct, frozen=True, kw_only=True):
    """Let the gun run every item of its self-test; what it comes to is recorded."""

    op: str


class HomeNeedle(Struct, frozen=True, kw_only=True):
    """Draw the needle to its end stop, in SERVICE: somebody has pressed the gun's own button shortly before."""

    op: str


class LeaveGun(Struct, frozen=True, kw_only=True):
    """Say goodbye to the gun and close its port; it stays closed until somebody names a port again."""

    op: str


class CloseSession(Struct, frozen=True, kw_only=True):
    """End the session: disarm, read the log to its head, record the totals. Refused while anything is unknown.

    ``state`` is what becomes of it: ``complete``, or ``refused`` where a rule let it begin nothing.
    ``aftercare`` says whether aftercare was given to the patient; None where nobody said.
    """

    state: str
    aftercare: bool | None = None


class Calibrate(Struct, frozen=True, kw_only=True):
    """Run a calibration at the bench, or go on with one; no session is open.

    Attributes:
        order: What to begin; None to go on.
        records: What the log holds of the run to go on with.
        gun_uid: Gun of that run; empty for a new one.
        adjust: Whether the gun is corrected where it is not found to pass; None where that is asked once it is seen
            what would be written, see `DecideAdjustment`.
        interval_days: Days to the next calibration, before the staircase.
        op, role: Who does it.
    """

    order: Order | None
    records: tuple[CalibrationRecord, ...] = ()
    gun_uid: str = ""
    adjust: bool | None
    interval_days: int
    op: str
    role: str


class DecideAdjustment(Struct, frozen=True, kw_only=True):
    """The technician has seen what would be written to the gun: it is written, or the gun stays as it was found."""

    adjust: bool


class PauseBench(Struct, frozen=True, kw_only=True):
    """End the run under way in order: credit taken back, the gun out of SERVICE. It goes on from its records."""


class WriteOff(Struct, frozen=True, kw_only=True):
    """Stop waiting for the proof of what is unknown of a gun: two different people, whose PINs were looked at (I-20).

    Attributes:
        gun_uid: Gun; it need not be in reach.
        simulated: Whether it is a simulated one.
        reason: Code or commitment of a text; no name.
        first, first_role, second, second_role: Who does it and who stands by it.
    """

    gun_uid: str
    simulated: bool
    reason: str
    first: str
    first_role: str
    second: str
    second_role: str


Command: TypeAlias = (
    OpenSession
    | ResumeSession
    | Confirm
    | Arm
    | Disarm
    | Stop
    | ResetStop
    | AcknowledgeFault
    | SelfTestGun
    | HomeNeedle
    | LeaveGun
    | CloseSession
    | Calibrate
    | DecideAdjustment
    | PauseBench
    | WriteOff
    | PlanCommand
)


# --- in: the world ------------------------------------------------------------------------------


class PortOpened(Struct, frozen=True):
    """A port to a gun is open and nothing has been sent on it.

    Attributes:
        port: Name of the port.
        nonce: 16 fresh random bytes for HELLO.
    """

    port: str
    nonce: bytes


class LedgerLoaded(Struct, frozen=True):
    """The store's answer to `LoadLedger`."""

    ledger: GunLedger


class ClinicLoaded(Struct, frozen=True):
    """The store's answer to `LoadClinic`."""

    facts: ClinicFacts


class ReadingTaken(Struct, frozen=True):
    """What the instrument said to `TakeReading` of this number."""

    no: int
    outcome: Outcome


class Tick(Struct, frozen=True):
    """Time has come to `next_deadline_us`."""


EngineEvent: TypeAlias = (
    LinkEvent | CommitResult | PortOpened | LedgerLoaded | ClinicLoaded | ReadingTaken | Tick | Command
)


# --- out ----------------------------------------------------------------------------------------


class Ask(Struct, frozen=True):
    """Send this request; its end comes back as `Answered` with the same tag."""

    tag: int
    request: Request


class Beat(Struct, frozen=True):
    """Send this heartbeat; a newer one replaces it when unsent."""

    heartbeat: Heartbeat


class PressStop(Struct, frozen=True):
    """Send STOP ahead of everything, again and again until the gun has answered."""


class Commit(Struct, frozen=True):
    """Make this batch durable; the answer comes back as a `CommitResult` with the same number."""

    batch: Batch


class LoadLedger(Struct, frozen=True):
    """Read what is committed about this gun; comes back as `LedgerLoaded`.

    ``simulated`` is what its HELLO says: without it the store could not tell whether its records are of the other
    kind.
    """

    gun_uid: str
    simulated: bool


class LoadClinic(Struct, frozen=True):
    """Read what the clinic's rules are judged by, as of now; comes back as `ClinicLoaded`.

    ``digest`` is that of the treatment protocol file in force.
    """

    session: str
    alias: str
    gun_uid: str
    digest: str


class TakeReading(Struct, frozen=True):
    """Ask the instrument for a reading; comes back as `ReadingTaken` with the same number.

    Attributes:
        unit: Unit of the value: ``ug``, ``nm`` or ``mdegc``.
        prompt: What is asked for, for a person who types it in.
    """

    no: int
    unit: str
    prompt: str


class DropLink(Struct, frozen=True):
    """Close the port; the shell may open it, or the gun under another name, again.

    Attributes:
        reason: Why, in one line.
        rest: It stays closed until a port is named.
    """

    reason: str
    rest: bool = False


class NoticeKind(StrEnum):
    """What kind of line the operator gets."""

    INFO = "info"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ALARM = "alarm"


class Notice(Struct, frozen=True):
    """One line for the operator: what happened and what to do."""

    kind: NoticeKind
    text: str


Effect: TypeAlias = Ask | Beat | PressStop | Commit | LoadLedger | LoadClinic | TakeReading | DropLink | Notice


# --- what can be seen ---------------------------------------------------------------------------


class LinkState(StrEnum):
    """How far the host is with the gun."""

    DOWN = "down"
    CONNECTING = "connecting"
    RECONCILING = "reconciling"
    UP = "up"


class Phase(StrEnum):
    """What the session allows next."""

    NO_SESSION = "no session"
    UNCONFIRMED = "unconfirmed"
    READY = "ready"
    ARMING = "arming"
    ARMED = "armed"
    ESTOPPED = "estopped"
    FAULT = "fault"
    LOCKED = "locked"
    CLOSING = "closing"
    CLOSED = "closed"


BETWEEN_SESSIONS: Final = frozenset({Phase.NO_SESSION, Phase.CLOSED})


class View(Struct, frozen=True, kw_only=True):
    """All that a screen or a script may know, as of one instant.

    Attributes:
        link: State of the link.
        phase: What the session allows next.
        session: Session id; empty if none.
        simulated: The gun said that it is simulated.
        gun_uid: Gun; empty before HELLO.
        serial: Serial number that the gun gives itself.
        boot_id: The gun's boot, 0 before HELLO.
        resets: Boots of the gun seen since this engine started, beyond the first.
        plan: The plan in force; None without a session.
        file: The plan as its file has it.
        skipped: Points skipped, by area code.
        cells: Cells of the areas that are split, by area code.
        area_id: Area selected or armed; empty if none.
        given: Shots by area, committed, over the whole session.
        shots_given: Their sum.
        shots_planned: Points of the plan.
        dose_hi_nl: Most that all committed shots of the session gave.
        credit_shots: Credit left as last heard.
        heard_us: Monotonic time of the gun's newest frame with its uptime; 0 without a gun.
        head_seq: Newest record that the gun has told of.
        committed_seq: Newest record committed here.
        open_grants: Grants not proven closed.
        held_shots: Shots that those may still have cost.
        held_nl: Volume that those may still have cost.
        findings: Open findings that forbid a grant.
        blocked: Codes of the rules and caps that stood against the newest arming; empty once it was granted.
        estop_latch_id: 0 when clear.
        alarms: Alarm bits of the gun, active or latched, as last heard.
        stop_unheard: STOP was pressed and the gun has not answered yet.
        write_failed: Reason why nothing more can be recorded; empty while the store is healthy.
        log_state: ``SYNCED``, ``BEHIND n``, ``UNKNOWN``, or the first open finding.
        bench: The calibration run under way, or the last one of this process; None without one.
    """

    link: LinkState
    phase: Phase
    session: str
    simulated: bool
    gun_uid: str
    serial: str
    boot_id: int
    resets: int
    plan: TreatmentPlan | None
    file: TreatmentPlan | None
    skipped: Mapping[int, int]
    cells: Mapping[int, Cells]
    area_id: str
    given: tuple[AreaGiven, ...]
    shots_given: int
    shots_planned: int
    dose_hi_nl: int
    credit_shots: int
    heard_us: int
    head_seq: int
    committed_seq: int
    open_grants: int
    held_shots: int
    held_nl: int
    findings: tuple[str, ...]
    blocked: tuple[str, ...]
    estop_latch_id: int
    alarms: int
    stop_unheard: bool
    write_failed: str
    log_state: str
    bench: BenchView | None = None
