-- top origin per minute, equal sums broken by the first landing
SET 'pipeline.auto-watermark-interval' = '0';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE flights (
  flightNumber STRING NOT NULL, planeType INT NOT NULL, passengers INT NOT NULL,
  landedAt BIGINT NOT NULL, origin STRING NOT NULL,
  landed AS TO_TIMESTAMP_LTZ(landedAt, 0),
  WATERMARK FOR landed AS landed - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/flights.jsonl', 'format' = 'json');
CREATE TABLE sink (origin STRING, total INT, `timestamp` BIGINT, rn BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT origin, total, UNIX_TIMESTAMP(CAST(window_end AS STRING)), rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC, first_seen) AS rn FROM (
    SELECT window_start, window_end, origin, SUM(passengers) AS total, MIN(landedAt) AS first_seen
    FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(landed), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, origin))
WHERE rn <= 2;
