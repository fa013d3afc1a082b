-- logarithms and kin
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, s STRING, t STRING, n INT, d DOUBLE, w STRING
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/functions.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 DOUBLE, c1 DOUBLE, c2 DOUBLE, c3 DOUBLE, c4 DOUBLE, c5 DOUBLE, c6 DOUBLE
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  LN(d),
  LOG10(d),
  LOG2(d),
  LOG(d),
  LOG(2, d),
  LOG(d, 3),
  EXP(d)
FROM m;
