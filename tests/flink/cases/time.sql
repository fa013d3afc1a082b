-- time functions in UTC
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE,
  `dec` DECIMAL(10, 3), s STRING, ts TIMESTAMP(3), dt DATE
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/mixed.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, a STRING, b BIGINT, c STRING, d BIGINT, e BIGINT, f BIGINT, g TIMESTAMP(3), h TIMESTAMP(3), i BIGINT, j STRING, k BOOLEAN) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, DATE_FORMAT(ts, 'yyyy-MM-dd''T''HH:mm:ss'), UNIX_TIMESTAMP(CAST(ts AS STRING)),
  CAST(TO_TIMESTAMP_LTZ(l, 3) AS STRING), EXTRACT(YEAR FROM ts), EXTRACT(MONTH FROM ts), EXTRACT(DAY FROM ts),
  ts + INTERVAL '1' HOUR, ts - INTERVAL '1:30' MINUTE TO SECOND, EXTRACT(HOUR FROM ts),
  FROM_UNIXTIME(CAST(i AS BIGINT)), ts > TIMESTAMP '2024-01-01 00:00:00'
FROM m WHERE id NOT IN (4, 2);
