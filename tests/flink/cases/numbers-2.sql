-- numbers: types, overflow, rounding, casts between them
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 FLOAT, c1 BIGINT, c2 DOUBLE, c3 DOUBLE, c4 DECIMAL(8, 0), c5 DECIMAL(9, 1), c6 DECIMAL(10, 3),
  c7 DECIMAL(8, 0), c8 INT, c9 BIGINT, c10 FLOAT, c11 DECIMAL(2, 0), c12 DECIMAL(2, 0), c13 INT,
  c14 DECIMAL(35, 2), c15 DOUBLE, c16 DOUBLE, c17 DOUBLE, c18 DOUBLE, c19 DOUBLE, c20 DOUBLE,
  c21 DOUBLE, c22 DOUBLE, c23 FLOAT, c24 FLOAT, c25 FLOAT, c26 FLOAT, c27 DOUBLE, c28 DOUBLE,
  c29 FLOAT, c30 DOUBLE, c31 DOUBLE, c32 DECIMAL(14, 3), c33 DECIMAL(14, 3), c34 DECIMAL(23, 3),
  c35 DECIMAL(11, 3), c36 DECIMAL(38, 6), c37 DECIMAL(21, 6), c38 DECIMAL(21, 3), c39 DECIMAL(38, 6)
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  FLOOR(f),
  FLOOR(l),
  ROUND(d),
  ROUND(d, 2),
  ROUND(dc),
  ROUND(dc, 1),
  ROUND(dc, 5),
  ROUND(dc, -1),
  ROUND(i, -1),
  ROUND(l, -2),
  ROUND(f, 1),
  ROUND(2.5),
  ROUND(-2.5),
  ROUND(25, -1),
  ROUND(e, 2),
  SQRT(d),
  SQRT(i),
  SQRT(dc),
  POWER(d, 2),
  POWER(dc, 0.5),
  POWER(2, 10),
  d + f,
  d * 2,
  f * 2,
  f + 1,
  f + d,
  f / 3,
  d / 3,
  d / 0,
  f / 0,
  d - 0.1,
  d + 1e0,
  dc + 1,
  dc + i,
  dc + l,
  dc + dc,
  dc - e,
  dc * dc,
  dc * i,
  dc * e
FROM m;
