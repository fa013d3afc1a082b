-- times: parts, patterns, intervals, literals
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 INT, c1 BOOLEAN, c2 INT, c3 INT, c4 BOOLEAN, c5 BOOLEAN, c6 INT, c7 DATE, c8 STRING
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  (((i))),
  1 = 1,
  1 + 2 * 3,
  7 / 2 * 2,
  i % 2 = 1,
  2 * i + 1 > 3 AND NOT b,
  CAST(NULL AS INT),
  CAST('2024-01-01' AS DATE),
  CAST(NULL AS STRING)
FROM m;
