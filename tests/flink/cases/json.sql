-- JSON conversions that Flink makes without a word
CREATE TABLE odd (id INT, i INT, l BIGINT, d DOUBLE, f FLOAT, s STRING, b BOOLEAN, `dec` DECIMAL(5, 2), ts TIMESTAMP(3))
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/odd.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, i INT, l BIGINT, d DOUBLE, f FLOAT, s STRING, b BOOLEAN, `dec` DECIMAL(5, 2), ts TIMESTAMP(3))
WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink SELECT * FROM odd;
