-- UNION ALL of rows: columns by position, common types, names of the first part; in a view, a subquery and an INSERT
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, dc DECIMAL(10, 3), e DECIMAL(38, 6),
  s STRING, u STRING, ts TIMESTAMP(3), dt DATE, z BIGINT, tl AS TO_TIMESTAMP_LTZ(z, 3)
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/edges.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT, a BIGINT, b DECIMAL(22, 3), c DOUBLE, d STRING, e TIMESTAMP(3), f STRING
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
CREATE TEMPORARY VIEW wide AS
SELECT id, i AS a, dc AS b, d AS c, s AS d, ts AS e, 'first' AS f FROM m WHERE i > 0
UNION ALL
SELECT id + 1000, l, l, f, u, ts, 'second one' FROM m WHERE i <= 0
UNION ALL (SELECT id + 2000, ti, i, d, CAST(NULL AS STRING), ts, '3' FROM m);
INSERT INTO sink
SELECT id, a, b, c, UPPER(d), e, f || '!' || CAST(CHAR_LENGTH(f) AS STRING) FROM (SELECT * FROM wide WHERE id <> 3)
UNION ALL SELECT id + 5000, si, dc, i, s, CAST(dt AS TIMESTAMP(3)), f FROM (SELECT id, si, dc, i, s, dt, 'last' AS f FROM m WHERE b);
