-- elements of arrays that do not convert, ignored
CREATE TABLE t (id INT, i INT, pos ARRAY<DOUBLE>, tags ARRAY<STRING>, r ROW<xs ARRAY<DECIMAL(6, 2)>>, ns ARRAY<INT>, ts ARRAY<TIMESTAMP(3)>)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/arrays-wrong.jsonl', 'format' = 'json', 'json.ignore-parse-errors' = 'true');
CREATE TABLE sink (id INT, a DOUBLE, b DOUBLE, c STRING, d DECIMAL(6, 2), e INT, f INT, g INT, h STRING, j INT, k BOOLEAN, l TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, pos[1], t.pos[2], tags[i], r.xs[2], ns[i], CARDINALITY(pos), CARDINALITY(t.r.xs), UPPER(tags[2]) || '!', ns[i] + ns[1], tags IS NULL, ts[1]
FROM t;
