-- what differed once: FLOAT beside DOUBLE, literals, LIKE, NULL
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 BOOLEAN, c1 BOOLEAN, c2 BOOLEAN, c3 BOOLEAN, c4 BOOLEAN, c5 FLOAT, c6 FLOAT, c7 FLOAT,
  c8 DOUBLE, c9 DOUBLE, c10 DOUBLE, c11 BOOLEAN, c12 DOUBLE, c13 FLOAT, c14 DOUBLE, c15 FLOAT,
  c16 BOOLEAN, c17 INT, c18 BOOLEAN, c19 BOOLEAN, c20 BOOLEAN, c21 BOOLEAN, c22 BOOLEAN, c23 BOOLEAN,
  c24 BOOLEAN, c25 BOOLEAN, c26 BOOLEAN, c27 BOOLEAN, c28 BOOLEAN, c29 BOOLEAN, c30 BOOLEAN,
  c31 TIMESTAMP(3), c32 BOOLEAN, c33 BOOLEAN, c34 INT, c35 BOOLEAN, c36 BOOLEAN, c37 STRING,
  c38 TIMESTAMP_LTZ(3), c39 TIMESTAMP_LTZ(3)
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  d = f,
  f <> d,
  f >= d,
  d <= f,
  f IN (d, 1e0),
  f + d + d,
  NULLIF(f, d),
  IF(b, f, d),
  IF(b, d, f),
  CASE WHEN b THEN d ELSE f END,
  CASE WHEN b THEN f WHEN NOT b THEN d ELSE dc END,
  f BETWEEN d AND d,
  GREATEST(d, f),
  f * d,
  d * f,
  f / d,
  f IS DISTINCT FROM d,
  CASE f WHEN d THEN 1 ELSE 2 END,
  d IN (0.1, 100),
  d IN (0.1e0, 100),
  f IN (0.1, 100),
  f IN (1.5, 100),
  f = 0.1,
  f = 0.1e0,
  f = 1.5,
  d = 0.1,
  d > 0.1,
  l IN (3.0, 10),
  dc IN (2.5001, 1),
  dc IN (CAST(2.5 AS DECIMAL(5, 3))),
  dt = CAST(ts AS DATE),
  CASE WHEN b THEN ts ELSE tl END,
  ts = CAST('2024-01-01 00:00:00' AS TIMESTAMP(3)),
  i BETWEEN NULL AND 3,
  NULLIF(i, NULL),
  i < NULL,
  i IS DISTINCT FROM NULL,
  IFNULL(NULL, 'x'),
  TO_TIMESTAMP_LTZ(0, 3),
  TO_TIMESTAMP_LTZ(1e0, 0)
FROM m;
