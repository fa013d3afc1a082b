-- fields of a ROW of a wrong type, ignored
CREATE TABLE t (id INT, data ROW<name STRING, qty INT, price DECIMAL(6, 2), sub ROW<b BOOLEAN, ts TIMESTAMP(3)>>)
WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/nested-wrong.jsonl', 'format' = 'json', 'json.ignore-parse-errors' = 'true');
CREATE TABLE sink (id INT, name STRING, qty INT, price DECIMAL(6, 2), b BOOLEAN, ts TIMESTAMP(3), s STRING, q INT) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id, data.name, t.data.qty, data.price, data.sub.b, t.data.sub.ts, UPPER(data.name) || '!', COALESCE(data.qty, -1)
FROM t;
