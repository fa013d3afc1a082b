-- local times shifted by half an hour
SET 'table.local-time-zone' = 'Asia/Kolkata';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 TIMESTAMP_LTZ(3), c1 TIMESTAMP(3), c2 TIMESTAMP_LTZ(3), c3 TIMESTAMP_LTZ(3), c4 TIMESTAMP(3),
  c5 TIMESTAMP_LTZ(3), c6 TIMESTAMP_LTZ(3), c7 TIMESTAMP_LTZ(3), c8 TIMESTAMP_LTZ(3)
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  COALESCE(tl, TO_TIMESTAMP_LTZ(0, 3)),
  TO_TIMESTAMP('2024-03-31 02:30:00'),
  TO_TIMESTAMP_LTZ(z, 3),
  GREATEST(tl, TO_TIMESTAMP_LTZ(1720000000, 0)),
  CASE WHEN b THEN ts ELSE tl END,
  CASE WHEN b THEN tl ELSE ts END,
  COALESCE(ts, tl),
  COALESCE(tl, ts),
  IFNULL(tl, ts)
FROM m;
