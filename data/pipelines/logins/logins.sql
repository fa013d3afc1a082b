-- logins: logins of users, checked and reshaped; what is wrong goes to a topic of its own with the
-- reason; counts per five minutes.  A Flink has no dead letters and checks no record (flight. means nothing
-- there): the file runs on one when bad_logins is another table, or without it and what reads it.

SET 'pipeline.name' = 'logins';
SET 'table.local-time-zone' = 'UTC';       -- whatever TZ says
SET 'execution.checkpointing.interval' = '10 s';
SET 'table.exec.source.idle-timeout' = '30 s';
SET 'flight.quiet-close' = '30 s';         -- the last window of a silent topic closes, too
-- What breaks a rule of this file becomes a dead letter.
SET 'flight.table.logins.json-schema' = 'login.schema.json';

CREATE TABLE logins (
  user_id     STRING,
  app_version STRING,
  device_type STRING,
  ip          STRING,
  locale      STRING,
  device_id   STRING,
  `timestamp` BIGINT,                      -- seconds since 1970
  arrived     TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL, -- when the broker got it
  WATERMARK FOR arrived AS arrived - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'user-login',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'properties.group.id' = 'logins',        -- for lag displays; the position is in the store
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.emit.strategy' = 'on-event',
  'format' = 'json'
);

-- The seven values as far as they can be read, and why the record was refused.
CREATE TABLE bad_logins (
  user_id     STRING,
  app_version STRING,
  device_type STRING,
  ip          STRING,
  locale      STRING,
  device_id   STRING,
  `timestamp` BIGINT,
  error       STRING NOT NULL,
  rule        STRING NOT NULL,
  `raw`       BYTES,
  arrived     TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR arrived AS arrived - INTERVAL '5' SECOND
) WITH (
  'connector' = 'dead-letters',
  'table' = 'logins'
);

CREATE TABLE processed_logins (
  user_id      STRING,
  app_version  STRING,
  device_type  STRING,
  ip           STRING,
  locale       STRING,
  device_id    STRING,
  created_at   STRING,
  processed_at STRING NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'processed-user-login',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'logins-processed',
  'format' = 'json'
);

INSERT INTO processed_logins
SELECT user_id, app_version, device_type, ip, locale, device_id,
  DATE_FORMAT(TO_TIMESTAMP_LTZ(`timestamp`, 0), 'yyyy-MM-dd''T''HH:mm:ss'),
  DATE_FORMAT(CURRENT_TIMESTAMP, 'yyyy-MM-dd''T''HH:mm:ss')
FROM logins;

CREATE TABLE schema_errors (
  user_id     STRING,
  app_version STRING,
  device_type STRING,
  ip          STRING,
  locale      STRING,
  device_id   STRING,
  `timestamp` BIGINT,
  error       STRING NOT NULL,
  `raw`       BYTES                        -- base64; NULL where only fields are missing
) WITH (
  'connector' = 'kafka',
  'topic' = 'schema-error-user-login',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'logins-errors',
  'format' = 'json'
);

INSERT INTO schema_errors
SELECT user_id, app_version, device_type, ip, locale, device_id, `timestamp`, error,
  CASE WHEN rule = 'required' THEN CAST(NULL AS BYTES) ELSE `raw` END
FROM bad_logins;

CREATE TABLE insights_device (
  window_start STRING NOT NULL,
  window_end   STRING NOT NULL,
  device_type  STRING,
  logins       BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'login-insights-device',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'logins-device',
  'format' = 'json'
);

INSERT INTO insights_device
SELECT DATE_FORMAT(window_start, 'yyyy-MM-dd''T''HH:mm:ss'), DATE_FORMAT(window_end, 'yyyy-MM-dd''T''HH:mm:ss'),
  device_type, COUNT(*)
FROM TABLE(TUMBLE(TABLE logins, DESCRIPTOR(arrived), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, device_type;

CREATE TABLE insights_version (
  window_start STRING NOT NULL,
  window_end   STRING NOT NULL,
  app_version  STRING,
  logins       BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'login-insights-version',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'logins-version',
  'format' = 'json'
);

INSERT INTO insights_version
SELECT DATE_FORMAT(window_start, 'yyyy-MM-dd''T''HH:mm:ss'), DATE_FORMAT(window_end, 'yyyy-MM-dd''T''HH:mm:ss'),
  app_version, COUNT(*)
FROM TABLE(TUMBLE(TABLE logins, DESCRIPTOR(arrived), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, app_version;

CREATE TABLE insights_locale (
  window_start STRING NOT NULL,
  window_end   STRING NOT NULL,
  locale       STRING,
  logins       BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'login-insights-locale',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'logins-locale',
  'format' = 'json'
);

INSERT INTO insights_locale
SELECT DATE_FORMAT(window_start, 'yyyy-MM-dd''T''HH:mm:ss'), DATE_FORMAT(window_end, 'yyyy-MM-dd''T''HH:mm:ss'),
  locale, COUNT(*)
FROM TABLE(TUMBLE(TABLE logins, DESCRIPTOR(arrived), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, locale;

CREATE TABLE insights_errors (
  window_start STRING NOT NULL,
  window_end   STRING NOT NULL,
  total        BIGINT NOT NULL,
  bad          BIGINT NOT NULL,
  error_rate   DOUBLE NOT NULL             -- percent
) WITH (
  'connector' = 'kafka',
  'topic' = 'login-insights-errors',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'logins-rate',
  'format' = 'json'
);

-- Each record once, good or bad.
CREATE VIEW records AS
SELECT arrived, CAST(0 AS BIGINT) AS is_bad FROM logins
UNION ALL
SELECT arrived, CAST(1 AS BIGINT) FROM bad_logins;

INSERT INTO insights_errors
SELECT DATE_FORMAT(window_start, 'yyyy-MM-dd''T''HH:mm:ss'), DATE_FORMAT(window_end, 'yyyy-MM-dd''T''HH:mm:ss'),
  COUNT(*), SUM(is_bad), 100.0 * CAST(SUM(is_bad) AS DOUBLE) / COUNT(*)
FROM TABLE(TUMBLE(TABLE records, DESCRIPTOR(arrived), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end;
