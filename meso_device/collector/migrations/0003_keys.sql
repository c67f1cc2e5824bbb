-- Keys that a console's log went on under after the one it was enrolled with, and the size at which both have signed.
CREATE TABLE meso.rotation (
    origin text NOT NULL REFERENCES meso.console,
    size bigint NOT NULL,
    vkey text NOT NULL,
    PRIMARY KEY (origin, size)
);
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON meso.rotation
    FOR EACH STATEMENT EXECUTE FUNCTION meso.refuse();
GRANT SELECT, INSERT ON meso.rotation TO meso_intake;
