-- numbers: types, overflow, rounding, casts between them
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 TINYINT, c1 SMALLINT, c2 INT, c3 INT, c4 BIGINT, c5 BIGINT, c6 BIGINT, c7 INT, c8 BIGINT,
  c9 INT, c10 BIGINT, c11 INT, c12 INT, c13 BIGINT, c14 INT, c15 INT, c16 BIGINT, c17 INT, c18 INT,
  c19 INT, c20 BIGINT, c21 INT, c22 INT, c23 DECIMAL(10, 3), c24 DECIMAL(10, 3), c25 DECIMAL(13, 3),
  c26 INT, c27 BIGINT, c28 TINYINT, c29 DECIMAL(10, 3), c30 DOUBLE, c31 INT, c32 DECIMAL(10, 3),
  c33 DOUBLE, c34 DOUBLE, c35 DECIMAL(10, 0), c36 INT, c37 FLOAT, c38 DOUBLE, c39 DECIMAL(10, 0)
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  ti + ti,
  si * si,
  i + 1,
  i * i,
  l + l,
  l * 2,
  i - l,
  -i,
  -l,
  ti + i,
  si + l,
  ti * 100,
  i / 2,
  l / 3,
  ti / 2,
  si / 4,
  i / l + 0,
  MOD(i, 4),
  MOD(l, 7),
  i % 3,
  MOD(i, l + 1),
  MOD(l, 3),
  MOD(ti, 5),
  MOD(dc, 2),
  dc % 2,
  MOD(7, dc + 100),
  ABS(i),
  ABS(l),
  ABS(ti),
  ABS(dc),
  ABS(d),
  SIGN(i),
  SIGN(dc),
  SIGN(d),
  CEIL(d),
  CEIL(dc),
  CEIL(i),
  CEIL(f),
  FLOOR(d),
  FLOOR(dc)
FROM m;
