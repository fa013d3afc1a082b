-- the first row of each key by arrival below GROUP BY without a window
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1), arrived AS PROCTIME()
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE sums (k STRING, n BIGINT, total BIGINT, latest STRING) WITH ('connector' = 'print', 'print-identifier' = 'updates-dedup');
SET 'table.exec.state.ttl' = '1 d';
INSERT INTO sums SELECT k, COUNT(*), SUM(l), LAST_VALUE(s) FROM
  (SELECT *, ROW_NUMBER() OVER (PARTITION BY ti, b ORDER BY arrived) AS rn FROM m) WHERE rn = 1 GROUP BY k HAVING COUNT(*) > 1;
