"""The log ring: INTENT is written and read back before the first motor step, OUTCOME after the last.

A slot is written in three steps: the OUTCOME of the lap before is erased, INTENT is written, and after the motion the
new OUTCOME. Without the first step a power cut in the motion could leave a new INTENT beside a valid old OUTCOME.
A slot that is not released is never written.
"""

from struct import Struct
from typing import Final

import msgspec

from protocols.errors import InvariantError, require
from protocols.wire.codes import Code, Phase, Reason
from protocols.wire.hashes import INTENT_SIZE, intent_crc, outcome_crc, record_hash8, slot_is_final
from simulator.firmware.faults import FirmwareFaults
from simulator.firmware.nvm import SLOT_SIZE, Nvm, PowerCut
from simulator.firmware.refusal import Refusal
from simulator.firmware.tally import Tally

SEQ_MAX: Final = 0xFFFFFF00
_INTENT: Final = Struct("<IIQI8sIHHBBBB8s")
_OUTCOME: Final = Struct("<IIHHHBB")
_CRC: Final = Struct("<I")
_RELEASED: Final = Struct("<II")
_NO_OUTCOME: Final = bytes(SLOT_SIZE - INTENT_SIZE)


class NvmBroken(Exception):  # noqa: N818  # names what was found
    """Memory does not hold what was written: no motion may follow."""


class Intent(msgspec.Struct, frozen=True):
    """What a shot is going to be; fields as in the log slot."""

    boot_id: int
    ticks_start_us: int
    grant_no: int
    settings_hash8: bytes
    planned_nl: int
    planned_depth_um: int
    area_code: int
    kind: int
    trigger_source: int
    pins: int
    flags: int


class Outcome(msgspec.Struct, frozen=True):
    """What a shot has been; fields as in the log slot."""

    dose_lo_nl: int
    dose_hi_nl: int
    measured_depth_um: int
    duration_ms: int
    peak_pressure_kpa: int
    phase: Phase
    reason: Reason


class LogRing:
    """The records of this gun, in order, until the host has released them.

    Attributes:
        log_epoch: Epoch of the ring.
        released_seq: Last record that the host has released.
        open_intent: INTENT half of the shot under way or found unfinished at boot, else None.
        damaged: Whether an unreleased record was found damaged.
    """

    __slots__ = (
        "_faults", "_nvm", "_reused_seq", "_tally", "_uid", "damaged", "log_epoch", "open_intent", "released_seq",
    )  # fmt: skip

    def __init__(self, nvm: Nvm, tally: Tally, faults: FirmwareFaults) -> None:
        self._nvm = nvm
        self._tally = tally
        self._faults = faults
        self._uid = bytes(12)
        self.log_epoch = self.released_seq = 0
        self.open_intent: bytes | None = None
        self.damaged = False
        self._reused_seq = 0  # last record whose slot was taken for another

    # where it stands

    @property
    def head_seq(self) -> int:
        """Last final record."""
        return self._tally.head_seq

    @property
    def chain_head8(self) -> bytes:
        """record_hash8 of the last final record."""
        return self._tally.chain_head8

    @property
    def oldest_seq(self) -> int:
        """Oldest record that can still be read; head_seq + 1 if none."""
        return self._reused_seq + 1

    @property
    def free(self) -> int:
        """Slots that may be written before the host releases more."""
        usable = min(self._nvm.slots, self._faults.strength("ring_full", self._nvm.slots))
        return max(0, usable - (self.head_seq - self.released_seq) - (self.open_intent is not None))

    @property
    def exhausted(self) -> bool:
        """Whether shot_seq has come to its end: only a new epoch helps."""
        return self.head_seq >= SEQ_MAX

    # boot

    def mount(self, gun_uid: bytes, log_epoch: int) -> None:
        """Find out at boot where the ring stands: count what the tally does not, find an unfinished shot."""
        self._uid = gun_uid
        self.log_epoch = log_epoch
        self.open_intent = None
        released = self._nvm.released.load()
        epoch, released_seq = _RELEASED.unpack(released) if released else (0, 0)
        self.released_seq = released_seq if epoch == log_epoch else 0
        tally = self._tally
        if not tally.load():
            tally.begin_epoch(gun_uid, log_epoch)
            self._search()
        elif tally.log_epoch != log_epoch:
            tally.begin_epoch(gun_uid, log_epoch)
        for _ in range(self._nvm.slots):
            seq = tally.head_seq + 1
            slot = self._slot(seq)
            if not self._is_intent(seq, slot):
                break
            if not slot_is_final(log_epoch, slot):
                self.open_intent = slot[:INTENT_SIZE]
                break
            tally.count(seq, slot, record_hash8(gun_uid, log_epoch, slot))
        tally.save()
        self._reused_seq = max(0, self.head_seq + (self.open_intent is not None) - self._nvm.slots)
        # Power may have been lost after the oldest slot was erased and before INTENT was written there.
        if self.oldest_seq <= self.released_seq and not self._is_final(self.oldest_seq):
            self._reused_seq += 1
        self.check()

    def begin_epoch(self, log_epoch: int) -> None:
        """Start a new epoch; the caller has made it durable in the board's item."""
        self.log_epoch = log_epoch
        self.released_seq = 0
        self._tally.begin_epoch(self._uid, log_epoch)
        self._tally.save()
        self._reused_seq = 0
        self.damaged = False

    def check(self) -> bool:
        """Whether every unreleased record is whole and in its chain; sets `damaged`."""
        before = b""
        self.damaged = False
        for seq in range(self.released_seq + 1, self.head_seq + 1):
            slot = self._slot(seq)
            if not self._is_final(seq) or (before and slot[40:48] != before):
                self.damaged = True
                break
            before = record_hash8(self._uid, self.log_epoch, slot)
        return not self.damaged

    # one shot

    def begin(self, intent: Intent) -> int:
        """Write INTENT and read it back; returns shot_seq.

        Raises:
            NvmBroken: memory does not hold it; nothing may move.
            PowerCut: the supply was lost.
        """
        require(self.open_intent is None, "a record is open already")
        require(self.free > 0 and not self.exhausted, "a record would overwrite an unreleased one")
        seq = self.head_seq + 1
        head = _INTENT.pack(
            seq,
            intent.boot_id,
            intent.ticks_start_us,
            intent.grant_no,
            intent.settings_hash8,
            intent.planned_nl,
            intent.planned_depth_um,
            intent.area_code,
            intent.kind,
            intent.trigger_source,
            intent.pins,
            intent.flags,
            self.chain_head8,
        )
        head += _CRC.pack(intent_crc(self.log_epoch, head))
        if self._faults.take("nvm_before_intent") is not None:
            raise PowerCut
        offset = self._nvm.slot_offset(seq)
        self._reused_seq = max(self._reused_seq, seq - self._nvm.slots)
        self._write(offset + INTENT_SIZE, _NO_OUTCOME)
        torn = self._faults.take("nvm_torn_intent")
        if torn is not None:
            self._nvm.store.write(offset, head[:torn])
            raise PowerCut
        self._write(offset, head)
        self.open_intent = head
        if self._faults.take("nvm_after_intent") is not None:
            raise PowerCut
        return seq

    def finish(self, outcome: Outcome) -> bytes:
        """Write OUTCOME, read it back and count the record; returns its 72 bytes.

        Raises:
            NvmBroken: memory does not hold it.
            PowerCut: the supply was lost.
        """
        intent = self.open_intent
        if intent is None:
            raise InvariantError("no record is open")
        tail = _OUTCOME.pack(
            outcome.dose_lo_nl,
            outcome.dose_hi_nl,
            outcome.measured_depth_um,
            outcome.duration_ms,
            outcome.peak_pressure_kpa,
            outcome.phase,
            outcome.reason,
        )
        slot = intent + tail
        tail += _CRC.pack(outcome_crc(self.log_epoch, slot))
        slot = intent + tail
        seq = self.head_seq + 1
        offset = self._nvm.slot_offset(seq) + INTENT_SIZE
        torn = self._faults.take("torn_outcome")
        if torn is not None:
            self._nvm.store.write(offset, tail[:torn])
            raise PowerCut
        self._write(offset, tail)
        self.open_intent = None
        self._tally.count(seq, slot, record_hash8(self._uid, self.log_epoch, slot))
        self._tally.save()
        return slot

    # the host

    def read(self, log_epoch: int, from_seq: int, count: int) -> tuple[int, bytes]:
        """Final records verbatim: how many, and their bytes. Damage is shown, not hidden.

        Raises:
            Refusal: E_EPOCH, or E_RANGE for a record that is overwritten.
        """
        if log_epoch != self.log_epoch:
            raise Refusal(Code.E_EPOCH)
        if from_seq < self.oldest_seq:
            raise Refusal(Code.E_RANGE, field_offset=4)
        count = max(0, min(count, self.head_seq + 1 - from_seq))
        first = self._nvm.slot_offset(from_seq)
        if (from_seq - 1) % self._nvm.slots + count <= self._nvm.slots:
            return count, self._nvm.store.read(first, count * SLOT_SIZE)
        return count, b"".join(self._slot(from_seq + n) for n in range(count))

    def release(self, log_epoch: int, upto_seq: int, hash8: bytes) -> int:
        """Let the slots up to a record be reused, proven by its hash; returns released_seq.

        Raises:
            Refusal: E_EPOCH, or E_CHAIN for a record beyond the head or another hash.
        """
        if log_epoch != self.log_epoch:
            raise Refusal(Code.E_EPOCH)
        if upto_seq > self.head_seq:
            raise Refusal(Code.E_CHAIN)
        if self.oldest_seq <= upto_seq and self._hash8(upto_seq) != hash8:
            raise Refusal(Code.E_CHAIN)
        if upto_seq > self.released_seq:
            self._nvm.released.save(_RELEASED.pack(self.log_epoch, upto_seq))
            self.released_seq = upto_seq
            if self.damaged:
                self.check()
        return self.released_seq

    def records_of(self, grant_no: int, count_max: int) -> tuple[int, int, int]:
        """Records of the newest grant: how many, their planned and their highest volume."""
        shots = planned_nl = dose_hi_nl = 0
        for seq in range(self.head_seq, self.oldest_seq - 1, -1):
            slot = self._slot(seq)
            of_grant = int.from_bytes(slot[16:20], "little")
            if of_grant == grant_no:
                shots += 1
                planned_nl += int.from_bytes(slot[28:32], "little")
                dose_hi_nl += int.from_bytes(slot[56:60], "little")
            elif of_grant or shots >= count_max:
                break
        return shots, planned_nl, dose_hi_nl

    # inside

    def _slot(self, seq: int) -> bytes:
        return self._nvm.store.read(self._nvm.slot_offset(seq), SLOT_SIZE)

    def _hash8(self, seq: int) -> bytes:
        return record_hash8(self._uid, self.log_epoch, self._slot(seq))

    def _write(self, offset: int, data: bytes) -> None:
        """Write and read back."""
        self._nvm.store.write(offset, data)
        if self._nvm.store.read(offset, len(data)) != data:
            raise NvmBroken

    def _is_intent(self, seq: int, slot: bytes) -> bool:
        return int.from_bytes(slot[:4], "little") == seq and int.from_bytes(slot[48:52], "little") == intent_crc(
            self.log_epoch, slot
        )

    def _is_final(self, seq: int) -> bool:
        slot = self._slot(seq)
        return int.from_bytes(slot[:4], "little") == seq and slot_is_final(self.log_epoch, slot)

    def _search(self) -> None:
        """The tally is lost: look through the whole ring for the newest final record."""
        newest = b""
        ring = self._nvm.store.read(self._nvm.slot_offset(1), self._nvm.slots * SLOT_SIZE)
        for offset in range(0, len(ring), SLOT_SIZE):
            seq = int.from_bytes(ring[offset : offset + 4], "little")
            slot = ring[offset : offset + SLOT_SIZE]
            if seq > self._tally.head_seq and slot_is_final(self.log_epoch, slot):
                self._tally.head_seq = seq
                newest = slot
        if newest:
            self._tally.chain_head8 = record_hash8(self._uid, self.log_epoch, newest)
