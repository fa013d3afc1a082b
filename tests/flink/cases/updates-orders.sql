-- data/pipelines/orders/orders.sql with rows out of a file and changes into print: the queries are the shipped ones
SET 'pipeline.auto-watermark-interval' = '0';
SET 'table.local-time-zone' = 'UTC';
SET 'table.exec.sink.not-null-enforcer' = 'DROP';
CREATE TABLE history (
  id STRING NOT NULL, aggregate_id STRING NOT NULL, `type` STRING NOT NULL, `timestamp` STRING NOT NULL, `data` STRING NOT NULL,
  kafka_ts AS TO_TIMESTAMP_LTZ(1564647535123, 3),
  event_ts AS TO_TIMESTAMP_LTZ(UNIX_TIMESTAMP(`timestamp`, 'yyyy-MM-dd HH:mm:ss XX'), 0),
  arrived AS PROCTIME()
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/orders.jsonl', 'format' = 'json');
CREATE TABLE events (
  event_id     STRING NOT NULL,
  event_type   STRING NOT NULL,
  event_ts     TIMESTAMP(3) NOT NULL,
  aggregate_id STRING NOT NULL,
  kafka_ts     TIMESTAMP(3) NOT NULL,
  json_data    STRING NOT NULL,
  PRIMARY KEY (event_id) NOT ENFORCED
) WITH ('connector' = 'print', 'print-identifier' = 'updates-orders');

CREATE TABLE customers (
  customer_id   STRING NOT NULL,
  registered_ts TIMESTAMP(3) NOT NULL,
  name          STRING NOT NULL,
  birthdate     DATE,
  PRIMARY KEY (customer_id) NOT ENFORCED
) WITH ('connector' = 'print', 'print-identifier' = 'updates-orders');

CREATE TABLE orders (
  order_id    STRING NOT NULL,
  customer_id STRING NOT NULL,
  product     STRING NOT NULL,
  status      STRING NOT NULL,
  created_ts  TIMESTAMP(3) NOT NULL,
  updated_ts  TIMESTAMP(3) NOT NULL,
  PRIMARY KEY (order_id) NOT ENFORCED
) WITH ('connector' = 'print', 'print-identifier' = 'updates-orders');

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
