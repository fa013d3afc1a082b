-- routes.sql for a broker without TLS.

SET 'pipeline.name' = 'routes';
-- What breaks a rule of this file becomes a dead letter.
SET 'flight.table.routes.json-schema' = 'routes.schema.json';
-- 'strict': an integer literal is no number with a fraction, 3.0 is no integer.
SET 'flight.table.routes.json-schema-typing' = 'lenient';
SET 'flight.table.routes_table.create' = 'true';
SET 'flight.table.routes_table.password-file' = 'routes.password';

CREATE TABLE routes (
  `timestamp` DOUBLE NOT NULL,             -- seconds since 1970
  userId      INT    NOT NULL,
  coordinates ARRAY<DOUBLE> NOT NULL       -- latitude, longitude
) WITH (
  'connector' = 'kafka',
  'topic' = 'routes',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'properties.group.id' = 'routes',        -- for lag displays; the position is in the store
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

CREATE TABLE routes_table (
  user_id     INT    NOT NULL,
  `timestamp` DOUBLE NOT NULL,
  latitude    DOUBLE NOT NULL,
  longitude   DOUBLE NOT NULL
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://localhost:5432/routes?user=routes',
  'table-name' = 'routes_table'
);

INSERT INTO routes_table
SELECT userId, `timestamp`, coordinates[1], coordinates[2] FROM routes;
