-- arithmetic: integers wrap and truncate, decimals grow, doubles print as Java's
CREATE TABLE m (
  id INT, b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE,
  `dec` DECIMAL(10, 3), s STRING, ts TIMESTAMP(3), dt DATE
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/mixed.jsonl', 'format' = 'json');
CREATE TABLE sink (id INT, a INT, b BIGINT, c INT, d INT, e DOUBLE, f FLOAT, g DECIMAL(14, 3), h DECIMAL(21, 6), i DECIMAL(38, 6), j DOUBLE, k INT, l DOUBLE, m DECIMAL(13, 3)) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, i + 1, l * 2, i / 2, MOD(i, 4), d / 3, f * 2, `dec` + 1, `dec` * `dec`, CAST(`dec` / 3 AS DECIMAL(38, 6)),
  d * 0.1e0, ABS(i), SQRT(d), `dec` * 100 - 1
FROM m;
