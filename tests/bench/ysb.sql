-- Near the Yahoo streaming benchmark: filter, count per advertisement in 10 seconds, no join.

SET 'pipeline.name' = 'ysb';
CREATE TABLE events (
  user_id STRING NOT NULL, page_id STRING NOT NULL, ad_id INT NOT NULL, ad_type STRING NOT NULL,
  event_type STRING NOT NULL, event_time BIGINT NOT NULL, ip_address STRING NOT NULL,
  ts AS TO_TIMESTAMP_LTZ(event_time, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector' = 'kafka', 'topic' = 'events',
  'properties.bootstrap.servers' = 'localhost:9092', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
CREATE TABLE counts (window_start TIMESTAMP(3), ad_id INT, n BIGINT) WITH ('connector' = 'kafka',
  'topic' = 'counts', 'properties.bootstrap.servers' = 'localhost:9092', 'format' = 'json',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'ysb');
INSERT INTO counts SELECT window_start, ad_id, COUNT(*) FROM TABLE(TUMBLE(
  (SELECT ad_id, ts FROM events WHERE event_type = 'view'), DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, ad_id;
