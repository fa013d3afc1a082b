-- texts, comparisons and casts of text
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 BOOLEAN, c1 BOOLEAN, c2 BOOLEAN, c3 DOUBLE, c4 DOUBLE, c5 DOUBLE, c6 FLOAT, c7 BOOLEAN,
  c8 DOUBLE, c9 DOUBLE, c10 BOOLEAN, c11 BOOLEAN, c12 BOOLEAN, c13 BOOLEAN, c14 BOOLEAN, c15 BOOLEAN,
  c16 BOOLEAN, c17 BOOLEAN, c18 BOOLEAN, c19 BOOLEAN, c20 BOOLEAN, c21 BOOLEAN, c22 BOOLEAN,
  c23 BOOLEAN, c24 BOOLEAN, c25 BOOLEAN, c26 BOOLEAN, c27 BOOLEAN, c28 BOOLEAN, c29 BOOLEAN,
  c30 BOOLEAN, c31 BOOLEAN, c32 BOOLEAN, c33 BOOLEAN, c34 BOOLEAN, c35 BOOLEAN, c36 STRING,
  c37 STRING, c38 STRING, c39 BOOLEAN
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  f = d,
  f < d,
  d > f,
  COALESCE(f, d),
  COALESCE(d, f),
  GREATEST(f, d),
  CASE WHEN b THEN f ELSE d END,
  CAST(f AS BOOLEAN),
  dc + f,
  f + dc,
  i > dc,
  dc = 2.5,
  l > d,
  i < 2.5,
  dc IN (2.5, 0),
  i IN (7, l),
  s IN ('it''s', 'x'),
  u IN ('7', u),
  i BETWEEN dc AND l,
  i NOT BETWEEN SYMMETRIC 5 AND -5,
  s BETWEEN 'A' AND 'a',
  ts BETWEEN TIMESTAMP '2024-01-01 00:00:00' AND TIMESTAMP '2024-01-02 00:00:00',
  dt = DATE '2024-02-29',
  dt > DATE '2021-01-01',
  ts = '2024-01-01 00:00:00',
  ts > '2024-01-01 00:00:00',
  dt = '2024-02-29',
  dt > '2024-01-01',
  tl > TO_TIMESTAMP_LTZ(0, 3),
  tl = ts,
  ts > tl,
  b = TRUE,
  b > FALSE,
  b <> b,
  s = u,
  s < u,
  s || 'x',
  CONCAT(s, u),
  CONCAT('a', 'b', s),
  s LIKE 'H%'
FROM m;
