-- orders: a history of events into the tables events, customers and orders of PostgreSQL (tables.sql).  Runs on
-- Flink as it is; there the lines with flight. mean nothing: events are not checked.

SET 'pipeline.name' = 'orders';
-- An order of which no product_ordered has come lacks columns: it waits, its event is a dead letter.
SET 'table.exec.sink.not-null-enforcer' = 'DROP';
-- An id that was seen counts once, for good; to forget it after a week: SET 'table.exec.state.ttl' = '7 d'
-- (Flink then forgets orders too that had no event for so long).
SET 'flight.state-limit' = '100000000';
SET 'flight.table.history.json-schema' = 'orders.schema.json';
SET 'flight.table.events.password-file' = 'orders.password';
SET 'flight.table.customers.password-file' = 'orders.password';
SET 'flight.table.orders.password-file' = 'orders.password';

CREATE TABLE history (
  id           STRING NOT NULL,
  aggregate_id STRING NOT NULL,            -- of the customer or the order
  `type`       STRING NOT NULL,
  `timestamp`  STRING NOT NULL,            -- 2019-08-01 10:18:55 +0200, any offset
  `data`       STRING NOT NULL,            -- the object as text
  kafka_ts     TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL,
  event_ts     AS TO_TIMESTAMP_LTZ(UNIX_TIMESTAMP(`timestamp`, 'yyyy-MM-dd HH:mm:ss XX'), 0),
  arrived      AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = 'events-json-topic',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'properties.group.id' = 'orders',        -- for lag displays; the position is in the store
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

-- Flink's connector jdbc has no TIMESTAMP_LTZ; the columns in the database are timestamptz.
CREATE TABLE events (
  event_id     STRING NOT NULL,
  event_type   STRING NOT NULL,
  event_ts     TIMESTAMP(3) NOT NULL,
  aggregate_id STRING NOT NULL,
  kafka_ts     TIMESTAMP(3) NOT NULL,
  json_data    STRING NOT NULL,
  PRIMARY KEY (event_id) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://localhost:5432/orders?user=orders',
  'table-name' = 'events'
);

CREATE TABLE customers (
  customer_id   STRING NOT NULL,
  registered_ts TIMESTAMP(3) NOT NULL,
  name          STRING NOT NULL,
  birthdate     DATE,
  PRIMARY KEY (customer_id) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://localhost:5432/orders?user=orders',
  'table-name' = 'customers'
);

CREATE TABLE orders (
  order_id    STRING NOT NULL,
  customer_id STRING NOT NULL,
  product     STRING NOT NULL,
  status      STRING NOT NULL,
  created_ts  TIMESTAMP(3) NOT NULL,
  updated_ts  TIMESTAMP(3) NOT NULL,
  PRIMARY KEY (order_id) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:postgresql://localhost:5432/orders?user=orders',
  'table-name' = 'orders'
);

EXECUTE STATEMENT SET BEGIN

-- An event that is sent again (the same id) changes nothing.
INSERT INTO events
SELECT id, `type`, event_ts, aggregate_id, kafka_ts, `data`
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived) AS n FROM history)
WHERE n = 1;

INSERT INTO customers
SELECT aggregate_id, event_ts, JSON_VALUE(`data`, '$.name'), TRY_CAST(JSON_VALUE(`data`, '$.birthdate') AS DATE)
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived) AS n FROM history
  WHERE `type` = 'customer_registered'
)
WHERE n = 1;

-- In the order of arrival: the status is that of the event which came last.
INSERT INTO orders
SELECT
  aggregate_id,
  FIRST_VALUE(JSON_VALUE(`data`, '$.customer_id')),
  FIRST_VALUE(JSON_VALUE(`data`, '$.name')),
  LAST_VALUE(CASE `type`
    WHEN 'product_ordered' THEN 'CREATED'
    WHEN 'order_accepted' THEN 'ACCEPTED'
    WHEN 'order_declined' THEN 'DECLINED'
    WHEN 'order_fulfilled' THEN 'FULFILLED'
    WHEN 'order_cancelled' THEN 'CANCELLED'
  END),
  FIRST_VALUE(CASE WHEN `type` = 'product_ordered' THEN event_ts END),
  LAST_VALUE(event_ts)
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived) AS n FROM history
  WHERE `type` IN ('product_ordered', 'order_accepted', 'order_declined', 'order_fulfilled', 'order_cancelled')
)
WHERE n = 1
GROUP BY aggregate_id;

END;
