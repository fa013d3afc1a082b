-- JSON_VALUE and JSON_EXISTS: paths, what is no JSON, what is nothing
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE m (
  id INT, j STRING
) WITH ('connector' = 'filesystem', 'path' = '${DIR}/in/documents.jsonl', 'format' = 'json');
CREATE TABLE sink (
  id INT,
  c0 STRING, c1 STRING, c2 STRING, c3 STRING, c4 STRING, c5 STRING, c6 STRING, c7 STRING,
  c8 STRING, c9 STRING, c10 STRING, c11 STRING, c12 STRING, c13 STRING, c14 STRING, c15 STRING,
  c16 STRING, c17 STRING, c18 STRING, c19 STRING, c20 STRING, c21 STRING, c22 STRING, c23 STRING,
  c24 STRING, c25 STRING, c26 STRING, c27 BOOLEAN, c28 BOOLEAN, c29 BOOLEAN, c30 BOOLEAN, c31 BOOLEAN,
  c32 BOOLEAN, c33 BOOLEAN, c34 BOOLEAN, c35 BOOLEAN
) WITH ('connector' = 'filesystem', 'path' = '${OUT}', 'format' = 'json', 'json.encode.decimal-as-plain-number' = 'true');
INSERT INTO sink
SELECT id,
  JSON_VALUE(j, '$.a'),
  JSON_VALUE(j, '$'),
  JSON_VALUE(j, '$[1]'),
  JSON_VALUE(j, '$.b'),
  JSON_VALUE(j, '$.c'),
  JSON_VALUE(j, '$.d'),
  JSON_VALUE(j, '$.e'),
  JSON_VALUE(j, 'lax $.a' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $.b.c' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $.a[0]' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $[0].a' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $[-1]' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $[7]' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $[0][1]' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'lax $.a.c[1][1].d' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$.a' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, 'strict $.a' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$.a.c' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$.a[1].c' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$[''a b'']' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$[''a.b'']' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$["a"]' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '$[2].a' DEFAULT 'e' ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_VALUE(j, '  LAX   $.a' DEFAULT 'e' ON EMPTY),
  JSON_VALUE(j, '$.a' DEFAULT 'e' ON EMPTY),
  JSON_VALUE(j, '$.a' NULL ON EMPTY DEFAULT 'r' ON ERROR),
  JSON_EXISTS(j, '$.a'),
  JSON_EXISTS(j, 'lax $.a'),
  JSON_EXISTS(j, 'lax $.a' TRUE ON ERROR),
  JSON_EXISTS(j, '$.b' TRUE ON ERROR),
  JSON_EXISTS(j, 'strict $.b' UNKNOWN ON ERROR),
  JSON_EXISTS(j, '$.a[0]' FALSE ON ERROR),
  JSON_EXISTS(j, '$'),
  JSON_EXISTS(j, '$' TRUE ON ERROR),
  JSON_EXISTS(j, '$.a.c')
FROM m;
