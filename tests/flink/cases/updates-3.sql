-- FIRST_VALUE and LAST_VALUE in TUMBLE windows
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1),
  WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sink (
  e TIMESTAMP(3), k STRING, fs STRING, ls STRING, fb BOOLEAN, lb BOOLEAN, fd DATE, ld DATE, fi INT, li INT, ff FLOAT, ld_ DOUBLE,
  lt TIMESTAMP(3), fdc DECIMAL(10, 3), lx DECIMAL(5, 1), li_ INT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_end, k, FIRST_VALUE(s), LAST_VALUE(s), FIRST_VALUE(b), LAST_VALUE(b), FIRST_VALUE(dt), LAST_VALUE(dt), FIRST_VALUE(i), LAST_VALUE(i),
  FIRST_VALUE(f), LAST_VALUE(d), LAST_VALUE(`at`), FIRST_VALUE(dc), LAST_VALUE(x), LAST_VALUE(i) FILTER (WHERE i > 0)
FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(`at`), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, k;
