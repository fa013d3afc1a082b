-- UNION ALL below a window: two tables, one aggregate; the window waits for the slower one
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE bids (
  bidtime TIMESTAMP(3), price DECIMAL(10, 2), item STRING, seller STRING, q INT,
  WATERMARK FOR bidtime AS bidtime - INTERVAL '0' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/bids.jsonl', 'format' = 'json');
CREATE TABLE again (
  bidtime TIMESTAMP(3), price DECIMAL(10, 2), item STRING, q INT,
  WATERMARK FOR bidtime AS bidtime - INTERVAL '5' MINUTE
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/bids.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), item STRING, n BIGINT, total DECIMAL(38, 2), q BIGINT)
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
CREATE TEMPORARY VIEW everything AS
SELECT bidtime AS t, item, price, q FROM bids
UNION ALL SELECT bidtime, 'all', price * 2, q FROM again
UNION ALL SELECT bidtime, item || '2', price, 1 FROM again WHERE q > 1;
INSERT INTO sink
SELECT window_start, item, COUNT(*), SUM(price), MAX(CAST(q AS BIGINT))
FROM TABLE(TUMBLE(TABLE everything, DESCRIPTOR(t), INTERVAL '10' MINUTE))
GROUP BY window_start, window_end, item;
