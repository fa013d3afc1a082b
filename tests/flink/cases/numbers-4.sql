-- numbers: types, overflow, rounding, casts between them
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 TINYINT, c1 BIGINT, c2 DOUBLE, c3 DOUBLE, c4 DECIMAL(5, 2), c5 DECIMAL(10, 0),
  c6 DECIMAL(10, 3), c7 DECIMAL(10, 3), c8 INT, c9 BOOLEAN, c10 STRING, c11 BOOLEAN, c12 DOUBLE,
  c13 DECIMAL(3, 1), c14 BOOLEAN, c15 BOOLEAN, c16 BOOLEAN, c17 INT, c18 BIGINT, c19 DECIMAL(13, 3),
  c20 STRING, c21 STRING, c22 BIGINT, c23 DECIMAL(11, 1), c24 INT, c25 INT, c26 INT, c27 INT,
  c28 BIGINT, c29 DECIMAL(11, 1), c30 INT, c31 STRING, c32 DECIMAL(11, 1), c33 BIGINT, c34 STRING,
  c35 STRING, c36 INT, c37 DECIMAL(38, 6), c38 DOUBLE, c39 INT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  CAST(i AS TINYINT),
  CAST(i AS BIGINT),
  CAST(i AS DOUBLE),
  CAST(l AS DOUBLE),
  CAST(i AS DECIMAL(5, 2)),
  CAST(l AS DECIMAL(10, 0)),
  CAST(d AS DECIMAL(10, 3)),
  CAST(f AS DECIMAL(10, 3)),
  CAST(b AS INT),
  CAST(i AS BOOLEAN),
  CAST(b AS STRING),
  CAST(d AS BOOLEAN),
  CAST(b AS DOUBLE),
  CAST(b AS DECIMAL(3, 1)),
  CAST(dc AS BOOLEAN),
  i = NULL,
  NULL IS NULL,
  GREATEST(i, 3),
  GREATEST(i, l),
  LEAST(i, dc),
  LEAST('a', 'b'),
  GREATEST(s, 'I'),
  COALESCE(i, l),
  COALESCE(i, 2.5),
  COALESCE(NULL, i),
  COALESCE(i, 0),
  NULLIF(i, 7),
  NULLIF(i, l),
  IF(b, i, l),
  IF(b, 1, 2.5),
  IFNULL(i, 5),
  IFNULL(s, 'none'),
  CASE WHEN b THEN 1 ELSE 2.5 END,
  CASE WHEN b THEN i WHEN NOT b THEN l END,
  CASE i WHEN 7 THEN 'seven' WHEN 2 THEN 'two' ELSE s END,
  CASE WHEN b THEN 'a' ELSE 'bcd' END,
  CASE WHEN b THEN NULL ELSE 1 END,
  CASE WHEN b THEN dc ELSE e END,
  CASE WHEN b THEN f ELSE dc END,
  CASE i WHEN 7 THEN 1 WHEN 2.0 THEN 2 ELSE 3 END
FROM m;
