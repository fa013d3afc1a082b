-- times: parts, patterns, intervals, literals
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 BIGINT, c1 BIGINT, c2 BIGINT, c3 BIGINT, c4 BIGINT, c5 BIGINT, c6 BIGINT, c7 BIGINT, c8 BIGINT,
  c9 BIGINT, c10 BIGINT, c11 BIGINT, c12 BIGINT, c13 BIGINT, c14 BIGINT, c15 BIGINT, c16 BIGINT,
  c17 BIGINT, c18 BIGINT, c19 BIGINT, c20 BIGINT, c21 BIGINT, c22 BIGINT, c23 BIGINT, c24 BIGINT,
  c25 BIGINT, c26 BIGINT, c27 BIGINT, c28 BIGINT, c29 BIGINT, c30 STRING, c31 STRING, c32 STRING,
  c33 STRING, c34 STRING, c35 STRING, c36 STRING, c37 STRING, c38 STRING, c39 STRING
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  EXTRACT(YEAR FROM ts),
  EXTRACT(QUARTER FROM ts),
  EXTRACT(MONTH FROM ts),
  EXTRACT(WEEK FROM ts),
  EXTRACT(DAY FROM ts),
  EXTRACT(DOY FROM ts),
  EXTRACT(DOW FROM ts),
  EXTRACT(ISODOW FROM ts),
  EXTRACT(HOUR FROM ts),
  EXTRACT(MINUTE FROM ts),
  EXTRACT(SECOND FROM ts),
  EXTRACT(MILLISECOND FROM ts),
  EXTRACT(EPOCH FROM ts),
  EXTRACT(YEAR FROM dt),
  EXTRACT(MONTH FROM dt),
  EXTRACT(DAY FROM dt),
  EXTRACT(DOW FROM dt),
  EXTRACT(WEEK FROM dt),
  EXTRACT(EPOCH FROM dt),
  EXTRACT(HOUR FROM dt),
  YEAR(ts),
  QUARTER(ts),
  MONTH(dt),
  WEEK(ts),
  DAYOFYEAR(ts),
  DAYOFMONTH(ts),
  DAYOFWEEK(ts),
  HOUR(ts),
  MINUTE(ts),
  SECOND(ts),
  DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss.SSS'),
  DATE_FORMAT(ts, 'yyyy/MM/dd'),
  DATE_FORMAT(ts, 'yy-M-d H:m:s'),
  DATE_FORMAT(ts, 'yyyy-MM-dd''T''HH:mm:ss'),
  DATE_FORMAT(ts, 'HH:mm'),
  DATE_FORMAT(ts, 'hh:mm a'),
  DATE_FORMAT(ts, 'EEE'),
  DATE_FORMAT(ts, 'yyyyMMdd'),
  DATE_FORMAT(ts, 'D'),
  DATE_FORMAT(ts, 'SS')
FROM m;
