-- GROUP BY without a window: every change of aggregates of every type, keys that are NULL
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  `at` TIMESTAMP(3), k STRING, i INT, l BIGINT, ti TINYINT, si SMALLINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3),
  s STRING, b BOOLEAN, dt DATE, x DECIMAL(5, 1)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/sums.jsonl', 'format' = 'json');
CREATE TABLE numbers (
  k STRING, n BIGINT, ni BIGINT, ti_ TINYINT, si_ SMALLINT, i_ INT, l_ BIGINT, ai INT, al BIGINT, mil BIGINT, mal BIGINT,
  sdc DECIMAL(38, 3), adc DECIMAL(38, 6)
) WITH ('connector' = 'print', 'print-identifier' = 'updates-1');
CREATE TABLE texts (
  k STRING, mis STRING, mas STRING, fs STRING, ls STRING, fb BOOLEAN, lb BOOLEAN, fd DATE, ld DATE, ft TIMESTAMP(3), lt TIMESTAMP(3),
  fi INT, li INT, fti TINYINT, lsi SMALLINT, fl BIGINT, ll BIGINT, fdc DECIMAL(10, 3), lx DECIMAL(5, 1)
) WITH ('connector' = 'print', 'print-identifier' = 'updates-1');
EXECUTE STATEMENT SET BEGIN
INSERT INTO numbers
SELECT k, COUNT(*), COUNT(i), SUM(ti), SUM(si), SUM(i), SUM(l), AVG(i), AVG(l), MIN(l), MAX(l), SUM(dc), AVG(dc) FROM m GROUP BY k;
INSERT INTO texts
SELECT k, MIN(s), MAX(s), FIRST_VALUE(s), LAST_VALUE(s), FIRST_VALUE(b), LAST_VALUE(b), FIRST_VALUE(dt), LAST_VALUE(dt),
  FIRST_VALUE(`at`), LAST_VALUE(`at`), FIRST_VALUE(i), LAST_VALUE(i), FIRST_VALUE(ti), LAST_VALUE(si), FIRST_VALUE(l), LAST_VALUE(l),
  FIRST_VALUE(dc), LAST_VALUE(x)
FROM m GROUP BY k;
END;
