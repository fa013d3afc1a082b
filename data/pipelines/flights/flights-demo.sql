-- flights-demo: as flights.sql, but the trend is per minute too, so that there is
-- something to see while the demo's generator runs at 20 times the clock.

SET 'pipeline.name' = 'flights-demo';
SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.interval' = '10 s';
SET 'table.exec.source.idle-timeout' = '30 s';

CREATE TABLE flights (
  flightNumber STRING NOT NULL,
  planeType    INT    NOT NULL,             -- the enum's index: 0 SMALL, 1 BIG
  passengers   INT    NOT NULL,
  landedAt     BIGINT NOT NULL,             -- seconds since 1970
  origin       STRING NOT NULL,             -- ISO 3166 alpha-2, as sent
  landed AS TO_TIMESTAMP_LTZ(landedAt, 0),
  WATERMARK FOR landed AS landed - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'flights',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.emit.strategy' = 'on-event',
  'format' = 'avro'
);

CREATE TABLE average_passengers (
  passengers  INT    NOT NULL,
  `timestamp` BIGINT NOT NULL              -- end of the minute, seconds
) WITH (
  'connector' = 'kafka',
  'topic' = 'average_passengers',
  'properties.bootstrap.servers' = 'localhost:9092',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'flights-demo-average',
  'properties.transaction.timeout.ms' = '900000', -- for Flink, which would ask for an hour; Flight has its own
  'format' = 'avro'
);

CREATE TABLE trend_origin (
  origin      STRING NOT NULL,
  `timestamp` BIGINT NOT NULL              -- end of the minute, seconds
) WITH (
  'connector' = 'kafka',
  'topic' = 'trend_origin',
  'properties.bootstrap.servers' = 'localhost:9092',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'flights-demo-trend',
  'properties.transaction.timeout.ms' = '900000', -- for Flink, which would ask for an hour; Flight has its own
  'format' = 'avro'
);

EXECUTE STATEMENT SET BEGIN

INSERT INTO average_passengers
SELECT CAST(AVG(CAST(passengers AS BIGINT)) AS INT), EXTRACT(EPOCH FROM window_end)
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(landed), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;

-- Of equal sums the origin seen first wins.
INSERT INTO trend_origin
SELECT origin, EXTRACT(EPOCH FROM window_end)
FROM (
  SELECT origin, window_end,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end
                       ORDER BY total DESC, first_seen) AS place
  FROM (
    SELECT origin, window_start, window_end,
      SUM(CAST(passengers AS BIGINT)) AS total, MIN(landedAt) AS first_seen
    FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(landed), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, origin
  )
)
WHERE place = 1;

END;
