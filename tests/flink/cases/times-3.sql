-- times: parts, patterns, intervals, literals
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 TIMESTAMP(3), c1 DATE, c2 DATE, c3 DATE, c4 TIMESTAMP_LTZ(3), c5 TIMESTAMP_LTZ(3),
  c6 TIMESTAMP_LTZ(3), c7 TIMESTAMP(3), c8 INT, c9 INT, c10 INT, c11 INT, c12 INT, c13 INT,
  c14 TIMESTAMP(0), c15 TIMESTAMP(0), c16 DATE, c17 BOOLEAN, c18 BOOLEAN, c19 BOOLEAN, c20 BOOLEAN,
  c21 BOOLEAN, c22 BOOLEAN, c23 BOOLEAN, c24 BOOLEAN, c25 BOOLEAN, c26 BOOLEAN, c27 BOOLEAN,
  c28 BOOLEAN, c29 BOOLEAN, c30 BOOLEAN, c31 STRING, c32 STRING, c33 STRING, c34 STRING, c35 INT,
  c36 INT, c37 INT, c38 INT, c39 INT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  ts + INTERVAL '0.001' SECOND,
  dt + INTERVAL '1' DAY,
  dt - INTERVAL '1' DAY,
  dt + INTERVAL '1' HOUR,
  tl + INTERVAL '1' DAY,
  tl - INTERVAL '1' HOUR,
  tl + INTERVAL '1' MINUTE,
  INTERVAL '1' DAY + ts,
  TIMESTAMPDIFF(SECOND, ts, TIMESTAMP '2024-01-02 00:00:00'),
  TIMESTAMPDIFF(MINUTE, ts, TIMESTAMP '2024-01-02 00:00:00'),
  TIMESTAMPDIFF(HOUR, ts, TIMESTAMP '2024-01-02 00:00:00'),
  TIMESTAMPDIFF(DAY, ts, TIMESTAMP '2024-01-02 00:00:00'),
  TIMESTAMPDIFF(DAY, dt, DATE '2024-01-02'),
  TIMESTAMPDIFF(HOUR, tl, TO_TIMESTAMP_LTZ(0, 3)),
  TIMESTAMP '2024-01-01',
  TIMESTAMP '2024-1-1 0:0:0',
  DATE '2024-2-3',
  ts IS NOT NULL AND i > 0,
  b AND i > 0 OR s IS NULL,
  (i > 0) IS TRUE,
  (i > 0) IS NOT FALSE,
  (i > 0) IS UNKNOWN,
  i IS DISTINCT FROM 7,
  i IS NOT DISTINCT FROM NULL,
  NOT b = b,
  i NOT IN (7, NULL),
  i IN (7, NULL),
  i IN (1),
  s IS NULL,
  TRUE,
  UNKNOWN,
  'x',
  'it''s',
  'a' || 'b',
  '',
  1,
  -1,
  +i,
  - - i,
  i - -1
FROM m;
