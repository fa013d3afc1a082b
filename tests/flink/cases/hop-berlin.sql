-- HOP on the wall clock, with the nights that summer time begins and ends
SET 'pipeline.auto-watermark-interval' = '0';
SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE m (
  z BIGINT, i INT, tl AS TO_TIMESTAMP_LTZ(z, 3),
  WATERMARK FOR tl AS tl - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/nights.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), we TIMESTAMP(3), wt TIMESTAMP_LTZ(3), n BIGINT, total INT, epoch BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_start, window_end, window_time, COUNT(*), SUM(i), EXTRACT(EPOCH FROM window_end)
FROM TABLE(HOP(TABLE m, DESCRIPTOR(tl), INTERVAL '1' HOUR, INTERVAL '3' HOUR))
GROUP BY window_start, window_end, window_time;
