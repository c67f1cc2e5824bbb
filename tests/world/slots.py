"""Makes final slots of a gun's ring, chained, for tests that need records without a gun."""

from protocols.wire.hashes import chain_seed8, intent_crc, outcome_crc, record_hash8
from protocols.wire.messages import HelloReply, Slot

UID = bytes(range(12))
EPOCH = 7


class SlotMaker:
    """Writes records 1, 2, 3, ... of one epoch, each naming the hash of the one before."""

    def __init__(self, uid: bytes = UID, epoch: int = EPOCH) -> None:
        self.uid, self.epoch = uid, epoch
        self.seq = 0
        self.hash8 = chain_seed8(uid, epoch)

    def make(self, **changes) -> bytes:
        self.seq += 1
        fields = {
            "shot_seq": self.seq,
            "boot_id": 1,
            "ticks_start_us": self.seq * 111_111,
            "grant_no": 1,
            "settings_hash8": b"SETTINGS",
            "planned_nl": 20_000,
            "planned_depth_um": 1_500,
            "area_code": 3,
            "kind": 1,
            "trigger_source": 1,
            "pins": 1,
            "flags": 5,
            "prev_hash8": self.hash8,
            "intent_crc": 0,
            "dose_lo_nl": 20_000,
            "dose_hi_nl": 20_000,
            "measured_depth_um": 1_500,
            "duration_ms": 60,
            "peak_pressure_kpa": 40,
            "phase": 1,
            "reason": 0,
            "outcome_crc": 0,
        } | changes
        raw = bytearray(Slot(**fields).pack())
        raw[48:52] = intent_crc(self.epoch, bytes(raw)).to_bytes(4, "little")
        raw[68:72] = outcome_crc(self.epoch, bytes(raw)).to_bytes(4, "little")
        self.hash8 = record_hash8(self.uid, self.epoch, bytes(raw))
        return bytes(raw)


def hello(**changes) -> HelloReply:
    """A HELLO reply of a healthy simulated gun with an empty ring, with changes."""
    from protocols.wire.codes import DESCRIPTOR_HASH8

    fields = dict.fromkeys(HelloReply.OFFSETS, 0) | {
        "session": 1,
        "major": 1,
        "max_frame": 250,
        "descriptor_hash8": DESCRIPTOR_HASH8,
        "gun_uid": UID,
        "log_epoch": EPOCH,
        "boot_id": 1,
        "reset_cause": 1,
        "state": 1,
        "flags": 1,
        "oldest_seq": 1,
        "log_capacity": 4096,
        "chain_head8": chain_seed8(UID, EPOCH),
        "model": "MESO-SIM",
        "serial": "MG-0001",
        "accounting_level": ord("A"),
        "fw_hash8": bytes(8),
        "cal_hash8": b"CALIBRAT",
        "limits_hash8": bytes(8),
        "settings_hash8": bytes(8),
        "host_nonce": bytes(16),
    }
    return HelloReply(**(fields | changes))
