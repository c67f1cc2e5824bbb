"""Messages of the wire protocol as frozen values. Generated from schema.toml; do not edit.

`unpack` of a reply, event or struct skips bytes that a newer minor version has appended; a request of
another length is refused. `RANGES` holds (payload offset, field, lowest, highest) of each bounded field.
"""

from struct import Struct
from typing import ClassVar, Final, TypeAlias

import msgspec

from protocols.wire.errors import WireLengthError


def _text(raw: bytes) -> str:
    """Keep printable ASCII up to the first zero: what a gun calls itself may end on a screen."""
    return "".join(chr(c) if 0x20 <= c < 0x7F else "?" for c in raw.split(b"\0", 1)[0])


class Settings(msgspec.Struct, frozen=True):
    """One block with every setting, set and read back as a whole. `settings_hash8` covers all 72 bytes.

    Attributes:
        area_code: area of the treatment protocol; a grant for another area is refused (1 to 65,535).
        mode: mode of injection (1 to 7).
        pins: 1, 5 or 9 as the head table says (1 to 9).
        depth_um: commanded needle travel, not depth in skin (0 to 13,000).
        dose_nl: 1,000..200,000 a shot over all pins; 0 in DRY and only there (0 to 200,000).
        flow_nl_per_s: injection speed (1 to 10,000,000).
        interval_ms: shortest time between shots: 111 is 9/s (111 to 65,535).
        dwell_ms: wait before the needle is drawn (0 to 2,000).
        antidrip_nl: backward plunger travel after a shot; never counted as dose (0 to 20,000).
        burst_shots: shots while the trigger is held, BURST only (1 to 50).
        contact_gate: whether skin contact is needed (0 to 2).
        suction_threshold_pa: below ambient (0 to 95,000).
        suction_mode: what the vacuum does (0 to 2).
        trigger_mask: sum of allowed TriggerSource values (1 to 7).
        max_pressure_pa: above it the shot is ABORTED(OCCLUSION) and the fault latched (1,000 to 5,000,000).
        needle_speed_um_per_s: speed of the needle axis (1,000 to 2,000,000).
        syringe_geometry_id: row of the gun's calibrated syringe table (1 to 4,294,967,295).
        needle_type_id: needle fitted.
        head_type_id: row of the gun's head table (1 to 65,535).
        head_instance: hash of the head's serial: single-use check.
        product_tag8: host's hash of product and lot.
        cal_hash8: must equal the active calibration.
    """

    TYPE: ClassVar[int] = 0x08
    SIZE: ClassVar[int] = 72
    OFFSETS: ClassVar[dict[str, int]] = {"area_code": 0, "mode": 2, "pins": 3, "depth_um": 4, "dose_nl": 8, "flow_nl_per_s": 12, "interval_ms": 16, "dwell_ms": 18, "antidrip_nl": 20, "burst_shots": 22, "contact_gate": 23, "suction_threshold_pa": 24, "suction_mode": 28, "trigger_mask": 29, "max_pressure_pa": 32, "needle_speed_um_per_s": 36, "syringe_geometry_id": 40, "needle_type_id": 44, "head_type_id": 46, "head_instance": 48, "product_tag8": 56, "cal_hash8": 64}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "area_code", 1, 65535),
        (2, "mode", 1, 7),
        (3, "pins", 1, 9),
        (4, "depth_um", 0, 13000),
        (8, "dose_nl", 0, 200000),
        (12, "flow_nl_per_s", 1, 10000000),
        (16, "interval_ms", 111, 65535),
        (18, "dwell_ms", 0, 2000),
        (20, "antidrip_nl", 0, 20000),
        (22, "burst_shots", 1, 50),
        (23, "contact_gate", 0, 2),
        (24, "suction_threshold_pa", 0, 95000),
        (28, "suction_mode", 0, 2),
        (29, "trigger_mask", 1, 7),
        (32, "max_pressure_pa", 1000, 5000000),
        (36, "needle_speed_um_per_s", 1000, 2000000),
        (40, "syringe_geometry_id", 1, 4294967295),
        (46, "head_type_id", 1, 65535),
    )
    _STRUCT: ClassVar[Struct] = Struct("<HBBIIIHHHBBIBB2xIIIHHQ8s8s")

    area_code: int
    mode: int
    pins: int
    depth_um: int
    dose_nl: int
    flow_nl_per_s: int
    interval_ms: int
    dwell_ms: int
    antidrip_nl: int
    burst_shots: int
    contact_gate: int
    suction_threshold_pa: int
    suction_mode: int
    trigger_mask: int
    max_pressure_pa: int
    needle_speed_um_per_s: int
    syringe_geometry_id: int
    needle_type_id: int
    head_type_id: int
    head_instance: int
    product_tag8: bytes
    cal_hash8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.area_code, self.mode, self.pins, self.depth_um, self.dose_nl, self.flow_nl_per_s, self.interval_ms, self.dwell_ms, self.antidrip_nl, self.burst_shots, self.contact_gate, self.suction_threshold_pa, self.suction_mode, self.trigger_mask, self.max_pressure_pa, self.needle_speed_um_per_s, self.syringe_geometry_id, self.needle_type_id, self.head_type_id, self.head_instance, self.product_tag8, self.cal_hash8)

    @classmethod
    def unpack(cls, data: bytes) -> "Settings":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 72 bytes.
        """
        if len(data) != 72:
            raise WireLengthError(cls.__name__, 72, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class Slot(msgspec.Struct, frozen=True):
    """One record of the log ring. Bytes 0-51 (INTENT) are written and read back before the first motor step, bytes 52-71 (OUTCOME) after the last.

    Attributes:
        shot_seq: from 1, by 1, within an epoch (1 to 4,294,967,295).
        boot_id: boot in which the shot was made.
        ticks_start_us: gun time of INTENT.
        grant_no: grant spent; 0 = SERVICE.
        settings_hash8: settings in force.
        planned_nl: dose ordered.
        planned_depth_um: travel ordered.
        area_code: area of the grant.
        kind: as the grant, or SERVICE (1 to 5).
        trigger_source: what started it.
        pins: pins of the head.
        flags: at the start.
        prev_hash8: record_hash8 of shot_seq - 1.
        intent_crc: CRC-32 over log_epoch and bytes 0-47.
        dose_lo_nl: least that was given.
        dose_hi_nl: most that was given.
        measured_depth_um: deepest needle travel measured.
        duration_ms: INTENT to needle home.
        peak_pressure_kpa: highest pressure.
        phase: how it ended (1 to 3).
        reason: why it did not end as planned (0 to 12).
        outcome_crc: CRC-32 over log_epoch and bytes 52-67.
    """

    SIZE: ClassVar[int] = 72
    OFFSETS: ClassVar[dict[str, int]] = {"shot_seq": 0, "boot_id": 4, "ticks_start_us": 8, "grant_no": 16, "settings_hash8": 20, "planned_nl": 28, "planned_depth_um": 32, "area_code": 34, "kind": 36, "trigger_source": 37, "pins": 38, "flags": 39, "prev_hash8": 40, "intent_crc": 48, "dose_lo_nl": 52, "dose_hi_nl": 56, "measured_depth_um": 60, "duration_ms": 62, "peak_pressure_kpa": 64, "phase": 66, "reason": 67, "outcome_crc": 68}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "shot_seq", 1, 4294967295),
        (36, "kind", 1, 5),
        (66, "phase", 1, 3),
        (67, "reason", 0, 12),
    )
    _STRUCT: ClassVar[Struct] = Struct("<IIQI8sIHHBBBB8sIIIHHHBBI")

    shot_seq: int
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
    prev_hash8: bytes
    intent_crc: int
    dose_lo_nl: int
    dose_hi_nl: int
    measured_depth_um: int
    duration_ms: int
    peak_pressure_kpa: int
    phase: int
    reason: int
    outcome_crc: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.shot_seq, self.boot_id, self.ticks_start_us, self.grant_no, self.settings_hash8, self.planned_nl, self.planned_depth_um, self.area_code, self.kind, self.trigger_source, self.pins, self.flags, self.prev_hash8, self.intent_crc, self.dose_lo_nl, self.dose_hi_nl, self.measured_depth_um, self.duration_ms, self.peak_pressure_kpa, self.phase, self.reason, self.outcome_crc)

    @classmethod
    def unpack(cls, data: bytes) -> "Slot":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 72 bytes.
        """
        if len(data) < 72:
            raise WireLengthError(cls.__name__, 72, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class Status(msgspec.Struct, frozen=True):
    """What the gun senses and has left; sent at the status rate and on request. A hint: only log slots make records.

    Attributes:
        state: state (0 to 6).
        grant_kind: kind of the live grant, 0 if none.
        flags: flags.
        head_seq: last final record.
        active_grant_no: live grant, 0 if none.
        remaining_shots: credit left.
        lease_left_ms: lease left.
        remaining_nl: credit left.
        trigger_count: accepted triggers since boot.
        estop_latch_id: 0 = latch clear.
        alarms: alarms active or latched.
        needle_um: needle position.
        plunger_um: plunger position.
        pressure_pa: fluid pressure.
        suction_pa: vacuum below ambient.
        plunger_force_dn: plunger force in 0.1 N.
        temp_cdegc: temperature in 0.01 degC.
        battery_mv: battery.
        log_free: free slots.
        rx_bad_frames: frames dropped for COBS, CRC or length, mod 65,536.
        rx_dropped: frames dropped for want of room, mod 65,536.
    """

    TYPE: ClassVar[int] = 0x40
    SIZE: ClassVar[int] = 64
    OFFSETS: ClassVar[dict[str, int]] = {"state": 0, "grant_kind": 1, "flags": 2, "head_seq": 4, "active_grant_no": 8, "remaining_shots": 12, "lease_left_ms": 14, "remaining_nl": 16, "trigger_count": 20, "estop_latch_id": 24, "alarms": 28, "needle_um": 36, "plunger_um": 40, "pressure_pa": 44, "suction_pa": 48, "plunger_force_dn": 52, "temp_cdegc": 54, "battery_mv": 56, "log_free": 58, "rx_bad_frames": 60, "rx_dropped": 62}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "state", 0, 6),
    )
    _STRUCT: ClassVar[Struct] = Struct("<BBHIIHHIIIQiIIIHhHHHH")

    state: int
    grant_kind: int
    flags: int
    head_seq: int
    active_grant_no: int
    remaining_shots: int
    lease_left_ms: int
    remaining_nl: int
    trigger_count: int
    estop_latch_id: int
    alarms: int
    needle_um: int
    plunger_um: int
    pressure_pa: int
    suction_pa: int
    plunger_force_dn: int
    temp_cdegc: int
    battery_mv: int
    log_free: int
    rx_bad_frames: int
    rx_dropped: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.state, self.grant_kind, self.flags, self.head_seq, self.active_grant_no, self.remaining_shots, self.lease_left_ms, self.remaining_nl, self.trigger_count, self.estop_latch_id, self.alarms, self.needle_um, self.plunger_um, self.pressure_pa, self.suction_pa, self.plunger_force_dn, self.temp_cdegc, self.battery_mv, self.log_free, self.rx_bad_frames, self.rx_dropped)

    @classmethod
    def unpack(cls, data: bytes) -> "Status":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 64 bytes.
        """
        if len(data) < 64:
            raise WireLengthError(cls.__name__, 64, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EventRecord(msgspec.Struct, frozen=True):
    """One entry of the gun's event list, which may overwrite its oldest.

    Attributes:
        event_no: from 1.
        boot_id: boot.
        ticks_us: gun time.
        kind: what happened.
        detail: see EventKind.
        arg: see EventKind.
        arg2: see EventKind.
    """

    SIZE: ClassVar[int] = 32
    OFFSETS: ClassVar[dict[str, int]] = {"event_no": 0, "boot_id": 4, "ticks_us": 8, "kind": 16, "detail": 17, "arg": 20, "arg2": 24}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IIQBB2xIQ")

    event_no: int
    boot_id: int
    ticks_us: int
    kind: int
    detail: int
    arg: int
    arg2: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.event_no, self.boot_id, self.ticks_us, self.kind, self.detail, self.arg, self.arg2)

    @classmethod
    def unpack(cls, data: bytes) -> "EventRecord":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 32 bytes.
        """
        if len(data) < 32:
            raise WireLengthError(cls.__name__, 32, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class CalMain(msgspec.Struct, frozen=True):
    """Calibration page 0. `cal_hash8` covers pages 0-4 in order, 320 bytes.

    Attributes:
        depth_offset_um: added to commanded travel (-2,000 to 2,000).
        depth_gain_ppm: parts per million of commanded travel (-200,000 to 200,000).
        dose_offset_nl: added to commanded dose (-10,000 to 10,000).
        dose_gain_ppm: parts per million of commanded dose (-200,000 to 200,000).
        cal_id: number of this calibration (1 to 4,294,967,295).
        issued_day: days since 1970-01-01.
        due_day: days since 1970-01-01.
        certificate: certificate number.
    """

    SIZE: ClassVar[int] = 64
    OFFSETS: ClassVar[dict[str, int]] = {"depth_offset_um": 0, "depth_gain_ppm": 4, "dose_offset_nl": 8, "dose_gain_ppm": 12, "cal_id": 16, "issued_day": 20, "due_day": 24, "certificate": 28}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "depth_offset_um", -2000, 2000),
        (4, "depth_gain_ppm", -200000, 200000),
        (8, "dose_offset_nl", -10000, 10000),
        (12, "dose_gain_ppm", -200000, 200000),
        (16, "cal_id", 1, 4294967295),
    )
    _STRUCT: ClassVar[Struct] = Struct("<iiiiIII16s20x")

    depth_offset_um: int
    depth_gain_ppm: int
    dose_offset_nl: int
    dose_gain_ppm: int
    cal_id: int
    issued_day: int
    due_day: int
    certificate: str

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.depth_offset_um, self.depth_gain_ppm, self.dose_offset_nl, self.dose_gain_ppm, self.cal_id, self.issued_day, self.due_day, self.certificate.encode())

    @classmethod
    def unpack(cls, data: bytes) -> "CalMain":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 64 bytes.
        """
        if len(data) < 64:
            raise WireLengthError(cls.__name__, 64, len(data))
        (depth_offset_um, depth_gain_ppm, dose_offset_nl, dose_gain_ppm, cal_id, issued_day, due_day, certificate,) = cls._STRUCT.unpack_from(data)
        return cls(depth_offset_um, depth_gain_ppm, dose_offset_nl, dose_gain_ppm, cal_id, issued_day, due_day, _text(certificate))


class SyringeRow(msgspec.Struct, frozen=True):
    """Four rows make a calibration page, pages 1 to 3. geometry_id 0 = empty row.

    Attributes:
        geometry_id: syringe geometry.
        pl_per_um: picolitres a micrometre of plunger travel.
        travel_um: usable travel.
        min_dose_nl: smallest dose.
    """

    SIZE: ClassVar[int] = 16
    OFFSETS: ClassVar[dict[str, int]] = {"geometry_id": 0, "pl_per_um": 4, "travel_um": 8, "min_dose_nl": 12}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IIII")

    geometry_id: int
    pl_per_um: int
    travel_um: int
    min_dose_nl: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.geometry_id, self.pl_per_um, self.travel_um, self.min_dose_nl)

    @classmethod
    def unpack(cls, data: bytes) -> "SyringeRow":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 16 bytes.
        """
        if len(data) < 16:
            raise WireLengthError(cls.__name__, 16, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class HeadRow(msgspec.Struct, frozen=True):
    """Four rows make calibration page 4. head_type_id 0 = empty row.

    Attributes:
        head_type_id: type of head.
        pins: needles of the head.
        gauge: needle gauge.
        needle_length_um: free needle length.
        inner_diameter_um: needle bore.
    """

    SIZE: ClassVar[int] = 16
    OFFSETS: ClassVar[dict[str, int]] = {"head_type_id": 0, "pins": 2, "gauge": 3, "needle_length_um": 4, "inner_diameter_um": 6}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<HBBHH8x")

    head_type_id: int
    pins: int
    gauge: int
    needle_length_um: int
    inner_diameter_um: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.head_type_id, self.pins, self.gauge, self.needle_length_um, self.inner_diameter_um)

    @classmethod
    def unpack(cls, data: bytes) -> "HeadRow":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 16 bytes.
        """
        if len(data) < 16:
            raise WireLengthError(cls.__name__, 16, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class Hello(msgspec.Struct, frozen=True):
    """Open a session. Works in every state and changes nothing but the session table.

    Attributes:
        host_nonce: fresh; the reply echoes it.
        min_major: lowest major the host speaks (1 to 255).
        max_major: highest major the host speaks (1 to 255).
        host_id: random id of this host.
    """

    TYPE: ClassVar[int] = 0x01
    SIZE: ClassVar[int] = 34
    OFFSETS: ClassVar[dict[str, int]] = {"host_nonce": 0, "min_major": 16, "max_major": 17, "host_id": 18}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (16, "min_major", 1, 255),
        (17, "max_major", 1, 255),
    )
    _STRUCT: ClassVar[Struct] = Struct("<16sBB16s")

    host_nonce: bytes
    min_major: int
    max_major: int
    host_id: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.host_nonce, self.min_major, self.max_major, self.host_id)

    @classmethod
    def unpack(cls, data: bytes) -> "Hello":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 34 bytes.
        """
        if len(data) != 34:
            raise WireLengthError(cls.__name__, 34, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class HelloReply(msgspec.Struct, frozen=True):
    """Body of the reply to HELLO.

    Attributes:
        session: session number for all further frames.
        major: wire protocol major.
        minor: wire protocol minor.
        max_frame: longest decoded frame the gun takes.
        descriptor_hash8: hash of the descriptor that DESCRIBE gives.
        gun_uid: identity of the gun's board.
        log_epoch: epoch of the ring.
        boot_id: grows by one a boot.
        reset_cause: why it booted.
        state: state.
        flags: flags.
        head_seq: last final record.
        released_seq: last released record.
        oldest_seq: oldest record that can still be read; head_seq + 1 if none.
        log_capacity: slots of the ring.
        chain_head8: record_hash8 of head_seq.
        odometer_nl: all product ever pushed.
        ticks_us: gun time.
        plunger_um: plunger position.
        model: model.
        serial: serial number.
        hw_rev: hardware revision.
        fw_major: firmware.
        fw_minor: firmware.
        fw_patch: firmware.
        accounting_level: ASCII A, B or C.
        battery_pct: battery.
        fw_hash8: hash of the firmware image.
        cal_id: active calibration.
        cal_hash8: active calibration.
        cal_due_day: days since 1970-01-01.
        limits_hash8: hash of the LIMITS_GET body.
        settings_hash8: active settings.
        capabilities: what is fitted.
        owner_token: raised by every TAKEOVER.
        last_grant_no: highest grant number accepted.
        active_grant_no: live grant, 0 if none.
        remaining_shots: credit left.
        self_test: items passed since boot.
        remaining_nl: credit left.
        estop_latch_id: 0 = latch clear.
        estop_source: who latched.
        alarms: alarms active or latched.
        host_nonce: echo: a late reply cannot pass for the new one.
    """

    TYPE: ClassVar[int] = 0x81
    SIZE: ClassVar[int] = 220
    OFFSETS: ClassVar[dict[str, int]] = {"session": 0, "major": 4, "minor": 5, "max_frame": 6, "descriptor_hash8": 8, "gun_uid": 16, "log_epoch": 28, "boot_id": 32, "reset_cause": 36, "state": 37, "flags": 38, "head_seq": 40, "released_seq": 44, "oldest_seq": 48, "log_capacity": 52, "chain_head8": 56, "odometer_nl": 64, "ticks_us": 72, "plunger_um": 80, "model": 84, "serial": 96, "hw_rev": 112, "fw_major": 114, "fw_minor": 115, "fw_patch": 116, "accounting_level": 118, "battery_pct": 119, "fw_hash8": 120, "cal_id": 128, "cal_hash8": 132, "cal_due_day": 140, "limits_hash8": 144, "settings_hash8": 152, "capabilities": 160, "owner_token": 168, "last_grant_no": 172, "active_grant_no": 176, "remaining_shots": 180, "self_test": 182, "remaining_nl": 184, "estop_latch_id": 188, "estop_source": 192, "alarms": 196, "host_nonce": 204}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IBBH8s12sIIBBHIIII8sQQI12s16sHBBHBB8sI8sI8s8sQIIIHHIIB3xQ16s")

    session: int
    major: int
    minor: int
    max_frame: int
    descriptor_hash8: bytes
    gun_uid: bytes
    log_epoch: int
    boot_id: int
    reset_cause: int
    state: int
    flags: int
    head_seq: int
    released_seq: int
    oldest_seq: int
    log_capacity: int
    chain_head8: bytes
    odometer_nl: int
    ticks_us: int
    plunger_um: int
    model: str
    serial: str
    hw_rev: int
    fw_major: int
    fw_minor: int
    fw_patch: int
    accounting_level: int
    battery_pct: int
    fw_hash8: bytes
    cal_id: int
    cal_hash8: bytes
    cal_due_day: int
    limits_hash8: bytes
    settings_hash8: bytes
    capabilities: int
    owner_token: int
    last_grant_no: int
    active_grant_no: int
    remaining_shots: int
    self_test: int
    remaining_nl: int
    estop_latch_id: int
    estop_source: int
    alarms: int
    host_nonce: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.session, self.major, self.minor, self.max_frame, self.descriptor_hash8, self.gun_uid, self.log_epoch, self.boot_id, self.reset_cause, self.state, self.flags, self.head_seq, self.released_seq, self.oldest_seq, self.log_capacity, self.chain_head8, self.odometer_nl, self.ticks_us, self.plunger_um, self.model.encode(), self.serial.encode(), self.hw_rev, self.fw_major, self.fw_minor, self.fw_patch, self.accounting_level, self.battery_pct, self.fw_hash8, self.cal_id, self.cal_hash8, self.cal_due_day, self.limits_hash8, self.settings_hash8, self.capabilities, self.owner_token, self.last_grant_no, self.active_grant_no, self.remaining_shots, self.self_test, self.remaining_nl, self.estop_latch_id, self.estop_source, self.alarms, self.host_nonce)

    @classmethod
    def unpack(cls, data: bytes) -> "HelloReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 220 bytes.
        """
        if len(data) < 220:
            raise WireLengthError(cls.__name__, 220, len(data))
        (session, major, minor, max_frame, descriptor_hash8, gun_uid, log_epoch, boot_id, reset_cause, state, flags, head_seq, released_seq, oldest_seq, log_capacity, chain_head8, odometer_nl, ticks_us, plunger_um, model, serial, hw_rev, fw_major, fw_minor, fw_patch, accounting_level, battery_pct, fw_hash8, cal_id, cal_hash8, cal_due_day, limits_hash8, settings_hash8, capabilities, owner_token, last_grant_no, active_grant_no, remaining_shots, self_test, remaining_nl, estop_latch_id, estop_source, alarms, host_nonce,) = cls._STRUCT.unpack_from(data)
        return cls(session, major, minor, max_frame, descriptor_hash8, gun_uid, log_epoch, boot_id, reset_cause, state, flags, head_seq, released_seq, oldest_seq, log_capacity, chain_head8, odometer_nl, ticks_us, plunger_um, _text(model), _text(serial), hw_rev, fw_major, fw_minor, fw_patch, accounting_level, battery_pct, fw_hash8, cal_id, cal_hash8, cal_due_day, limits_hash8, settings_hash8, capabilities, owner_token, last_grant_no, active_grant_no, remaining_shots, self_test, remaining_nl, estop_latch_id, estop_source, alarms, host_nonce)


class Describe(msgspec.Struct, frozen=True):
    """Read the descriptor: messages, fields, units, ranges, enumerations, as zlib-compressed JSON.

    Attributes:
        offset: first byte wanted.
        length: bytes wanted (1 to 220).
    """

    TYPE: ClassVar[int] = 0x02
    SIZE: ClassVar[int] = 5
    OFFSETS: ClassVar[dict[str, int]] = {"offset": 0, "length": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (4, "length", 1, 220),
    )
    _STRUCT: ClassVar[Struct] = Struct("<IB")

    offset: int
    length: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.offset, self.length)

    @classmethod
    def unpack(cls, data: bytes) -> "Describe":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 5 bytes.
        """
        if len(data) != 5:
            raise WireLengthError(cls.__name__, 5, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class DescribeReply(msgspec.Struct, frozen=True):
    """Body of the reply to DESCRIBE.

    Attributes:
        total_length: length of the compressed descriptor.
        offset: first byte given.
        data: bytes; none at the end.
    """

    TYPE: ClassVar[int] = 0x82
    SIZE: ClassVar[int] = 8
    OFFSETS: ClassVar[dict[str, int]] = {"total_length": 0, "offset": 4, "data": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<II")

    total_length: int
    offset: int
    data: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.total_length, self.offset) + self.data

    @classmethod
    def unpack(cls, data: bytes) -> "DescribeReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 8 bytes.
        """
        if len(data) < 8:
            raise WireLengthError(cls.__name__, 8, len(data))
        return cls(*(*cls._STRUCT.unpack_from(data), data[8:]))


class TimePing(msgspec.Struct, frozen=True):
    """Relate the gun's ticks to the host's monotonic clock.

    Attributes:
        host_mono_ns: echoed.
    """

    TYPE: ClassVar[int] = 0x03
    SIZE: ClassVar[int] = 8
    OFFSETS: ClassVar[dict[str, int]] = {"host_mono_ns": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<Q")

    host_mono_ns: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.host_mono_ns)

    @classmethod
    def unpack(cls, data: bytes) -> "TimePing":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 8 bytes.
        """
        if len(data) != 8:
            raise WireLengthError(cls.__name__, 8, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class TimePingReply(msgspec.Struct, frozen=True):
    """Body of the reply to TIME_PING.

    Attributes:
        host_mono_ns: echo.
        ticks_us: gun time when the reply was made.
        boot_id: boot that the ticks belong to.
    """

    TYPE: ClassVar[int] = 0x83
    SIZE: ClassVar[int] = 20
    OFFSETS: ClassVar[dict[str, int]] = {"host_mono_ns": 0, "ticks_us": 8, "boot_id": 16}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<QQI")

    host_mono_ns: int
    ticks_us: int
    boot_id: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.host_mono_ns, self.ticks_us, self.boot_id)

    @classmethod
    def unpack(cls, data: bytes) -> "TimePingReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 20 bytes.
        """
        if len(data) < 20:
            raise WireLengthError(cls.__name__, 20, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class Takeover(msgspec.Struct, frozen=True):
    """Become owner: raises owner_token by one in non-volatile memory, voids all credit, fences older owners.

    Attributes:
        expected_token: owner_token as HELLO said, else E_STALE.
        host_id: random id of this host.
    """

    TYPE: ClassVar[int] = 0x04
    SIZE: ClassVar[int] = 20
    OFFSETS: ClassVar[dict[str, int]] = {"expected_token": 0, "host_id": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I16s")

    expected_token: int
    host_id: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.expected_token, self.host_id)

    @classmethod
    def unpack(cls, data: bytes) -> "Takeover":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 20 bytes.
        """
        if len(data) != 20:
            raise WireLengthError(cls.__name__, 20, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class TakeoverReply(msgspec.Struct, frozen=True):
    """Body of the reply to TAKEOVER.

    Attributes:
        owner_token: the new token.
    """

    TYPE: ClassVar[int] = 0x84
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"owner_token": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    owner_token: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.owner_token)

    @classmethod
    def unpack(cls, data: bytes) -> "TakeoverReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 4 bytes.
        """
        if len(data) < 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class Goodbye(msgspec.Struct, frozen=True):
    """Leave: credit 0, SAFE; the token stays."""

    TYPE: ClassVar[int] = 0x05
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "Goodbye":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class Auth(msgspec.Struct, frozen=True):
    """Ask a gun that holds a link key for its nonce. The reply is tagged: it proves the key."""

    TYPE: ClassVar[int] = 0x06
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "Auth":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class AuthReply(msgspec.Struct, frozen=True):
    """Body of the reply to AUTH.

    Attributes:
        gun_nonce: random, drawn anew for each session.
    """

    TYPE: ClassVar[int] = 0x86
    SIZE: ClassVar[int] = 16
    OFFSETS: ClassVar[dict[str, int]] = {"gun_nonce": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<16s")

    gun_nonce: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.gun_nonce)

    @classmethod
    def unpack(cls, data: bytes) -> "AuthReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 16 bytes.
        """
        if len(data) < 16:
            raise WireLengthError(cls.__name__, 16, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class LimitsGet(msgspec.Struct, frozen=True):
    """Hard limits of this gun, set at manufacture; no message writes them."""

    TYPE: ClassVar[int] = 0x07
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "LimitsGet":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class LimitsGetReply(msgspec.Struct, frozen=True):
    """Body of the reply to LIMITS_GET.

    Attributes:
        depth_um_max: deepest travel.
        depth_grid_um: step of depth_um.
        dose_grid_nl: step of dose_nl.
        dose_nl_min: smallest dose over all syringes.
        dose_nl_max: largest dose.
        flow_nl_per_s_max: fastest flow.
        interval_ms_min: shortest interval.
        grant_shots_max: most shots of one grant.
        grant_nl_max: most volume of one grant.
        lease_ms_min: shortest lease.
        lease_ms_max: longest lease.
        session_nl_max: most volume until session_idle_s without a shot.
        session_shots_max: most shots until session_idle_s without a shot.
        session_idle_s: pause that ends the gun's own session.
        pins_mask: bit n set: n + 1 pins allowed.
        pressure_pa_max: highest pressure limit.
        needle_speed_um_per_s_max: fastest needle.
        valid_s_max: longest valid_s of a grant.
    """

    TYPE: ClassVar[int] = 0x87
    SIZE: ClassVar[int] = 56
    OFFSETS: ClassVar[dict[str, int]] = {"depth_um_max": 0, "depth_grid_um": 4, "dose_grid_nl": 6, "dose_nl_min": 8, "dose_nl_max": 12, "flow_nl_per_s_max": 16, "interval_ms_min": 20, "grant_shots_max": 22, "grant_nl_max": 24, "lease_ms_min": 28, "lease_ms_max": 30, "session_nl_max": 32, "session_shots_max": 36, "session_idle_s": 40, "pins_mask": 42, "pressure_pa_max": 44, "needle_speed_um_per_s_max": 48, "valid_s_max": 52}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IHHIIIHHIHHIIHHIIH2x")

    depth_um_max: int
    depth_grid_um: int
    dose_grid_nl: int
    dose_nl_min: int
    dose_nl_max: int
    flow_nl_per_s_max: int
    interval_ms_min: int
    grant_shots_max: int
    grant_nl_max: int
    lease_ms_min: int
    lease_ms_max: int
    session_nl_max: int
    session_shots_max: int
    session_idle_s: int
    pins_mask: int
    pressure_pa_max: int
    needle_speed_um_per_s_max: int
    valid_s_max: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.depth_um_max, self.depth_grid_um, self.dose_grid_nl, self.dose_nl_min, self.dose_nl_max, self.flow_nl_per_s_max, self.interval_ms_min, self.grant_shots_max, self.grant_nl_max, self.lease_ms_min, self.lease_ms_max, self.session_nl_max, self.session_shots_max, self.session_idle_s, self.pins_mask, self.pressure_pa_max, self.needle_speed_um_per_s_max, self.valid_s_max)

    @classmethod
    def unpack(cls, data: bytes) -> "LimitsGetReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 56 bytes.
        """
        if len(data) < 56:
            raise WireLengthError(cls.__name__, 56, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class SettingsSetReply(msgspec.Struct, frozen=True):
    """Body of the reply to SETTINGS_SET.

    Attributes:
        settings_hash8: hash of the block now active.
    """

    TYPE: ClassVar[int] = 0x88
    SIZE: ClassVar[int] = 8
    OFFSETS: ClassVar[dict[str, int]] = {"settings_hash8": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<8s")

    settings_hash8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.settings_hash8)

    @classmethod
    def unpack(cls, data: bytes) -> "SettingsSetReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 8 bytes.
        """
        if len(data) < 8:
            raise WireLengthError(cls.__name__, 8, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class SettingsGet(msgspec.Struct, frozen=True):
    """Read back the active settings."""

    TYPE: ClassVar[int] = 0x09
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "SettingsGet":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class SettingsGetReply(msgspec.Struct, frozen=True):
    """Body of the reply to SETTINGS_GET.

    Attributes:
        block: Settings, verbatim.
        settings_hash8: hash of the block.
    """

    TYPE: ClassVar[int] = 0x89
    SIZE: ClassVar[int] = 80
    OFFSETS: ClassVar[dict[str, int]] = {"block": 0, "settings_hash8": 72}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<72s8s")

    block: bytes
    settings_hash8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.block, self.settings_hash8)

    @classmethod
    def unpack(cls, data: bytes) -> "SettingsGetReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 80 bytes.
        """
        if len(data) < 80:
            raise WireLengthError(cls.__name__, 80, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantSet(msgspec.Struct, frozen=True):
    """Set the credit that the trigger may spend. A set, not an addition: the same number again never refills.

    Attributes:
        grant_no: above last_grant_no by 1 to 1,000 (1 to 4,294,967,295).
        expect_head_seq: head_seq, else E_STALE.
        owner_token: token of this owner, else E_FENCED.
        kind: what is permitted (1 to 4).
        area_code: area of the active settings, else E_AREA (1 to 65,535).
        settings_hash8: hash of the active settings, else E_SETTINGS.
        max_shots: shots (1 to 65,535).
        max_nl: volume over all shots.
        lease_ms: heartbeats must come within this (200 to 2,000).
        valid_s: the grant ends after this (1 to 65,535).
        not_after_uptime_ms: later than this on the gun's uptime: E_LATE; credit that no heartbeat renews ends then.
        session_tag8: random pseudonym of the session.
    """

    TYPE: ClassVar[int] = 0x0A
    SIZE: ClassVar[int] = 48
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0, "expect_head_seq": 4, "owner_token": 8, "kind": 12, "area_code": 14, "settings_hash8": 16, "max_shots": 24, "max_nl": 28, "lease_ms": 32, "valid_s": 34, "not_after_uptime_ms": 36, "session_tag8": 40}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "grant_no", 1, 4294967295),
        (12, "kind", 1, 4),
        (14, "area_code", 1, 65535),
        (24, "max_shots", 1, 65535),
        (32, "lease_ms", 200, 2000),
        (34, "valid_s", 1, 65535),
    )
    _STRUCT: ClassVar[Struct] = Struct("<IIIB1xH8sH2xIHHI8s")

    grant_no: int
    expect_head_seq: int
    owner_token: int
    kind: int
    area_code: int
    settings_hash8: bytes
    max_shots: int
    max_nl: int
    lease_ms: int
    valid_s: int
    not_after_uptime_ms: int
    session_tag8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no, self.expect_head_seq, self.owner_token, self.kind, self.area_code, self.settings_hash8, self.max_shots, self.max_nl, self.lease_ms, self.valid_s, self.not_after_uptime_ms, self.session_tag8)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantSet":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 48 bytes.
        """
        if len(data) != 48:
            raise WireLengthError(cls.__name__, 48, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantSetReply(msgspec.Struct, frozen=True):
    """Body of the reply to GRANT_SET.

    Attributes:
        grant_no: the grant.
        remaining_shots: credit left.
        remaining_nl: credit left.
    """

    TYPE: ClassVar[int] = 0x8A
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0, "remaining_shots": 4, "remaining_nl": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IH2xI")

    grant_no: int
    remaining_shots: int
    remaining_nl: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no, self.remaining_shots, self.remaining_nl)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantSetReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantGet(msgspec.Struct, frozen=True):
    """Read a grant back. The gun knows the newest; older ones are VOID or SPENT, unknown ones NONE.

    Attributes:
        grant_no: the grant asked for.
    """

    TYPE: ClassVar[int] = 0x0B
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    grant_no: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantGet":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 4 bytes.
        """
        if len(data) != 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantGetReply(msgspec.Struct, frozen=True):
    """Body of the reply to GRANT_GET.

    Attributes:
        grant_no: the grant.
        state: its state.
        kind: its kind, 0 if not the newest.
        area_code: its area.
        settings_hash8: its settings.
        max_shots: as set.
        remaining_shots: credit left.
        max_nl: as set.
        remaining_nl: credit left.
        dose_hi_used_nl: sum of dose_hi_nl of its records.
        shots_used: its records.
        lease_ms: as set.
    """

    TYPE: ClassVar[int] = 0x8B
    SIZE: ClassVar[int] = 36
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0, "state": 4, "kind": 5, "area_code": 6, "settings_hash8": 8, "max_shots": 16, "remaining_shots": 18, "max_nl": 20, "remaining_nl": 24, "dose_hi_used_nl": 28, "shots_used": 32, "lease_ms": 34}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IBBH8sHHIIIHH")

    grant_no: int
    state: int
    kind: int
    area_code: int
    settings_hash8: bytes
    max_shots: int
    remaining_shots: int
    max_nl: int
    remaining_nl: int
    dose_hi_used_nl: int
    shots_used: int
    lease_ms: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no, self.state, self.kind, self.area_code, self.settings_hash8, self.max_shots, self.remaining_shots, self.max_nl, self.remaining_nl, self.dose_hi_used_nl, self.shots_used, self.lease_ms)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantGetReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 36 bytes.
        """
        if len(data) < 36:
            raise WireLengthError(cls.__name__, 36, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantRevoke(msgspec.Struct, frozen=True):
    """Take the credit back; a shot under way is finished as ABORTED(REVOKED).

    Attributes:
        grant_no: the grant, 0 = whichever is live.
    """

    TYPE: ClassVar[int] = 0x0C
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    grant_no: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantRevoke":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 4 bytes.
        """
        if len(data) != 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantRevokeReply(msgspec.Struct, frozen=True):
    """Body of the reply to GRANT_REVOKE.

    Attributes:
        grant_no: the grant that ended, 0 if none was live.
        remaining_shots: credit at that moment.
        remaining_nl: credit at that moment.
    """

    TYPE: ClassVar[int] = 0x8C
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0, "remaining_shots": 4, "remaining_nl": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IH2xI")

    grant_no: int
    remaining_shots: int
    remaining_nl: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no, self.remaining_shots, self.remaining_nl)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantRevokeReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class LogRead(msgspec.Struct, frozen=True):
    """Read final records, verbatim. Fewer than asked where the ring has no more, or the frame no room.

    Attributes:
        log_epoch: epoch, else E_EPOCH.
        from_seq: first record wanted (1 to 4,294,967,295).
        count: records wanted (1 to 3).
    """

    TYPE: ClassVar[int] = 0x10
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"log_epoch": 0, "from_seq": 4, "count": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (4, "from_seq", 1, 4294967295),
        (8, "count", 1, 3),
    )
    _STRUCT: ClassVar[Struct] = Struct("<III")

    log_epoch: int
    from_seq: int
    count: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.log_epoch, self.from_seq, self.count)

    @classmethod
    def unpack(cls, data: bytes) -> "LogRead":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 12 bytes.
        """
        if len(data) != 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class LogReadReply(msgspec.Struct, frozen=True):
    """Body of the reply to LOG_READ.

    Attributes:
        log_epoch: epoch.
        from_seq: first record given.
        count: records given.
        slots: count x 72 bytes.
    """

    TYPE: ClassVar[int] = 0x90
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"log_epoch": 0, "from_seq": 4, "count": 8, "slots": 12}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<III")

    log_epoch: int
    from_seq: int
    count: int
    slots: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.log_epoch, self.from_seq, self.count) + self.slots

    @classmethod
    def unpack(cls, data: bytes) -> "LogReadReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*(*cls._STRUCT.unpack_from(data), data[12:]))


class LogRelease(msgspec.Struct, frozen=True):
    """Let the gun reuse the slots up to and including upto_seq, proven by the hash of that record.

    Attributes:
        log_epoch: epoch, else E_EPOCH.
        upto_seq: at most head_seq, else E_CHAIN.
        record_hash8: hash of record upto_seq, else E_CHAIN.
    """

    TYPE: ClassVar[int] = 0x11
    SIZE: ClassVar[int] = 16
    OFFSETS: ClassVar[dict[str, int]] = {"log_epoch": 0, "upto_seq": 4, "record_hash8": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<II8s")

    log_epoch: int
    upto_seq: int
    record_hash8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.log_epoch, self.upto_seq, self.record_hash8)

    @classmethod
    def unpack(cls, data: bytes) -> "LogRelease":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 16 bytes.
        """
        if len(data) != 16:
            raise WireLengthError(cls.__name__, 16, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class LogReleaseReply(msgspec.Struct, frozen=True):
    """Body of the reply to LOG_RELEASE.

    Attributes:
        released_seq: last released record; never goes back.
    """

    TYPE: ClassVar[int] = 0x91
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"released_seq": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    released_seq: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.released_seq)

    @classmethod
    def unpack(cls, data: bytes) -> "LogReleaseReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 4 bytes.
        """
        if len(data) < 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EventRead(msgspec.Struct, frozen=True):
    """Read the gun's event list.

    Attributes:
        from_no: first entry wanted (1 to 4,294,967,295).
    """

    TYPE: ClassVar[int] = 0x12
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"from_no": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "from_no", 1, 4294967295),
    )
    _STRUCT: ClassVar[Struct] = Struct("<I")

    from_no: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.from_no)

    @classmethod
    def unpack(cls, data: bytes) -> "EventRead":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 4 bytes.
        """
        if len(data) != 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EventReadReply(msgspec.Struct, frozen=True):
    """Body of the reply to EVENT_READ.

    Attributes:
        lost: entries overwritten so far.
        records: up to 7 x 32 bytes.
    """

    TYPE: ClassVar[int] = 0x92
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"lost": 0, "records": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    lost: int
    records: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.lost) + self.records

    @classmethod
    def unpack(cls, data: bytes) -> "EventReadReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 4 bytes.
        """
        if len(data) < 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*(*cls._STRUCT.unpack_from(data), data[4:]))


class Heartbeat(msgspec.Struct, frozen=True):
    """Renew the lease. No reply. Renews only from the owner, if hb_no grew, up to echo_uptime_ms + lease.

    Attributes:
        hb_no: grows by one (1 to 4,294,967,295).
        echo_uptime_ms: newest uptime_ms heard from the gun.
        lease_ms: lease of the grant.
        session_state: state of the host's session, for the gun's display.
        screen_alive: 1 while the operator's screen answers (0 to 1).
    """

    TYPE: ClassVar[int] = 0x14
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"hb_no": 0, "echo_uptime_ms": 4, "lease_ms": 8, "session_state": 10, "screen_alive": 11}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "hb_no", 1, 4294967295),
        (11, "screen_alive", 0, 1),
    )
    _STRUCT: ClassVar[Struct] = Struct("<IIHBB")

    hb_no: int
    echo_uptime_ms: int
    lease_ms: int
    session_state: int
    screen_alive: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.hb_no, self.echo_uptime_ms, self.lease_ms, self.session_state, self.screen_alive)

    @classmethod
    def unpack(cls, data: bytes) -> "Heartbeat":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 12 bytes.
        """
        if len(data) != 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class StatusGet(msgspec.Struct, frozen=True):
    """Read the status."""

    TYPE: ClassVar[int] = 0x15
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "StatusGet":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class StatusRate(msgspec.Struct, frozen=True):
    """Set the period of STATUS events for this session.

    Attributes:
        period_ms: period (100 to 2,000).
    """

    TYPE: ClassVar[int] = 0x16
    SIZE: ClassVar[int] = 2
    OFFSETS: ClassVar[dict[str, int]] = {"period_ms": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "period_ms", 100, 2000),
    )
    _STRUCT: ClassVar[Struct] = Struct("<H")

    period_ms: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.period_ms)

    @classmethod
    def unpack(cls, data: bytes) -> "StatusRate":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 2 bytes.
        """
        if len(data) != 2:
            raise WireLengthError(cls.__name__, 2, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class SelfTest(msgspec.Struct, frozen=True):
    """Run self-test items. ACCEPTED, then SELF_TEST_DONE. Moves nothing while contact is sensed.

    Attributes:
        mask: items (1 to 511).
    """

    TYPE: ClassVar[int] = 0x18
    SIZE: ClassVar[int] = 2
    OFFSETS: ClassVar[dict[str, int]] = {"mask": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "mask", 1, 511),
    )
    _STRUCT: ClassVar[Struct] = Struct("<H")

    mask: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.mask)

    @classmethod
    def unpack(cls, data: bytes) -> "SelfTest":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 2 bytes.
        """
        if len(data) != 2:
            raise WireLengthError(cls.__name__, 2, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class AlarmAck(msgspec.Struct, frozen=True):
    """Silence the buzzer for this alarm for at most 120 s; clears no latch whose cause is still there.

    Attributes:
        alarm: alarm (0 to 63).
    """

    TYPE: ClassVar[int] = 0x19
    SIZE: ClassVar[int] = 1
    OFFSETS: ClassVar[dict[str, int]] = {"alarm": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "alarm", 0, 63),
    )
    _STRUCT: ClassVar[Struct] = Struct("<B")

    alarm: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.alarm)

    @classmethod
    def unpack(cls, data: bytes) -> "AlarmAck":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 1 bytes.
        """
        if len(data) != 1:
            raise WireLengthError(cls.__name__, 1, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class AlarmTest(msgspec.Struct, frozen=True):
    """Show the lamp and buzzer pattern."""

    TYPE: ClassVar[int] = 0x1A
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "AlarmTest":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class ServiceEnter(msgspec.Struct, frozen=True):
    """Enter SERVICE; needs the gun's own button within 30 s before."""

    TYPE: ClassVar[int] = 0x20
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "ServiceEnter":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class ServiceLeave(msgspec.Struct, frozen=True):
    """Leave SERVICE for SAFE; voids credit."""

    TYPE: ClassVar[int] = 0x21
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "ServiceLeave":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class ServiceMove(msgspec.Struct, frozen=True):
    """A service movement; takes a log slot. ACCEPTED, then MOVE_DONE. Cannot dispense or extend.

    Attributes:
        move: which (1 to 3).
        distance_um: RETRACT_PLUNGER only, else 0 (0 to 100,000).
        expect_head_seq: head_seq, else E_STALE.
    """

    TYPE: ClassVar[int] = 0x22
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"move": 0, "distance_um": 4, "expect_head_seq": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "move", 1, 3),
        (4, "distance_um", 0, 100000),
    )
    _STRUCT: ClassVar[Struct] = Struct("<B3xII")

    move: int
    distance_um: int
    expect_head_seq: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.move, self.distance_um, self.expect_head_seq)

    @classmethod
    def unpack(cls, data: bytes) -> "ServiceMove":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 12 bytes.
        """
        if len(data) != 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class ServiceMoveReply(msgspec.Struct, frozen=True):
    """Body of the reply to SERVICE_MOVE.

    Attributes:
        shot_seq: slot taken.
    """

    TYPE: ClassVar[int] = 0xA2
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"shot_seq": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    shot_seq: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.shot_seq)

    @classmethod
    def unpack(cls, data: bytes) -> "ServiceMoveReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 4 bytes.
        """
        if len(data) < 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class CalRead(msgspec.Struct, frozen=True):
    """Read a page of the active calibration.

    Attributes:
        page: page (0 to 4).
    """

    TYPE: ClassVar[int] = 0x23
    SIZE: ClassVar[int] = 1
    OFFSETS: ClassVar[dict[str, int]] = {"page": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "page", 0, 4),
    )
    _STRUCT: ClassVar[Struct] = Struct("<B")

    page: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.page)

    @classmethod
    def unpack(cls, data: bytes) -> "CalRead":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 1 bytes.
        """
        if len(data) != 1:
            raise WireLengthError(cls.__name__, 1, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class CalReadReply(msgspec.Struct, frozen=True):
    """Body of the reply to CAL_READ.

    Attributes:
        page: page.
        block: the page.
    """

    TYPE: ClassVar[int] = 0xA3
    SIZE: ClassVar[int] = 68
    OFFSETS: ClassVar[dict[str, int]] = {"page": 0, "block": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<B3x64s")

    page: int
    block: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.page, self.block)

    @classmethod
    def unpack(cls, data: bytes) -> "CalReadReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 68 bytes.
        """
        if len(data) < 68:
            raise WireLengthError(cls.__name__, 68, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class CalWrite(msgspec.Struct, frozen=True):
    """Write a page of the shadow calibration; nothing takes effect.

    Attributes:
        page: page (0 to 4).
        block: the page.
    """

    TYPE: ClassVar[int] = 0x24
    SIZE: ClassVar[int] = 68
    OFFSETS: ClassVar[dict[str, int]] = {"page": 0, "block": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "page", 0, 4),
    )
    _STRUCT: ClassVar[Struct] = Struct("<B3x64s")

    page: int
    block: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.page, self.block)

    @classmethod
    def unpack(cls, data: bytes) -> "CalWrite":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 68 bytes.
        """
        if len(data) != 68:
            raise WireLengthError(cls.__name__, 68, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class CalCommit(msgspec.Struct, frozen=True):
    """Make the shadow calibration the active one; SERVICE only; voids credit.

    Attributes:
        cal_id: as in page 0, else E_CALIBRATION (1 to 4,294,967,295).
        cal_hash8: hash of the five shadow pages, else E_CALIBRATION.
    """

    TYPE: ClassVar[int] = 0x25
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"cal_id": 0, "cal_hash8": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (0, "cal_id", 1, 4294967295),
    )
    _STRUCT: ClassVar[Struct] = Struct("<I8s")

    cal_id: int
    cal_hash8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.cal_id, self.cal_hash8)

    @classmethod
    def unpack(cls, data: bytes) -> "CalCommit":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 12 bytes.
        """
        if len(data) != 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class CalCommitReply(msgspec.Struct, frozen=True):
    """Body of the reply to CAL_COMMIT.

    Attributes:
        cal_id: active calibration.
        cal_hash8: active calibration.
    """

    TYPE: ClassVar[int] = 0xA5
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"cal_id": 0, "cal_hash8": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I8s")

    cal_id: int
    cal_hash8: bytes

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.cal_id, self.cal_hash8)

    @classmethod
    def unpack(cls, data: bytes) -> "CalCommitReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EpochOpen(msgspec.Struct, frozen=True):
    """Start a new epoch of the ring; SERVICE only; refused while head_seq is not released.

    Attributes:
        expected_epoch: epoch, else E_EPOCH.
        expected_head_seq: head_seq, else E_STALE.
    """

    TYPE: ClassVar[int] = 0x27
    SIZE: ClassVar[int] = 8
    OFFSETS: ClassVar[dict[str, int]] = {"expected_epoch": 0, "expected_head_seq": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<II")

    expected_epoch: int
    expected_head_seq: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.expected_epoch, self.expected_head_seq)

    @classmethod
    def unpack(cls, data: bytes) -> "EpochOpen":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 8 bytes.
        """
        if len(data) != 8:
            raise WireLengthError(cls.__name__, 8, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EpochOpenReply(msgspec.Struct, frozen=True):
    """Body of the reply to EPOCH_OPEN.

    Attributes:
        log_epoch: the new epoch, never used before.
    """

    TYPE: ClassVar[int] = 0xA7
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"log_epoch": 0}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<I")

    log_epoch: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.log_epoch)

    @classmethod
    def unpack(cls, data: bytes) -> "EpochOpenReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 4 bytes.
        """
        if len(data) < 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EstopResetPrepare(msgspec.Struct, frozen=True):
    """First of two steps to clear the stop latch."""

    TYPE: ClassVar[int] = 0x30
    SIZE: ClassVar[int] = 0
    OFFSETS: ClassVar[dict[str, int]] = {}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<")

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack()

    @classmethod
    def unpack(cls, data: bytes) -> "EstopResetPrepare":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 0 bytes.
        """
        if len(data) != 0:
            raise WireLengthError(cls.__name__, 0, len(data))
        return cls()


class EstopResetPrepareReply(msgspec.Struct, frozen=True):
    """Body of the reply to ESTOP_RESET_PREPARE.

    Attributes:
        nonce: for the second step, good for 10 s.
        latch_id: the latch.
    """

    TYPE: ClassVar[int] = 0xB0
    SIZE: ClassVar[int] = 8
    OFFSETS: ClassVar[dict[str, int]] = {"nonce": 0, "latch_id": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<II")

    nonce: int
    latch_id: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.nonce, self.latch_id)

    @classmethod
    def unpack(cls, data: bytes) -> "EstopResetPrepareReply":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 8 bytes.
        """
        if len(data) < 8:
            raise WireLengthError(cls.__name__, 8, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EstopResetConfirm(msgspec.Struct, frozen=True):
    """Second step. Ends in SAFE, never in ARMED; the needle is homed.

    Attributes:
        nonce: from the first step, else E_NONCE.
        latch_id: the latch, else E_NONCE.
        reason_code: why it is safe to go on (1 to 255).
    """

    TYPE: ClassVar[int] = 0x31
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"nonce": 0, "latch_id": 4, "reason_code": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = (
        (8, "reason_code", 1, 255),
    )
    _STRUCT: ClassVar[Struct] = Struct("<IIB3x")

    nonce: int
    latch_id: int
    reason_code: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.nonce, self.latch_id, self.reason_code)

    @classmethod
    def unpack(cls, data: bytes) -> "EstopResetConfirm":
        """Read the payload bytes.

        Raises: WireLengthError: not exactly 12 bytes.
        """
        if len(data) != 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class ShotEvent(msgspec.Struct, frozen=True):
    """A record became final. A hint: read the log.

    Attributes:
        shot_seq: record.
        grant_no: grant.
        phase: how it ended.
        reason: why.
        remaining_shots: credit left.
        dose_hi_nl: most that was given.
        measured_depth_um: deepest needle travel measured.
        kind: kind.
    """

    TYPE: ClassVar[int] = 0x41
    SIZE: ClassVar[int] = 20
    OFFSETS: ClassVar[dict[str, int]] = {"shot_seq": 0, "grant_no": 4, "phase": 8, "reason": 9, "remaining_shots": 10, "dose_hi_nl": 12, "measured_depth_um": 16, "kind": 18}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IIBBHIHB1x")

    shot_seq: int
    grant_no: int
    phase: int
    reason: int
    remaining_shots: int
    dose_hi_nl: int
    measured_depth_um: int
    kind: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.shot_seq, self.grant_no, self.phase, self.reason, self.remaining_shots, self.dose_hi_nl, self.measured_depth_um, self.kind)

    @classmethod
    def unpack(cls, data: bytes) -> "ShotEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 20 bytes.
        """
        if len(data) < 20:
            raise WireLengthError(cls.__name__, 20, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class EstoppedEvent(msgspec.Struct, frozen=True):
    """STOP was heard; sent at once for every STOP frame.

    Attributes:
        latch_id: the latch.
        source: who latched.
        head_seq: last final record.
    """

    TYPE: ClassVar[int] = 0x42
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"latch_id": 0, "source": 4, "head_seq": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IB3xI")

    latch_id: int
    source: int
    head_seq: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.latch_id, self.source, self.head_seq)

    @classmethod
    def unpack(cls, data: bytes) -> "EstoppedEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class AlarmEvent(msgspec.Struct, frozen=True):
    """An alarm was raised or cleared.

    Attributes:
        alarm: alarm.
        raised: 1 raised, 0 cleared.
        detail: figure that belongs to it.
        alarms: all that are active or latched.
    """

    TYPE: ClassVar[int] = 0x43
    SIZE: ClassVar[int] = 16
    OFFSETS: ClassVar[dict[str, int]] = {"alarm": 0, "raised": 1, "detail": 4, "alarms": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<BB2xIQ")

    alarm: int
    raised: int
    detail: int
    alarms: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.alarm, self.raised, self.detail, self.alarms)

    @classmethod
    def unpack(cls, data: bytes) -> "AlarmEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 16 bytes.
        """
        if len(data) < 16:
            raise WireLengthError(cls.__name__, 16, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class BootEvent(msgspec.Struct, frozen=True):
    """The gun has booted; sessions of before are gone. Sent with session 0.

    Attributes:
        boot_id: this boot.
        reset_cause: why.
        head_seq: last final record.
    """

    TYPE: ClassVar[int] = 0x44
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"boot_id": 0, "reset_cause": 4, "head_seq": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IB3xI")

    boot_id: int
    reset_cause: int
    head_seq: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.boot_id, self.reset_cause, self.head_seq)

    @classmethod
    def unpack(cls, data: bytes) -> "BootEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class MoveDoneEvent(msgspec.Struct, frozen=True):
    """A service movement or homing has ended.

    Attributes:
        shot_seq: record, 0 for homing after boot or reset.
        reason: 0 = as ordered.
    """

    TYPE: ClassVar[int] = 0x45
    SIZE: ClassVar[int] = 8
    OFFSETS: ClassVar[dict[str, int]] = {"shot_seq": 0, "reason": 4}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IB3x")

    shot_seq: int
    reason: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.shot_seq, self.reason)

    @classmethod
    def unpack(cls, data: bytes) -> "MoveDoneEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 8 bytes.
        """
        if len(data) < 8:
            raise WireLengthError(cls.__name__, 8, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class SelfTestDoneEvent(msgspec.Struct, frozen=True):
    """A self-test has ended.

    Attributes:
        mask: items run.
        failed: items that did not pass.
    """

    TYPE: ClassVar[int] = 0x46
    SIZE: ClassVar[int] = 4
    OFFSETS: ClassVar[dict[str, int]] = {"mask": 0, "failed": 2}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<HH")

    mask: int
    failed: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.mask, self.failed)

    @classmethod
    def unpack(cls, data: bytes) -> "SelfTestDoneEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 4 bytes.
        """
        if len(data) < 4:
            raise WireLengthError(cls.__name__, 4, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


class GrantEndedEvent(msgspec.Struct, frozen=True):
    """The live grant has ended.

    Attributes:
        grant_no: grant.
        cause: why.
        remaining_shots: credit at that moment.
        remaining_nl: credit at that moment.
    """

    TYPE: ClassVar[int] = 0x47
    SIZE: ClassVar[int] = 12
    OFFSETS: ClassVar[dict[str, int]] = {"grant_no": 0, "cause": 4, "remaining_shots": 6, "remaining_nl": 8}
    RANGES: ClassVar[tuple[tuple[int, str, int, int], ...]] = ()
    _STRUCT: ClassVar[Struct] = Struct("<IB1xHI")

    grant_no: int
    cause: int
    remaining_shots: int
    remaining_nl: int

    def pack(self) -> bytes:
        """Return the payload bytes."""
        return self._STRUCT.pack(self.grant_no, self.cause, self.remaining_shots, self.remaining_nl)

    @classmethod
    def unpack(cls, data: bytes) -> "GrantEndedEvent":
        """Read the payload bytes.

        Raises: WireLengthError: fewer than 12 bytes.
        """
        if len(data) < 12:
            raise WireLengthError(cls.__name__, 12, len(data))
        return cls(*cls._STRUCT.unpack_from(data))


Request: TypeAlias = (
    Hello
    | Describe
    | TimePing
    | Takeover
    | Goodbye
    | Auth
    | LimitsGet
    | Settings
    | SettingsGet
    | GrantSet
    | GrantGet
    | GrantRevoke
    | LogRead
    | LogRelease
    | EventRead
    | Heartbeat
    | StatusGet
    | StatusRate
    | SelfTest
    | AlarmAck
    | AlarmTest
    | ServiceEnter
    | ServiceLeave
    | ServiceMove
    | CalRead
    | CalWrite
    | CalCommit
    | EpochOpen
    | EstopResetPrepare
    | EstopResetConfirm
)
ReplyBody: TypeAlias = (
    HelloReply
    | DescribeReply
    | TimePingReply
    | TakeoverReply
    | AuthReply
    | LimitsGetReply
    | SettingsSetReply
    | SettingsGetReply
    | GrantSetReply
    | GrantGetReply
    | GrantRevokeReply
    | LogReadReply
    | LogReleaseReply
    | EventReadReply
    | Status
    | ServiceMoveReply
    | CalReadReply
    | CalCommitReply
    | EpochOpenReply
    | EstopResetPrepareReply
)
EventBody: TypeAlias = (
    Status
    | ShotEvent
    | EstoppedEvent
    | AlarmEvent
    | BootEvent
    | MoveDoneEvent
    | SelfTestDoneEvent
    | GrantEndedEvent
)

REQUESTS: Final[dict[int, type[Request]]] = {
    0x01: Hello,
    0x02: Describe,
    0x03: TimePing,
    0x04: Takeover,
    0x05: Goodbye,
    0x06: Auth,
    0x07: LimitsGet,
    0x08: Settings,
    0x09: SettingsGet,
    0x0A: GrantSet,
    0x0B: GrantGet,
    0x0C: GrantRevoke,
    0x10: LogRead,
    0x11: LogRelease,
    0x12: EventRead,
    0x14: Heartbeat,
    0x15: StatusGet,
    0x16: StatusRate,
    0x18: SelfTest,
    0x19: AlarmAck,
    0x1A: AlarmTest,
    0x20: ServiceEnter,
    0x21: ServiceLeave,
    0x22: ServiceMove,
    0x23: CalRead,
    0x24: CalWrite,
    0x25: CalCommit,
    0x27: EpochOpen,
    0x30: EstopResetPrepare,
    0x31: EstopResetConfirm,
}
REPLIES: Final[dict[int, type[ReplyBody] | None]] = {
    0x01: HelloReply,
    0x02: DescribeReply,
    0x03: TimePingReply,
    0x04: TakeoverReply,
    0x05: None,
    0x06: AuthReply,
    0x07: LimitsGetReply,
    0x08: SettingsSetReply,
    0x09: SettingsGetReply,
    0x0A: GrantSetReply,
    0x0B: GrantGetReply,
    0x0C: GrantRevokeReply,
    0x10: LogReadReply,
    0x11: LogReleaseReply,
    0x12: EventReadReply,
    0x14: None,
    0x15: Status,
    0x16: None,
    0x18: None,
    0x19: None,
    0x1A: None,
    0x20: None,
    0x21: None,
    0x22: ServiceMoveReply,
    0x23: CalReadReply,
    0x24: None,
    0x25: CalCommitReply,
    0x27: EpochOpenReply,
    0x30: EstopResetPrepareReply,
    0x31: None,
}
EVENTS: Final[dict[int, type[EventBody]]] = {
    0x40: Status,
    0x41: ShotEvent,
    0x42: EstoppedEvent,
    0x43: AlarmEvent,
    0x44: BootEvent,
    0x45: MoveDoneEvent,
    0x46: SelfTestDoneEvent,
    0x47: GrantEndedEvent,
}
# Requests of which only one may be in flight.
STATE_CHANGING: Final = frozenset({0x04, 0x05, 0x08, 0x0A, 0x0C, 0x11, 0x16, 0x18, 0x19, 0x1A, 0x20, 0x21, 0x22, 0x24, 0x25, 0x27, 0x30, 0x31})
