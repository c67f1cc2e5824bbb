"""What the gun says of itself: STATUS and HELLO."""

from typing import Final

from protocols.wire.codes import DESCRIPTOR_HASH8, MAJOR, MINOR, Alarm, Capability, GunFlag
from protocols.wire.frame import DECODED_SIZE_MAX
from protocols.wire.hashes import hash8
from protocols.wire.messages import Hello, HelloReply, Status
from simulator.firmware.board import Board
from simulator.firmware.senses import battery_pct, watch
from simulator.firmware.sessions import Session
from simulator.physics.events import Sensors

LEVEL_A: Final = ord("A")
_U16: Final = 0xFFFF
# Plain integers: adding up enumeration members costs more than the rest of a status.
_SIMULATED: Final = int(GunFlag.SIMULATED)
_ESTOPPED: Final = int(GunFlag.ESTOPPED)
_FAULT: Final = int(GunFlag.FAULT)
_LOG_FULL: Final = int(GunFlag.LOG_FULL)
_CONTACT: Final = int(GunFlag.CONTACT)
_TRIGGER: Final = int(GunFlag.TRIGGER)
_CARTRIDGE: Final = int(GunFlag.CARTRIDGE)
_AUTHENTICATED: Final = int(GunFlag.AUTHENTICATED)
_U32: Final = 0xFFFFFFFF


def flags(board: Board, sensors: Sensors, *, authenticated: bool) -> int:
    """`GunFlag` bits. A simulated gun says so always; ``authenticated`` says that the frame is tagged."""
    bits = _SIMULATED | _AUTHENTICATED if authenticated else _SIMULATED
    for condition, bit in (
        (board.latch.latch_id, _ESTOPPED),
        (board.alarms.fault_open, _FAULT),
        (board.alarms.is_active(Alarm.LOG_FULL), _LOG_FULL),
        (sensors.contact, _CONTACT),
        (sensors.trigger, _TRIGGER),
        (sensors.cartridge_present, _CARTRIDGE),
    ):
        if condition:
            bits |= bit
    return bits


def status(board: Board, rx_bad_frames: int, *, authenticated: bool) -> Status:
    """The status now; looks at the alarms that follow sensors."""
    sensors = board.body.sensors(board.now_us)
    watch(board, sensors)
    grant = board.grants.live
    return Status(
        board.state,
        grant.terms.kind if grant is not None else 0,
        flags(board, sensors, authenticated=authenticated),
        board.ring.head_seq,
        grant.terms.grant_no if grant is not None else 0,
        grant.remaining_shots if grant is not None else 0,
        board.lease.left_ms(board.ticks_us),
        grant.remaining_nl if grant is not None else 0,
        board.trigger_count & _U32,
        board.latch.latch_id,
        board.alarms.bits,
        sensors.needle_um,
        max(0, sensors.plunger_um) & _U32,
        min(sensors.pressure_pa, _U32),
        min(sensors.suction_pa, _U32),
        min(sensors.plunger_force_dn, _U16),
        max(-0x8000, min(0x7FFF, sensors.temp_cdegc)),
        max(0, min(sensors.battery_mv, _U16)),
        board.ring.free & _U16,
        (rx_bad_frames + board.rx_untrue) & _U16,
        board.rx_dropped & _U16,
    )


def hello(board: Board, session: Session, request: Hello, *, authenticated: bool) -> HelloReply:
    """The reply to HELLO."""
    identity, ring, cal = board.identity, board.ring, board.calibration.active
    sensors = board.body.sensors(board.now_us)
    grant = board.grants.live
    major, minor, patch = identity.firmware
    return HelloReply(
        session=session.number,
        major=MAJOR,
        minor=MINOR,
        max_frame=DECODED_SIZE_MAX,
        descriptor_hash8=DESCRIPTOR_HASH8,
        gun_uid=board.gun_uid,
        log_epoch=ring.log_epoch,
        boot_id=board.boot_id,
        reset_cause=board.reset_cause,
        state=board.state,
        flags=flags(board, sensors, authenticated=authenticated),
        head_seq=ring.head_seq,
        released_seq=ring.released_seq,
        oldest_seq=ring.oldest_seq,
        log_capacity=board.nvm.slots,
        chain_head8=ring.chain_head8,
        odometer_nl=board.tally.odometer_nl,
        ticks_us=board.ticks_us,
        plunger_um=max(0, sensors.plunger_um),
        model=identity.model,
        serial=identity.serial,
        hw_rev=identity.hw_rev,
        fw_major=major,
        fw_minor=minor,
        fw_patch=patch,
        accounting_level=LEVEL_A,
        battery_pct=battery_pct(sensors),
        fw_hash8=identity.fw_hash8,
        cal_id=cal.main.cal_id + board.faults.strength("cal_foreign"),
        cal_hash8=cal.hash8,
        cal_due_day=cal.main.due_day,
        limits_hash8=hash8(identity.limits.pack()),
        settings_hash8=board.settings.hash8,
        capabilities=identity.capabilities | (Capability.LINK_AUTH if board.sessions.link_key else 0),
        owner_token=board.sessions.owner_token,
        last_grant_no=board.grants.last_no,
        active_grant_no=grant.terms.grant_no if grant is not None else 0,
        remaining_shots=grant.remaining_shots if grant is not None else 0,
        self_test=board.passed,
        remaining_nl=grant.remaining_nl if grant is not None else 0,
        estop_latch_id=board.latch.latch_id,
        estop_source=board.latch.source,
        alarms=board.alarms.bits,
        host_nonce=request.host_nonce,
    )
