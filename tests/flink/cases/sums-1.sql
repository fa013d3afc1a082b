-- aggregates of every type: integers wrap, averages truncate, groups without a value are NULL
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1),
  WATERMARK FOR `at` AS `at` - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sink (
  k STRING, n BIGINT, si_ SMALLINT, ti_ TINYINT, i_ INT, l_ BIGINT, af FLOAT, ad DOUBLE, ai INT, al BIGINT, ati TINYINT, asi SMALLINT,
  adc DECIMAL(38, 6), sdc DECIMAL(38, 3), ax DECIMAL(38, 6), mis STRING, mas STRING, mib BOOLEAN, mab BOOLEAN, mid DATE, mad DATE,
  mit TIMESTAMP(3), mat TIMESTAMP(3), mif FLOAT, maf FLOAT, mix DECIMAL(5, 1), max_ DECIMAL(5, 1)
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT k, COUNT(*), SUM(si), SUM(ti), SUM(i), SUM(l), AVG(f), AVG(d), AVG(i), AVG(l), AVG(ti), AVG(si),
  AVG(dc), SUM(dc), AVG(x), MIN(s), MAX(s), MIN(b), MAX(b), MIN(dt), MAX(dt),
  MIN(`at`), MAX(`at`), MIN(f), MAX(f), MIN(x), MAX(x)
FROM TABLE(TUMBLE(TABLE m, DESCRIPTOR(`at`), INTERVAL '1' MINUTE))
WHERE `at` < TIMESTAMP '2024-03-31 00:00:00'
GROUP BY window_start, window_end, k;
