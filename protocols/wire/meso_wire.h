/* Wire protocol between host and gun. Generated from schema.toml; do not edit. */
#ifndef MESO_WIRE_H
#define MESO_WIRE_H
#include <stdint.h>

#define MESO_MAJOR 1
#define MESO_MINOR 0
#define MESO_DESCRIPTOR_HASH8 {0xCF, 0x60, 0xEF, 0x91, 0xF3, 0x1E, 0x93, 0x72}
#define MESO_PAYLOAD_MAX 234
#define MESO_SEALED_PAYLOAD_MAX 226
#define MESO_TAGGED 0x08 /* bit of ver_flags: a tag follows the payload */
#define MESO_TAG_SIZE 8
#define MESO_LINK_KEY_SIZE 16
#define MESO_STOP_FRAME {0x00, 0x11, 0x10, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, \
                         0xFF, 0xFF, 0xFF, 0xFF, 0x63, 0x4F, 0x31, 0x20, 0x00}

typedef struct __attribute__((packed)) {
    uint8_t ver_flags;
    uint8_t type;
    uint16_t req_id;
    uint32_t session;
    uint32_t aux;
} meso_header_t;
_Static_assert(sizeof(meso_header_t) == 12, "meso_header_t");

typedef struct __attribute__((packed)) {
    uint8_t code;
    uint8_t detail;
    uint16_t field_offset;
} meso_reply_head_t;

/* Types. The reply to a request has its type + 0x80. */
#define MESO_TYPE_HELLO 0x01
#define MESO_TYPE_DESCRIBE 0x02
#define MESO_TYPE_TIME_PING 0x03
#define MESO_TYPE_TAKEOVER 0x04
#define MESO_TYPE_GOODBYE 0x05
#define MESO_TYPE_AUTH 0x06
#define MESO_TYPE_LIMITS_GET 0x07
#define MESO_TYPE_SETTINGS_SET 0x08
#define MESO_TYPE_SETTINGS_GET 0x09
#define MESO_TYPE_GRANT_SET 0x0A
#define MESO_TYPE_GRANT_GET 0x0B
#define MESO_TYPE_GRANT_REVOKE 0x0C
#define MESO_TYPE_LOG_READ 0x10
#define MESO_TYPE_LOG_RELEASE 0x11
#define MESO_TYPE_EVENT_READ 0x12
#define MESO_TYPE_HEARTBEAT 0x14
#define MESO_TYPE_STATUS_GET 0x15
#define MESO_TYPE_STATUS_RATE 0x16
#define MESO_TYPE_SELF_TEST 0x18
#define MESO_TYPE_ALARM_ACK 0x19
#define MESO_TYPE_ALARM_TEST 0x1A
#define MESO_TYPE_SERVICE_ENTER 0x20
#define MESO_TYPE_SERVICE_LEAVE 0x21
#define MESO_TYPE_SERVICE_MOVE 0x22
#define MESO_TYPE_CAL_READ 0x23
#define MESO_TYPE_CAL_WRITE 0x24
#define MESO_TYPE_CAL_COMMIT 0x25
#define MESO_TYPE_EPOCH_OPEN 0x27
#define MESO_TYPE_ESTOP_RESET_PREPARE 0x30
#define MESO_TYPE_ESTOP_RESET_CONFIRM 0x31
#define MESO_TYPE_ESTOP 0x3F
#define MESO_EVENT_STATUS 0x40
#define MESO_EVENT_SHOT_EVENT 0x41
#define MESO_EVENT_ESTOPPED 0x42
#define MESO_EVENT_ALARM 0x43
#define MESO_EVENT_BOOT 0x44
#define MESO_EVENT_MOVE_DONE 0x45
#define MESO_EVENT_SELF_TEST_DONE 0x46
#define MESO_EVENT_GRANT_ENDED 0x47

/* Code of a reply: OK, or the refusal that left everything as it was. */
#define MESO_CODE_OK (0) /* done, or accepted when a physical movement follows */
#define MESO_CODE_E_UNKNOWN_TYPE (1) /* no such request in this version */
#define MESO_CODE_E_LENGTH (2) /* payload is not exactly as long as the request */
#define MESO_CODE_E_VERSION (3) /* major version not spoken here */
#define MESO_CODE_E_SESSION (4) /* session number is not in the gun's table: say HELLO */
#define MESO_CODE_E_FENCED (5) /* another session owns the gun */
#define MESO_CODE_E_ID_REUSED (6) /* request number seen before with other bytes */
#define MESO_CODE_E_ID_OLD (7) /* request number below the last one executed */
#define MESO_CODE_E_ID_EXHAUSTED (8) /* request number 65,000 or above: say HELLO */
#define MESO_CODE_E_BUSY (9) /* a movement is under way */
#define MESO_CODE_E_STATE (10) /* not in this state */
#define MESO_CODE_E_ESTOPPED (11) /* the stop latch is set */
#define MESO_CODE_E_RANGE (12) /* a field is outside its range; field_offset says which */
#define MESO_CODE_E_GRID (13) /* a field is off its step; field_offset says which */
#define MESO_CODE_E_LIMIT (14) /* a hard limit of this gun; field_offset says which field */
#define MESO_CODE_E_SETTINGS (15) /* settings hash is not that of the active settings */
#define MESO_CODE_E_AREA (16) /* area is not that of the active settings */
#define MESO_CODE_E_STALE (17) /* expect_head_seq is not head_seq: read the log first */
#define MESO_CODE_E_LATE (18) /* not_after_uptime_ms has passed */
#define MESO_CODE_E_GRANT_NO (19) /* grant number is not above the last, or too far above it */
#define MESO_CODE_E_LOG_FULL (20) /* no free slot in the ring: release records first */
#define MESO_CODE_E_CHAIN (21) /* record hash is not that of the gun's record */
#define MESO_CODE_E_EPOCH (22) /* log epoch is not the gun's */
#define MESO_CODE_E_LEASE (23) /* lease asked for is outside the gun's bounds */
#define MESO_CODE_E_CONTACT (24) /* skin contact is sensed where it must not be */
#define MESO_CODE_E_TRIGGER_HELD (25) /* the trigger is held: release it first */
#define MESO_CODE_E_NEEDS_SERVICE (26) /* only in SERVICE */
#define MESO_CODE_E_NEEDS_BUTTON (27) /* the gun's own button was not pressed within 30 s */
#define MESO_CODE_E_CALIBRATION (28) /* calibration missing, expired or not the one named */
#define MESO_CODE_E_SELF_TEST (29) /* self-test not passed since boot */
#define MESO_CODE_E_CARTRIDGE (30) /* no cartridge, or not of the geometry named */
#define MESO_CODE_E_HEAD (31) /* no head, or not of the type named */
#define MESO_CODE_E_POWER (32) /* battery too low to finish a shot */
#define MESO_CODE_E_SEQ_EXHAUSTED (33) /* shot_seq above 0xFFFFFF00: open a new epoch */
#define MESO_CODE_E_NONCE (34) /* nonce wrong, used, or older than 10 s */
#define MESO_CODE_E_AUTH (35) /* this gun holds a link key: only a frame tagged with it changes anything */

/* State of the gun. */
#define MESO_STATE_BOOT (0) /* starting; no motion */
#define MESO_STATE_SAFE (1) /* no credit; the trigger does nothing */
#define MESO_STATE_ARMED (2) /* live grant and fresh lease; the trigger fires */
#define MESO_STATE_MOVING (3) /* a stroke is under way */
#define MESO_STATE_SERVICE (4) /* on the bench; no TREAT or DRY grant */
#define MESO_STATE_ESTOPPED (5) /* stop latch set */
#define MESO_STATE_FAULT (6) /* a latched fault is open */

/* Why the gun booted. */
#define MESO_RESET_CAUSE_POWER_ON (1) /* supply came up */
#define MESO_RESET_CAUSE_BROWN_OUT (2) /* supply dipped */
#define MESO_RESET_CAUSE_WATCHDOG (3) /* firmware hung */
#define MESO_RESET_CAUSE_SOFTWARE (4) /* firmware asked for it */
#define MESO_RESET_CAUSE_PIN (5) /* reset pin */
#define MESO_RESET_CAUSE_UPDATE (6) /* new firmware */
#define MESO_RESET_CAUSE_HARD_FAULT (7) /* processor fault */

/* What a grant permits, and what a log record was. */
#define MESO_GRANT_KIND_TREAT (1) /* injections into a patient */
#define MESO_GRANT_KIND_DRY (2) /* punctures without product */
#define MESO_GRANT_KIND_PRIME (3) /* trigger pushes product with the needle locked home and no contact */
#define MESO_GRANT_KIND_BENCH (4) /* automatic trigger in SERVICE, off skin */
#define MESO_GRANT_KIND_SERVICE (5) /* service movement; in records only, never granted */

/* State of one grant at the gun. */
#define MESO_GRANT_STATE_NONE (0) /* never accepted by this gun */
#define MESO_GRANT_STATE_LIVE (1) /* credit can be spent */
#define MESO_GRANT_STATE_SPENT (2) /* all shots or all volume used */
#define MESO_GRANT_STATE_VOID (3) /* ended otherwise; credit is 0 */

/* Why a grant ended. */
#define MESO_GRANT_END_SPENT (1) /* used up */
#define MESO_GRANT_END_REVOKED (2) /* by GRANT_REVOKE or GOODBYE */
#define MESO_GRANT_END_LEASE (3) /* no fresh heartbeat within the lease */
#define MESO_GRANT_END_STOP (4) /* STOP */
#define MESO_GRANT_END_SETTINGS (5) /* settings changed */
#define MESO_GRANT_END_TAKEOVER (6) /* another owner */
#define MESO_GRANT_END_CARTRIDGE (7) /* cartridge changed */
#define MESO_GRANT_END_HEAD (8) /* head changed */
#define MESO_GRANT_END_EXPIRED (9) /* valid_s is over */
#define MESO_GRANT_END_IDLE (10) /* armed 60 s without a shot */
#define MESO_GRANT_END_FAULT (11) /* a fault was latched */
#define MESO_GRANT_END_REPLACED (12) /* a newer grant was accepted */
#define MESO_GRANT_END_CONTACT (13) /* BENCH: skin contact */
#define MESO_GRANT_END_LOG_FULL (14) /* no free slot for the next shot */

/* Mode of injection. */
#define MESO_MODE_SINGLE (1) /* one shot a trigger pull */
#define MESO_MODE_BURST (2) /* up to burst_shots while the trigger is held */
#define MESO_MODE_CONTINUOUS (3) /* shots at interval_ms while the trigger is held (nappage) */
#define MESO_MODE_PAPULE (4) /* one shallow shot with dwell */
#define MESO_MODE_MICRO_DOSE (5) /* one shot of a very small dose */
#define MESO_MODE_MESOPERFUSION (6) /* flow while inside; dose_nl is the limit of one insertion */
#define MESO_MODE_DRY (7) /* needle only, dose 0 */

/* Whether skin contact is needed. */
#define MESO_CONTACT_GATE_OFF (0) /* not needed; PRIME and BENCH only */
#define MESO_CONTACT_GATE_START (1) /* needed to start a shot */
#define MESO_CONTACT_GATE_THROUGHOUT (2) /* needed all through; loss aborts the shot */

/* What the vacuum does. */
#define MESO_SUCTION_MODE_NONE (0) /* nothing */
#define MESO_SUCTION_MODE_NEEDED (1) /* must be reached before a shot starts */
#define MESO_SUCTION_MODE_STARTS (2) /* starts a shot while the trigger is held */

/* What started a shot; the host is never one. */
#define MESO_TRIGGER_SOURCE_NONE (0) /* service movement */
#define MESO_TRIGGER_SOURCE_HAND (1) /* trigger of the gun */
#define MESO_TRIGGER_SOURCE_PEDAL (2) /* foot pedal */
#define MESO_TRIGGER_SOURCE_SUCTION (4) /* vacuum reached while the trigger is held */
#define MESO_TRIGGER_SOURCE_BENCH (8) /* the gun's automatic trigger on the bench */

/* How a shot ended. */
#define MESO_PHASE_DONE (1) /* whole dose, needle back home */
#define MESO_PHASE_ABORTED (2) /* stopped by the gun; reason says why */
#define MESO_PHASE_INTERRUPTED (3) /* power was lost in the shot; found at boot */

/* Why a shot did not end as planned. */
#define MESO_REASON_NONE (0) /* ended as planned */
#define MESO_REASON_STOP (1) /* STOP */
#define MESO_REASON_LEASE (2) /* lease lapsed */
#define MESO_REASON_REVOKED (3) /* grant revoked */
#define MESO_REASON_LIFT (4) /* contact lost */
#define MESO_REASON_OCCLUSION (5) /* pressure above max_pressure_pa */
#define MESO_REASON_STALL (6) /* motor did not move */
#define MESO_REASON_EMPTY (7) /* cartridge empty */
#define MESO_REASON_LIMIT (8) /* a hard limit */
#define MESO_REASON_SUCTION (9) /* vacuum lost */
#define MESO_REASON_FAULT (10) /* another fault */
#define MESO_REASON_RESET (11) /* the gun was reset */
#define MESO_REASON_TRIGGER_RELEASED (12) /* mesoperfusion: trigger released */

/* Who set the stop latch. */
#define MESO_ESTOP_SOURCE_NONE (0) /* latch clear */
#define MESO_ESTOP_SOURCE_FRAME (1) /* STOP frame */
#define MESO_ESTOP_SOURCE_BUTTON (2) /* the gun's own stop */
#define MESO_ESTOP_SOURCE_BREAK (3) /* line break */

/* Service movements; none can dispense or extend the needle. */
#define MESO_SERVICE_MOVE_KIND_HOME_NEEDLE (1) /* draw the needle to its end stop */
#define MESO_SERVICE_MOVE_KIND_HOME_DEPTH_STOP (2) /* draw the depth stop to its end stop */
#define MESO_SERVICE_MOVE_KIND_RETRACT_PLUNGER (3) /* draw the plunger back by distance_um */

/* Kind of an entry of the gun's event list. */
#define MESO_EVENT_KIND_BOOT (1) /* detail = reset cause */
#define MESO_EVENT_KIND_ESTOP (2) /* arg = latch_id, detail = source */
#define MESO_EVENT_KIND_ESTOP_RESET (3) /* arg = latch_id, detail = reason code */
#define MESO_EVENT_KIND_GRANT_ENDED (4) /* arg = grant_no, detail = cause, arg2 = remaining nl */
#define MESO_EVENT_KIND_TAKEOVER (5) /* arg = owner_token */
#define MESO_EVENT_KIND_ALARM (6) /* detail = alarm, arg = 1 raised, 0 cleared */
#define MESO_EVENT_KIND_CARTRIDGE (7) /* cartridge changed */
#define MESO_EVENT_KIND_HEAD (8) /* head changed */
#define MESO_EVENT_KIND_CALIBRATION (9) /* arg = cal_id */
#define MESO_EVENT_KIND_EPOCH (10) /* arg = new epoch */
#define MESO_EVENT_KIND_SERVICE (11) /* detail = 1 entered, 0 left */

/* Bit number in `alarms`. 0-6 high, 8-20 medium, 24-30 low priority. */
#define MESO_ALARM_ESTOP (0) /* stop latch set */
#define MESO_ALARM_OVER_DELIVERY (1) /* encoder moved further than commanded */
#define MESO_ALARM_RUNAWAY (2) /* motion without command */
#define MESO_ALARM_NEEDLE_NOT_HOME (3) /* needle did not come back */
#define MESO_ALARM_TRIGGER_STUCK (4) /* trigger held at boot or over 30 s */
#define MESO_ALARM_NVM_FAULT (5) /* memory did not read back */
#define MESO_ALARM_DEPTH_FAULT (6) /* needle travel differs from command */
#define MESO_ALARM_OCCLUSION (8) /* pressure limit */
#define MESO_ALARM_STALL (9) /* motor stalled */
#define MESO_ALARM_EMPTY (10) /* cartridge empty */
#define MESO_ALARM_LIFT_IN_SHOT (11) /* contact lost in a shot */
#define MESO_ALARM_LEAK (12) /* pressure lost */
#define MESO_ALARM_SUCTION_LOST (13) /* vacuum lost */
#define MESO_ALARM_LOG_FULL (14) /* ring full */
#define MESO_ALARM_SENSOR_FAULT (15) /* a sensor contradicts another */
#define MESO_ALARM_OVER_TEMPERATURE (16) /* too hot */
#define MESO_ALARM_CARTRIDGE_CHANGED (17) /* cartridge was changed */
#define MESO_ALARM_HEAD_CHANGED (18) /* head was changed */
#define MESO_ALARM_BATTERY_CRITICAL (19) /* no shot can be finished */
#define MESO_ALARM_SELF_TEST_FAILED (20) /* self-test failed */
#define MESO_ALARM_LOW_RESERVOIR (24) /* cartridge nearly empty */
#define MESO_ALARM_BATTERY_LOW (25) /* charge soon */
#define MESO_ALARM_LOG_80_PERCENT (26) /* ring 80 % full */
#define MESO_ALARM_CAL_DUE (27) /* calibration due */
#define MESO_ALARM_HEAD_LIFETIME (28) /* head used up */
#define MESO_ALARM_LINK_LOST (29) /* no frame within the lease */
#define MESO_ALARM_IDLE_ARMED (30) /* armed 60 s without a shot */

/* Bits of `flags` in HELLO and STATUS. */
#define MESO_GUN_FLAG_SIMULATED (1ULL << 0) /* this is a simulated gun */
#define MESO_GUN_FLAG_ESTOPPED (1ULL << 1) /* stop latch set */
#define MESO_GUN_FLAG_FAULT (1ULL << 2) /* fault open */
#define MESO_GUN_FLAG_LOG_FULL (1ULL << 3) /* ring full */
#define MESO_GUN_FLAG_CONTACT (1ULL << 4) /* skin contact sensed */
#define MESO_GUN_FLAG_TRIGGER (1ULL << 5) /* trigger pressed */
#define MESO_GUN_FLAG_CARTRIDGE (1ULL << 6) /* cartridge present */
#define MESO_GUN_FLAG_AUTHENTICATED (1ULL << 7) /* the frame that says so is tagged */

/* Bits of `flags` in a log slot. */
#define MESO_SLOT_FLAG_CONTACT (1ULL << 0) /* contact sensed at the start */
#define MESO_SLOT_FLAG_SUCTION_OK (1ULL << 1) /* vacuum reached at the start */
#define MESO_SLOT_FLAG_SIMULATED (1ULL << 2) /* made by a simulated gun */
#define MESO_SLOT_FLAG_GATE_OFF (1ULL << 3) /* contact gate was off */

/* Bits of `capabilities`. */
#define MESO_CAPABILITY_LINK_AUTH (1ULL << 0) /* a link key is set: only tagged frames change anything */
#define MESO_CAPABILITY_SUCTION (1ULL << 1) /* vacuum fitted */
#define MESO_CAPABILITY_PEDAL (1ULL << 2) /* pedal fitted */
#define MESO_CAPABILITY_ENCODER (1ULL << 3) /* plunger encoder fitted: lo = hi */
#define MESO_CAPABILITY_OWN_STOP (1ULL << 4) /* stop button fitted */

/* Bits of `self_test` and of a SELF_TEST mask; in `self_test` a set bit has passed since boot. */
#define MESO_SELF_TEST_ITEM_MEMORY (1ULL << 0) /* program and work memory */
#define MESO_SELF_TEST_ITEM_RING (1ULL << 1) /* log ring chain */
#define MESO_SELF_TEST_ITEM_SUPPLY (1ULL << 2) /* battery and rails */
#define MESO_SELF_TEST_ITEM_MOTORS (1ULL << 3) /* drivers answer */
#define MESO_SELF_TEST_ITEM_ENCODERS (1ULL << 4) /* encoders answer */
#define MESO_SELF_TEST_ITEM_CONTACT (1ULL << 5) /* contact sensor */
#define MESO_SELF_TEST_ITEM_PRESSURE (1ULL << 6) /* pressure sensor */
#define MESO_SELF_TEST_ITEM_SIGNALS (1ULL << 7) /* lamp and buzzer */
#define MESO_SELF_TEST_ITEM_STOP_INPUT (1ULL << 8) /* stop input */

/* One block with every setting, set and read back as a whole. `settings_hash8` covers all 72 bytes. */
typedef struct __attribute__((packed)) {
    uint16_t area_code; /* area of the treatment protocol; a grant for another area is refused */
    uint8_t mode; /* mode of injection */
    uint8_t pins; /* 1, 5 or 9 as the head table says */
    uint32_t depth_um; /* commanded needle travel, not depth in skin */
    uint32_t dose_nl; /* 1,000..200,000 a shot over all pins; 0 in DRY and only there */
    uint32_t flow_nl_per_s; /* injection speed */
    uint16_t interval_ms; /* shortest time between shots: 111 is 9/s */
    uint16_t dwell_ms; /* wait before the needle is drawn */
    uint16_t antidrip_nl; /* backward plunger travel after a shot; never counted as dose */
    uint8_t burst_shots; /* shots while the trigger is held, BURST only */
    uint8_t contact_gate; /* whether skin contact is needed */
    uint32_t suction_threshold_pa; /* below ambient */
    uint8_t suction_mode; /* what the vacuum does */
    uint8_t trigger_mask; /* sum of allowed TriggerSource values */
    uint8_t zero_30[2]; /* zero */
    uint32_t max_pressure_pa; /* above it the shot is ABORTED(OCCLUSION) and the fault latched */
    uint32_t needle_speed_um_per_s; /* speed of the needle axis */
    uint32_t syringe_geometry_id; /* row of the gun's calibrated syringe table */
    uint16_t needle_type_id; /* needle fitted */
    uint16_t head_type_id; /* row of the gun's head table */
    uint64_t head_instance; /* hash of the head's serial: single-use check */
    uint8_t product_tag8[8]; /* host's hash of product and lot */
    uint8_t cal_hash8[8]; /* must equal the active calibration */
} meso_settings_t;
_Static_assert(sizeof(meso_settings_t) == 72, "meso_settings_t");

/* One record of the log ring. Bytes 0-51 (INTENT) are written and read back before the first motor step, bytes 52-71 (OUTCOME) after the last. */
typedef struct __attribute__((packed)) {
    uint32_t shot_seq; /* from 1, by 1, within an epoch */
    uint32_t boot_id; /* boot in which the shot was made */
    uint64_t ticks_start_us; /* gun time of INTENT */
    uint32_t grant_no; /* grant spent; 0 = SERVICE */
    uint8_t settings_hash8[8]; /* settings in force */
    uint32_t planned_nl; /* dose ordered */
    uint16_t planned_depth_um; /* travel ordered */
    uint16_t area_code; /* area of the grant */
    uint8_t kind; /* as the grant, or SERVICE */
    uint8_t trigger_source; /* what started it */
    uint8_t pins; /* pins of the head */
    uint8_t flags; /* at the start */
    uint8_t prev_hash8[8]; /* record_hash8 of shot_seq - 1 */
    uint32_t intent_crc; /* CRC-32 over log_epoch and bytes 0-47 */
    uint32_t dose_lo_nl; /* least that was given */
    uint32_t dose_hi_nl; /* most that was given */
    uint16_t measured_depth_um; /* deepest needle travel measured */
    uint16_t duration_ms; /* INTENT to needle home */
    uint16_t peak_pressure_kpa; /* highest pressure */
    uint8_t phase; /* how it ended */
    uint8_t reason; /* why it did not end as planned */
    uint32_t outcome_crc; /* CRC-32 over log_epoch and bytes 52-67 */
} meso_slot_t;
_Static_assert(sizeof(meso_slot_t) == 72, "meso_slot_t");

/* What the gun senses and has left; sent at the status rate and on request. A hint: only log slots make records. */
typedef struct __attribute__((packed)) {
    uint8_t state; /* state */
    uint8_t grant_kind; /* kind of the live grant, 0 if none */
    uint16_t flags; /* flags */
    uint32_t head_seq; /* last final record */
    uint32_t active_grant_no; /* live grant, 0 if none */
    uint16_t remaining_shots; /* credit left */
    uint16_t lease_left_ms; /* lease left */
    uint32_t remaining_nl; /* credit left */
    uint32_t trigger_count; /* accepted triggers since boot */
    uint32_t estop_latch_id; /* 0 = latch clear */
    uint64_t alarms; /* alarms active or latched */
    int32_t needle_um; /* needle position */
    uint32_t plunger_um; /* plunger position */
    uint32_t pressure_pa; /* fluid pressure */
    uint32_t suction_pa; /* vacuum below ambient */
    uint16_t plunger_force_dn; /* plunger force in 0.1 N */
    int16_t temp_cdegc; /* temperature in 0.01 degC */
    uint16_t battery_mv; /* battery */
    uint16_t log_free; /* free slots */
    uint16_t rx_bad_frames; /* frames dropped for COBS, CRC or length, mod 65,536 */
    uint16_t rx_dropped; /* frames dropped for want of room, mod 65,536 */
} meso_status_t;
_Static_assert(sizeof(meso_status_t) == 64, "meso_status_t");

/* One entry of the gun's event list, which may overwrite its oldest. */
typedef struct __attribute__((packed)) {
    uint32_t event_no; /* from 1 */
    uint32_t boot_id; /* boot */
    uint64_t ticks_us; /* gun time */
    uint8_t kind; /* what happened */
    uint8_t detail; /* see EventKind */
    uint8_t zero_18[2]; /* zero */
    uint32_t arg; /* see EventKind */
    uint64_t arg2; /* see EventKind */
} meso_event_record_t;
_Static_assert(sizeof(meso_event_record_t) == 32, "meso_event_record_t");

/* Calibration page 0. `cal_hash8` covers pages 0-4 in order, 320 bytes. */
typedef struct __attribute__((packed)) {
    int32_t depth_offset_um; /* added to commanded travel */
    int32_t depth_gain_ppm; /* parts per million of commanded travel */
    int32_t dose_offset_nl; /* added to commanded dose */
    int32_t dose_gain_ppm; /* parts per million of commanded dose */
    uint32_t cal_id; /* number of this calibration */
    uint32_t issued_day; /* days since 1970-01-01 */
    uint32_t due_day; /* days since 1970-01-01 */
    uint8_t certificate[16]; /* certificate number */
    uint8_t zero_44[20]; /* zero */
} meso_cal_main_t;
_Static_assert(sizeof(meso_cal_main_t) == 64, "meso_cal_main_t");

/* Four rows make a calibration page, pages 1 to 3. geometry_id 0 = empty row. */
typedef struct __attribute__((packed)) {
    uint32_t geometry_id; /* syringe geometry */
    uint32_t pl_per_um; /* picolitres a micrometre of plunger travel */
    uint32_t travel_um; /* usable travel */
    uint32_t min_dose_nl; /* smallest dose */
} meso_syringe_row_t;
_Static_assert(sizeof(meso_syringe_row_t) == 16, "meso_syringe_row_t");

/* Four rows make calibration page 4. head_type_id 0 = empty row. */
typedef struct __attribute__((packed)) {
    uint16_t head_type_id; /* type of head */
    uint8_t pins; /* needles of the head */
    uint8_t gauge; /* needle gauge */
    uint16_t needle_length_um; /* free needle length */
    uint16_t inner_diameter_um; /* needle bore */
    uint8_t zero_8[8]; /* zero */
} meso_head_row_t;
_Static_assert(sizeof(meso_head_row_t) == 16, "meso_head_row_t");

/* Open a session. Works in every state and changes nothing but the session table. */
typedef struct __attribute__((packed)) {
    uint8_t host_nonce[16]; /* fresh; the reply echoes it */
    uint8_t min_major; /* lowest major the host speaks */
    uint8_t max_major; /* highest major the host speaks */
    uint8_t host_id[16]; /* random id of this host */
} meso_hello_t;
_Static_assert(sizeof(meso_hello_t) == 34, "meso_hello_t");

/* Body of the reply to HELLO. */
typedef struct __attribute__((packed)) {
    uint32_t session; /* session number for all further frames */
    uint8_t major; /* wire protocol major */
    uint8_t minor; /* wire protocol minor */
    uint16_t max_frame; /* longest decoded frame the gun takes */
    uint8_t descriptor_hash8[8]; /* hash of the descriptor that DESCRIBE gives */
    uint8_t gun_uid[12]; /* identity of the gun's board */
    uint32_t log_epoch; /* epoch of the ring */
    uint32_t boot_id; /* grows by one a boot */
    uint8_t reset_cause; /* why it booted */
    uint8_t state; /* state */
    uint16_t flags; /* flags */
    uint32_t head_seq; /* last final record */
    uint32_t released_seq; /* last released record */
    uint32_t oldest_seq; /* oldest record that can still be read; head_seq + 1 if none */
    uint32_t log_capacity; /* slots of the ring */
    uint8_t chain_head8[8]; /* record_hash8 of head_seq */
    uint64_t odometer_nl; /* all product ever pushed */
    uint64_t ticks_us; /* gun time */
    uint32_t plunger_um; /* plunger position */
    uint8_t model[12]; /* model */
    uint8_t serial[16]; /* serial number */
    uint16_t hw_rev; /* hardware revision */
    uint8_t fw_major; /* firmware */
    uint8_t fw_minor; /* firmware */
    uint16_t fw_patch; /* firmware */
    uint8_t accounting_level; /* ASCII A, B or C */
    uint8_t battery_pct; /* battery */
    uint8_t fw_hash8[8]; /* hash of the firmware image */
    uint32_t cal_id; /* active calibration */
    uint8_t cal_hash8[8]; /* active calibration */
    uint32_t cal_due_day; /* days since 1970-01-01 */
    uint8_t limits_hash8[8]; /* hash of the LIMITS_GET body */
    uint8_t settings_hash8[8]; /* active settings */
    uint64_t capabilities; /* what is fitted */
    uint32_t owner_token; /* raised by every TAKEOVER */
    uint32_t last_grant_no; /* highest grant number accepted */
    uint32_t active_grant_no; /* live grant, 0 if none */
    uint16_t remaining_shots; /* credit left */
    uint16_t self_test; /* items passed since boot */
    uint32_t remaining_nl; /* credit left */
    uint32_t estop_latch_id; /* 0 = latch clear */
    uint8_t estop_source; /* who latched */
    uint8_t zero_193[3]; /* zero */
    uint64_t alarms; /* alarms active or latched */
    uint8_t host_nonce[16]; /* echo: a late reply cannot pass for the new one */
} meso_hello_reply_t;
_Static_assert(sizeof(meso_hello_reply_t) == 220, "meso_hello_reply_t");

/* Read the descriptor: messages, fields, units, ranges, enumerations, as zlib-compressed JSON. */
typedef struct __attribute__((packed)) {
    uint32_t offset; /* first byte wanted */
    uint8_t length; /* bytes wanted */
} meso_describe_t;
_Static_assert(sizeof(meso_describe_t) == 5, "meso_describe_t");

/* Body of the reply to DESCRIBE. */
typedef struct __attribute__((packed)) {
    uint32_t total_length; /* length of the compressed descriptor */
    uint32_t offset; /* first byte given */
    uint8_t data[]; /* bytes; none at the end */
} meso_describe_reply_t;
_Static_assert(sizeof(meso_describe_reply_t) == 8, "meso_describe_reply_t");

/* Relate the gun's ticks to the host's monotonic clock. */
typedef struct __attribute__((packed)) {
    uint64_t host_mono_ns; /* echoed */
} meso_time_ping_t;
_Static_assert(sizeof(meso_time_ping_t) == 8, "meso_time_ping_t");

/* Body of the reply to TIME_PING. */
typedef struct __attribute__((packed)) {
    uint64_t host_mono_ns; /* echo */
    uint64_t ticks_us; /* gun time when the reply was made */
    uint32_t boot_id; /* boot that the ticks belong to */
} meso_time_ping_reply_t;
_Static_assert(sizeof(meso_time_ping_reply_t) == 20, "meso_time_ping_reply_t");

/* Become owner: raises owner_token by one in non-volatile memory, voids all credit, fences older owners. */
typedef struct __attribute__((packed)) {
    uint32_t expected_token; /* owner_token as HELLO said, else E_STALE */
    uint8_t host_id[16]; /* random id of this host */
} meso_takeover_t;
_Static_assert(sizeof(meso_takeover_t) == 20, "meso_takeover_t");

/* Body of the reply to TAKEOVER. */
typedef struct __attribute__((packed)) {
    uint32_t owner_token; /* the new token */
} meso_takeover_reply_t;
_Static_assert(sizeof(meso_takeover_reply_t) == 4, "meso_takeover_reply_t");

/* Body of the reply to AUTH. */
typedef struct __attribute__((packed)) {
    uint8_t gun_nonce[16]; /* random, drawn anew for each session */
} meso_auth_reply_t;
_Static_assert(sizeof(meso_auth_reply_t) == 16, "meso_auth_reply_t");

/* Body of the reply to LIMITS_GET. */
typedef struct __attribute__((packed)) {
    uint32_t depth_um_max; /* deepest travel */
    uint16_t depth_grid_um; /* step of depth_um */
    uint16_t dose_grid_nl; /* step of dose_nl */
    uint32_t dose_nl_min; /* smallest dose over all syringes */
    uint32_t dose_nl_max; /* largest dose */
    uint32_t flow_nl_per_s_max; /* fastest flow */
    uint16_t interval_ms_min; /* shortest interval */
    uint16_t grant_shots_max; /* most shots of one grant */
    uint32_t grant_nl_max; /* most volume of one grant */
    uint16_t lease_ms_min; /* shortest lease */
    uint16_t lease_ms_max; /* longest lease */
    uint32_t session_nl_max; /* most volume until session_idle_s without a shot */
    uint32_t session_shots_max; /* most shots until session_idle_s without a shot */
    uint16_t session_idle_s; /* pause that ends the gun's own session */
    uint16_t pins_mask; /* bit n set: n + 1 pins allowed */
    uint32_t pressure_pa_max; /* highest pressure limit */
    uint32_t needle_speed_um_per_s_max; /* fastest needle */
    uint16_t valid_s_max; /* longest valid_s of a grant */
    uint8_t zero_54[2]; /* zero */
} meso_limits_get_reply_t;
_Static_assert(sizeof(meso_limits_get_reply_t) == 56, "meso_limits_get_reply_t");

/* Body of the reply to SETTINGS_SET. */
typedef struct __attribute__((packed)) {
    uint8_t settings_hash8[8]; /* hash of the block now active */
} meso_settings_set_reply_t;
_Static_assert(sizeof(meso_settings_set_reply_t) == 8, "meso_settings_set_reply_t");

/* Body of the reply to SETTINGS_GET. */
typedef struct __attribute__((packed)) {
    uint8_t block[72]; /* Settings, verbatim */
    uint8_t settings_hash8[8]; /* hash of the block */
} meso_settings_get_reply_t;
_Static_assert(sizeof(meso_settings_get_reply_t) == 80, "meso_settings_get_reply_t");

/* Set the credit that the trigger may spend. A set, not an addition: the same number again never refills. */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* above last_grant_no by 1 to 1,000 */
    uint32_t expect_head_seq; /* head_seq, else E_STALE */
    uint32_t owner_token; /* token of this owner, else E_FENCED */
    uint8_t kind; /* what is permitted */
    uint8_t zero_13[1]; /* zero */
    uint16_t area_code; /* area of the active settings, else E_AREA */
    uint8_t settings_hash8[8]; /* hash of the active settings, else E_SETTINGS */
    uint16_t max_shots; /* shots */
    uint8_t zero_26[2]; /* zero */
    uint32_t max_nl; /* volume over all shots */
    uint16_t lease_ms; /* heartbeats must come within this */
    uint16_t valid_s; /* the grant ends after this */
    uint32_t not_after_uptime_ms; /* later than this on the gun's uptime: E_LATE; credit that no heartbeat renews ends then */
    uint8_t session_tag8[8]; /* random pseudonym of the session */
} meso_grant_set_t;
_Static_assert(sizeof(meso_grant_set_t) == 48, "meso_grant_set_t");

/* Body of the reply to GRANT_SET. */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* the grant */
    uint16_t remaining_shots; /* credit left */
    uint8_t zero_6[2]; /* zero */
    uint32_t remaining_nl; /* credit left */
} meso_grant_set_reply_t;
_Static_assert(sizeof(meso_grant_set_reply_t) == 12, "meso_grant_set_reply_t");

/* Read a grant back. The gun knows the newest; older ones are VOID or SPENT, unknown ones NONE. */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* the grant asked for */
} meso_grant_get_t;
_Static_assert(sizeof(meso_grant_get_t) == 4, "meso_grant_get_t");

/* Body of the reply to GRANT_GET. */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* the grant */
    uint8_t state; /* its state */
    uint8_t kind; /* its kind, 0 if not the newest */
    uint16_t area_code; /* its area */
    uint8_t settings_hash8[8]; /* its settings */
    uint16_t max_shots; /* as set */
    uint16_t remaining_shots; /* credit left */
    uint32_t max_nl; /* as set */
    uint32_t remaining_nl; /* credit left */
    uint32_t dose_hi_used_nl; /* sum of dose_hi_nl of its records */
    uint16_t shots_used; /* its records */
    uint16_t lease_ms; /* as set */
} meso_grant_get_reply_t;
_Static_assert(sizeof(meso_grant_get_reply_t) == 36, "meso_grant_get_reply_t");

/* Take the credit back; a shot under way is finished as ABORTED(REVOKED). */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* the grant, 0 = whichever is live */
} meso_grant_revoke_t;
_Static_assert(sizeof(meso_grant_revoke_t) == 4, "meso_grant_revoke_t");

/* Body of the reply to GRANT_REVOKE. */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* the grant that ended, 0 if none was live */
    uint16_t remaining_shots; /* credit at that moment */
    uint8_t zero_6[2]; /* zero */
    uint32_t remaining_nl; /* credit at that moment */
} meso_grant_revoke_reply_t;
_Static_assert(sizeof(meso_grant_revoke_reply_t) == 12, "meso_grant_revoke_reply_t");

/* Read final records, verbatim. Fewer than asked where the ring has no more, or the frame no room. */
typedef struct __attribute__((packed)) {
    uint32_t log_epoch; /* epoch, else E_EPOCH */
    uint32_t from_seq; /* first record wanted */
    uint32_t count; /* records wanted */
} meso_log_read_t;
_Static_assert(sizeof(meso_log_read_t) == 12, "meso_log_read_t");

/* Body of the reply to LOG_READ. */
typedef struct __attribute__((packed)) {
    uint32_t log_epoch; /* epoch */
    uint32_t from_seq; /* first record given */
    uint32_t count; /* records given */
    uint8_t slots[]; /* count x 72 bytes */
} meso_log_read_reply_t;
_Static_assert(sizeof(meso_log_read_reply_t) == 12, "meso_log_read_reply_t");

/* Let the gun reuse the slots up to and including upto_seq, proven by the hash of that record. */
typedef struct __attribute__((packed)) {
    uint32_t log_epoch; /* epoch, else E_EPOCH */
    uint32_t upto_seq; /* at most head_seq, else E_CHAIN */
    uint8_t record_hash8[8]; /* hash of record upto_seq, else E_CHAIN */
} meso_log_release_t;
_Static_assert(sizeof(meso_log_release_t) == 16, "meso_log_release_t");

/* Body of the reply to LOG_RELEASE. */
typedef struct __attribute__((packed)) {
    uint32_t released_seq; /* last released record; never goes back */
} meso_log_release_reply_t;
_Static_assert(sizeof(meso_log_release_reply_t) == 4, "meso_log_release_reply_t");

/* Read the gun's event list. */
typedef struct __attribute__((packed)) {
    uint32_t from_no; /* first entry wanted */
} meso_event_read_t;
_Static_assert(sizeof(meso_event_read_t) == 4, "meso_event_read_t");

/* Body of the reply to EVENT_READ. */
typedef struct __attribute__((packed)) {
    uint32_t lost; /* entries overwritten so far */
    uint8_t records[]; /* up to 7 x 32 bytes */
} meso_event_read_reply_t;
_Static_assert(sizeof(meso_event_read_reply_t) == 4, "meso_event_read_reply_t");

/* Renew the lease. No reply. Renews only from the owner, if hb_no grew, up to echo_uptime_ms + lease. */
typedef struct __attribute__((packed)) {
    uint32_t hb_no; /* grows by one */
    uint32_t echo_uptime_ms; /* newest uptime_ms heard from the gun */
    uint16_t lease_ms; /* lease of the grant */
    uint8_t session_state; /* state of the host's session, for the gun's display */
    uint8_t screen_alive; /* 1 while the operator's screen answers */
} meso_heartbeat_t;
_Static_assert(sizeof(meso_heartbeat_t) == 12, "meso_heartbeat_t");

/* Set the period of STATUS events for this session. */
typedef struct __attribute__((packed)) {
    uint16_t period_ms; /* period */
} meso_status_rate_t;
_Static_assert(sizeof(meso_status_rate_t) == 2, "meso_status_rate_t");

/* Run self-test items. ACCEPTED, then SELF_TEST_DONE. Moves nothing while contact is sensed. */
typedef struct __attribute__((packed)) {
    uint16_t mask; /* items */
} meso_self_test_t;
_Static_assert(sizeof(meso_self_test_t) == 2, "meso_self_test_t");

/* Silence the buzzer for this alarm for at most 120 s; clears no latch whose cause is still there. */
typedef struct __attribute__((packed)) {
    uint8_t alarm; /* alarm */
} meso_alarm_ack_t;
_Static_assert(sizeof(meso_alarm_ack_t) == 1, "meso_alarm_ack_t");

/* A service movement; takes a log slot. ACCEPTED, then MOVE_DONE. Cannot dispense or extend. */
typedef struct __attribute__((packed)) {
    uint8_t move; /* which */
    uint8_t zero_1[3]; /* zero */
    uint32_t distance_um; /* RETRACT_PLUNGER only, else 0 */
    uint32_t expect_head_seq; /* head_seq, else E_STALE */
} meso_service_move_t;
_Static_assert(sizeof(meso_service_move_t) == 12, "meso_service_move_t");

/* Body of the reply to SERVICE_MOVE. */
typedef struct __attribute__((packed)) {
    uint32_t shot_seq; /* slot taken */
} meso_service_move_reply_t;
_Static_assert(sizeof(meso_service_move_reply_t) == 4, "meso_service_move_reply_t");

/* Read a page of the active calibration. */
typedef struct __attribute__((packed)) {
    uint8_t page; /* page */
} meso_cal_read_t;
_Static_assert(sizeof(meso_cal_read_t) == 1, "meso_cal_read_t");

/* Body of the reply to CAL_READ. */
typedef struct __attribute__((packed)) {
    uint8_t page; /* page */
    uint8_t zero_1[3]; /* zero */
    uint8_t block[64]; /* the page */
} meso_cal_read_reply_t;
_Static_assert(sizeof(meso_cal_read_reply_t) == 68, "meso_cal_read_reply_t");

/* Write a page of the shadow calibration; nothing takes effect. */
typedef struct __attribute__((packed)) {
    uint8_t page; /* page */
    uint8_t zero_1[3]; /* zero */
    uint8_t block[64]; /* the page */
} meso_cal_write_t;
_Static_assert(sizeof(meso_cal_write_t) == 68, "meso_cal_write_t");

/* Make the shadow calibration the active one; SERVICE only; voids credit. */
typedef struct __attribute__((packed)) {
    uint32_t cal_id; /* as in page 0, else E_CALIBRATION */
    uint8_t cal_hash8[8]; /* hash of the five shadow pages, else E_CALIBRATION */
} meso_cal_commit_t;
_Static_assert(sizeof(meso_cal_commit_t) == 12, "meso_cal_commit_t");

/* Body of the reply to CAL_COMMIT. */
typedef struct __attribute__((packed)) {
    uint32_t cal_id; /* active calibration */
    uint8_t cal_hash8[8]; /* active calibration */
} meso_cal_commit_reply_t;
_Static_assert(sizeof(meso_cal_commit_reply_t) == 12, "meso_cal_commit_reply_t");

/* Start a new epoch of the ring; SERVICE only; refused while head_seq is not released. */
typedef struct __attribute__((packed)) {
    uint32_t expected_epoch; /* epoch, else E_EPOCH */
    uint32_t expected_head_seq; /* head_seq, else E_STALE */
} meso_epoch_open_t;
_Static_assert(sizeof(meso_epoch_open_t) == 8, "meso_epoch_open_t");

/* Body of the reply to EPOCH_OPEN. */
typedef struct __attribute__((packed)) {
    uint32_t log_epoch; /* the new epoch, never used before */
} meso_epoch_open_reply_t;
_Static_assert(sizeof(meso_epoch_open_reply_t) == 4, "meso_epoch_open_reply_t");

/* Body of the reply to ESTOP_RESET_PREPARE. */
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* for the second step, good for 10 s */
    uint32_t latch_id; /* the latch */
} meso_estop_reset_prepare_reply_t;
_Static_assert(sizeof(meso_estop_reset_prepare_reply_t) == 8, "meso_estop_reset_prepare_reply_t");

/* Second step. Ends in SAFE, never in ARMED; the needle is homed. */
typedef struct __attribute__((packed)) {
    uint32_t nonce; /* from the first step, else E_NONCE */
    uint32_t latch_id; /* the latch, else E_NONCE */
    uint8_t reason_code; /* why it is safe to go on */
    uint8_t zero_9[3]; /* zero */
} meso_estop_reset_confirm_t;
_Static_assert(sizeof(meso_estop_reset_confirm_t) == 12, "meso_estop_reset_confirm_t");

/* A record became final. A hint: read the log. */
typedef struct __attribute__((packed)) {
    uint32_t shot_seq; /* record */
    uint32_t grant_no; /* grant */
    uint8_t phase; /* how it ended */
    uint8_t reason; /* why */
    uint16_t remaining_shots; /* credit left */
    uint32_t dose_hi_nl; /* most that was given */
    uint16_t measured_depth_um; /* deepest needle travel measured */
    uint8_t kind; /* kind */
    uint8_t zero_19[1]; /* zero */
} meso_shot_event_t;
_Static_assert(sizeof(meso_shot_event_t) == 20, "meso_shot_event_t");

/* STOP was heard; sent at once for every STOP frame. */
typedef struct __attribute__((packed)) {
    uint32_t latch_id; /* the latch */
    uint8_t source; /* who latched */
    uint8_t zero_5[3]; /* zero */
    uint32_t head_seq; /* last final record */
} meso_estopped_event_t;
_Static_assert(sizeof(meso_estopped_event_t) == 12, "meso_estopped_event_t");

/* An alarm was raised or cleared. */
typedef struct __attribute__((packed)) {
    uint8_t alarm; /* alarm */
    uint8_t raised; /* 1 raised, 0 cleared */
    uint8_t zero_2[2]; /* zero */
    uint32_t detail; /* figure that belongs to it */
    uint64_t alarms; /* all that are active or latched */
} meso_alarm_event_t;
_Static_assert(sizeof(meso_alarm_event_t) == 16, "meso_alarm_event_t");

/* The gun has booted; sessions of before are gone. Sent with session 0. */
typedef struct __attribute__((packed)) {
    uint32_t boot_id; /* this boot */
    uint8_t reset_cause; /* why */
    uint8_t zero_5[3]; /* zero */
    uint32_t head_seq; /* last final record */
} meso_boot_event_t;
_Static_assert(sizeof(meso_boot_event_t) == 12, "meso_boot_event_t");

/* A service movement or homing has ended. */
typedef struct __attribute__((packed)) {
    uint32_t shot_seq; /* record, 0 for homing after boot or reset */
    uint8_t reason; /* 0 = as ordered */
    uint8_t zero_5[3]; /* zero */
} meso_move_done_event_t;
_Static_assert(sizeof(meso_move_done_event_t) == 8, "meso_move_done_event_t");

/* A self-test has ended. */
typedef struct __attribute__((packed)) {
    uint16_t mask; /* items run */
    uint16_t failed; /* items that did not pass */
} meso_self_test_done_event_t;
_Static_assert(sizeof(meso_self_test_done_event_t) == 4, "meso_self_test_done_event_t");

/* The live grant has ended. */
typedef struct __attribute__((packed)) {
    uint32_t grant_no; /* grant */
    uint8_t cause; /* why */
    uint8_t zero_5[1]; /* zero */
    uint16_t remaining_shots; /* credit at that moment */
    uint32_t remaining_nl; /* credit at that moment */
} meso_grant_ended_event_t;
_Static_assert(sizeof(meso_grant_ended_event_t) == 12, "meso_grant_ended_event_t");

#endif
