"""The tables: ``record`` and ``checkpoint`` are the log, all others are projections, made from it at will."""

from typing import Final

APPLICATION_ID: Final = 0x6D65736F  # "meso"
USER_VERSION: Final = 3

_LOG: Final = (
    """CREATE TABLE IF NOT EXISTS record(
        seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, sess BLOB,
        leaf BLOB NOT NULL, body BLOB NOT NULL) STRICT""",
    # `peaks` lets a start take up the tree without reading the log from its beginning.
    """CREATE TABLE IF NOT EXISTS checkpoint(
        size INTEGER PRIMARY KEY, note TEXT NOT NULL, peaks BLOB NOT NULL, cause TEXT NOT NULL,
        ts_us INTEGER NOT NULL) STRICT""",
    # What a session has beside its shots, late reactions among it: a disclosure must not read the whole log for them.
    "CREATE INDEX IF NOT EXISTS record_of_session ON record(sess, seq) WHERE sess IS NOT NULL AND kind <> 'shot'",
    """CREATE TRIGGER IF NOT EXISTS record_never_changes BEFORE UPDATE ON record
        BEGIN SELECT RAISE(ABORT, 'records are never changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS record_never_goes BEFORE DELETE ON record
        BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END""",
    """CREATE TRIGGER IF NOT EXISTS checkpoint_never_changes BEFORE UPDATE ON checkpoint
        BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS checkpoint_never_goes BEFORE DELETE ON checkpoint
        BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END""",
)

PROJECTIONS: Final = {
    # Real or simulated: one data directory never holds both (I-51). At most one row.
    "house": "id INTEGER PRIMARY KEY CHECK (id = 1), simulated INTEGER NOT NULL",
    # How far the clock was set so far, all steps together, and how far it had been when the newest clock map was made.
    # At most one row.
    "clock": "id INTEGER PRIMARY KEY CHECK (id = 1), stepped_us INTEGER NOT NULL, mapped_us INTEGER NOT NULL",
    # One row for each gun and epoch, made by the record `known_seq`. `ahead` counts shots stored beyond a hole.
    "gun": """id INTEGER PRIMARY KEY, gun_uid TEXT NOT NULL, log_epoch INTEGER NOT NULL,
        base_seq INTEGER NOT NULL, committed_seq INTEGER NOT NULL, chain_hash8 TEXT NOT NULL,
        ahead INTEGER NOT NULL, last_grant_no INTEGER NOT NULL, odometer_nl INTEGER NOT NULL,
        odometer_seq INTEGER NOT NULL, since_lo_nl INTEGER NOT NULL, since_hi_nl INTEGER NOT NULL,
        contact_us INTEGER NOT NULL, touched_seq INTEGER NOT NULL, known_seq INTEGER NOT NULL,
        UNIQUE(gun_uid, log_epoch)""",
    # Sums over the shots of one grant from one cartridge: what caps, sessions, cartridges and look-backs add up, a
    # row for some 25 shots. `stepped_us` is what `clock` said of the map that its times are by.
    "given": """id INTEGER PRIMARY KEY, gun INTEGER NOT NULL, grant_no INTEGER NOT NULL, sess TEXT NOT NULL,
        alias TEXT NOT NULL, area_code INTEGER NOT NULL, product TEXT NOT NULL, lot TEXT NOT NULL,
        kind INTEGER NOT NULL, cartridge INTEGER NOT NULL, shots INTEGER NOT NULL, interrupted INTEGER NOT NULL,
        dose_lo_nl INTEGER NOT NULL, dose_hi_nl INTEGER NOT NULL, oldest_us INTEGER NOT NULL,
        latest_us INTEGER NOT NULL, stepped_us INTEGER NOT NULL, first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL, UNIQUE(gun, grant_no, sess, alias, area_code, product, lot, kind, cartridge)""",
    "shot": """seq INTEGER PRIMARY KEY, given INTEGER NOT NULL, shot_seq INTEGER NOT NULL,
        phase TEXT NOT NULL, dose_lo_nl INTEGER NOT NULL, dose_hi_nl INTEGER NOT NULL, latest_us INTEGER NOT NULL""",
    "grant_row": """gun INTEGER NOT NULL, grant_no INTEGER NOT NULL, kind INTEGER NOT NULL,
        sess TEXT NOT NULL, alias TEXT NOT NULL, area_code INTEGER NOT NULL, product TEXT NOT NULL,
        lot TEXT NOT NULL, max_shots INTEGER NOT NULL, max_nl INTEGER NOT NULL, state TEXT NOT NULL,
        stepped_us INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(gun, grant_no)""",
    "session": """sess TEXT PRIMARY KEY, alias TEXT NOT NULL, op TEXT NOT NULL, state TEXT NOT NULL,
        simulated INTEGER NOT NULL, gun_uid TEXT NOT NULL, protocol TEXT NOT NULL, opened_seq INTEGER NOT NULL,
        opened_us INTEGER NOT NULL, closed_us INTEGER NOT NULL""",
    "finding": """key TEXT PRIMARY KEY, code TEXT NOT NULL, gun_uid TEXT NOT NULL, seq INTEGER NOT NULL,
        closed_seq INTEGER""",
    # The newest map of each boot of a gun.
    "clock_map": """gun_uid TEXT NOT NULL, boot_id INTEGER NOT NULL, ticks_us INTEGER NOT NULL,
        utc_us INTEGER NOT NULL, error_us INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(gun_uid, boot_id)""",
    "stop": """seq INTEGER PRIMARY KEY, gun_uid TEXT NOT NULL, stop_no INTEGER NOT NULL,
        heard INTEGER NOT NULL""",
    "approval": """seq INTEGER PRIMARY KEY, digest TEXT NOT NULL, op TEXT NOT NULL, at_us INTEGER NOT NULL,
        protocol_id TEXT NOT NULL, version TEXT NOT NULL, name TEXT NOT NULL""",
    # The newest listing of each lot. Names of ingredients are a JSON list.
    "lot": """product TEXT NOT NULL, lot TEXT NOT NULL, expiry_day INTEGER NOT NULL, ingredients TEXT NOT NULL,
        viscosity_upa_s INTEGER NOT NULL, maker TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(product, lot)""",
    # What must not be used now, listed or not.
    "lot_block": """product TEXT NOT NULL, lot TEXT NOT NULL, reason TEXT NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY(product, lot)""",
    # Fillings. What a filling gave is the sum over the rows of `given` that name its record; `noticed_seq` is the
    # newest record of the gun having noticed a change of syringe while this one is recorded as fitted.
    "cartridge": """seq INTEGER PRIMARY KEY, cartridge TEXT NOT NULL UNIQUE, gun_uid TEXT NOT NULL,
        syringe TEXT NOT NULL, geometry_id INTEGER NOT NULL, product TEXT NOT NULL, lot TEXT NOT NULL,
        loaded_nl INTEGER NOT NULL, waste_nl INTEGER NOT NULL, removed_seq INTEGER, noticed_seq INTEGER""",
    # Each fitting of a needle or head.
    "part": """seq INTEGER PRIMARY KEY, part TEXT NOT NULL, serial TEXT NOT NULL, type_id INTEGER NOT NULL,
        sess TEXT NOT NULL, alias TEXT NOT NULL, at_us INTEGER NOT NULL""",
    "reprocessing": """seq INTEGER PRIMARY KEY, gun_uid TEXT NOT NULL, part TEXT NOT NULL, agent TEXT NOT NULL,
        lot TEXT NOT NULL, rinse_medium TEXT NOT NULL, method TEXT NOT NULL, op TEXT NOT NULL,
        at_us INTEGER NOT NULL""",
    # The newest answer to each question of a session.
    "checklist": """sess TEXT NOT NULL, item TEXT NOT NULL, answer TEXT NOT NULL, ingredients TEXT NOT NULL,
        noted INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(sess, item)""",
    "limit_override": """sess TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, signer TEXT NOT NULL,
        seq INTEGER NOT NULL, PRIMARY KEY(sess, code)""",
    # Runs at the bench. `state` is open, complete or abandoned, the verdicts are empty until judged.
    "calibration_run": """run TEXT PRIMARY KEY, gun_uid TEXT NOT NULL, what TEXT NOT NULL, geometry_id INTEGER NOT NULL,
        state TEXT NOT NULL, as_found TEXT NOT NULL, as_left TEXT NOT NULL, cal_hash8 TEXT NOT NULL,
        begun_seq INTEGER NOT NULL, begun_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, due_day INTEGER NOT NULL,
        signed_seq INTEGER""",
}

_INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS given_alias ON given(alias, area_code)",
    "CREATE INDEX IF NOT EXISTS given_sess ON given(sess, area_code)",
    "CREATE INDEX IF NOT EXISTS given_lot ON given(product, lot)",
    "CREATE INDEX IF NOT EXISTS given_cartridge ON given(cartridge) WHERE cartridge <> 0",
    "CREATE INDEX IF NOT EXISTS grant_not_closed ON grant_row(gun, grant_no) WHERE state <> 'closed'",
    "CREATE INDEX IF NOT EXISTS finding_open ON finding(gun_uid) WHERE closed_seq IS NULL",
    "CREATE INDEX IF NOT EXISTS stop_unheard ON stop(gun_uid) WHERE heard = 0",
    "CREATE INDEX IF NOT EXISTS session_opened ON session(opened_seq)",
    "CREATE INDEX IF NOT EXISTS session_alias ON session(alias, opened_seq)",
    # Newest contact of a gun with a patient.
    "CREATE INDEX IF NOT EXISTS given_contact ON given(gun, first_seq) WHERE alias <> '' AND kind IN (1, 2)",
    "CREATE INDEX IF NOT EXISTS approval_digest ON approval(digest, seq)",
    "CREATE INDEX IF NOT EXISTS cartridge_fitted ON cartridge(gun_uid) WHERE removed_seq IS NULL",
    "CREATE INDEX IF NOT EXISTS part_serial ON part(part, serial, seq)",
    "CREATE INDEX IF NOT EXISTS part_session ON part(sess, part, seq)",
    "CREATE INDEX IF NOT EXISTS reprocessing_gun ON reprocessing(gun_uid, seq)",
    "CREATE INDEX IF NOT EXISTS calibration_gun ON calibration_run(gun_uid, begun_seq)",
)

PROJECTION_STATEMENTS: Final = (
    *(f"CREATE TABLE IF NOT EXISTS {name}({columns}) STRICT" for name, columns in PROJECTIONS.items()),
    *_INDEXES,
)
SCHEMA: Final = (*_LOG, *PROJECTION_STATEMENTS)
