-- JSON with ignore-parse-errors: what is dropped and what becomes NULL
CREATE TABLE m (id INT, i INT, l BIGINT, si SMALLINT, d DOUBLE, f FLOAT, dc DECIMAL(10, 2), s STRING, b BOOLEAN, ts TIMESTAMP(3), tl TIMESTAMP_LTZ(3), dt DATE, `by` BYTES)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/broken.jsonl', 'format' = 'json', 'json.ignore-parse-errors' = 'true');
CREATE TABLE sink (id INT, i INT, l BIGINT, si SMALLINT, d DOUBLE, f FLOAT, dc DECIMAL(10, 2), s STRING, b BOOLEAN, ts TIMESTAMP(3), tl TIMESTAMP_LTZ(3), dt DATE, `by` BYTES) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink SELECT * FROM m;
