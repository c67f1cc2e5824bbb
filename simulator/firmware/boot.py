"""From power to SAFE: what memory says, what it owes, what the sensors say."""

from protocols.wire.codes import Alarm, EventKind, ResetCause
from protocols.wire.messages import BootEvent, Slot
from protocols.wire.states import GUN, GunEvent, next_state
from simulator.firmware.board import BOARD_ITEM, STATUS_PERIOD_US, Board
from simulator.firmware.memory_faults import damage_memory
from simulator.firmware.selftest import ALL_ITEMS, failed_items
from simulator.firmware.senses import watch
from simulator.firmware.shots import interrupted

# After a reset nothing tells how far the plunger stands behind its furthest: as far as it can.
_UNKNOWN_BACK_UM = 1_000_000


def boot(board: Board, reset_cause: ResetCause) -> None:
    """Start the gun: SAFE, ESTOPPED or FAULT, without credit, settings or sessions.

    Raises:
        PowerCut: the supply was lost again.
    """
    board.state = next_state(GUN, board.state, GunEvent.RESET)
    board.body.advance(board.now_us)
    _forget(board, reset_cause)
    _mount(board)
    sensors = board.body.sensors(board.now_us)
    board.contact = sensors.contact
    board.cartridge = sensors.cartridge_present
    board.hand.restart(level=sensors.trigger, ticks_us=0)
    board.pedal.restart(level=sensors.trigger, ticks_us=0)
    board.journal.note(0, EventKind.BOOT, detail=reset_cause)
    if board.ring.damaged:
        board.alarm(Alarm.NVM_FAULT, lasting=True)
    if sensors.trigger:
        board.alarm(Alarm.TRIGGER_STUCK, lasting=True)
    failed = failed_items(ALL_ITEMS, board.ring, sensors)
    board.passed = ALL_ITEMS & ~failed
    if failed:
        board.alarm(Alarm.SELF_TEST_FAILED, lasting=True)
    watch(board, sensors)
    if board.ring.free <= 0:
        board.alarm(Alarm.LOG_FULL, lasting=True)
    if board.latch.latch_id:
        board.alarm(Alarm.ESTOP, lasting=True)
        board.change(GunEvent.BOOT_LATCHED)
    else:
        board.change(GunEvent.BOOT_FAULTY if board.alarms.fault_open else GunEvent.BOOT_CLEAR)
    board.outbox.event(BootEvent(board.boot_id, reset_cause, board.ring.head_seq))
    if sensors.needle_um:
        board.home()


def _forget(board: Board, reset_cause: ResetCause) -> None:
    """Work memory after a reset."""
    board.clock.restart(board.now_us)
    board.ticks_us = 0
    board.reset_cause = reset_cause
    board.outbox.clear()
    board.alarms.restart()
    board.settings.clear()
    board.last_sent_settings = board.settings.block
    board.lease.end()
    board.lease.forget_beats()
    board.pull.end()
    board.shot = None
    board.homing = board.in_service = False
    board.last_intent_us = board.button_us = board.status_due_us = None
    board.status_period_us = STATUS_PERIOD_US
    board.credit_since_us = board.trigger_count = board.passed = 0
    board.rx_dropped = board.rx_untrue = board.lamp_test_until_us = 0
    board.drawn_back_um = _UNKNOWN_BACK_UM


def _mount(board: Board) -> None:
    """Read the memory, bring the ring to its end, and count the boot."""
    nvm, faults = board.nvm, board.faults
    item = nvm.board.load()
    damage_memory(nvm, faults, BOARD_ITEM.unpack(item)[1] if item else 0)
    item = nvm.board.load()
    uid, log_epoch, epochs = BOARD_ITEM.unpack(item) if item else (b"", 0, 0)
    board.gun_uid = _uid(board)
    boots = nvm.boot.load()
    board.boot_id = (int.from_bytes(boots, "little") if boots else 0) + 1
    nvm.boot.save(board.boot_id.to_bytes(4, "little"))
    board.draw.stir(board.boot_id.to_bytes(4, "little") + board.now_us.to_bytes(8, "little", signed=True))
    if uid != board.gun_uid or faults.take("epoch_change") is not None:
        log_epoch = board.draw.draw_u32(other_than=(log_epoch,))
        nvm.board.save(BOARD_ITEM.pack(board.gun_uid, log_epoch, epochs + 1))
    board.journal.restart(board.boot_id)
    board.ring.mount(board.gun_uid, log_epoch)
    board.latch.load()
    board.calibration.load()
    board.sessions.restart()
    _close_open_record(board)
    board.grants.restart(board.ring)


def _uid(board: Board) -> bytes:
    uid = board.identity.uid
    return bytes([uid[0] ^ 0xFF]) + uid[1:] if board.faults.is_on("uid_change") else uid


def _close_open_record(board: Board) -> None:
    """Complete the record of a stroke in which power was lost: INTENT is there, OUTCOME is not."""
    intent = board.ring.open_intent
    latched = board.nvm.hold_up.load()
    if intent is None:
        return
    slot = Slot.unpack(intent + bytes(Slot.SIZE - len(intent)))
    board.body.never_started(
        board.now_us,
        board.label(kind=slot.kind, shot_seq=slot.shot_seq, grant_no=slot.grant_no, area_code=slot.area_code),
    )
    latched_nl = 0
    if latched is not None:
        epoch, seq, nl = (int.from_bytes(latched[at : at + 4], "little") for at in (0, 4, 8))
        if (epoch, seq) == (board.ring.log_epoch, slot.shot_seq):
            latched_nl = nl
    board.ring.finish(interrupted(slot.planned_nl, latched_nl))
