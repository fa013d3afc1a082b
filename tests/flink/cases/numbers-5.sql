-- numbers: types, overflow, rounding, casts between them
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 TIMESTAMP(3), c1 BIGINT, c2 INT, c3 BIGINT, c4 BIGINT, c5 DOUBLE, c6 DOUBLE, c7 DECIMAL(1, 1),
  c8 INT, c9 DECIMAL(3, 1)
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  CASE WHEN i > 0 THEN ts ELSE CAST(NULL AS TIMESTAMP(3)) END,
  3000000000 + 1,
  2147483647 + 1,
  9223372036854775807 + 1,
  -9223372036854775808,
  1e3,
  1.5e-3,
  .5,
  5.,
  0.1 + 0.2
FROM m;
