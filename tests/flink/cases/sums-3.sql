-- keys of several types, a NULL in each; a window without keys or aggregates
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1),
  WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), we TIMESTAMP(3), b BOOLEAN, dt DATE, up STRING, sign_ INT, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_start, window_end, b, dt, UPPER(k), SIGN(i), COUNT(*)
FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(`at`), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, b, dt, UPPER(k), SIGN(i);
