-- HOP: slides that are no second, named arguments, an offset that is a multiple of the slide
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE m (
  id INT, k STRING, i INT, d DOUBLE, s STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/late.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), we TIMESTAMP(3), n BIGINT, ids INT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_start, window_end, COUNT(*), SUM(id)
FROM TABLE(HOP(DATA => TABLE m, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '7.5' SECOND, SLIDE => INTERVAL '1.5' SECOND, `OFFSET` => INTERVAL '-4.5' SECOND))
GROUP BY window_start, window_end;
