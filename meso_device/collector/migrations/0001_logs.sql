-- The logs of consoles, who they are, and what contradicts itself. Every table is only ever added to.

-- Whoever serves consoles does so as this role: it can add and read, and nothing else.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'meso_intake') THEN
        CREATE ROLE meso_intake NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'meso_intake', 'MEMBER') THEN
        GRANT meso_intake TO CURRENT_USER;
    END IF;
END $$;

-- One-time codes that were given out, and those that were used. Secrets are kept as their SHA-256.
CREATE TABLE meso.code (
    secret_sha256 bytea PRIMARY KEY,
    name text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE meso.code_use (
    secret_sha256 bytea PRIMARY KEY REFERENCES meso.code,
    used_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE meso.console (
    origin text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    vkey text NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now()
);

-- The newest of a console counts, unless it was revoked.
CREATE TABLE meso.credential (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE,
    origin text NOT NULL REFERENCES meso.console,
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX credential_of_console ON meso.credential (origin, no);
CREATE TABLE meso.revocation (
    no bigint PRIMARY KEY REFERENCES meso.credential,
    revoked_at timestamptz NOT NULL DEFAULT now()
);

-- No reference to the console: it would be looked up for every record, and each batch is of one that has proven itself.
CREATE TABLE meso.record (
    origin text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    sess bytea,
    ts_us bigint NOT NULL,
    leaf bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (origin, seq)
);

-- Checkpoints that were taken. `peaks` lets a batch be checked without reading what came before it.
CREATE TABLE meso.checkpoint (
    origin text NOT NULL REFERENCES meso.console,
    size bigint NOT NULL,
    note text NOT NULL,
    peaks bytea NOT NULL,
    simulated boolean NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, size)
);

-- Derived: who told of an injection first. The same one may rightly stand in two logs.
CREATE TABLE meso.shot (
    gun_uid text NOT NULL,
    log_epoch bigint NOT NULL,
    shot_seq bigint NOT NULL,
    origin text NOT NULL,
    seq bigint NOT NULL,
    ring bytea NOT NULL,
    PRIMARY KEY (gun_uid, log_epoch, shot_seq)
);
-- Derived: who told of it as well.
CREATE TABLE meso.shot_witness (
    gun_uid text NOT NULL,
    log_epoch bigint NOT NULL,
    shot_seq bigint NOT NULL,
    origin text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (gun_uid, log_epoch, shot_seq, origin, seq)
);

-- Two histories of one thing: of a log ('record', 'growth') or of an injection ('shot').
CREATE TABLE meso.fork (
    origin text NOT NULL REFERENCES meso.console,
    kind text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    note text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, kind, subject)
);

-- Against accidents, also of the owner: who may do anything here can take the triggers away, hence the cosignatures.
CREATE FUNCTION meso.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END $$;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['code', 'code_use', 'console', 'credential', 'revocation', 'record', 'checkpoint',
                                'shot', 'shot_witness', 'fork'] LOOP
        EXECUTE format('CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON meso.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION meso.refuse()', name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA meso TO meso_intake;
GRANT SELECT ON ALL TABLES IN SCHEMA meso TO meso_intake;
GRANT INSERT ON meso.code_use, meso.console, meso.credential, meso.record, meso.checkpoint, meso.shot,
    meso.shot_witness, meso.fork TO meso_intake;
