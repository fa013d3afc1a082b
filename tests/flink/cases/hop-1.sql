-- HOP: every aggregate over the documented Bid table
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE bids (
  bidtime TIMESTAMP(3), price DECIMAL(10, 2), item STRING, seller STRING, q INT,
  WATERMARK FOR bidtime AS bidtime - INTERVAL '0' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/bids.jsonl', 'format' = 'json');
CREATE TABLE sink (ws TIMESTAMP(3), we TIMESTAMP(3), wt TIMESTAMP(3), n BIGINT, np BIGINT, nq BIGINT, s DECIMAL(38, 2), a DECIMAL(38, 6), mi DECIMAL(10, 2), ma DECIMAL(10, 2), sq INT, aq INT, mis STRING, mas STRING, fx BIGINT, sf DECIMAL(38, 2)) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT window_start, window_end, window_time, COUNT(*), COUNT(price), COUNT(q), SUM(price), AVG(price),
  MIN(price), MAX(price), SUM(q), AVG(q), MIN(seller), MAX(item),
  COUNT(*) FILTER (WHERE seller = 'x'), SUM(price) FILTER (WHERE q > 0)
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(bidtime), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES))
GROUP BY window_start, window_end, window_time
HAVING COUNT(*) > 0;
