-- 24:00:00 is the next day's midnight
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (id INT, ts TIMESTAMP(3), s STRING)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/midnight.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, ts TIMESTAMP(3), a TIMESTAMP(3), b TIMESTAMP(3), d BIGINT, e BOOLEAN)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json');
INSERT INTO sink
SELECT id, ts, TRY_CAST(s AS TIMESTAMP(3)), TO_TIMESTAMP(s), UNIX_TIMESTAMP(s),
  ts = '2024-12-31 24:00:00'
FROM m;
