-- the first row of each key by arrival: into append-only tables, and below windows of event time
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1), arrived AS PROCTIME(), WATERMARK FOR `at` AS `at` - INTERVAL '1' DAY
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE firsts (what STRING, k STRING, i INT, l BIGINT, s STRING, rn BIGINT)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json');
CREATE TABLE windows (what STRING, ws TIMESTAMP(3), n BIGINT, total BIGINT)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json');
CREATE VIEW by_ti AS
SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ti, b ORDER BY arrived) AS rn FROM m) WHERE rn = 1;
EXECUTE STATEMENT SET BEGIN
INSERT INTO firsts SELECT 'key', k, i, l, s, rn FROM
  (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY arrived ASC) AS rn FROM m) WHERE rn = 1;
INSERT INTO firsts SELECT 'two', k, i, l, s, rn FROM by_ti WHERE l > 0;
INSERT INTO firsts SELECT 'expression', k, i, l, s, rn FROM
  (SELECT *, ROW_NUMBER() OVER (PARTITION BY MOD(i, 7), UPPER(s) ORDER BY PROCTIME()) AS rn FROM m WHERE b) WHERE rn <= 1;
INSERT INTO firsts SELECT 'no key', k, i, l, s, CAST(7 AS BIGINT) FROM
  (SELECT *, ROW_NUMBER() OVER (ORDER BY arrived) AS rn FROM m) WHERE rn = 1;
INSERT INTO firsts SELECT 'twice', k, i, l, s, r2 FROM
  (SELECT *, ROW_NUMBER() OVER (PARTITION BY si ORDER BY arrived) AS r2 FROM by_ti) WHERE r2 = 1;
INSERT INTO windows SELECT 'window', window_start, COUNT(*), SUM(l) FROM
  TABLE(TUMBLE(TABLE by_ti, DESCRIPTOR(`at`), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
END;
