-- Consoles whose log has ended: its last record says so. Looked up by place, never searched for.
CREATE VIEW meso.retired AS
    SELECT origin, record.seq FROM meso.record
    JOIN (SELECT origin, max(size) - 1 AS seq FROM meso.checkpoint GROUP BY origin) AS newest USING (origin, seq)
    WHERE kind = 'log.retired';
GRANT SELECT ON meso.retired TO meso_intake;
