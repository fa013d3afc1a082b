-- what differed once: FLOAT beside DOUBLE, literals, LIKE, NULL
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 INT, c1 INT, c2 INT, c3 BIGINT, c4 SMALLINT, c5 INT, c6 INT, c7 INT, c8 TIMESTAMP(1),
  c9 DECIMAL(4, 3), c10 DECIMAL(3, 3), c11 DECIMAL(3, 1), c12 INT, c13 INT, c14 INT,
  c15 DECIMAL(2, 1), c16 DECIMAL(5, 2), c17 DECIMAL(19, 2), c18 DOUBLE, c19 DOUBLE, c20 BOOLEAN,
  c21 BOOLEAN, c22 TIMESTAMP(3), c23 STRING, c24 STRING, c25 DECIMAL(10, 0), c26 DECIMAL(4, 0),
  c27 TIMESTAMP(3), c28 DOUBLE, c29 DOUBLE, c30 DOUBLE, c31 DOUBLE, c32 BOOLEAN, c33 BOOLEAN,
  c34 INT, c35 BOOLEAN, c36 BOOLEAN, c37 INT, c38 BOOLEAN, c39 INT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  TRY_CAST('-.5' AS INT),
  TRY_CAST('-' AS INT),
  TRY_CAST('-.' AS INT),
  TRY_CAST('+.' AS BIGINT),
  TRY_CAST('.5' AS SMALLINT),
  TIMESTAMPDIFF(WEEK, ts, TIMESTAMP '2024-01-02 00:00:00'),
  TIMESTAMPDIFF(HOUR, dt, DATE '2024-01-02'),
  TIMESTAMPDIFF(DAY, dt, ts),
  TIMESTAMP '2024-01-01 00:00:00.5',
  0.001,
  .001,
  00.5,
  1.,
  0,
  007,
  0.0,
  100.00,
  92233720368547758.07,
  1e308,
  1.5e-400,
  i = 2.0,
  l = 3e0,
  CAST('2024-01-02' AS TIMESTAMP(3)),
  CAST(s AS VARCHAR),
  CAST(i AS VARCHAR),
  CAST(dc AS DECIMAL),
  CAST(dc AS DECIMAL(4)),
  CAST(CAST(ts AS TIMESTAMP_LTZ(3)) AS TIMESTAMP(3)),
  ROUND(-0.4e0),
  ROUND(d, 3),
  SQRT(2),
  POWER(d, 0.5),
  'a' || 'bc' = 'abc',
  UPPER('abc') = 'ABC',
  CHAR_LENGTH(CAST('ab' AS CHAR(5))),
  CAST('ab' AS CHAR(5)) = 'ab',
  CAST('ab' AS CHAR(5)) = CAST('ab' AS CHAR(4)),
  CASE WHEN i = 0 THEN 0 ELSE 7 / i END,
  i = 0 OR 7 / i > 1,
  IF(i = 0, 0, 7 / i)
FROM m;
