-- Top-N of HOP windows, ties broken by the first row
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  id INT, k STRING, i INT, d DOUBLE, s STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/late.jsonl', 'format' = 'json');
CREATE TABLE sink (we TIMESTAMP(3), k STRING, total INT, rn BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_end, k, total, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC, first_id) AS rn FROM (
    SELECT window_start, window_end, k, SUM(i) AS total, MIN(id) AS first_id
    FROM TABLE(HOP(TABLE m, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, k HAVING COUNT(*) > 1))
WHERE rn <= 2;
