"""A final slot of the gun's ring as a shot record: checked, decoded, and told to the audit store."""

from base64 import b64encode
from typing import Final

from msgspec import Struct

from meso_device.accounting.clockmap import Label
from meso_device.accounting.entries import Entry, GunStamp, Json
from protocols.wire.codes import GrantKind, Phase, Reason
from protocols.wire.hashes import record_hash8, slot_is_final
from protocols.wire.messages import Slot

# Counted against the patient, whatever the outcome (I-26).
PATIENT_KINDS: Final = frozenset({GrantKind.TREAT, GrantKind.DRY})
_KINDS: Final = {kind.value: kind.name for kind in GrantKind}
_PHASES: Final = {phase.value: phase.name for phase in Phase}
_REASONS: Final = {reason.value: reason.name for reason in Reason}


class ShotRecord(Struct, frozen=True):
    """One final record of the gun.

    Attributes:
        slot: The decoded slot.
        ring: Its 72 bytes, verbatim.
        hash8: What the next record names as its previous one.
    """

    slot: Slot
    ring: bytes
    hash8: bytes

    @property
    def for_patient(self) -> bool:
        """Whether it counts against the patient's caps."""
        return self.slot.kind in PATIENT_KINDS


def read_slot(gun_uid: bytes, log_epoch: int, ring: bytes) -> ShotRecord | None:
    """Decode a slot; None unless both CRCs hold for this epoch and the dose range is in order (I-19)."""
    if not slot_is_final(log_epoch, ring):
        return None
    slot = Slot.unpack(ring)
    if slot.dose_lo_nl > slot.dose_hi_nl or slot.kind not in _KINDS or slot.phase not in _PHASES:
        return None
    return ShotRecord(slot, ring, record_hash8(gun_uid, log_epoch, ring))


def shot_key(gun_uid: str, log_epoch: int, shot_seq: int) -> str:
    """Return the identity of a shot; time, dose and area play no part (I-05)."""
    return f"shot/{gun_uid}/{log_epoch}/{shot_seq}"


class ShotContext(Struct, frozen=True, kw_only=True):
    """What the grant of a shot knows and the gun does not."""

    session: str = ""
    alias: str = ""
    op: str = "system"
    role: str = "system"
    protocol_digest: str = ""
    area_id: str = ""
    product: str = ""
    lot: str = ""


def shot_entry(record: ShotRecord, gun: GunStamp, label: Label, context: ShotContext) -> Entry:
    """Return the ``shot`` entry of a final record; what only experts ask for is read from its ``ring``."""
    slot = record.slot
    payload: dict[str, Json] = {
        "ring": b64encode(record.ring).decode(),
        "shot_seq": slot.shot_seq,
        "grant_no": slot.grant_no,
        "area_code": slot.area_code,
        "area": context.area_id,
        "shot_kind": _KINDS[slot.kind],
        "planned_depth_um": slot.planned_depth_um,
        "measured_depth_um": slot.measured_depth_um,
        "dose_lo_nl": slot.dose_lo_nl,
        "dose_hi_nl": slot.dose_hi_nl,
        "phase": _PHASES[slot.phase],
        "reason": _REASONS.get(slot.reason, str(slot.reason)),
        "at_us": label.at_us,
        "at_err_us": label.error_us,
        "product": context.product,
        "lot": context.lot,
    }
    return Entry(
        kind="shot",
        key=shot_key(gun.gun_uid, gun.log_epoch, slot.shot_seq),
        payload=payload,
        op=context.op,
        role=context.role,
        session=context.session,
        alias=context.alias,
        gun=gun,
        protocol_digest=context.protocol_digest,
    )
