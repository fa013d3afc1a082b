-- HAVING that stops and begins to hold, FILTER, keys that are computed, no keys, no aggregates, UNION ALL
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE held (what STRING, k STRING, n BIGINT, x DECIMAL(38, 1)) WITH ('connector' = 'print', 'print-identifier' = 'updates-2');
CREATE VIEW counts AS SELECT k, COUNT(*) AS n, SUM(x) AS x FROM m WHERE i IS NOT NULL GROUP BY k;
EXECUTE STATEMENT SET BEGIN
INSERT INTO held SELECT 'having', k, COUNT(*), SUM(x) FROM m GROUP BY k HAVING MOD(COUNT(*), 3) <> 0 AND SUM(x) IS NOT NULL;
INSERT INTO held SELECT 'filter', k, COUNT(*) FILTER (WHERE i > 0), SUM(x) FILTER (WHERE b) FROM m GROUP BY k;
INSERT INTO held SELECT 'computed', k2, n, x + 1 FROM (
  SELECT UPPER(k) || CAST(b AS STRING) AS k2, COUNT(s) AS n, MAX(x) AS x FROM m GROUP BY UPPER(k) || CAST(b AS STRING), b);
INSERT INTO held SELECT 'no keys', CAST(NULL AS STRING), COUNT(*), SUM(x) FROM m;
INSERT INTO held SELECT 'no keys, none left', CAST(NULL AS STRING), COUNT(*), SUM(x) FROM m WHERE i > 1000000000;
INSERT INTO held SELECT 'no aggregates', k, ABS(MOD(i, 3)), CAST(NULL AS DECIMAL(5, 1)) FROM m GROUP BY k, ABS(MOD(i, 3));
INSERT INTO held SELECT 'view', k, n, x FROM counts WHERE n < 5;
INSERT INTO held SELECT 'union', k, n, x FROM (
  SELECT k, n, x FROM counts WHERE n > 2 UNION ALL SELECT s, CAST(i AS BIGINT), x FROM m WHERE b);
END;
