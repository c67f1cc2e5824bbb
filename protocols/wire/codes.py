"""Codes and bits of the wire protocol. Generated from schema.toml; do not edit."""

from enum import IntEnum, IntFlag
from typing import Final

MAJOR: Final = 1
MINOR: Final = 0
DESCRIPTOR_HASH8: Final = bytes.fromhex("cf60ef91f31e9372")


class Code(IntEnum):
    """Code of a reply: OK, or the refusal that left everything as it was."""

    OK = 0  # done, or accepted when a physical movement follows
    E_UNKNOWN_TYPE = 1  # no such request in this version
    E_LENGTH = 2  # payload is not exactly as long as the request
    E_VERSION = 3  # major version not spoken here
    E_SESSION = 4  # session number is not in the gun's table: say HELLO
    E_FENCED = 5  # another session owns the gun
    E_ID_REUSED = 6  # request number seen before with other bytes
    E_ID_OLD = 7  # request number below the last one executed
    E_ID_EXHAUSTED = 8  # request number 65,000 or above: say HELLO
    E_BUSY = 9  # a movement is under way
    E_STATE = 10  # not in this state
    E_ESTOPPED = 11  # the stop latch is set
    E_RANGE = 12  # a field is outside its range; field_offset says which
    E_GRID = 13  # a field is off its step; field_offset says which
    E_LIMIT = 14  # a hard limit of this gun; field_offset says which field
    E_SETTINGS = 15  # settings hash is not that of the active settings
    E_AREA = 16  # area is not that of the active settings
    E_STALE = 17  # expect_head_seq is not head_seq: read the log first
    E_LATE = 18  # not_after_uptime_ms has passed
    E_GRANT_NO = 19  # grant number is not above the last, or too far above it
    E_LOG_FULL = 20  # no free slot in the ring: release records first
    E_CHAIN = 21  # record hash is not that of the gun's record
    E_EPOCH = 22  # log epoch is not the gun's
    E_LEASE = 23  # lease asked for is outside the gun's bounds
    E_CONTACT = 24  # skin contact is sensed where it must not be
    E_TRIGGER_HELD = 25  # the trigger is held: release it first
    E_NEEDS_SERVICE = 26  # only in SERVICE
    E_NEEDS_BUTTON = 27  # the gun's own button was not pressed within 30 s
    E_CALIBRATION = 28  # calibration missing, expired or not the one named
    E_SELF_TEST = 29  # self-test not passed since boot
    E_CARTRIDGE = 30  # no cartridge, or not of the geometry named
    E_HEAD = 31  # no head, or not of the type named
    E_POWER = 32  # battery too low to finish a shot
    E_SEQ_EXHAUSTED = 33  # shot_seq above 0xFFFFFF00: open a new epoch
    E_NONCE = 34  # nonce wrong, used, or older than 10 s
    E_AUTH = 35  # this gun holds a link key: only a frame tagged with it changes anything


class State(IntEnum):
    """State of the gun."""

    BOOT = 0  # starting; no motion
    SAFE = 1  # no credit; the trigger does nothing
    ARMED = 2  # live grant and fresh lease; the trigger fires
    MOVING = 3  # a stroke is under way
    SERVICE = 4  # on the bench; no TREAT or DRY grant
    ESTOPPED = 5  # stop latch set
    FAULT = 6  # a latched fault is open


class ResetCause(IntEnum):
    """Why the gun booted."""

    POWER_ON = 1  # supply came up
    BROWN_OUT = 2  # supply dipped
    WATCHDOG = 3  # firmware hung
    SOFTWARE = 4  # firmware asked for it
    PIN = 5  # reset pin
    UPDATE = 6  # new firmware
    HARD_FAULT = 7  # processor fault


class GrantKind(IntEnum):
    """What a grant permits, and what a log record was."""

    TREAT = 1  # injections into a patient
    DRY = 2  # punctures without product
    PRIME = 3  # trigger pushes product with the needle locked home and no contact
    BENCH = 4  # automatic trigger in SERVICE, off skin
    SERVICE = 5  # service movement; in records only, never granted


class GrantState(IntEnum):
    """State of one grant at the gun."""

    NONE = 0  # never accepted by this gun
    LIVE = 1  # credit can be spent
    SPENT = 2  # all shots or all volume used
    VOID = 3  # ended otherwise; credit is 0


class GrantEnd(IntEnum):
    """Why a grant ended."""

    SPENT = 1  # used up
    REVOKED = 2  # by GRANT_REVOKE or GOODBYE
    LEASE = 3  # no fresh heartbeat within the lease
    STOP = 4  # STOP
    SETTINGS = 5  # settings changed
    TAKEOVER = 6  # another owner
    CARTRIDGE = 7  # cartridge changed
    HEAD = 8  # head changed
    EXPIRED = 9  # valid_s is over
    IDLE = 10  # armed 60 s without a shot
    FAULT = 11  # a fault was latched
    REPLACED = 12  # a newer grant was accepted
    CONTACT = 13  # BENCH: skin contact
    LOG_FULL = 14  # no free slot for the next shot


class Mode(IntEnum):
    """Mode of injection."""

    SINGLE = 1  # one shot a trigger pull
    BURST = 2  # up to burst_shots while the trigger is held
    CONTINUOUS = 3  # shots at interval_ms while the trigger is held (nappage)
    PAPULE = 4  # one shallow shot with dwell
    MICRO_DOSE = 5  # one shot of a very small dose
    MESOPERFUSION = 6  # flow while inside; dose_nl is the limit of one insertion
    DRY = 7  # needle only, dose 0


class ContactGate(IntEnum):
    """Whether skin contact is needed."""

    OFF = 0  # not needed; PRIME and BENCH only
    START = 1  # needed to start a shot
    THROUGHOUT = 2  # needed all through; loss aborts the shot


class SuctionMode(IntEnum):
    """What the vacuum does."""

    NONE = 0  # nothing
    NEEDED = 1  # must be reached before a shot starts
    STARTS = 2  # starts a shot while the trigger is held


class TriggerSource(IntEnum):
    """What started a shot; the host is never one."""

    NONE = 0  # service movement
    HAND = 1  # trigger of the gun
    PEDAL = 2  # foot pedal
    SUCTION = 4  # vacuum reached while the trigger is held
    BENCH = 8  # the gun's automatic trigger on the bench


class Phase(IntEnum):
    """How a shot ended."""

    DONE = 1  # whole dose, needle back home
    ABORTED = 2  # stopped by the gun; reason says why
    INTERRUPTED = 3  # power was lost in the shot; found at boot


class Reason(IntEnum):
    """Why a shot did not end as planned."""

    NONE = 0  # ended as planned
    STOP = 1  # STOP
    LEASE = 2  # lease lapsed
    REVOKED = 3  # grant revoked
    LIFT = 4  # contact lost
    OCCLUSION = 5  # pressure above max_pressure_pa
    STALL = 6  # motor did not move
    EMPTY = 7  # cartridge empty
    LIMIT = 8  # a hard limit
    SUCTION = 9  # vacuum lost
    FAULT = 10  # another fault
    RESET = 11  # the gun was reset
    TRIGGER_RELEASED = 12  # mesoperfusion: trigger released


class EstopSource(IntEnum):
    """Who set the stop latch."""

    NONE = 0  # latch clear
    FRAME = 1  # STOP frame
    BUTTON = 2  # the gun's own stop
    BREAK = 3  # line break


class ServiceMoveKind(IntEnum):
    """Service movements; none can dispense or extend the needle."""

    HOME_NEEDLE = 1  # draw the needle to its end stop
    HOME_DEPTH_STOP = 2  # draw the depth stop to its end stop
    RETRACT_PLUNGER = 3  # draw the plunger back by distance_um


class EventKind(IntEnum):
    """Kind of an entry of the gun's event list."""

    BOOT = 1  # detail = reset cause
    ESTOP = 2  # arg = latch_id, detail = source
    ESTOP_RESET = 3  # arg = latch_id, detail = reason code
    GRANT_ENDED = 4  # arg = grant_no, detail = cause, arg2 = remaining nl
    TAKEOVER = 5  # arg = owner_token
    ALARM = 6  # detail = alarm, arg = 1 raised, 0 cleared
    CARTRIDGE = 7  # cartridge changed
    HEAD = 8  # head changed
    CALIBRATION = 9  # arg = cal_id
    EPOCH = 10  # arg = new epoch
    SERVICE = 11  # detail = 1 entered, 0 left


class Alarm(IntEnum):
    """Bit number in `alarms`. 0-6 high, 8-20 medium, 24-30 low priority."""

    ESTOP = 0  # stop latch set
    OVER_DELIVERY = 1  # encoder moved further than commanded
    RUNAWAY = 2  # motion without command
    NEEDLE_NOT_HOME = 3  # needle did not come back
    TRIGGER_STUCK = 4  # trigger held at boot or over 30 s
    NVM_FAULT = 5  # memory did not read back
    DEPTH_FAULT = 6  # needle travel differs from command
    OCCLUSION = 8  # pressure limit
    STALL = 9  # motor stalled
    EMPTY = 10  # cartridge empty
    LIFT_IN_SHOT = 11  # contact lost in a shot
    LEAK = 12  # pressure lost
    SUCTION_LOST = 13  # vacuum lost
    LOG_FULL = 14  # ring full
    SENSOR_FAULT = 15  # a sensor contradicts another
    OVER_TEMPERATURE = 16  # too hot
    CARTRIDGE_CHANGED = 17  # cartridge was changed
    HEAD_CHANGED = 18  # head was changed
    BATTERY_CRITICAL = 19  # no shot can be finished
    SELF_TEST_FAILED = 20  # self-test failed
    LOW_RESERVOIR = 24  # cartridge nearly empty
    BATTERY_LOW = 25  # charge soon
    LOG_80_PERCENT = 26  # ring 80 % full
    CAL_DUE = 27  # calibration due
    HEAD_LIFETIME = 28  # head used up
    LINK_LOST = 29  # no frame within the lease
    IDLE_ARMED = 30  # armed 60 s without a shot


class GunFlag(IntFlag):
    """Bits of `flags` in HELLO and STATUS."""

    SIMULATED = 1 << 0  # this is a simulated gun
    ESTOPPED = 1 << 1  # stop latch set
    FAULT = 1 << 2  # fault open
    LOG_FULL = 1 << 3  # ring full
    CONTACT = 1 << 4  # skin contact sensed
    TRIGGER = 1 << 5  # trigger pressed
    CARTRIDGE = 1 << 6  # cartridge present
    AUTHENTICATED = 1 << 7  # the frame that says so is tagged


class SlotFlag(IntFlag):
    """Bits of `flags` in a log slot."""

    CONTACT = 1 << 0  # contact sensed at the start
    SUCTION_OK = 1 << 1  # vacuum reached at the start
    SIMULATED = 1 << 2  # made by a simulated gun
    GATE_OFF = 1 << 3  # contact gate was off


class Capability(IntFlag):
    """Bits of `capabilities`."""

    LINK_AUTH = 1 << 0  # a link key is set: only tagged frames change anything
    SUCTION = 1 << 1  # vacuum fitted
    PEDAL = 1 << 2  # pedal fitted
    ENCODER = 1 << 3  # plunger encoder fitted: lo = hi
    OWN_STOP = 1 << 4  # stop button fitted


class SelfTestItem(IntFlag):
    """Bits of `self_test` and of a SELF_TEST mask; in `self_test` a set bit has passed since boot."""

    MEMORY = 1 << 0  # program and work memory
    RING = 1 << 1  # log ring chain
    SUPPLY = 1 << 2  # battery and rails
    MOTORS = 1 << 3  # drivers answer
    ENCODERS = 1 << 4  # encoders answer
    CONTACT = 1 << 5  # contact sensor
    PRESSURE = 1 << 6  # pressure sensor
    SIGNALS = 1 << 7  # lamp and buzzer
    STOP_INPUT = 1 << 8  # stop input
