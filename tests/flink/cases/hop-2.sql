-- HOP: rows that are late for some of their windows, and for all; NULL keys
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  id INT, k STRING, i INT, d DOUBLE, s STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/late.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), we TIMESTAMP(3), k STRING, n BIGINT, si INT, ai INT, sd DOUBLE, ad DOUBLE, mi INT, md DOUBLE, mis STRING, mas STRING, sid INT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_start, window_end, k, COUNT(*), SUM(i), AVG(i), SUM(d), AVG(d), MIN(i), MAX(d), MIN(s), MAX(s), SUM(id)
FROM TABLE(HOP(TABLE m, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
GROUP BY window_start, window_end, k;
