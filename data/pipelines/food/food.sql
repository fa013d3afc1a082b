-- food: how many of each food, since ever, in a table of a SQLite file.  What the table
-- held before is read once and counts on: pie 36 and one more pie make 37.  On Flink the
-- connector 'jdbc' has no SQLite, and the lines with flight. mean nothing there.

SET 'pipeline.name' = 'food';
-- No object, or a food that is no text: a dead letter.
SET 'flight.table.message.json-schema' = 'food.schema.json';
-- The table begins with the food that was counted least recently.
SET 'flight.table.aggregated.updated-last' = 'true';
-- The same as [{"count":36,"food":"pie"},...] at http://127.0.0.1:5000/aggregated
SET 'flight.serve.port' = '5000';
SET 'flight.publish./aggregated' = 'SELECT count, food FROM aggregated ORDER BY _updated';

CREATE TABLE message (
  food STRING NOT NULL                     -- the category, as sent
) WITH (
  'connector' = 'kafka',
  'topic' = 'message',
  'properties.bootstrap.servers' = 'localhost:9092',
  'properties.isolation.level' = 'read_committed',
  'properties.group.id' = 'food',          -- for lag displays; the position is in the store
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

-- Source, once, and sink: food.db exists, and its schema stays as it is.
CREATE TABLE aggregated (
  food    STRING,
  `count` BIGINT,
  PRIMARY KEY (food) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = 'jdbc:sqlite:food.db',
  'table-name' = 'aggregated'
);

INSERT INTO aggregated
SELECT food, SUM(n) FROM (
  SELECT food, `count` AS n FROM aggregated
  UNION ALL
  SELECT food, CAST(1 AS BIGINT) AS n FROM message
)
GROUP BY food;
