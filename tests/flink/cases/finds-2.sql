-- what differed once: FLOAT beside DOUBLE, literals, LIKE, NULL
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 TIMESTAMP_LTZ(3), c1 TIMESTAMP_LTZ(3), c2 TIMESTAMP_LTZ(3), c3 TIMESTAMP_LTZ(3),
  c4 TIMESTAMP_LTZ(3), c5 TIMESTAMP_LTZ(3), c6 STRING, c7 STRING, c8 STRING, c9 BIGINT, c10 BOOLEAN,
  c11 BOOLEAN, c12 BOOLEAN, c13 BOOLEAN, c14 BOOLEAN, c15 BOOLEAN, c16 BOOLEAN, c17 BOOLEAN,
  c18 BOOLEAN, c19 BOOLEAN, c20 BOOLEAN, c21 BOOLEAN, c22 BOOLEAN, c23 BOOLEAN, c24 BOOLEAN,
  c25 BOOLEAN, c26 BOOLEAN, c27 BOOLEAN, c28 BOOLEAN, c29 BOOLEAN, c30 BOOLEAN, c31 BOOLEAN,
  c32 BOOLEAN, c33 BOOLEAN, c34 BOOLEAN, c35 STRING, c36 STRING, c37 STRING, c38 DATE, c39 DATE
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  TO_TIMESTAMP_LTZ(1.7, 3),
  TO_TIMESTAMP_LTZ(-1.7, 3),
  TO_TIMESTAMP_LTZ(e, 3),
  TO_TIMESTAMP_LTZ(dc, 0),
  TO_TIMESTAMP_LTZ(f, 0),
  TO_TIMESTAMP_LTZ(f, 3),
  DATE_FORMAT(TIMESTAMP '2024-01-01 00:00:00', 'yyyy'),
  DATE_FORMAT(TO_TIMESTAMP_LTZ(0, 3), 'yyyy'),
  FROM_UNIXTIME(CAST(0 AS BIGINT)),
  UNIX_TIMESTAMP('2024-01-02 03:04:05.678'),
  s LIKE 'Hello\ World',
  s LIKE 'Hello\%',
  s LIKE '\Hello%',
  s LIKE '%\_b\_%',
  s LIKE 'a\_b\_c',
  s LIKE '\\%',
  s LIKE 'a%',
  s LIKE '%c',
  s LIKE '%',
  s LIKE '%%',
  s LIKE 'a%c',
  s LIKE 'a_b_c%',
  s LIKE 'a_b_c_%',
  s LIKE 'A😀b',
  s LIKE 'A%b%',
  s LIKE '%A%b',
  s LIKE '_😀_',
  s LIKE '%l%l%',
  s LIKE '%d%d',
  'a' LIKE 'a%a',
  'aba' LIKE 'a%b%a',
  'aa' LIKE 'a%a%a',
  'a.c' LIKE 'a.c',
  'abc' LIKE 'a.c',
  'a(b' LIKE 'a(_',
  UPPER('ı'),
  UPPER('ÿ µ'),
  LOWER('ẞ'),
  TRY_CAST('2024-02-03 rubbish' AS DATE),
  TRY_CAST(' 2024-02-03 ' AS DATE)
FROM m;
