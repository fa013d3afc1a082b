-- casts that do not fail
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE,
  `dec` DECIMAL(10, 3), s STRING, ts TIMESTAMP(3), dt DATE
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/mixed.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, a STRING, b STRING, c STRING, d STRING, e STRING, f STRING, g INT, h BIGINT, i INT, j DECIMAL(6, 1), k DOUBLE, l INT, m STRING, n DATE, o INT, p STRING, q STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, CAST(b AS STRING), CAST(i AS STRING), CAST(f AS STRING), CAST(d AS STRING), CAST(`dec` AS STRING),
  CAST(ts AS STRING), CAST(d AS INT), CAST(d AS BIGINT), CAST(l AS INT), CAST(`dec` AS DECIMAL(6, 1)),
  CAST(`dec` AS DOUBLE), TRY_CAST(s AS INT), CAST(dt AS STRING), CAST(ts AS DATE), CAST(`dec` AS INT),
  CAST(ti AS STRING), CAST(s AS VARCHAR(3))
FROM m;
