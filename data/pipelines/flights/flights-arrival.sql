-- flights-arrival: both results per minute, counted by the time of arrival.  It
-- knows the writer's schema by name, so the enum reads as text and the columns
-- that no query needs are left out.

SET 'pipeline.name' = 'flights-arrival';
SET 'table.local-time-zone' = 'UTC';
SET 'flight.table.flights.avro-schema' = 'flights.avpr#flights.analyzer.Flight';
SET 'flight.table.average_passengers.avro-schema' = 'flights.avpr#flights.analyzer.AveragePassengers';
SET 'flight.table.trend_origin.avro-schema' = 'flights.avpr#flights.analyzer.TrendOrigin';

CREATE TABLE flights (
  planeType  STRING NOT NULL,
  passengers INT    NOT NULL,
  origin     STRING NOT NULL,
  arrived AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = 'flights',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
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
  'sink.transactional-id-prefix' = 'flights-arrival-average',
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
  'sink.transactional-id-prefix' = 'flights-arrival-trend',
  'properties.transaction.timeout.ms' = '900000', -- for Flink, which would ask for an hour; Flight has its own
  'format' = 'avro'
);

EXECUTE STATEMENT SET BEGIN

INSERT INTO average_passengers
SELECT CAST(AVG(CAST(passengers AS BIGINT)) AS INT), EXTRACT(EPOCH FROM window_end)
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(arrived), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end;

-- Of equal sums the origin that arrived first wins.
INSERT INTO trend_origin
SELECT origin, EXTRACT(EPOCH FROM window_end)
FROM (
  SELECT origin, window_end,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place
  FROM (
    SELECT origin, window_start, window_end, SUM(CAST(passengers AS BIGINT)) AS total
    FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(arrived), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, origin
  )
)
WHERE place = 1;

END;
