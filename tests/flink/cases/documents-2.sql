-- JSON_VALUE RETURNING a type, where the value is of it
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, i STRING, d STRING, b STRING
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/typed.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 INT, c1 INT, c2 INT, c3 DOUBLE, c4 BOOLEAN, c5 BOOLEAN, c6 STRING
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  JSON_VALUE(i, '$.a' RETURNING INT),
  JSON_VALUE(i, 'lax $.a' RETURNING INTEGER DEFAULT 7 ON EMPTY DEFAULT 8 ON ERROR),
  JSON_VALUE(i, '$.a' RETURNING INTEGER DEFAULT 7 ON EMPTY DEFAULT 8 ON ERROR),
  JSON_VALUE(d, '$.a' RETURNING DOUBLE),
  JSON_VALUE(b, '$.a' RETURNING BOOLEAN),
  JSON_VALUE(b, 'lax $.a' RETURNING BOOLEAN DEFAULT TRUE ON EMPTY),
  JSON_VALUE(d, '$.a' RETURNING STRING)
FROM m;
