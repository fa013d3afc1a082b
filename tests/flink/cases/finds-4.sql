-- what differed once: FLOAT beside DOUBLE, literals, LIKE, NULL
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 BOOLEAN, c1 FLOAT, c2 BOOLEAN, c3 BOOLEAN, c4 BOOLEAN, c5 BOOLEAN, c6 BOOLEAN, c7 BOOLEAN,
  c8 BOOLEAN, c9 BOOLEAN, c10 BOOLEAN, c11 BOOLEAN, c12 BOOLEAN, c13 TIMESTAMP_LTZ(3),
  c14 TIMESTAMP_LTZ(3), c15 TIMESTAMP(3), c16 TIMESTAMP_LTZ(3), c17 TIMESTAMP_LTZ(3),
  c18 TIMESTAMP_LTZ(3), c19 TIMESTAMP(3), c20 TIMESTAMP(3), c21 BOOLEAN, c22 BOOLEAN, c23 BOOLEAN,
  c24 BOOLEAN, c25 BOOLEAN, c26 BOOLEAN, c27 BOOLEAN, c28 BOOLEAN, c29 BOOLEAN, c30 BOOLEAN,
  c31 BOOLEAN, c32 BOOLEAN, c33 INT, c34 INT, c35 STRING, c36 STRING, c37 STRING, c38 INT,
  c39 BOOLEAN
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  TRUE AND UNKNOWN,
  NULLIF(f, d),
  f > d,
  f <= d,
  d < f,
  d >= f,
  d = f,
  f IN (d, 1e0),
  f IN (0.1, 100),
  f IN (1.5),
  f IS DISTINCT FROM d,
  l IN (3.0, 10),
  l IN (3e0, 10),
  COALESCE(ts, tl),
  COALESCE(tl, ts),
  CASE WHEN b THEN ts ELSE tl END,
  CASE WHEN b THEN tl ELSE ts END,
  GREATEST(ts, tl),
  IFNULL(ts, tl),
  NULLIF(ts, tl),
  IF(b, ts, tl),
  'a\b' LIKE 'a\b',
  'a\_b' LIKE 'a\_b',
  'a_b' LIKE 'a\_b',
  'axb' LIKE 'a\_b',
  'a%b' LIKE 'a\%b',
  'a_b' LIKE 'a\%b',
  'xa_b' LIKE '_a\_b',
  'xayb' LIKE '_a\_b',
  'x\y' LIKE '_\\y',
  'ab%' LIKE '_b\%',
  'abc' LIKE '_b\%',
  'ab\c' LIKE '%b\%',
  TIMESTAMPDIFF(WEEK, ts, TIMESTAMP '2024-01-02 00:00:00'),
  TIMESTAMPDIFF(DAY, dt, ts),
  CAST(s AS VARCHAR),
  CAST(i AS VARCHAR),
  UPPER('abc'),
  CASE WHEN UNKNOWN THEN 1 ELSE 2 END,
  NOT UNKNOWN
FROM m;
