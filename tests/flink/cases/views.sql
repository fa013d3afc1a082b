-- views, a CTE, a subquery and computed columns; two INSERTs are one job elsewhere
SET 'pipeline.auto-watermark-interval' = '0';
CREATE TABLE bids (
  bidtime TIMESTAMP(3), price DECIMAL(10, 2), item STRING, seller STRING, q INT,
  WATERMARK FOR bidtime AS bidtime - INTERVAL '0' SECOND
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/bids.jsonl', 'format' = 'json');
CREATE TABLE sink (item STRING, twice DECIMAL(13, 2), label STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
CREATE TEMPORARY VIEW priced AS SELECT item, price * 2 AS twice, COALESCE(seller, 'nobody') AS who FROM bids WHERE price IS NOT NULL;
INSERT INTO sink
WITH dear AS (SELECT item, twice, who FROM priced WHERE twice >= 4)
SELECT item, twice, CONCAT(who, ':', item) FROM (SELECT * FROM dear WHERE who <> 'y') AS d;
