-- average per minute: truncation, a late row, a negative sum
SET 'pipeline.auto-watermark-interval' = '0';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE flights (
  flightNumber STRING NOT NULL, planeType INT NOT NULL, passengers INT NOT NULL,
  landedAt BIGINT NOT NULL, origin STRING NOT NULL,
  landed AS TO_TIMESTAMP_LTZ(landedAt, 0),
  WATERMARK FOR landed AS landed - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/flights.jsonl', 'format' = 'json');
CREATE TABLE sink (passengers INT, `timestamp` BIGINT, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT AVG(passengers), UNIX_TIMESTAMP(CAST(window_end AS STRING)), COUNT(*)
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(landed), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;
