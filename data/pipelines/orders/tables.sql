-- The tables of the system orders, for psql.

CREATE TABLE events (
  event_id     text PRIMARY KEY,
  event_type   text NOT NULL,
  event_ts     timestamptz NOT NULL,
  aggregate_id text NOT NULL,
  kafka_ts     timestamptz NOT NULL,
  json_data    text NOT NULL
);
CREATE TABLE customers (
  customer_id   text PRIMARY KEY,
  registered_ts timestamptz NOT NULL,
  name          text NOT NULL,
  birthdate     date
);
CREATE TABLE orders (
  order_id    text PRIMARY KEY,
  customer_id text NOT NULL,
  product     text NOT NULL,
  status      text NOT NULL,
  created_ts  timestamptz NOT NULL,
  updated_ts  timestamptz NOT NULL
);
