-- What people corrected afterwards. The columns of the other views say what was recorded: of a lot that was misread, what
-- it should have been stands here, at the record of the filling (kind lot.loaded).
CREATE VIEW meso.amendments AS
SELECT console, seq, recorded_at AS amended_at, (body ->> 'target_seq')::bigint AS target_seq,
    body ->> 'target_kind' AS target_kind, body ->> 'field' AS field, body ->> 'old' AS recorded,
    body ->> 'new' AS amended_to, body ->> 'reason' AS reason, body ->> 'op' AS operator, session
FROM meso.records WHERE kind = 'amend';
