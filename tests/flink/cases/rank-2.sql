-- the first rows of each window where NULLs are about: ORDER BY x DESC, k DESC
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1),
  WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sink (we TIMESTAMP(3), k STRING, x DECIMAL(38, 1), s STRING, rn BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_end, k, x, s, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY x DESC, k DESC) AS rn FROM (
    SELECT window_start, window_end, k, SUM(x) AS x, MAX(s) AS s
    FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(`at`), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, k))
WHERE rn <= 3;
