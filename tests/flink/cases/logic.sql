-- three-valued logic, CASE, IN, BETWEEN, LIKE
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE,
  `dec` DECIMAL(10, 3), s STRING, ts TIMESTAMP(3), dt DATE
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/mixed.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, a BOOLEAN, b BOOLEAN, c BOOLEAN, d BOOLEAN, e BOOLEAN, f BOOLEAN, g BOOLEAN, h BOOLEAN, i STRING, j STRING, k INT, l BOOLEAN, m DECIMAL(11, 1), n BOOLEAN) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, b AND i > 0, b OR i > 0, NOT b, i IS NULL, b IS TRUE, b IS NOT FALSE, i IN (7, 2, 0), i BETWEEN -1 AND 7,
  CASE WHEN i > 5 THEN 'big' WHEN i IS NULL THEN 'none' ELSE 'small' END,
  CASE ti WHEN 1 THEN 'one' WHEN 127 THEN 'max' END, COALESCE(i, si, -99), s LIKE '%o%',
  CASE WHEN b THEN i ELSE 2.5 END, i IS DISTINCT FROM 7
FROM m
WHERE id <> 4 OR b;
