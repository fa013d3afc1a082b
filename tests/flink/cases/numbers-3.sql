-- numbers: types, overflow, rounding, casts between them
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 DECIMAL(21, 14), c1 DECIMAL(38, 6), c2 DECIMAL(38, 6), c3 DECIMAL(38, 6), c4 DECIMAL(38, 6),
  c5 DECIMAL(38, 6), c6 DECIMAL(38, 6), c7 INT, c8 DECIMAL(13, 12), c9 INT, c10 DECIMAL(17, 6),
  c11 DOUBLE, c12 DECIMAL(7, 4), c13 DECIMAL(12, 1), c14 DOUBLE, c15 DOUBLE, c16 DECIMAL(16, 8),
  c17 DECIMAL(38, 6), c18 DECIMAL(38, 6), c19 DECIMAL(38, 33), c20 DECIMAL(38, 6),
  c21 DECIMAL(38, 7), c22 DECIMAL(20, 2), c23 DECIMAL(4, 1), c24 DECIMAL(5, 3), c25 INT, c26 BIGINT,
  c27 INT, c28 INT, c29 BIGINT, c30 SMALLINT, c31 TINYINT, c32 INT, c33 BIGINT, c34 DOUBLE,
  c35 FLOAT, c36 INT, c37 SMALLINT, c38 TINYINT, c39 SMALLINT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  dc / 3,
  e / 7,
  e * e,
  e + e,
  e - dc,
  e * 2,
  e / 3,
  1 / 3,
  1.0 / 3,
  10 / 4,
  10 / 4.0,
  1e0 / 3,
  2.50 * 2.50,
  1.5 + 1,
  dc + d,
  dc * f,
  dc + 1.23456789,
  CAST(1 AS DECIMAL(38, 10)) / CAST(3 AS DECIMAL(38, 10)),
  CAST(1 AS DECIMAL(38, 0)) / 3,
  CAST(1 AS DECIMAL(20, 18)) * CAST(1 AS DECIMAL(20, 18)),
  CAST(2 AS DECIMAL(38, 18)) + CAST(2 AS DECIMAL(38, 6)),
  CAST(2 AS DECIMAL(30, 0)) + CAST(2 AS DECIMAL(30, 20)),
  CAST(e AS DECIMAL(20, 2)),
  CAST(dc AS DECIMAL(4, 1)),
  CAST(dc AS DECIMAL(5, 3)),
  CAST(dc AS INT),
  CAST(e AS BIGINT),
  CAST(e AS INT),
  CAST(d AS INT),
  CAST(d AS BIGINT),
  CAST(d AS SMALLINT),
  CAST(d AS TINYINT),
  CAST(f AS INT),
  CAST(f AS BIGINT),
  CAST(f AS DOUBLE),
  CAST(d AS FLOAT),
  CAST(l AS INT),
  CAST(l AS SMALLINT),
  CAST(l AS TINYINT),
  CAST(i AS SMALLINT)
FROM m;
