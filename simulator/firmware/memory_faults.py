"""Damage to the memory that happens while the gun is off."""

from simulator.firmware.calibration import due_on
from simulator.firmware.faults import FirmwareFaults
from simulator.firmware.nvm import SLOT_SIZE, Nvm
from simulator.firmware.tally import Tally


def damage_memory(nvm: Nvm, faults: FirmwareFaults, log_epoch: int) -> None:
    """Let the one-shot faults of the memory happen, before the firmware reads it at boot."""
    if faults.take("nvm_erased") is not None:
        nvm.erase()
        return
    calibration = nvm.calibration.load()
    due_day = faults.take("cal_expired") if calibration is not None else None
    if calibration is not None and due_day is not None:
        nvm.calibration.save(due_on(calibration, due_day))
    tally = Tally(nvm)
    if not tally.load() or tally.log_epoch != log_epoch:
        return
    back = faults.take("log_slot_bitflip")
    if back is not None and back <= min(tally.head_seq, nvm.slots):
        offset = nvm.slot_offset(tally.head_seq + 1 - back) + 30
        nvm.store.write(offset, bytes([nvm.store.read(offset, 1)[0] ^ 0x10]))
    forgotten = faults.take("seq_regress")
    if forgotten is not None:
        _forget(nvm, tally, forgotten)


def _forget(nvm: Nvm, tally: Tally, count: int) -> None:
    """Take the newest records out of the ring as if they had never been."""
    for _ in range(min(count, tally.head_seq, nvm.slots)):
        offset = nvm.slot_offset(tally.head_seq)
        tally.chain_head8 = nvm.store.read(offset + 40, 8)
        nvm.store.write(offset, bytes(SLOT_SIZE))
        tally.head_seq -= 1
    tally.save()
