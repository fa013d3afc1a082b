-- UNIX_TIMESTAMP with a zone in the text, in a session zone
SET 'table.local-time-zone' = 'Europe/Berlin';
CREATE TABLE m (
  id INT, s STRING, t STRING, n INT, d DOUBLE, w STRING
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/functions.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 BIGINT, c1 BIGINT, c2 BIGINT, c3 BIGINT, c4 BIGINT, c5 BIGINT
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  UNIX_TIMESTAMP(w, 'yyyy-MM-dd HH:mm:ss Z'),
  UNIX_TIMESTAMP(w, 'yyyy-MM-dd HH:mm:ss X'),
  UNIX_TIMESTAMP(w, 'yyyy-MM-dd HH:mm:ss XX'),
  UNIX_TIMESTAMP(w, 'yyyy-MM-dd HH:mm:ss XXX'),
  UNIX_TIMESTAMP(w, 'yyyy-MM-dd HH:mm:ss z'),
  UNIX_TIMESTAMP(w)
FROM m;
