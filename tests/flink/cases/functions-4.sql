-- texts beyond the basic plane, white characters, odd arguments
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, s STRING, t STRING, l BIGINT
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/pieces.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 INT, c1 INT, c2 INT, c3 INT, c4 INT, c5 INT, c6 INT, c7 INT,
  c8 INT, c9 INT, c10 INT, c11 INT, c12 STRING, c13 STRING, c14 STRING, c15 STRING,
  c16 STRING, c17 STRING, c18 STRING, c19 STRING, c20 STRING, c21 STRING, c22 STRING, c23 STRING,
  c24 STRING, c25 STRING, c26 STRING, c27 STRING, c28 STRING, c29 STRING, c30 STRING
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  LOCATE(t, s, -9),
  LOCATE(t, s, -1),
  LOCATE(t, s, 0),
  LOCATE(t, s, 1),
  LOCATE(t, s, 2),
  LOCATE(t, s, 3),
  LOCATE(t, s, 4),
  LOCATE(t, s, 8),
  LOCATE(t, s, 9),
  LOCATE(t, s),
  INSTR(s, t),
  ASCII(t),
  LEFT(s, 2),
  RIGHT(s, 2),
  LPAD(s, 6, t),
  LPAD(s, 2147483647, ''),
  CHR(l),
  HEX(l),
  CHR(200),
  INITCAP(s),
  REVERSE(s),
  SPLIT_INDEX(s, '', 1),
  SPLIT_INDEX(s, 300, 0),
  SPLIT_INDEX(s, 0, 0),
  SPLIT_INDEX(s, 98, 0),
  CONCAT_WS(CAST(NULL AS STRING), s),
  CHR(-200),
  CHR(128),
  RPAD(s, 9, 'é'),
  REPEAT(s, 0),
  CONCAT_WS('', s, t)
FROM m;
