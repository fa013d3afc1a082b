-- strings count characters
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE,
  `dec` DECIMAL(10, 3), s STRING, ts TIMESTAMP(3), dt DATE
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/mixed.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, a STRING, b STRING, c STRING, d STRING, e INT, f STRING, g STRING, h STRING, i INT, j STRING) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, UPPER(s), LOWER(s), SUBSTRING(s, 2, 3), SUBSTRING(s FROM 3), CHAR_LENGTH(s), TRIM(s), s || '!',
  CONCAT(s, '-', CAST(id AS STRING)), POSITION('o' IN s), REPLACE(s, 'o', '0')
FROM m;
