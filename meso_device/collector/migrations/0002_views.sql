-- For people with psql: what bodies of records say, as columns. Times are those of the consoles' clocks; between consoles
-- they are an order that is derived, and not one that anything proves.

CREATE VIEW meso.consoles AS
SELECT name, origin, coalesce(max(size), 0) AS records, max(taken_at) AS taken_at,
    coalesce(bool_or(simulated), false) AS simulated,
    EXISTS (SELECT FROM meso.revocation WHERE no = (
        SELECT max(no) FROM meso.credential WHERE credential.origin = console.origin)) AS revoked
FROM meso.console LEFT JOIN meso.checkpoint USING (origin) GROUP BY name, origin;

CREATE VIEW meso.records AS
SELECT name AS console, seq, to_timestamp(ts_us / 1e6) AS recorded_at, kind, encode(sess, 'hex') AS session,
    convert_from(body, 'UTF8')::json AS body
FROM meso.record JOIN meso.console USING (origin);

CREATE VIEW meso.sessions AS
SELECT opened.console, opened.session, opened.recorded_at AS opened_at, closed.recorded_at AS closed_at,
    closed.body ->> 'state' AS ended, opened.body ->> 'alias' AS alias, opened.body ->> 'op' AS operator,
    opened.body #>> '{gun,gun_uid}' AS gun_uid, opened.body #>> '{plan,product_name}' AS product,
    opened.body #>> '{plan,course}' AS course, (opened.body ->> 'simulated')::boolean AS simulated
FROM meso.records AS opened LEFT JOIN meso.records AS closed ON closed.console = opened.console
    AND closed.session = opened.session AND closed.kind = 'session.closed'
WHERE opened.kind = 'session.opened';

-- A row for each record; `counted` is true in one of them where several logs tell of one injection.
CREATE VIEW meso.injections AS
SELECT name AS console, seq, to_timestamp((said ->> 'at_us')::bigint / 1e6) AS given_at, encode(sess, 'hex') AS session,
    said ->> 'alias' AS alias, said #>> '{gun,gun_uid}' AS gun_uid, (said #>> '{gun,log_epoch}')::bigint AS log_epoch,
    (said ->> 'shot_seq')::bigint AS shot_seq, said ->> 'shot_kind' AS kind, said ->> 'area' AS area,
    said ->> 'product' AS product, said ->> 'lot' AS lot, (said ->> 'planned_depth_um')::bigint AS planned_depth_um,
    (said ->> 'measured_depth_um')::bigint AS measured_depth_um, (said ->> 'dose_lo_nl')::bigint AS dose_lo_nl,
    (said ->> 'dose_hi_nl')::bigint AS dose_hi_nl, said ->> 'phase' AS phase,
    (said ->> 'simulated')::boolean AS simulated,
    EXISTS (SELECT FROM meso.shot WHERE gun_uid = said #>> '{gun,gun_uid}'
        AND log_epoch = (said #>> '{gun,log_epoch}')::bigint AND shot_seq = (said ->> 'shot_seq')::bigint
        AND (shot.origin, shot.seq) = (told.origin, told.seq)) AS counted
FROM (SELECT *, convert_from(body, 'UTF8')::json AS said FROM meso.record WHERE kind = 'shot') AS told
    JOIN meso.console USING (origin);

CREATE VIEW meso.calibrations AS
SELECT ended.console, ended.body ->> 'run' AS run, ended.body #>> '{gun,gun_uid}' AS gun_uid, begun.body ->> 'what' AS what,
    ended.body ->> 'state' AS state, ended.recorded_at AS ended_at,
    CASE (ended.body ->> 'due_day')::int WHEN 0 THEN NULL ELSE DATE '1970-01-01' + (ended.body ->> 'due_day')::int END
        AS due_on,
    EXISTS (SELECT FROM meso.records AS signed WHERE signed.kind = 'calibration.signed'
        AND signed.console = ended.console AND signed.body ->> 'run' = ended.body ->> 'run') AS signed,
    (ended.body ->> 'simulated')::boolean AS simulated
FROM meso.records AS ended JOIN meso.records AS begun ON begun.console = ended.console
    AND begun.kind = 'calibration.begun' AND begun.body ->> 'run' = ended.body ->> 'run'
WHERE ended.kind = 'calibration.ended';
