-- NULL keys form one group; expression keys; named arguments
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE bids (
  bidtime TIMESTAMP(3), price DECIMAL(10, 2), item STRING, seller STRING, q INT,
  WATERMARK FOR bidtime AS bidtime - INTERVAL '0' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/bids.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), seller STRING, big BOOLEAN, n BIGINT, total DECIMAL(38, 2)) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_start, seller, price > 3, COUNT(*), SUM(price)
FROM TABLE(TUMBLE(DATA => TABLE bids, TIMECOL => DESCRIPTOR(bidtime), SIZE => INTERVAL '10' MINUTES))
GROUP BY window_start, window_end, seller, price > 3;
