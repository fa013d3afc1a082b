-- functions of text: parts, padding, codes
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, s STRING, t STRING, n INT, d DOUBLE, w STRING
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/functions.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 STRING, c1 STRING, c2 STRING, c3 STRING, c4 STRING, c5 STRING, c6 STRING, c7 STRING,
  c8 STRING, c9 STRING, c10 STRING, c11 STRING, c12 STRING, c13 STRING, c14 STRING, c15 STRING,
  c16 STRING, c17 STRING, c18 STRING, c19 STRING, c20 STRING, c21 STRING, c22 STRING, c23 INT,
  c24 INT, c25 INT, c26 INT, c27 INT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  SPLIT_INDEX(s, t, n),
  SPLIT_INDEX(s, ',', n),
  SPLIT_INDEX(s, t, 0),
  SPLIT_INDEX(s, ' ', 1),
  SPLIT_INDEX(s, 44, n),
  CONCAT_WS(t, s, 'x', CAST(NULL AS STRING), s),
  CONCAT_WS('-', s),
  CONCAT_WS(t, CAST(NULL AS STRING)),
  LEFT(s, n),
  RIGHT(s, n),
  LEFT(s, 2),
  RIGHT(s, 2),
  LPAD(s, n, t),
  RPAD(s, n, t),
  LPAD(s, 7, 'xyz'),
  RPAD(s, 7, 'xyz'),
  CHR(n),
  REPEAT(s, 2),
  REPEAT(t, n),
  REVERSE(s),
  INITCAP(s),
  HEX(s),
  HEX(n),
  INSTR(s, t),
  LOCATE(t, s),
  LOCATE(t, s, n),
  LOCATE('c', s, 5),
  ASCII(s)
FROM m;
