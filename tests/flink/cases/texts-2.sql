-- texts, comparisons and casts of text
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 BOOLEAN, c1 BOOLEAN, c2 BOOLEAN, c3 BOOLEAN, c4 BOOLEAN, c5 BOOLEAN, c6 BOOLEAN, c7 STRING,
  c8 STRING, c11 STRING, c12 STRING, c13 STRING, c14 STRING, c15 STRING,
  c16 STRING, c17 STRING, c18 STRING, c19 STRING, c20 STRING, c21 STRING, c22 STRING, c23 STRING,
  c24 STRING, c25 STRING, c26 STRING, c27 STRING, c28 STRING, c29 STRING, c30 STRING, c31 STRING,
  c32 STRING, c33 STRING, c34 STRING, c35 STRING, c36 STRING, c37 INT, c38 INT, c39 INT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  s LIKE '%o_W%',
  s LIKE '%😀%',
  s LIKE 'A_b',
  s LIKE 'a!_b!_c' ESCAPE '!',
  s LIKE 'a\_b%',
  s LIKE u,
  s NOT LIKE '%',
  UPPER(s),
  LOWER(s),
  TRIM(s),
  TRIM(BOTH 'H' FROM s),
  TRIM(LEADING FROM s),
  TRIM(TRAILING 'd' FROM s),
  TRIM(BOTH 'Hd' FROM s),
  LTRIM(s),
  RTRIM(s),
  LTRIM(s, 'H'),
  RTRIM(s, 'd'),
  BTRIM(s),
  BTRIM(s, 'Hd'),
  REPLACE(s, 'l', 'LL'),
  REPLACE(s, 'l', ''),
  SUBSTRING(s, 1, 3),
  SUBSTRING(s, 0, 3),
  SUBSTRING(s, -3),
  SUBSTRING(s, -3, 2),
  SUBSTRING(s, 2),
  SUBSTRING(s, 100),
  SUBSTRING(s, 2, 0),
  SUBSTRING(s, 2, -1),
  SUBSTRING(s, -100, 2),
  SUBSTRING(s FROM i),
  SUBSTRING(s FROM 2 FOR 2),
  SUBSTR(s, 2),
  SUBSTR(s, 2, 2),
  CHAR_LENGTH(s),
  CHARACTER_LENGTH(s),
  POSITION('o' IN s)
FROM m;
