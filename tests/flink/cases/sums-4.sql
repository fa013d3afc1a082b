-- DOUBLE keys: 0.0 and -0.0, FLOAT too
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1),
  WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sink (x DECIMAL(5, 1), i INT, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT x, i, COUNT(*)
FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(`at`), INTERVAL '1' DAY))
GROUP BY window_start, window_end, x, i;
