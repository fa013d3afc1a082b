-- FILTER, HAVING over NULL, COUNT of expressions, arithmetic over aggregates
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1),
  WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sink (k STRING, a BIGINT, b BIGINT, c INT, d INT, e DECIMAL(38, 6), f BIGINT, g INT, h DECIMAL(38, 6), i STRING, j BIGINT, l BOOLEAN) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT k, COUNT(*) FILTER (WHERE i > 0), COUNT(i) FILTER (WHERE b), SUM(i) FILTER (WHERE i < 0), AVG(i) FILTER (WHERE i < 0),
  AVG(dc) FILTER (WHERE dc > 100), SUM(i) / COUNT(*), CAST(AVG(CAST(i AS BIGINT)) AS INT), AVG(i * 1.0),
  MAX(s) FILTER (WHERE s <> ''), COUNT(CASE WHEN i > 0 THEN 1 END), MAX(i) IS NULL
FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(`at`), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, k
HAVING SUM(i) > -100 AND COUNT(*) < 3 OR k IS NULL;
